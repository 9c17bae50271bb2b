"""Event-based scores against sed_eval 0.2.1, on its own file pairs, on DESED and on random events."""

from __future__ import annotations

import itertools
import math
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.formats import read_events
from avtext.metrics.sound_events import SoundEventScores, event_based
from tests.metrics.conftest import defined_rates

PAIRS = [
    ("office_snr0_high_v2.txt", "office_snr0_high_v2_detected.txt"),
    ("office_snr0_med_v2.txt", "office_snr0_med_v2_detected.txt"),
    ("street_fold1_reference.txt", "street_fold1_detected.txt"),
    ("audioset1.txt", "audioset1_detected.txt"),
    ("mini_reference.txt", "mini_detected_a.txt"),
    ("mini_reference.txt", "mini_detected_b.txt"),
    *((f"binary{k}.txt", f"binary{k}_detected.txt") for k in range(1, 6)),
]
RATES = {
    "f_measure": {"f1": "f_measure", "precision": "precision", "recall": "recall"},
    "error_rate": {
        "error_rate": "error_rate",
        "deletion_rate": "deletion_rate",
        "insertion_rate": "insertion_rate",
        "substitution_rate": "substitution_rate",
    },
}


def rows_of(events: list[Event]) -> list[dict]:
    return [{"event_onset": e.start, "event_offset": e.end, "event_label": e.label} for e in events]


def by_sed_eval(metric, reference: dict, estimate: dict, **more) -> dict:
    """Every file in turn, as its users do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for file in dict.fromkeys([*reference, *estimate]):
            truth, guess = rows_of(reference.get(file, [])), rows_of(estimate.get(file, []))
            metric.evaluate(reference_event_list=truth, estimated_event_list=guess, **more)
        return defined_rates(metric.results())


def assert_same_rates(ours, theirs: dict) -> None:
    for group, names in RATES.items():
        for name, their_name in names.items():
            if their_name in theirs[group]:
                expected = theirs[group][their_name]
                assert getattr(ours, name) == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True), name


def assert_same(ours: SoundEventScores, theirs: dict) -> None:
    assert_same_rates(ours.micro, theirs["overall"])
    assert_same_rates(ours.macro, theirs["class_wise_average"])
    for label, rates in theirs["class_wise"].items():
        assert_same_rates(ours.classes[label], rates)
        assert ours.classes[label].num_reference == rates["count"]["Nref"]
        assert ours.classes[label].num_estimate == rates["count"]["Nsys"]


def load_pair(data_dir: Path, pair: tuple[str, str]) -> tuple[dict, dict]:
    """Both sides of a pair; a list that names no file is that of one file."""
    sides = [read_events(data_dir / "sed_eval" / name) for name in pair]
    nameless = [side for side in sides if not side.named]
    if nameless:
        assert all(not side.named or not any(side.events.values()) for side in sides)
        sides = [{"one": list(next(iter(side.events.values()), ()))} for side in sides]
        return sides[0], sides[1]
    first, second = ({file: list(events) for file, events in side.events.items()} for side in sides)
    return first, second


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[1])
@pytest.mark.parametrize("setting", [(0.2, 0.5), (0.25, 0.5), (0.2, 0.2), (1.0, 0.0)], ids=str)
def test_every_pair_of_sed_eval_gives_its_numbers(data_dir, sed_eval, pair, setting):
    collar, share = setting
    reference, estimate = load_pair(data_dir, pair)
    labels = sorted({e.label for side in (reference, estimate) for es in side.values() for e in es})
    theirs = sed_eval.sound_event.EventBasedMetrics(labels, t_collar=collar, percentage_of_length=share)
    ours = event_based(
        reference,
        estimate,
        onset_collar=collar,
        offset_collar=collar,
        offset_share=share,
        labels=labels,
    )
    if labels:
        assert_same(ours, by_sed_eval(theirs, reference, estimate))
    else:
        assert math.isnan(ours.micro.f1)
        assert math.isnan(ours.micro.error_rate)


@pytest.mark.parametrize("pair", PAIRS[:3], ids=lambda pair: pair[1])
def test_onset_only_is_sed_evals(data_dir, sed_eval, pair):
    reference, estimate = load_pair(data_dir, pair)
    labels = sorted({e.label for side in (reference, estimate) for es in side.values() for e in es})
    theirs = sed_eval.sound_event.EventBasedMetrics(labels, evaluate_offset=False)
    assert_same(
        event_based(reference, estimate, offset_collar=None, labels=labels),
        by_sed_eval(theirs, reference, estimate),
    )


def test_desed_gives_the_printed_digits(data_dir):
    truth = read_events(data_dir / "desed" / "validation.tsv").events
    found = read_events(data_dir / "desed" / "teacher" / "predictions0.5.csv").events
    scores = event_based(truth, found)
    assert scores.num_files == 1168
    assert f"{100 * scores.macro.f1:.2f}" == "42.14"
    assert f"{100 * scores.micro.f1:.2f}" == "42.35"
    assert [f"{100 * x:.2f}" for x in (scores.micro.precision, scores.micro.recall)] == ["47.87", "37.97"]
    assert [f"{100 * x:.2f}" for x in (scores.macro.precision, scores.macro.recall)] == ["43.52", "42.74"]
    assert [f"{x:.2f}" for x in (scores.micro.error_rate, scores.macro.error_rate)] == ["1.01", "1.14"]
    assert f"{100 * scores.classes['Speech'].f1:.1f}" == "50.6"
    assert scores.unknown == ()


TIMES = st.integers(0, 40).map(lambda tenth: tenth / 10)
EVENTS = st.lists(
    st.builds(
        lambda start, length, label: Event(start, start + length, label),
        TIMES,
        st.integers(0, 20).map(lambda tenth: tenth / 10),
        st.sampled_from("ab"),
    ),
    max_size=9,
)


@settings(max_examples=150, deadline=None)
@given(reference=EVENTS, estimate=EVENTS)
def test_random_events_give_what_sed_eval_gives(sed_eval, reference, estimate):
    """Substitutions too, which hang on the order in which ties are broken."""
    theirs = sed_eval.sound_event.EventBasedMetrics(["a", "b"], t_collar=0.4, percentage_of_length=0.5)
    ours = event_based(
        {"x": reference},
        {"x": estimate},
        onset_collar=0.4,
        offset_collar=0.4,
        offset_share=0.5,
        labels=["a", "b"],
    )
    assert_same(ours, by_sed_eval(theirs, {"x": reference}, {"x": estimate}))


def test_zero_score_counts_a_class_of_which_nothing_was_found(sed_eval):
    reference = {"x": [Event(0, 1, "a"), Event(2, 3, "b")]}
    estimate = {"x": [Event(0, 1, "a")]}
    theirs = sed_eval.sound_event.EventBasedMetrics(
        ["a", "b"], percentage_of_length=0.2, empty_system_output_handling="zero_score"
    )
    ours = event_based(reference, estimate, empty_precision=0.0)
    assert_same(ours, by_sed_eval(theirs, reference, estimate))
    assert ours.macro.f1 == 0.5
    assert event_based(reference, estimate).macro.f1 == 1.0  # left out, as sed_eval does by default


def brute_force_matches(reference: list[Event], estimate: list[Event], collar: float) -> int:
    """The largest one-to-one choice, by trying every one."""
    best = 0
    for order in itertools.permutations(range(len(estimate)), min(len(reference), len(estimate))):
        for chosen in itertools.combinations(range(len(reference)), len(order)):
            pairs = [(reference[r], estimate[e]) for r, e in zip(chosen, order, strict=True)]
            hits = sum(abs(r.start - e.start) <= collar and r.label == e.label for r, e in pairs)
            best = max(best, hits)
    return best


@settings(max_examples=40, deadline=None)
@given(reference=EVENTS.map(lambda es: es[:4]), estimate=EVENTS.map(lambda es: es[:4]))
def test_matching_is_the_largest(reference, estimate):
    scores = event_based({"x": reference}, {"x": estimate}, onset_collar=0.3, offset_collar=None)
    assert scores.micro.num_correct == brute_force_matches(reference, estimate, 0.3)


def test_greedy_matching_would_lose_one():
    """The first estimate fits both; taken by the wrong one, the other stays alone."""
    reference = {"x": [Event(1.0, 2.0, "a"), Event(1.3, 2.0, "a")]}
    estimate = {"x": [Event(1.15, 2.0, "a"), Event(0.85, 2.0, "a")]}
    assert event_based(reference, estimate).micro.num_correct == 2


def test_files_do_not_mix_and_silent_files_count():
    reference = {"x": [Event(0, 1, "a")], "y": []}
    estimate = {"y": [Event(0, 1, "a")]}
    scores = event_based(reference, estimate)
    assert (scores.micro.num_correct, scores.num_files) == (0, 2)
    assert scores.micro.insertion_rate == pytest.approx(1.0)


def test_label_only_in_the_estimate_is_listed_and_counts():
    scores = event_based({"x": [Event(0, 1, "a")]}, {"x": [Event(0, 1, "a"), Event(5, 6, "z")]})
    assert scores.unknown == ("z",)
    assert scores.micro.precision == 0.5
    assert scores.macro.f1 == 1.0
    assert scores.classes["z"].num_estimate == 1


def test_collar_is_met_exactly():
    reference, estimate = {"x": [Event(1.0, 2.0, "a")]}, {"x": [Event(1.25, 2.0, "a")]}
    assert event_based(reference, estimate, onset_collar=0.25).micro.f1 == 1.0
    assert event_based(reference, estimate, onset_collar=0.24).micro.f1 == 0.0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"onset_collar": -1.0}, "onset_collar"),
        ({"onset_collar": math.nan}, "onset_collar"),
        ({"offset_collar": math.inf}, "offset_collar"),
        ({"offset_share": 1.5}, "offset_share"),
    ],
)
def test_bad_tolerances_are_refused(setting, message):
    with pytest.raises(InvalidInput, match=message):
        event_based({}, {}, **setting)


def test_what_is_not_a_mapping_of_events_is_refused():
    with pytest.raises(InvalidInput, match="estimate: must map file names"):
        event_based({}, [Event(0, 1, "a")])
    with pytest.raises(InvalidInput, match=r"reference\['x'\]: must hold Event values, got tuple"):
        event_based({"x": [(0, 1, "a")]}, {})
