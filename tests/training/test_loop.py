from __future__ import annotations

import csv
import json
import logging
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.checkpoint import load_tensors
from avtext.cli.ending import tidy_termination
from avtext.clip import Clip, Cue, Stream
from avtext.data.scenes import SceneRecipe
from avtext.data.sources import SceneSource
from avtext.errors import AvtextError, ModelError, StorageError
from avtext.model import EventDetector, collate, save_detector
from avtext.training import TrainSettings, fit
from avtext.training.identity import check_same_run, identity_of
from avtext.training.interruption import deferred_interrupts
from avtext.training.log import RunLog
from avtext.training.modality_dropout import draw_lost, modalities_in
from avtext.training.optimizer import learning_rate
from avtext.training.plan import StepBatches
from avtext.training.state import publish_state, restore_state
from tests.limits import file_size_limit
from tests.model.test_detector import clip, make

LABELS = ["bell", "siren", "beep", "knock", "engine", "whoosh", "cut", "fade", "flash", "freeze", "black", "impact"]
RECIPE = SceneRecipe(duration=(4.0, 4.0), heard=(4, 8), seen=(4, 8), missing_chance=0.0)
MODEL = {
    "labels": LABELS, "width": 16, "tcn": {"num_layers": 2}, "head_layers": 1, "alignment": {"size": 8},
    "fusion": {"num_layers": 1, "num_heads": 2, "reach": 0.4},
    "encoders": {
        "audio": {"name": "logmel", "options": {"size": 16, "channels": [4, 8]}},
        "video": {"name": "small_video", "options": {"size": 16, "channels": [4, 8]}},
        "picture": {"name": "picture", "options": {"size": 8}},
        "text": {"name": "hashed_text", "options": {"size": 8, "num_buckets": 64, "embedding": 8}},
    },
}  # fmt: skip


def run(out: Path, **changes: object) -> TrainSettings:
    base = {
        "out": out, "model": MODEL, "train": {"scenes": RECIPE}, "batch_size": 2, "steps": 6, "warmup": 2,
        "workers": 0, "threads": 1, "checkpoint_every": 2, "evaluate_every": 3, "log_every": 1, "average": 0.5,
        "accelerator": "cpu",
    }  # fmt: skip
    return TrainSettings.model_validate({**base, **changes})


SOURCE = SceneSource(RECIPE, 0, 50)


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


class Killed(Exception):  # noqa: N818
    pass


def told() -> tuple[list[int], Callable[..., None]]:
    """The steps that a run learns in, and the hook that keeps them."""
    steps: list[int] = []
    return steps, lambda what, step, *_: steps.extend([step] if what == "train" else [])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_killed_run_ends_with_the_very_weights_of_an_undisturbed_one(tmp_path: Path, optimizer: str) -> None:
    whole = fit(run(tmp_path / "a", optimizer=optimizer), SOURCE)

    def kill(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        if step == 5:
            raise Killed

    with pytest.raises(Killed):
        fit(run(tmp_path / "b", optimizer=optimizer), SOURCE, hook=kill)
    steps, keep = told()
    assert equal(weights(whole), weights(fit(run(tmp_path / "b", optimizer=optimizer), SOURCE, hook=keep)))
    assert steps == [5, 6]  # it began from the state of step 4, not anew


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own answer to Ctrl-C, which what starts the tests may have turned off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler  # whoever took it gave it back


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_finishes_the_step_and_the_run_goes_on_from_it(tmp_path: Path, workers: int) -> None:
    """Between two checkpoints, and where the workers are told first, as all processes of a terminal are."""
    whole = fit(run(tmp_path / "a"), SOURCE)
    steps = []

    def press(what: str, step: int, _: int, __: dict[str, float]) -> None:
        steps.append((what, step))
        if what == "train" and step == 1:
            for process in multiprocessing.active_children():
                os.kill(process.pid or 0, signal.SIGINT)
        if what == "train" and step == 5:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(run(tmp_path / "b", workers=workers), SOURCE, hook=press)
    assert steps == [*(("train", step) for step in range(1, 6)), ("stopping", 5)]
    assert json.loads(load_tensors(tmp_path / "b" / "last.safetensors")[1]["progress"])["step"] == 5
    again, keep = told()
    assert equal(weights(whole), weights(fit(run(tmp_path / "b"), SOURCE, hook=keep)))
    assert again == [6]


def told_when_pressed_twice(number: int) -> list[str]:
    """What is told until the second press of a signal interrupts."""
    told: list[str] = []

    def press() -> None:
        with deferred_interrupts(lambda: told.append("told")) as pressed:
            assert not pressed()
            signal.raise_signal(number)
            assert pressed()
            signal.raise_signal(number)
            told.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        press()
    return told


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_twice_stops_at_once() -> None:
    assert told_when_pressed_twice(signal.SIGINT) == ["told"]


@pytest.fixture
def background() -> Iterator[None]:
    """Ctrl-C is ignored, as in what a script runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.SIG_IGN


@pytest.mark.usefixtures("background")
def test_in_the_background_sigterm_finishes_the_step_and_the_run_goes_on_from_it(tmp_path: Path) -> None:
    def end(what: str, step: int, *_: object) -> None:
        if what == "train" and step == 5:
            signal.raise_signal(signal.SIGTERM)

    with tidy_termination() as terminated, pytest.raises(KeyboardInterrupt):
        fit(run(tmp_path), SOURCE, hook=end)
    assert terminated()
    assert json.loads(load_tensors(tmp_path / "last.safetensors")[1]["progress"])["step"] == 5


@pytest.mark.usefixtures("background")
def test_in_the_background_sigterm_twice_stops_at_once() -> None:
    with tidy_termination():
        assert told_when_pressed_twice(signal.SIGTERM) == ["told"]


@pytest.mark.usefixtures("background")
def test_a_sigterm_that_means_something_else_stops_no_run() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    with deferred_interrupts(lambda: heard.append(0)) as pressed:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert not pressed()
    signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_a_damaged_state_falls_back_to_the_one_before_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = fit(run(tmp_path / "a"), SOURCE)
    fit(run(tmp_path / "b"), SOURCE)
    last = tmp_path / "b" / "last.safetensors"
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(bytes(content))
    steps, keep = told()
    with caplog.at_level(logging.WARNING):
        again = fit(run(tmp_path / "b"), SOURCE, hook=keep)
    assert "damaged" in caplog.text
    assert steps == [5, 6]
    assert equal(weights(whole), weights(again))


@pytest.mark.parametrize("scored", [False, True])
def test_a_run_whose_best_weights_are_gone_says_what_to_do(tmp_path: Path, scored: bool) -> None:
    model, average = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    parts = (model, average, torch.optim.SGD(model.parameters()))
    publish_state(tmp_path, *parts, {"step": 6, "best": 0.5 if scored else -1.0})
    with pytest.raises(ModelError, match=r"best: the best weights .* gone: put") if scored else nullcontext():
        assert restore_state(tmp_path, *parts) == {"step": 6, "best": -1.0}
    (tmp_path / "best").mkdir()
    assert restore_state(tmp_path, *parts) is not None


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    fit(run(tmp_path, steps=2), SOURCE)
    last = tmp_path / "last.safetensors"
    content = last.read_bytes()
    model = make()
    with file_size_limit(1000), pytest.raises(StorageError, match="file-size limit"):
        publish_state(tmp_path, model, make(1), torch.optim.AdamW(model.parameters()), {"step": 3})
    assert last.read_bytes() == content


def test_a_run_with_other_settings_is_not_mixed_in(tmp_path: Path) -> None:
    fit(run(tmp_path, steps=2), SOURCE)
    with pytest.raises(AvtextError, match="other settings"):
        fit(run(tmp_path, steps=4), SOURCE)


@pytest.mark.parametrize("name", ["init", "distill.teacher"])
def test_a_run_that_began_with_other_weights_is_not_mixed_in(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "given"
    settings = run(tmp_path, steps=2, **{"init": folder} if name == "init" else {"distill": {"teacher": folder}})
    for seed in (1, 2):
        torch.manual_seed(seed)
        save_detector(folder, EventDetector(settings.model), "card")
        if seed == 1:
            fit(settings, SOURCE)
            fit(settings, SOURCE)
    with pytest.raises(AvtextError, match=rf"began with other weights than {name} \(.*given\) has now.*out="):
        fit(settings, SOURCE)


def test_a_state_that_does_not_say_which_weights_it_began_with_goes_on(tmp_path: Path) -> None:
    settings = run(tmp_path / "out", steps=2, init=tmp_path / "given")
    save_detector(tmp_path / "given", EventDetector(settings.model), "card")
    identity = identity_of(settings)
    assert set(identity) == {"run", "given", "videos", "files", "scenes"}
    check_same_run(settings, {"run": identity["run"]}, identity)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_state(tmp_path: Path) -> None:
    class Poisoned:
        def __len__(self) -> int:
            return 50

        def __getitem__(self, index: int) -> Clip:
            good = SOURCE[index]
            if calls["n"] < 8:
                calls["n"] += 1
                return good
            assert good.audio is not None
            bad = np.full_like(good.audio.values, np.nan)
            return Clip(good.duration, audio=Stream(bad, 16000.0), events=good.events, name="poisoned")

    calls = {"n": 0}
    with pytest.raises(AvtextError, match=r"step 4 is not finite.*poisoned.*intact"):
        fit(run(tmp_path), Poisoned())
    assert (tmp_path / "last.safetensors").exists()


def test_best_weights_are_kept_and_every_step_is_logged(tmp_path: Path) -> None:
    seen = []
    fit(run(tmp_path), SOURCE, SceneSource(RECIPE, 900, 2), hook=lambda *what: seen.append(what[:2]))
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["f1"] != "" for row in rows] == [False, False, True, False, False, True]
    assert ("evaluate", 3) in seen
    assert ("train", 6) in seen
    for name in ("best", "last"):
        assert (tmp_path / name / "model.safetensors").exists()
    assert any((tmp_path / "tensorboard").iterdir())


def test_a_log_whose_run_was_killed_before_its_first_row_has_a_header(tmp_path: Path) -> None:
    (tmp_path / "log.csv").touch()
    for step in (1, 2):
        with RunLog(tmp_path, step - 1) as log:
            log.write(step, {"loss": 1.0})
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [(row["step"], row["loss"]) for row in rows] == [("1", "1"), ("2", "1")]


@pytest.mark.parametrize("end", ["", "1", "16,0.25"])  # what is left of a row that was being written
def test_a_run_that_goes_on_writes_no_step_twice(tmp_path: Path, end: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,loss\r\n" + "".join(f"{step},1\r\n" for step in (5, 10, 15)) + end, newline="")
    with RunLog(tmp_path, 10) as log:
        log.write(11, {"loss": 2.0})
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["step"], row["loss"]) for row in rows] == [("5", "1"), ("10", "1"), ("11", "2")]
    with RunLog(tmp_path, 0):
        pass
    assert path.read_bytes() == b"step,loss\r\n"


def test_patience_ends_a_run_that_gets_no_better(tmp_path: Path) -> None:
    told: list[tuple[str, int, dict[str, float]]] = []

    def hook(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        told.append((what, step, figures))

    settings = run(tmp_path, steps=50, evaluate_every=1, patience=2, learning_rate=1e-9)
    for _ in range(2):  # it has ended, so that there is nothing to go on with
        fit(settings, SOURCE, SceneSource(RECIPE, 900, 1), hook=hook)
        assert {step for _, step, _ in told} <= {1, 2, 3}
        assert ("stale", 3, {"evaluations": 2}) in told  # who waits for 50 steps is told why there are no more
        told.clear()


def test_workers_make_the_same_batches(tmp_path: Path) -> None:
    a = fit(run(tmp_path / "a", steps=2), SOURCE)
    b = fit(run(tmp_path / "b", steps=2, workers=1), SOURCE)
    assert equal(weights(a), weights(b))


def test_training_in_bfloat16_on_batches_from_workers_begins_at_nearly_the_same_loss(tmp_path: Path) -> None:
    """What a GPU does: Fabric converts what it is given, and CPUs can do it, too."""
    losses: list[float] = []

    def hook(what: str, step: int, steps: int, figures: dict[str, float]) -> None:
        losses.extend([figures["loss"]] if what == "train" else [])

    fit(run(tmp_path / "a", precision="bf16-mixed", workers=1, steps=4), SOURCE, hook=hook)
    fit(run(tmp_path / "b", precision="32-true", steps=1), SOURCE, hook=hook)
    assert len(losses) == 5
    assert losses[0] != losses[4]  # it was another precision
    assert losses[0] == pytest.approx(losses[4], rel=0.02)


def test_a_clip_of_a_video_can_be_sent_between_processes() -> None:
    """The clocks of a clip that names none are a view, which cannot."""
    batch = collate([SOURCE[0], Clip(1.0, audio=SOURCE[0].audio, events=())])
    assert pickle.loads(pickle.dumps(batch.clocks)) == batch.clocks


def test_a_missing_gpu_is_one_line(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU is there")
    with pytest.raises(AvtextError, match="no GPU"):
        fit(run(tmp_path, accelerator="cuda"), SOURCE)


def test_every_pass_sees_every_clip_once_and_processes_share_them() -> None:
    class Numbers:
        def __len__(self) -> int:
            return 12

        def __getitem__(self, index: int) -> Clip:
            return Clip(1.0, events=(), name=str(index))

    parts = [StepBatches(Numbers(), make().scheme, 25.0, 2, seed=3, rank=r, world=2) for r in range(2)]
    first = [i for step in range(3) for part in parts for i in part.indices(step)]
    second = [i for step in range(3, 6) for part in parts for i in part.indices(step)]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_modalities_are_lost_at_the_asked_rate_but_never_all() -> None:
    every = torch.ones(40, 3, dtype=torch.bool)
    drawn = [draw_lost(every, 0.5, torch.Generator().manual_seed(seed)) for seed in range(50)]
    lost = torch.cat([one for one in drawn if one is not None]).float()
    assert len(lost) == 2000
    assert (lost.sum(1) < 3).all()
    assert np.allclose(lost.mean(0), 0.5 - 0.125 / 3, atol=0.04)  # an eighth would lose all three; one stays
    assert len({tuple(row.tolist()) for row in lost}) == 7


def test_without_a_chance_or_a_second_modality_there_is_one_view() -> None:
    assert draw_lost(torch.ones(4, 3, dtype=torch.bool), 0.0, torch.Generator()) is None
    assert draw_lost(torch.ones(4, 1, dtype=torch.bool), 0.5, torch.Generator()) is None


def test_a_clip_never_loses_all_that_it_has() -> None:
    clips = [clip(1.0, 0, picture=None, cues=()), clip(1.0, 0, audio=None, video=None, picture=None), clip(1.0, 0)]
    clips[0] = replace(clips[0], video=None)
    given = modalities_in(collate(clips), ("audio", "video", "text"))
    assert given.tolist() == [[True, False, False], [False, False, True], [True, True, True]]
    assert modalities_in(collate(clips[:2]), ("audio", "video")).tolist() == [[True, False], [False, False]]
    given = torch.tensor([[True, False, False], [False, True, True]]).repeat(1000, 1)
    lost = draw_lost(given, 0.8, torch.Generator().manual_seed(0))
    assert lost is not None
    assert (given & ~lost).any(1).all()
    one, two = lost[1::2, 1].float().mean().item(), lost[1::2, 2].float().mean().item()
    assert one == pytest.approx(0.8 - 0.64 / 2, abs=0.05)  # where both would go, each stays half the time
    assert two == pytest.approx(0.8 - 0.64 / 2, abs=0.05)


def test_cues_that_say_nothing_are_no_words_to_be_left_with() -> None:
    heard = clip(1.0, 0, video=None, picture=None, cues=())
    silent = [(Cue(0.2, 0.9, " "),), (Cue(5.0, 6.0, "after the end"),), (Cue(0.2, 0.9, " "), Cue(0.2, 0.9, "hello"))]
    batch = collate([replace(heard, cues=cues) for cues in silent])
    read = make()(batch).gates[..., 2].gt(0).any(1)
    assert modalities_in(batch, ("audio", "text"))[:, 1].tolist() == read.tolist() == [False, False, True]


def test_what_clips_that_have_everything_lose_is_drawn_as_ever() -> None:
    lost = draw_lost(torch.ones(4, 3, dtype=torch.bool), 0.9, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    wanted = torch.rand(4, 3, generator=generator) < 0.9
    kept = torch.randint(3, (4,), generator=generator)
    wanted[torch.arange(4), kept] &= ~wanted.all(1)
    assert lost is not None
    assert torch.equal(lost, wanted)


def test_the_learning_rate_warms_up_and_cools_down(tmp_path: Path) -> None:
    settings = run(tmp_path, steps=100, warmup=10, learning_rate=1.0)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == max(rates) == 1.0
    assert rates[-1] < 0.02
    assert learning_rate(100, settings) == pytest.approx(0.01)  # a step after the last one
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_clips_of_which_not_all_is_known_are_learnt_from(tmp_path: Path) -> None:
    timed = SOURCE[0]
    weak = replace(timed, events=None, present=("bell", "cut"), name="weak")
    partly = replace(timed, events=(), annotated=("flash",), name="partly")
    fit(run(tmp_path, steps=3, batch_size=1, checkpoint_every=3), [timed, weak, partly])
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    seen = sorted((float(row["crf"]) > 0, float(row["presence"]) > 0) for row in rows)
    assert seen == [(False, True), (True, False), (True, False)]
