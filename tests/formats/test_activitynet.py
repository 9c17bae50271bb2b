"""ActivityNet's two kinds of files."""

from __future__ import annotations

import json

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.activitynet import read_activitynet, write_activitynet
from avtext.formats.event_set import EventSet


def test_truth_as_published(put):
    content = {
        "version": "VERSION 1.3",
        "taxonomy": [],
        "database": {
            "v1": {
                "duration": 82.73,
                "subset": "training",
                "annotations": [{"segment": [6.0, 54.0], "label": "High jump"}],
            },
            "v2": {"duration": 10, "subset": "training", "annotations": []},
        },
    }
    found = read_activitynet(put("a.json", json.dumps(content)))
    assert found.events == {"v1": (Event(6, 54, "High jump"),), "v2": ()}
    assert found.durations == {"v1": 82.73, "v2": 10.0}
    assert found.notes == ()


def test_videos_whose_labels_are_kept_secret_are_not_those_in_which_nothing_happens(put):
    content = {
        "v1": {"subset": "Test", "annotations": [{"segment": [6.0, 54.0], "label": "High jump"}]},
        "v2": {"duration": 10, "subset": "testing", "annotations": []},
        "v3": {"duration": 10},
    }
    found = read_activitynet(put("a.json", json.dumps({"database": content})))
    assert found.events == {"v1": (Event(6, 54, "High jump"),)}
    assert not found.durations
    assert len(found.notes) == 1
    assert "left aside: 2 videos that nobody has labelled" in found.notes[0]


@pytest.mark.parametrize("kind", ["results", "database"])
def test_a_video_that_is_there_twice_is_refused(put, kind):
    rows = '{"annotations": []}' if kind == "database" else "[]"
    with pytest.raises(ConfigError, match=r"a\.json: is not usable JSON: the key 'v1' is there twice in one object"):
        read_activitynet(put("a.json", f'{{"{kind}": {{"v1": {rows}, "v2": {rows}, "v1": {rows}}}}}'))


def test_which_kind_is_written(tmp_path):
    path = tmp_path / "a.json"
    scored = EventSet({"v": (Event(0, 1, "x", 0.5),)}, {"v": 9.0})
    assert write_activitynet(path, scored) == ["activitynet results cannot hold durations: 1 file"]
    assert json.loads(path.read_text())["results"]["v"] == [{"label": "x", "score": 0.5, "segment": [0, 1]}]
    assert write_activitynet(path, EventSet({"v": (Event(0, 1, "x"),)}, {"v": 9.0})) == []
    assert json.loads(path.read_text())["database"]["v"]["duration"] == 9.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "must have an object under 'database'"),
        ('{"database": {"v": 3}}', "v: must be an object, got int"),
        ('{"results": {"v": {}}}', "v: must have a list of entries, got dict"),
        ('{"results": {"v": [{"segment": [0]}]}}', "v, entry 1: needs a segment of two times"),
        ('{"results": {"v": [{"segment": [0, 1], "label": ""}]}}', "v, entry 1: an event needs a label"),
        ('{"results": {"v": [{"segment": [0, 1], "label": "x", "score": -1}]}}', "v, entry 1: .*score"),
        ('{"database": {"v": {"duration": "?"}}}', "v: duration must be a number"),
        ('{"database": {"v": {"duration": -1}}}', "v: duration must not be negative, got -1"),
    ],
)
def test_malformed_files(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_activitynet(put("a.json", content))
