"""JSON of Label Studio: tasks whose regions have a start, an end and labels, as in its audio templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avtext.clip import Event
from avtext.errors import counted
from avtext.formats.event_set import EventSet, losses
from avtext.formats.json_events import load_json
from avtext.formats.lines import event, fail, seconds
from avtext.storage import publish_json

_MEDIA = ("audio", "video", "file", "url")  # the keys of a task's data that may hold its file


def read_label_studio(path: Path) -> EventSet:
    """Events of a task or a list of them.

    A task's last annotation counts that was not cancelled, else its last prediction; how many are before it is noted.
    A task without any is not labelled, left aside and noted. A region with several labels is an event for each.

    Raises:
        ConfigError: not JSON, a task without a file, a region that counts frames, or a malformed one; names the task
            (from 1).
    """
    value = load_json(path)
    tasks = value if isinstance(value, list) else [value]
    events: dict[str, tuple[Event, ...]] = {}
    durations: dict[str, float] = {}
    seen: set[str] = set()
    skipped = others = 0
    for k, task in enumerate(tasks, start=1):
        file = _file(path, k, task)
        if file in seen:
            raise fail(path, f"task {k}", f"the file {file!r} has a task already")
        seen.add(file)
        known = _known(path, k, task)
        if not known:
            continue
        others += len(known) - 1
        regions = _regions(path, k, known[-1])
        timed = [region for region in regions if _labels(region) and "start" in region["value"]]
        skipped += len(regions) - len(timed)
        events[file] = tuple(one for region in timed for one in _events(path, k, region))
        for region in timed:
            if region.get("original_length") is not None:
                durations[file] = seconds(path, f"task {k}", "original_length", region["original_length"])
    notes = [f"{path}: left aside: {counted(skipped, 'region')} without times and labels"] if skipped else []
    if others:
        notes.append(f"{path}: left aside: {counted(others, 'annotation')} of tasks that have a later one")
    if unlabelled := len(seen) - len(events):
        notes.append(f"{path}: left aside: {counted(unlabelled, 'task')} that nobody has labelled")
    return EventSet(events, durations, notes=tuple(notes))


def _file(path: Path, k: int, task: Any) -> str:
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict):
        raise fail(path, f"task {k}", "needs an object under 'data' with the name of its file")
    for key in (*_MEDIA, *data):
        if isinstance(data.get(key), str) and data[key]:
            return data[key]
    raise fail(path, f"task {k}", f"'data' names no file; one of {', '.join(_MEDIA)} is expected")


def _known(path: Path, k: int, task: dict[str, Any]) -> list[dict[str, Any]]:
    """The annotations of a task, or else its predictions; the last one counts."""
    done = [one for one in _objects(path, k, task, "annotations") if not one.get("was_cancelled")]
    return done or _objects(path, k, task, "predictions")


def _regions(path: Path, k: int, annotation: dict[str, Any]) -> list[dict[str, Any]]:
    chosen = annotation.get("result", [])
    if not isinstance(chosen, list) or not all(isinstance(region, dict) for region in chosen):
        raise fail(path, f"task {k}", "'result' must be a list of regions")
    regions = [region for region in chosen if isinstance(region.get("value"), dict)]
    if any("timelinelabels" in region["value"] for region in regions):
        raise fail(
            path,
            f"task {k}",
            "has timelinelabels, which count frames and do not say how many are a second: divide their ranges by the "
            "video's frame rate, and give a csv or tsv",
        )
    return regions


def _objects(path: Path, k: int, task: dict[str, Any], key: str) -> list[dict[str, Any]]:
    given = task.get(key) or []
    if not isinstance(given, list):
        raise fail(path, f"task {k}", f"{key!r} must be a list, got {given!r}")
    return [one for one in given if isinstance(one, dict)]


def _labels(region: dict[str, Any]) -> list[str]:
    value = region["value"]
    found = value.get("labels") or value.get("timeserieslabels") or []
    return found if isinstance(found, list) else []


def _events(path: Path, k: int, region: dict[str, Any]) -> list[Event]:
    start, end, score = region["value"]["start"], region["value"].get("end"), region.get("score")
    return [event(path, f"task {k}", start, end, label, score) for label in _labels(region)]


def write_label_studio(path: Path, events: EventSet) -> list[str]:
    """Publish tasks, as predictions where any score is below 1, else as annotations; returns what they cannot hold."""
    scored = any(one.score != 1.0 for values in events.events.values() for one in values)
    tasks = []
    for file, values in events.events.items():
        regions = [_region(one, k, events.durations.get(file), scored) for k, one in enumerate(values, 1)]
        kind = "predictions" if scored else "annotations"
        tasks.append({"data": {"audio": file}, kind: [{"result": regions}]})
    publish_json(path, tasks)
    silent = [file for file in events.durations if not events.events.get(file)]
    lost = losses("labelstudio", events, holds=["scores", "silent", "durations"])
    return lost + [f"labelstudio cannot hold the duration of a file without events: {file}" for file in silent]


def _region(one: Event, k: int, duration: float | None, scored: bool) -> dict[str, Any]:
    region: dict[str, Any] = {
        "id": f"r{k}",
        "type": "labels",
        "from_name": "label",
        "to_name": "audio",
        "value": {"start": one.start, "end": one.end, "labels": [one.label]},
    }
    if duration is not None:
        region["original_length"] = duration
    if scored:
        region["score"] = one.score
    return region
