"""Label Studio's exports."""

from __future__ import annotations

import json

import pytest

from avtext.clip import Event
from avtext.errors import ConfigError
from avtext.formats.event_set import EventSet
from avtext.formats.label_studio import read_label_studio, write_label_studio


def region(start: float, end: float, *labels: str, **more) -> dict:
    return {"type": "labels", "value": {"start": start, "end": end, "labels": [*labels]}, **more}


def test_an_export(put):
    tasks = [
        {
            "id": 1,
            "data": {"note": "x", "audio": "a.wav"},
            "annotations": [
                {"was_cancelled": True, "result": [region(0, 9, "no")]},
                {"result": [region(0, 1, "dog", "bark", original_length=12.5)]},
            ],
            "predictions": [{"result": [region(5, 6, "no")]}],
        },
        {"data": {"anything": "b.wav"}, "annotations": [], "predictions": [{"result": [region(0, 1, "x", score=0.5)]}]},
        {"data": {"audio": "c.wav"}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["y"]}}]}]},
    ]  # fmt: skip
    found = read_label_studio(put("a.json", json.dumps(tasks)))
    assert found.events == {
        "a.wav": (Event(0, 1, "dog"), Event(0, 1, "bark")),
        "b.wav": (Event(0, 1, "x", 0.5),),
        "c.wav": (),
    }
    assert found.durations == {"a.wav": 12.5}
    assert "left aside: 1 region without times and labels" in found.notes[0]


def test_annotations_that_another_takes_the_place_of_are_noted(put):
    twice = [{"completed_by": 1, "result": [region(0, 1, "x")]}, {"completed_by": 2, "result": [region(5, 6, "y")]}]
    found = read_label_studio(put("a.json", json.dumps([{"data": {"audio": "a.wav"}, "annotations": twice}])))
    assert found.events == {"a.wav": (Event(5, 6, "y"),)}
    assert found.notes[0].endswith("a.json: left aside: 1 annotation of tasks that have a later one")


def test_a_task_that_nobody_labelled_is_not_one_in_which_nothing_happens(put):
    skipped = {"was_cancelled": True, "result": [region(0, 1, "x")]}
    known = {"a.wav": [], "b.wav": [skipped], "c.wav": [{"result": []}]}
    tasks = [{"data": {"audio": file}, "annotations": done} for file, done in known.items()]
    found = read_label_studio(put("a.json", json.dumps(tasks)))
    assert found.events == {"c.wav": ()}
    assert found.notes[0].endswith("a.json: left aside: 2 tasks that nobody has labelled")


def test_scores_make_predictions_and_truth_annotations(tmp_path):
    path = tmp_path / "a.json"
    write_label_studio(path, EventSet({"a": (Event(0, 1, "x", 0.5),)}))
    assert "predictions" in json.loads(path.read_text())[0]
    lost = write_label_studio(path, EventSet({"a": (Event(0, 1, "x"),), "b": ()}, {"a": 3.0, "b": 4.0}))
    assert lost == ["labelstudio cannot hold the duration of a file without events: b"]
    assert "annotations" in json.loads(path.read_text())[0]
    assert read_label_studio(path).durations == {"a": 3.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[3]", "task 1: needs an object under 'data'"),
        ('{"data": {"audio": 3}}', "task 1: 'data' names no file"),
        ('{"data": {"audio": "a"}, "annotations": [{"result": 3}]}', "task 1: 'result' must be a list of regions"),
        ('{"data": {"audio": "a"}, "annotations": 5}', "task 1: 'annotations' must be a list, got 5"),
        ('{"data": {"audio": "a"}, "predictions": 5}', "task 1: 'predictions' must be a list, got 5"),
        (json.dumps({"data": {"audio": "a"}, "annotations": [{"result": [region(2, 1, "x")]}]}),
         r"a\.json: task 1: Event: end must not be before start"),
        (json.dumps({"data": {"audio": "a"}, "annotations": [{"result": [region(0, 1, "x", original_length=-1)]}]}),
         "task 1: original_length must not be negative, got -1"),
        (json.dumps({"data": {"video": "a"}, "annotations": [{"result": [
            {"type": "timelinelabels", "value": {"ranges": [{"start": 1, "end": 9}], "timelinelabels": ["x"]}}]}]}),
         "task 1: has timelinelabels, which count frames"),
        (json.dumps([{"data": {"audio": "a"}, "annotations": []}] * 2), "task 2: the file 'a' has a task already"),
    ],
)  # fmt: skip
def test_malformed_files(put, content, message):
    with pytest.raises(ConfigError, match=message):
        read_label_studio(put("a.json", content))
