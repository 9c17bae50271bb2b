"""Edits on plain frames: what they do, when, and what the truth says of them."""

import itertools

import numpy as np

from avtext.data.scenes.chance import generator
from avtext.data.scenes.edits import Edit, apply_edit, dissolve, events_of, leave_traces, plan_edits
from avtext.data.scenes.picture import shots_between
from avtext.data.scenes.timing import Timeline


def _ramp(count=40):
    """Frames that all differ: frame i has level 100 + i."""
    return np.broadcast_to(np.arange(100, 100 + count, dtype=np.uint8)[:, None, None, None], (count, 16, 16, 3)).copy()


def test_events_of_every_kind():
    spans = {
        kind: [(e.label, e.start, e.end) for e in events_of(Edit(kind, 25, 50))] for kind in ("cut", "dissolve", "dip")
    }
    assert spans == {
        "cut": [("cut", 1.0, 2.0)],
        "dissolve": [("fade", 1.0, 2.0)],
        "dip": [("fade", 1.0, 2.0)],
    }
    hold = events_of(Edit("hold", 25, 100, inner=(50, 75)))
    assert [(e.label, e.start, e.end) for e in hold] == [
        ("fade", 1.0, 2.0),
        ("black", 2.0, 3.0),
        ("fade", 3.0, 4.0),
    ]


def test_a_freeze_repeats_the_frame_before_it():
    frames = _ramp()
    apply_edit(frames, Edit("freeze", 10, 20))
    assert (frames[10:20] == 109).all()
    assert (frames[9] == 109).all()
    assert (frames[20] == 120).all()


def test_a_dip_is_all_colour_in_its_middle_and_hardly_any_at_its_ends():
    frames = _ramp()
    apply_edit(frames, Edit("dip", 10, 30))
    assert (frames[19:21] == 0).all()
    assert frames[10].min() > 90
    assert frames[29].min() > 100
    assert (np.diff(frames[9:20, 0, 0, 0].astype(int)) < 0).all()


def test_a_hold_is_dark_only_inside():
    frames = _ramp()
    apply_edit(frames, Edit("hold", 5, 35, inner=(15, 25)))
    assert (frames[15:25] == 0).all()
    assert frames[5].min() > 90
    assert (frames[14] > 0).all()
    assert (frames[25] > 0).all()
    assert (frames[35] == 135).all()


def test_a_flash_is_brightest_at_first_and_leaves_no_trace():
    frames = _ramp()
    apply_edit(frames, Edit("flash", 10, 13, colour=(255, 255, 255), strength=0.8))
    levels = frames[9:14, 0, 0, 0].astype(int)
    assert levels[1] > levels[2] > levels[3] > levels[4] == 113
    assert levels[1] == round(110 * 0.2 + 255 * 0.8)


def test_other_kinds_change_nothing():
    for kind in ("cut", "dissolve", "signing"):
        frames = _ramp()
        apply_edit(frames, Edit(kind, 10, 20))
        np.testing.assert_array_equal(frames, _ramp())


def test_a_dissolve_goes_evenly_from_one_to_the_other():
    before, frames = np.zeros((9, 16, 16, 3), np.uint8), np.full((9, 16, 16, 3), 200, np.uint8)
    dissolve(before, frames)
    np.testing.assert_array_equal(frames[:, 0, 0, 0], np.arange(20, 200, 20))
    empty = np.zeros((0, 16, 16, 3), np.uint8)
    dissolve(empty, empty.copy())


def test_traces_stay_within_one_level():
    frames = np.full((10, 16, 16, 3), 255, np.uint8)
    leave_traces(generator(0, "t"), frames)
    assert set(np.unique(frames)) <= {254, 255}
    assert (frames == 254).any()


def test_planned_edits_keep_their_distance_and_hold_black_only_where_asked():
    labels = ["cut", "fade", "flash", "freeze", "black", "signing"] * 2
    for seed in range(10):
        edits = plan_edits(generator(seed, "e"), labels, tuple(labels), Timeline(60.0, gap=0.5))
        assert len(edits) > 8
        for a, b in itertools.pairwise(edits):
            assert b.first - a.last >= 12
        assert all(e.first >= 20 for e in edits if e.kind == "freeze")
        fades = plan_edits(generator(seed, "e"), ["fade"] * 6, ("fade",), Timeline(60.0, gap=0.5))
        assert {e.kind for e in fades} <= {"dissolve", "dip"}
    assert plan_edits(generator(0, "e"), [], (), Timeline(5.0, gap=0.5)) == []
    assert plan_edits(generator(0, "e"), ["freeze"], ("freeze",), Timeline(1.0, gap=0.5)) == []


def test_shots_cover_every_frame_once_but_for_dissolves():
    edits = [
        Edit("black", 5, 9, new_shot=False),
        Edit("dip", 20, 30),
        Edit("dissolve", 40, 50),
        Edit("cut", 60, 65),
    ]
    shots = shots_between(edits, 80)
    assert [tuple(shot) for shot in shots] == [(0, 25, 0), (25, 50, 0), (40, 60, 10), (60, 80, 0)]
    assert [tuple(shot) for shot in shots_between([], 7)] == [(0, 7, 0)]


def test_black_between_hard_borders_has_a_cut_at_both_ends():
    found = {(e.label, e.start, e.end) for e in events_of(Edit("black", 25, 50))}
    assert found == {("black", 1.0, 2.0), ("cut", 1.0, 1.2), ("cut", 2.0, 2.2)}
