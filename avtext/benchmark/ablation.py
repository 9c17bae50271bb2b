"""The ablation: every row of the table trained and tested on the composite benchmark, from cached features.

A row and a seed make one result file; what is there already is not measured again, so that the table can be built over
several sittings. All rows of a seed start from the same first stage, whose parts they take as far as they have them.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from avtext.benchmark.ablation_settings import ROWS, AblationSettings, Row, settings_of
from avtext.benchmark.accuracy import SUBSETS
from avtext.benchmark.aligned_scenes import encode_scene, find_events, streams_of
from avtext.clip import Clip, Event
from avtext.data.crops import Crops
from avtext.data.kept import SCENE_SCHEMA
from avtext.detection.clocks import align_to_picture
from avtext.features.key import digest_of
from avtext.metrics.segmentation import segmentation
from avtext.model import EventDetector, load_detector, save_detector
from avtext.storage import publish_json
from avtext.training import DataSettings, fit, open_clips
from avtext.training.clocks import with_confidence
from avtext.training.evaluation import Found, find, with_decision
from avtext.training.settings import TrainSettings

STAGE1 = ("projections", "tcns", "embedders")  # parts of a detector that the first stage teaches
Result = dict[str, Any]  # JSON: row, seed, digest, parameters, CPU seconds, tests: name -> {"f1", "macro_f1", "edit"}


def run_rows(
    settings: AblationSettings, rows: Sequence[str], seeds: Sequence[int], jobs: int = 1
) -> Iterator[tuple[Result, bool]]:
    """Measure what is not there yet; gives every result, and whether it is new.

    Args:
        settings: the benchmark.
        rows: names of :data:`avtext.benchmark.ablation_settings.ROWS`; one that is there twice is measured once.
        seeds: each row is trained with each; likewise.
        jobs: processes; 1 measures in this one.
    """
    todo = []
    for seed in dict.fromkeys(seeds):
        for row in dict.fromkeys(rows):
            known = stored(settings, row, seed)
            if known is None:
                todo.append((settings, row, seed))
            else:
                yield known, False
    if not todo:
        return
    for _ in _each(keep, [(settings, data, k, jobs) for data in _sources(settings) for k in range(jobs)], jobs):
        pass
    needed = {seed for _, row, seed in todo if ROWS[row].pretrained}
    first = [(settings, seed) for seed in sorted(needed) if not stage1_folder(settings, seed).exists()]
    for _ in _each(pretrain, first, jobs):
        pass
    for result in _each(measure, todo, jobs):
        yield result, True


def _each(function: Any, arguments: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[Any]:
    """Results of ``function`` for each tuple of arguments, as they come."""
    if jobs == 1 or len(arguments) < 2:
        yield from (function(*one) for one in arguments)
        return
    with ProcessPoolExecutor(min(jobs, len(arguments)), get_context("spawn")) as pool:
        for done in as_completed([pool.submit(function, *one) for one in arguments]):
            yield done.result()


def stored(settings: AblationSettings, row: str, seed: int) -> Result | None:
    """The result of a row and seed, None where there is none of these very settings and scenes."""
    try:
        result: Result = json.loads(_path(settings, row, seed).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return result if result["digest"] == _digest(settings, row) else None


def _path(settings: AblationSettings, row: str, seed: int) -> Path:
    return settings.folder / f"{row}-{seed}.json"


def _digest(settings: AblationSettings, row: str) -> str:
    return digest_of([SCENE_SCHEMA, settings.model_dump(mode="json", exclude={"folder"}), repr(ROWS[row])])[:16]


def stage1_folder(settings: AblationSettings, seed: int) -> Path:
    """Where the first stage of a seed is kept."""
    told = {"train", "pretraining_crop", "crops", "pretraining"}
    own = digest_of([SCENE_SCHEMA, settings.model_dump(mode="json", include=told)])[:16]
    return settings.folder / f"stage1-{seed}-{own}"


def _sources(settings: AblationSettings) -> list[DataSettings]:
    return [settings.train, settings.validation, *settings.tests.values()]


def keep(settings: AblationSettings, data: DataSettings, part: int, parts: int) -> int:
    """Make and keep the features of every ``parts``-th scene that is not kept yet; how many there are."""
    torch.set_num_threads(1)
    source = open_clips(data, settings.training.model)
    return sum(source[i] is not None for i in range(part, len(source), parts))


def clips_of(data: DataSettings, settings: AblationSettings) -> list[Clip]:
    """All clips of a source, in memory; the last ones asked for stay there for the next row."""
    return list(_kept(data.model_dump_json(), settings.training.model.model_dump_json()))


@lru_cache(maxsize=8)
def _kept(data: str, model: str) -> tuple[Clip, ...]:
    settings = TrainSettings.model_validate({"model": json.loads(model), "train": json.loads(data)})
    assert settings.train is not None  # two lines above
    source = open_clips(settings.train, settings.model)
    return tuple(source[i] for i in range(len(source)))


def pretrain(settings: AblationSettings, seed: int) -> Path:
    """The first stage of a seed, on all modalities."""
    run = settings_of(ROWS["all"], seed, settings.pretraining)
    model = _fit(run, settings, settings.pretraining_crop)
    folder = stage1_folder(settings, seed)
    save_detector(folder, model, "first stage of an ablation\n")
    return folder


def measure(settings: AblationSettings, name: str, seed: int) -> Result:
    """Train and test one row with one seed, and keep the result."""
    row, begin = ROWS[name], time.process_time()
    run = settings_of(row, seed, settings.training)
    with tempfile.TemporaryDirectory() as folder:
        if row.pretrained:
            init = start_of(run, stage1_folder(settings, seed), Path(folder))
            run = run.model_copy(update={"init": init})
        model = _fit(run, settings, settings.crop)
    known = clips_of(settings.validation, settings)
    model = with_confidence(with_decision(model, known), known)
    trained = time.process_time()
    tests = tested(model, row, settings)
    result = {
        "row": name, "seed": seed, "digest": _digest(settings, name), "tests": tests,
        "parameters": model.num_parameters()["total"],
        "train_cpu_seconds": trained - begin, "cpu_seconds": time.process_time() - begin,
    }  # fmt: skip
    publish_json(_path(settings, name, seed), result)
    return result


def _fit(run: TrainSettings, settings: AblationSettings, seconds: float) -> EventDetector:
    crops = Crops(clips_of(settings.train, settings), seconds, settings.crops)
    with tempfile.TemporaryDirectory() as folder:
        return fit(run.model_copy(update={"out": Path(folder)}), crops)


def start_of(run: TrainSettings, stage1: Path, folder: Path) -> Path:
    """A model folder to start a row from: the parts that the first stage taught, all else as its seed draws it."""
    torch.manual_seed(run.seed)
    model = EventDetector(run.model)
    own, given = model.state_dict(), load_detector(stage1).state_dict()
    taught = {n: given[n] for n in own if n.split(".")[0] in STAGE1 and n in given and given[n].shape == own[n].shape}
    model.load_state_dict({**own, **taught})
    save_detector(folder / "start", model, "the start of a row of an ablation\n")
    return folder / "start"


def tested(model: EventDetector, row: Row, settings: AblationSettings) -> dict[str, dict[str, float]]:
    """Scores by test: each condition with clocks as they are and, named ``…_aligned``, as the alignment finds them."""
    tests: dict[str, dict[str, float]] = {}
    for condition in row.conditions:
        clips = clips_of(settings.tests[condition], settings)
        if len(row.conditions) > 1:
            plain, aligned = _both_ways(model, clips)
            tests |= {condition: scores_of(plain, clips), f"{condition}_aligned": scores_of(aligned, clips)}
        else:
            tests[condition] = scores_of(find(model, clips), clips)
    if row.subsets:
        clips = clips_of(settings.tests["in_sync"], settings)
        for names in SUBSETS[:-1]:  # all but everything
            tests["given_" + "_".join(names)] = scores_of(find(model, clips, names), clips)
    return tests


def _both_ways(model: EventDetector, clips: Sequence[Clip]) -> tuple[Found, Found]:
    """Finds with the streams left where they are, and moved to where the alignment says."""
    truth: dict[str, Sequence[Event]] = {clip.name: clip.events or () for clip in clips}
    plain: dict[str, Sequence[Event]] = {}
    aligned: dict[str, Sequence[Event]] = {}
    for clip in clips:
        scene = encode_scene(model, clip)
        found = align_to_picture(streams_of(model, scene), model.settings)
        plain[clip.name] = find_events(model, scene, {})
        aligned[clip.name] = find_events(model, scene, {name: one.clock for name, one in found.items()})
    return Found(truth, plain), Found(truth, aligned)


def scores_of(found: Found, clips: Sequence[Clip]) -> dict[str, float]:
    """Event F1 at an onset collar of 0.2 s, over all events and as the mean of the classes, and the edit score.

    All in per cent; 0 where nothing is found or to be found.
    """
    durations: Mapping[str, float] = {clip.name: clip.duration for clip in clips}
    edit = segmentation(found.reference, found.estimate, durations=durations).edit
    found_scores = found.scores()
    scores = {"f1": found_scores.micro.f1, "macro_f1": found_scores.macro.f1, "edit": edit}
    return {name: 0.0 if math.isnan(value) else 100 * value for name, value in scores.items()}
