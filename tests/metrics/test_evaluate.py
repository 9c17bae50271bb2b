"""The report over all families: properties that every family must have, JSON, how their work grows."""

from __future__ import annotations

import csv
import json
import math
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.formats import read_events
from avtext.metrics.evaluate import FAMILIES, Report, evaluate, plain
from tests.counting import lines_run

TRUTH = {
    "v": [Event(0, 2, "a"), Event(3, 7, "b"), Event(8, 8, "a")],
    "w": [Event(1, 4, "b")],
    "silent": [],
}
DURATIONS = {"v": 10.0, "w": 10.0, "silent": 10.0}


def headlines(report: Report) -> dict[str, float]:
    """The numbers that say how good an estimate is, each 1 at best."""
    f = report.families
    return {
        "event": f["event_f1"].micro.f1,
        "event_macro": f["event_f1"].macro.f1,
        "onset": f["onset_f1"].micro.f1,
        "segment": f["segment_f1"].micro.f1,
        "psds1": f["psds"]["psds1"].value if "psds" in f else math.nan,
        "psds2": f["psds"]["psds2"].value if "psds" in f else math.nan,
        "map": f["map"]["unav"].mean_ap,
        "recall": f["average_recall"][100],
        "r1": f["queries"].recall_at_1[0.7],
        "frames": f["segmentation"].frame_accuracy,
        "edit": f["segmentation"].edit,
        "f1@50": f["segmentation"].f1[0.5],
        "tolerance": f["offset_tolerance"][0.01],
        "matched": f["boundaries"].matched_share,
    }


def test_perfect_is_one():
    report = evaluate(TRUTH, TRUTH, durations=DURATIONS)
    assert headlines(report) == pytest.approx(dict.fromkeys(headlines(report), 1.0))
    assert report.families["boundaries"].both.p90_ms == 0.0
    assert report.families["mistakes"].correct == 4
    assert set(report.skipped) == {"parsing", "calibration"}
    assert report.families["intervals"].micro_f1 == (1.0, 1.0, 1.0)


def test_silence_is_told_right_to_the_end_of_files():
    truth = {"v": [Event(0, 1, "dog")], "silent": []}
    segments = evaluate(truth, truth, ["segment_f1"], durations={"v": 60.0, "silent": 60.0}).families["segment_f1"]
    assert segments.duration == 120.0
    assert segments.accuracy.specificity == pytest.approx(1.0)
    assert evaluate(truth, truth, ["segment_f1"], durations={"v": 60.0}).families["segment_f1"].duration == 1.0


def test_empty_estimate_scores_nothing():
    scores = headlines(evaluate(TRUTH, {"v": []}, durations=DURATIONS))
    undefined = {name for name, value in scores.items() if math.isnan(value)}
    assert undefined == {"tolerance"}  # no precision, as in sed_eval
    frames = scores.pop("frames")
    assert 0 < frames < 1  # the background is right
    assert {value for name, value in scores.items() if name not in undefined} == {0.0}


def test_a_class_that_is_never_found_counts_in_the_macro_average():
    truth = {"v": [Event(0, 1, "dog"), Event(2, 3, "cat"), Event(4, 5, "cow")]}
    families = evaluate(
        truth, {"v": [Event(0, 1, "dog")]}, ["event_f1", "onset_f1", "segment_f1", "intervals"]
    ).families
    for name in ("event_f1", "onset_f1", "segment_f1"):
        assert families[name].macro.f1 == pytest.approx(1 / 3)
        assert families[name].micro.f1 == pytest.approx(0.5)
    assert families["intervals"].macro_f1.value == pytest.approx(1 / 3)


def test_empty_reference_has_no_recall():
    scores = headlines(evaluate({"v": []}, TRUTH, durations=DURATIONS))
    assert {name for name, value in scores.items() if value > 0} <= {"frames"}


def test_both_empty_are_not_numbers_and_no_error():
    report = evaluate({"v": []}, {"v": []}, durations=DURATIONS)
    assert "psds" in report.skipped
    assert all(math.isnan(value) or name == "frames" for name, value in headlines(report).items())
    nothing = evaluate({}, {})
    assert nothing.num_files == 0
    assert set(nothing.skipped) == {"intervals", "psds", "parsing", "calibration"}


def test_shifted_times_lower_what_feels_times():
    late = {file: [Event(e.start + 0.15, e.end + 0.15, e.label) for e in events] for file, events in TRUTH.items()}
    scores = headlines(evaluate(TRUTH, late, durations=DURATIONS))
    assert (scores["event"], scores["tolerance"]) == (1.0, 0.0)
    assert evaluate(TRUTH, late, ["boundaries"]).families["boundaries"].starts.bias_ms == pytest.approx(150)


def test_duplicates_are_false():
    twice = {file: [*events, *events] for file, events in TRUTH.items()}
    report = evaluate(TRUTH, twice, durations=DURATIONS)
    assert report.families["event_f1"].micro.precision == 0.5
    assert report.families["map"]["unav"].mean_ap < 1.0
    assert report.families["event_f1"].micro.recall == 1.0


SCORED = st.dictionaries(
    st.sampled_from(["v", "w", "x"]),
    st.lists(
        st.builds(
            lambda start, length, label, score: Event(start / 2, (start + length) / 2, label, score / 4),
            st.integers(0, 12),
            st.integers(0, 6),
            st.sampled_from("ab"),
            st.integers(0, 4),
        ),
        max_size=6,
    ),
)


@settings(max_examples=25, deadline=None)
@given(reference=SCORED, estimate=SCORED, seed=st.integers(0, 9))
def test_order_of_events_and_files_does_not_matter(reference, estimate, seed):
    mixed = []
    for side in (reference, estimate):
        files = list(side.items())
        random.Random(seed).shuffle(files)
        mixed.append({file: random.Random(seed).sample(events, len(events)) for file, events in files})
    durations = {"v": 20.0, "w": 20.0, "x": 20.0}
    one, two = (headlines(evaluate(r, e, durations=durations)) for r, e in ((reference, estimate), tuple(mixed)))
    assert one == pytest.approx(two, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(reference=SCORED, estimate=SCORED)
def test_every_headline_lies_in_its_range_and_the_report_is_json(reference, estimate):
    report = evaluate(reference, estimate, durations={"v": 20.0, "w": 20.0, "x": 20.0})
    for name, value in headlines(report).items():
        assert math.isnan(value) or -1e-12 <= value <= 1 + 1e-12, name
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert set(stored["families"]) | set(stored["skipped"]) == set(FAMILIES)
    assert all(isinstance(value, int | float) for _, _, value in report.rows())


def test_what_one_side_lacks_is_listed():
    report = evaluate({"v": [Event(0, 1, "a")], "w": []}, {"v": [Event(0, 1, "z")], "q": []}, ["event_f1"])
    assert (report.unknown_labels, report.missing_labels) == (("z",), ("a",))
    assert (report.files_without_estimate, report.files_without_reference) == (("w",), ("q",))
    assert report.num_files == 3


def test_families_by_name():
    assert list(evaluate(TRUTH, TRUTH, "map").families) == ["map"]
    with pytest.raises(InvalidInput, match="metrics: bleu not known; known: all, event_f1"):
        evaluate(TRUTH, TRUTH, ["event_f1", "bleu"])
    with pytest.raises(InvalidInput, match="psds: the durations of 3 files are not known"):
        evaluate(TRUTH, TRUTH, ["psds"])


def test_all_are_those_that_apply_also_beside_names():
    every = evaluate(TRUTH, TRUTH)
    assert plain(evaluate(TRUTH, TRUTH, ["map", "all"])) == plain(every)
    assert "psds: all durations are 0" in evaluate(TRUTH, TRUTH, durations=dict.fromkeys(TRUTH, 0.0)).skipped["psds"]


def test_parsing_and_calibration_where_they_apply():
    truth = {"v": [Event(0, 2, "audio:dog"), Event(0, 2, "video:dog")]}
    guess = {"v": [Event(0, 2, "audio:dog", 0.9), Event(0, 2, "video:dog", 0.7)]}
    report = evaluate(truth, guess)
    assert report.families["parsing"].segment.type_at_av == 1.0
    assert report.families["calibration"].expected_error == pytest.approx(0.2)


def test_the_known_f1_of_desed_lies_in_its_interval(data_dir):
    folder = data_dir / "desed"
    with (folder / "validation_durations.tsv").open() as handle:
        durations = {row["filename"]: float(row["duration"]) for row in csv.DictReader(handle, delimiter="\t")}
    truth = read_events(folder / "validation.tsv").events
    found = read_events(folder / "teacher" / "predictions0.5.csv").events
    rng = random.Random(0)
    scored = {f: [Event(e.start, e.end, e.label, rng.random()) for e in es] for f, es in found.items()}
    report = evaluate(truth, scored, durations=durations)
    assert set(report.skipped) == {"parsing"}
    low, high = report.families["intervals"].macro_f1[1:]
    assert low < 0.4214 < high < low + 0.06


@pytest.mark.parametrize("family", sorted({*FAMILIES} - {"intervals"}))  # which resamples the counts of event_f1
def test_work_and_memory_of_a_family_do_not_grow_with_the_square_of_the_events(family):
    lines, peaks = zip(*(cost(family, count) for count in (50, 200, 800)), strict=True)  # the first imports
    assert lines[2] < 5 * lines[1]
    assert peaks[2] < 6 * peaks[1]  # the table of a dict grows by leaps


def cost(family: str, count: int) -> tuple[int, int]:
    """Lines of Python, and bytes at the peak, of a family over a file in which ``count`` events were found."""
    rng = random.Random(1)
    starts = [rng.uniform(0, count) for _ in range(count)]
    truth = [Event(t, t + 0.5, f"audio:{k % 10}") for k, t in enumerate(starts)]
    found = [Event(e.start + 0.02, e.end + 0.02, e.label, rng.random()) for e in truth]
    task = {"v": truth}, {"v": found}, [family]
    lines = lines_run(lambda: evaluate(*task, durations={"v": count + 1.0}))
    tracemalloc.start()
    try:
        evaluate(*task, durations={"v": count + 1.0})
        return lines, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
