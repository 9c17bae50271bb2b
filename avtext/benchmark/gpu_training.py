"""Training in bfloat16: a teacher of full size, from cached features and end to end, and the default model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch

from avtext.benchmark.accuracy import recordings
from avtext.benchmark.figures import Figure
from avtext.benchmark.gpu_device import GPUSizes, forget_peak, operations_of, peak_mib
from avtext.config import read_yaml
from avtext.data.scenes import SceneRecipe, make_scene_frames
from avtext.data.scenes.files import write_scene
from avtext.data.sources import ClipSource
from avtext.model import EventDetector, collate
from avtext.training import fit, open_clips
from avtext.training.settings import TrainSettings, settings_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
LOADING = 0.10  # of a step's time at most
EDGE = 10  # steps at each end of a run whose loss is compared


def measure(data: Path, folder: Path, rate: float, sizes: GPUSizes) -> Iterator[Figure]:
    """Clips a second, memory, share of the peak, and whether the loss falls.

    Args:
        data: real recordings for the default model's scenes.
        folder: for clips, features and runs.
        rate: operations per second of the matrix product that stands for the peak.
        sizes: how much is measured.
    """
    recipe = SceneRecipe(duration=(sizes.clip_seconds,) * 2, missing_chance=0.0)
    manifest = _manifest(folder / "clips", recipe, sizes.clips)
    values = _teacher(manifest, folder, recipe, sizes)
    cached = settings_of({**values, "steps": sizes.cached_steps, "out": folder / "cached"}, "teacher")
    yield from _run("teacher_from_features", cached, sizes)
    model = {**values["model"], "encoders": _whole(values["model"]["encoders"])}
    whole = {**values, "model": model, "steps": sizes.whole_steps, "batch_size": max(1, sizes.batch // 2)}
    settings = settings_of({**whole, "out": folder / "whole"}, "teacher")
    yield from _run("teacher_end_to_end", settings, sizes, rate)
    yield from _student(data, folder, sizes)


def _manifest(folder: Path, recipe: SceneRecipe, count: int) -> Path:
    lines = []
    for number in range(count):
        paths = write_scene(make_scene_frames(recipe, number, height=180, width=320), folder, f"clip{number}")
        lines.append(json.dumps({"path": paths.media.name, "events": paths.truth.name}))
    manifest = folder / "train.jsonl"
    manifest.write_text("\n".join(lines), encoding="utf-8")
    return manifest


def _teacher(manifest: Path, folder: Path, recipe: SceneRecipe, sizes: GPUSizes) -> dict[str, Any]:
    """configs/teacher.yaml with random encoders of its own size, on these clips."""
    values = {**read_yaml(CONFIGS / "teacher.yaml"), "model": read_yaml(CONFIGS / "teacher-model.yaml")}
    text = {"config": {**sizes.text}, "tokenizer": str(_tokenizer(folder / "tokenizer", int(sizes.text["vocab_size"])))}
    options: dict[str, dict[str, Any]] = {
        "audio": {"config": {**sizes.audio}},
        "video": {"config": {**sizes.video}},
        "text": text,
    }
    encoders = values["model"]["encoders"]
    for name, own in options.items():
        of = encoders[name]["options"]["of"]
        of["options"] = {key: value for key, value in own.items() if value}
        encoders[name]["options"]["size"] = _size(of)
    values["model"]["labels"] = list(recipe.available)
    train = {"manifest": manifest, "window": sizes.clip_seconds, "cache": folder / "cache"}
    return {
        **values,
        "train": train,
        "batch_size": sizes.batch,
        "accelerator": sizes.device,
        "workers": min(4, sizes.workers),
    }


def _size(of: Mapping[str, Any]) -> int:
    from avtext.encoders import build_encoder

    return int(build_encoder(of["name"], dict(of["options"])).size)  # type: ignore[arg-type]


def _whole(encoders: Mapping[str, Any]) -> dict[str, Any]:
    """The same encoders as parts of the model, whose last blocks learn; text stays frozen."""
    learning = {"audio": {"trained_blocks": 2}, "video": {"trained_blocks": 1}}
    found = dict(encoders)
    for name, own in learning.items():
        of = encoders[name]["options"]["of"]
        found[name] = {"name": of["name"], "options": {**of["options"], **own, "checkpointing": True}}
    return found


def _tokenizer(folder: Path, most: int) -> Path:
    """A tokenizer of word pieces that knows the letters and some words; the table of vectors keeps its whole size."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=min(most, 200), special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(["abcdefghijklmnopqrstuvwxyz [dog barks] one two three four five six"], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
    fast.save_pretrained(folder)
    return folder


def _run(name: str, settings: TrainSettings, sizes: GPUSizes, rate: float | None = None) -> Iterator[Figure]:
    """One run of the training loop; with ``rate`` its share of the peak, too."""
    assert settings.train is not None  # of every config here
    source = open_clips(settings.train, settings.model, device=sizes.device)
    forget_peak(sizes.device)
    seconds, losses, waited = _followed(settings, source)
    memory = peak_mib(sizes.device)
    model = EventDetector(settings.model)
    every, learning = (sum(p.numel() for p in model.parameters() if p.requires_grad or not only) for only in (0, 1))
    each = median(seconds)
    detail = (
        f"{every / 1e6:.4g} M parameters in the model, {learning / 1e6:.4g} M learn; random weights; batches of "
        f"{settings.batch_size} of {len(source)} clips of {sizes.clip_seconds:g} s, {settings.steps} steps of "
        f"{each:.4g} s (the median; on average, with what some waited for data, {fmean(seconds):.4g} s); loss "
        f"{fmean(losses[:EDGE]):.4g} at first, {fmean(losses[-EDGE:]):.4g} at the end; waited for data {waited:.3f}"
    )
    yield Figure(f"{name}_clips_per_second", settings.batch_size / each, "clips/s", detail=detail)
    yield Figure(f"{name}_memory", memory, "MiB", detail="of the GPU at most")
    yield Figure(f"{name}_loss_falls_to", fmean(losses[-EDGE:]) / fmean(losses[:EDGE]), "", 1.0, "at_most", detail)
    yield Figure(f"{name}_waiting_for_data", waited, "share of the time", LOADING, "at_most", detail)
    if rate is not None:
        work = _work(model, source, settings.batch_size, sizes)
        detail = f"{work / 1e12:.4g} TFLOP a step, forward, backward and what checkpointing computes twice"
        yield Figure(f"{name}_share_of_peak", work / each / rate, "", detail=detail)


def _followed(settings: TrainSettings, source: ClipSource) -> tuple[list[float], list[float], float]:
    """Seconds of a run's steps but the first, which starts the workers, the losses of all, and the share waited for
    data."""
    seconds: list[float] = []
    losses: list[float] = []
    waits: list[float] = []

    def hook(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        if what == "train":
            seconds.append(figures["seconds"])
            losses.append(figures["loss"])
            waits.append(figures["seconds"] * figures["wait_share"])

    fit(settings, source, hook=hook)
    return seconds[1:], losses, sum(waits[1:]) / sum(seconds[1:])


def _work(model: EventDetector, source: ClipSource, count: int, sizes: GPUSizes) -> int:
    """Operations of one step."""
    model.train().to(sizes.device)
    batch = collate([source[i % len(source)] for i in range(count)], model.scheme, model.settings.grid_rate)
    lost = torch.zeros(count, len(model.modalities), dtype=torch.bool, device=sizes.device)

    def step() -> None:
        with torch.autocast(sizes.device, torch.bfloat16):
            total = model.loss(batch.to(sizes.device), lost).total
        total.backward()

    return operations_of(step)


def _student(data: Path, folder: Path, sizes: GPUSizes) -> Iterator[Figure]:
    """The default model on scenes that other processes make meanwhile."""
    values = read_yaml(CONFIGS / "student.yaml")
    scenes = {
        **values["train"]["scenes"], "voices": 0.0, "duration": [sizes.clip_seconds] * 2, **recordings(data),
    }  # fmt: skip
    changed = {
        "model": read_yaml(CONFIGS / "student-model.yaml"), "init": None, "out": folder / "student", "validation": None,
        "train": {**values["train"], "scenes": scenes}, "batch_size": sizes.student_batch,
        "steps": sizes.student_steps, "workers": sizes.workers, "accelerator": sizes.device, "threads": None,
        "devices": 1,
    }  # fmt: skip
    yield from _run("student_on_scenes", settings_of({**values, **changed}, "student"), sizes)
