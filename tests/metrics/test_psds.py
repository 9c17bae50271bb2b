"""PSDS against numbers that sed_scores_eval gave; ``fixtures/psds.json`` says how they were made."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.formats import read_events
from avtext.metrics.psds import PSDS1, PSDS2, PsdsSettings, operating_points_of, psds

FIXTURE = json.loads((Path(__file__).parent / "fixtures" / "psds.json").read_text())
SETTINGS = {"psds1": PSDS1, "psds2": PSDS2}


def events_of(rows: dict[str, list]) -> dict[str, list[Event]]:
    return {file: [Event(*row) for row in values] for file, values in rows.items()}


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("case", range(len(FIXTURE["cases"])))
def test_made_up_detectors_score_as_in_sed_scores_eval(case, kind):
    given = FIXTURE["cases"][case]
    points = [events_of(point) for point in given["points"]]
    score = psds(events_of(given["reference"]), points, given["durations"], SETTINGS[kind])
    expected = given["expected"][kind]
    assert score.value == pytest.approx(expected["value"], abs=1e-9)
    assert score.classes == pytest.approx(expected["classes"], abs=1e-9)


def test_desed_scores_as_in_sed_scores_eval(data_dir):
    folder = data_dir / "desed"
    with (folder / "validation_durations.tsv").open() as handle:
        durations = {row["filename"]: float(row["duration"]) for row in csv.DictReader(handle, delimiter="\t")}
    truth = read_events(folder / "validation.tsv").events
    paths = sorted((folder / "teacher" / "predictions_operating_points").glob("*.tsv"))
    points = [read_events(path).events for path in paths]
    assert len(points) == 50
    for kind, settings in SETTINGS.items():
        expected = FIXTURE["desed"][kind]
        score = psds(truth, points, durations, settings)
        assert score.value == pytest.approx(expected["value"], abs=1e-9)
        assert score.classes == pytest.approx(expected["classes"], abs=1e-9)


def test_order_of_operating_points_does_not_matter():
    given = FIXTURE["cases"][0]
    points = [events_of(point) for point in given["points"]]
    scores = [
        psds(events_of(given["reference"]), order, given["durations"], PSDS2).value for order in (points, points[::-1])
    ]
    assert scores[0] == scores[1]


def test_worked_by_hand():
    """One true event in an hour; found at 50 false positives per hour: half of the area to 100."""
    truth = {"a": [Event(10, 20, "x")]}
    false = [Event(100 + 2 * k, 101 + 2 * k, "x") for k in range(50)]
    score = psds(truth, [{"a": [Event(10, 20, "x"), *false]}], {"a": 3600.0})
    assert score.value == pytest.approx(0.5)
    assert score.curve.rates.tolist() == [0.0, 50.0, 100.0]
    assert score.curve.ratios.tolist() == [0.0, 1.0, 1.0]


def test_cross_triggers_cost():
    truth = {"a": [Event(10, 20, "x"), Event(30, 40, "y")]}
    found = {"a": [Event(10, 20, "x"), Event(30, 40, "x"), Event(30, 40, "y")]}
    plain = PsdsSettings(0.5, 0.5, spread_weight=0.0)
    strict = PsdsSettings(0.5, 0.5, cross_weight=1.0, spread_weight=0.0)
    assert psds(truth, [found], {"a": 3600.0}, plain).classes["x"] == pytest.approx(0.99)
    # One trigger per 10 s of y is 360 an hour, beyond what counts.
    assert psds(truth, [found], {"a": 3600.0}, strict).classes["x"] == 0.0


def test_perfect_empty_and_events_without_duration():
    truth = {"a": [Event(1, 2, "x"), Event(5, 5, "x")], "b": []}
    durations = {"a": 10.0, "b": 10.0}
    assert psds(truth, [truth], durations).value == 1.0
    assert psds(truth, [{}], durations).value == 0.0
    assert psds(truth, [], durations).value == 0.0


def test_what_meets_nothing_is_false_and_not_found_however_short():
    """A share of it is less than a microsecond, to which times are compared."""
    truth = {"a": [Event(1.0, 1.000_004, "dog")]}
    found = {"a": [Event(5.0, 5.000_004, "dog")]}
    assert psds(truth, [found], {"a": 10.0}, PSDS2).value == 0.0
    assert psds(truth, [truth], {"a": 10.0}, PSDS2).value == 1.0


def test_labels_without_truth_are_listed():
    truth, found = {"a": [Event(1, 2, "x")]}, {"a": [Event(1, 2, "x"), Event(3, 4, "z")]}
    score = psds(truth, [found], {"a": 10.0})
    assert (score.value, score.unknown, list(score.classes)) == (1.0, ("z",), ["x"])


def test_operating_points_of_scores():
    scored = {"a": [Event(k, k + 1, "x", k / 200) for k in range(200)], "b": []}
    points = operating_points_of(scored)
    assert len(points) == 50
    assert [len(points[k]["a"]) for k in (0, -1)] == [200, 1]
    assert all(point["b"] == [] for point in points)
    assert [len(p["a"]) for p in operating_points_of(scored, [0.5, 0.9])] == [100, 20]


def test_missing_durations_and_classes_are_refused():
    truth = {"a": [Event(1, 2, "x")]}
    with pytest.raises(InvalidInput, match="durations: not known of 1 file, such as 'a'"):
        psds(truth, [truth], {})
    with pytest.raises(InvalidInput, match="no class to score"):
        psds({"a": []}, [truth], {"a": 10.0})
    with pytest.raises(InvalidInput, match="add up to a positive number"):
        psds(truth, [truth], {"a": 0.0})


@pytest.mark.parametrize(
    "wrong", [{"detection_share": math.nan}, {"cross_share": 1.5}, {"spread_weight": -1.0}, {"max_rate": 0.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InvalidInput, match=f"PsdsSettings: {next(iter(wrong))} must"):
        PsdsSettings(**{"detection_share": 0.7, "reference_share": 0.7, **wrong})
