"""Segment-based scores against sed_eval 0.2.1, and the digits printed for DESED."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.formats import read_events
from avtext.metrics.sound_segments import SegmentScores, segment_based
from tests.metrics.conftest import defined_rates

PAIRS = [
    ("office_snr0_high_v2.txt", "office_snr0_high_v2_detected.txt"),
    ("office_snr0_med_v2.txt", "office_snr0_med_v2_detected.txt"),
    ("street_fold1_reference.txt", "street_fold1_detected.txt"),
    ("audioset1.txt", "audioset1_detected.txt"),
    ("mini_reference.txt", "mini_detected_a.txt"),
    ("mini_reference.txt", "mini_detected_b.txt"),
    *((f"binary{k}.txt", f"binary{k}_detected.txt") for k in (1, 2, 3, 5)),
]


def by_sed_eval(sed_eval, labels: list[str], resolution: float, reference: dict, estimate: dict, **more) -> dict:
    metric = sed_eval.sound_event.SegmentBasedMetrics(labels, time_resolution=resolution)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in dict.fromkeys([*reference, *estimate]):
            sides = [
                [{"event_onset": e.start, "event_offset": e.end, "event_label": e.label} for e in side.get(file, [])]
                for side in (reference, estimate)
            ]
            metric.evaluate(*sides, **more)
        return defined_rates(metric.results())


def assert_close(ours: float, theirs: float, name: str) -> None:
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6, nan_ok=True), name


def assert_same_part(rates, accuracy, theirs: dict) -> None:
    names = {"f1": ("f_measure", "f_measure"), "precision": ("f_measure", "precision")}
    names["recall"] = ("f_measure", "recall")
    names |= {name: ("error_rate", name) for name in ("error_rate", "deletion_rate", "insertion_rate")}
    for name, (group, key) in names.items():
        assert_close(getattr(rates, name), theirs[group][key], name)
    for name, key in {"balanced": "balanced_accuracy"}.items() | {
        (same, same) for same in ("sensitivity", "specificity", "accuracy")
    }:
        assert_close(getattr(accuracy, name), theirs["accuracy"][key], name)


def assert_same(ours: SegmentScores, theirs: dict) -> None:
    assert_same_part(ours.micro, ours.accuracy, theirs["overall"])
    assert_close(ours.micro.substitution_rate, theirs["overall"]["error_rate"]["substitution_rate"], "substitution")
    assert_same_part(ours.macro, ours.macro_accuracy, theirs["class_wise_average"])
    for label, part in theirs["class_wise"].items():
        assert_same_part(ours.classes[label], ours.class_accuracy[label], part)


def load_pair(data_dir: Path, pair: tuple[str, str]) -> tuple[dict, dict]:
    sides = [read_events(data_dir / "sed_eval" / name) for name in pair]
    if not all(side.named for side in sides):
        sides = [{"one": list(next(iter(side.events.values()), ()))} for side in sides]
        return sides[0], sides[1]
    first, second = ({file: list(events) for file, events in side.events.items()} for side in sides)
    return first, second


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[1])
@pytest.mark.parametrize("resolution", [1.0, 0.1])
def test_every_pair_of_sed_eval_gives_its_numbers(data_dir, sed_eval, pair, resolution):
    reference, estimate = load_pair(data_dir, pair)
    labels = sorted({e.label for side in (reference, estimate) for es in side.values() for e in es})
    theirs = by_sed_eval(sed_eval, labels, resolution, reference, estimate)
    assert_same(segment_based(reference, estimate, resolution=resolution, labels=labels), theirs)


def test_desed_gives_the_printed_digits(data_dir):
    truth = read_events(data_dir / "desed" / "validation.tsv").events
    found = read_events(data_dir / "desed" / "teacher" / "predictions0.5.csv").events
    scores = segment_based(truth, found)
    assert f"{100 * scores.macro.f1:.2f}" == "71.57"
    assert f"{100 * scores.micro.f1:.2f}" == "77.03"
    assert [f"{x:.2f}" for x in (scores.micro.error_rate, scores.macro.error_rate)] == ["0.36", "0.54"]
    assert f"{100 * scores.accuracy.specificity:.2f}" == "97.90"
    assert f"{100 * scores.macro_accuracy.balanced:.2f}" == "83.75"
    assert f"{scores.duration:.2f}" == "10864.96"


EVENTS = st.lists(
    st.builds(
        lambda start, length, label: Event(start / 4, (start + length) / 4, label),
        st.integers(0, 40),
        st.integers(0, 12),
        st.sampled_from("ab"),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(reference=EVENTS, estimate=EVENTS, length=st.one_of(st.none(), st.integers(1, 12)))
def test_random_events_give_what_sed_eval_gives(sed_eval, reference, estimate, length):
    durations = None if length is None else {"x": float(length)}
    more = {} if length is None else {"evaluated_length_seconds": float(length)}
    theirs = by_sed_eval(sed_eval, ["a", "b"], 1.0, {"x": reference}, {"x": estimate}, **more)
    ours = segment_based({"x": reference}, {"x": estimate}, durations=durations, labels=["a", "b"])
    assert_same(ours, theirs)


def test_substitution_is_counted_within_a_segment():
    reference = {"x": [Event(0, 1, "a"), Event(1, 2, "a")]}
    estimate = {"x": [Event(0, 1, "b")]}
    scores = segment_based(reference, estimate)
    assert (scores.micro.substitution_rate, scores.micro.deletion_rate) == (0.5, 0.5)
    assert scores.unknown == ("b",)


def test_both_empty_have_no_score():
    scores = segment_based({"x": []}, {"x": []})
    assert math.isnan(scores.micro.f1)
    assert scores.duration == 0.0


def test_a_file_that_lasts_for_ever_is_named():
    with pytest.raises(InvalidInput, match=r"x: lasts 1e\+15 s, .* are its times in seconds"):
        segment_based({"x": [Event(0, 1e15, "a")]}, {})


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="resolution: must be positive"):
        segment_based({}, {}, resolution=0.0)
    with pytest.raises(InvalidInput, match="durations: 'x' is missing"):
        segment_based({"x": [Event(0, 1, "a")]}, {}, durations={})
