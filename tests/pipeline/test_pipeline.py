"""From files, file objects and clips to events, with a tiny model whose events mean nothing but do come and go."""

from __future__ import annotations

import copy
import io
import json
import math
import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avtext.alignment.pairwise import Alignment
from avtext.clip import Clip, Cue, Stream
from avtext.detection import finder as module
from avtext.detection.clocks import later
from avtext.errors import InvalidInput, MediaError, ModelError
from avtext.features import reading_for
from avtext.formats import read_events
from avtext.media import MediaReader, read_cues
from avtext.model import save_detector
from avtext.pipeline import Failure, Pipeline, Result
from avtext.pipeline.network import encoding_halo, fusion_halo
from avtext.timeline import ClockMap
from tests.model.test_detector import clip
from tests.tiny import SRT, save_talkative, talkative, write_video, write_wav

STEP = 0.04


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_talkative(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def pipe(folder: Path) -> Pipeline:
    return Pipeline.from_pretrained(folder)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Pipeline:
    """Without alignment, so that a part of a file is as the whole."""
    return Pipeline.from_pretrained(folder, align=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mkv alone, b.mkv with other words beside it than inside, sound.wav, still.mp4 without sound."""
    folder = tmp_path_factory.mktemp("made")
    write_video(folder / "a.mkv", 6.0, subtitles=True)
    write_video(folder / "b.mkv", 6.0, subtitles=True)
    (folder / "b.srt").write_text(SRT.replace("hello", "good bye"))
    write_video(folder / "still.mp4", 2.0, sound=False)
    write_wav(folder / "sound.wav", 3.0)
    return folder


@pytest.fixture(scope="module")
def nasa(data_dir: Path) -> Path:
    return data_dir / "media" / "torchcodec_nasa_13013.mp4"


@pytest.fixture(scope="module")
def found(plain: Pipeline, nasa: Path) -> Result:
    result = plain(nasa)
    assert len(result) >= 3
    assert len({event.label for event in result}) > 1
    return result


def check_sane(result: Result, pipe: Pipeline) -> None:
    """What must hold for any file."""
    assert result.status in ("ok", "degraded")
    assert result.duration > 0
    assert result.labels == pipe.labels
    assert result.modalities
    assert list(result.events) == sorted(result.events)
    for event in result:
        assert 0 <= event.start < event.end <= result.duration
        assert event.label in pipe.labels
        assert event.shares is None or math.isclose(sum(event.shares), 1.0, abs_tol=1e-6)
    assert result.scores.values.shape == (len(result.gates), len(pipe.labels))
    assert result.scores.end == pytest.approx(result.duration, abs=STEP + 1e-6)
    assert ((result.scores.values >= -1e-5) & (result.scores.values <= 1 + 1e-5)).all()
    sums = result.gates.values.sum(1)
    assert (np.isclose(sums, 1.0, atol=1e-5) | (sums == 0)).all()
    json.dumps(result.to_dict(), allow_nan=False)


# -- one source, many ways to give it ----------------------------------------------------------------------------------


def test_path_file_object_and_clip_give_the_same(plain: Pipeline, found: Result, nasa: Path) -> None:
    check_sane(found, plain)
    words = read_cues(nasa.with_suffix(".srt"))
    with nasa.open("rb") as file:
        opened = plain(file, transcript=words)
    held = plain(io.BytesIO(nasa.read_bytes()), transcript=nasa.with_suffix(".srt"))
    with MediaReader(nasa, reading_for(dict(plain.model.encoders.items()))) as reader:
        (whole,) = reader
    clipped = plain(replace(whole, cues=words))
    for other in (plain(str(nasa)), opened, held, clipped):
        assert other.events == found.events
        assert np.array_equal(other.scores.values, found.scores.values)
        assert other.modalities == found.modalities == ("audio", "video", "text")
    assert found.file == str(nasa)
    assert opened.file == str(nasa)
    assert held.file == "file object"
    assert clipped.file == whole.name


@pytest.mark.parametrize("window", [9.0, 14.0])
def test_the_length_of_windows_changes_nothing(
    data_dir: Path, plain: Pipeline, monkeypatch: pytest.MonkeyPatch, window: float
) -> None:
    file = data_dir / "media" / "pyscenedetect_testvideo.mp4"
    assert plain._options(None, None).overlap * 3 <= window < 24.0  # seconds of the file
    whole = plain(file)
    monkeypatch.setattr(module, "WINDOW", window)
    seen: list[float] = []
    parts = plain(file, hook=lambda step, *_, completed, **__: seen.append(completed) if step == "read" else None)
    assert len(seen) > 1
    assert parts.duration == whole.duration
    np.testing.assert_allclose(parts.scores.values, whole.scores.values, atol=1e-4)
    np.testing.assert_allclose(parts.gates.values, whole.gates.values, atol=1e-4)
    assert [(e.start, e.end, e.label) for e in parts] == [(e.start, e.end, e.label) for e in whole]


def test_a_network_that_sees_farther_than_a_window(made: Path) -> None:
    far = Pipeline(talkative(tcn={"num_layers": 10}), align=False)
    assert 2 * encoding_halo(far.model) * STEP > 60.0
    check_sane(far(made / "a.mkv"), far)


def test_a_part_is_as_the_whole_away_from_its_ends(nasa: Path) -> None:
    plain = Pipeline(talkative(decoder="softmax"), align=False)  # a chain would carry a little farther
    found, part = plain(nasa), plain(nasa, start=3.0, end=11.5)
    assert len(part) > 0
    assert part.duration == 11.5
    assert part.scores.start == pytest.approx(3.0)
    assert all(3.0 - 1e-9 <= e.start < e.end <= 11.5 for e in part)
    margin = encoding_halo(plain.model) + fusion_halo(plain.model)
    inner = slice(75 + margin, 287 - margin)
    assert inner.stop - inner.start > 20
    got = part.scores.values[inner.start - 75 : inner.stop - 75]
    np.testing.assert_allclose(got, found.scores.values[inner], atol=1e-4)
    last = plain(nasa, start=found.duration - 0.5)
    assert len(last) > 0
    assert all(e.start >= found.duration - 0.55 for e in last)
    assert last.duration == found.duration


def test_a_clip_that_begins_later_keeps_its_times(plain: Pipeline) -> None:
    early, late = plain(clip(4.0, 3)), plain(clip(4.0, 3, start=40.0))
    assert len(early) > 0
    assert [e.label for e in early] == [e.label for e in late]
    for a, b in zip(early, late, strict=True):
        assert (a.start + 40, a.end + 40, a.score) == pytest.approx((b.start, b.end, b.score), abs=1e-5)
    assert late.duration == 44.0


# -- words -------------------------------------------------------------------------------------------------------------


def test_where_words_come_from(plain: Pipeline, made: Path, tmp_path: Path) -> None:
    inside, beside = plain(made / "a.mkv"), plain(made / "b.mkv")
    assert inside.modalities == beside.modalities == ("audio", "video", "text")
    assert not np.array_equal(inside.scores.values, beside.scores.values)  # the file beside comes first
    cues = (Cue(1.0, 2.0, "[dog barks]"), Cue(2.5, 3.5, "hello"))
    (tmp_path / "given.srt").write_text(SRT)
    for given in (cues, list(cues), iter(cues), tmp_path / "given.srt", str(tmp_path / "given.srt")):
        result = plain(made / "b.mkv", transcript=given)
        np.testing.assert_array_equal(result.scores.values, inside.scores.values)
    silent = plain(made / "b.mkv", transcript=())
    assert silent.modalities == ("audio", "video")
    assert (silent.gates.values[:, 2] == 0).all()
    assert (inside.gates.values[25:50, 2] > 0).all()
    assert (inside.gates.values[100:, 2] == 0).all()
    assert plain.cues_of(made / "a.mkv") == cues
    assert [cue.text for cue in plain.cues_of(made / "b.mkv")] == ["[dog barks]", "good bye"]


def test_words_of_a_wrong_kind(plain: Pipeline, made: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.srt: no such file"):
        plain(made / "a.mkv", transcript="none.srt")
    for wrong in (["hello"], 3, [("hello", 1.0, 2.0)]):
        with pytest.raises(InvalidInput, match="transcript: must be a subtitle file or a sequence of Cue"):
            plain(made / "a.mkv", transcript=wrong)  # type: ignore[arg-type]


# -- what there is of a file -------------------------------------------------------------------------------------------


def test_sound_alone_and_picture_alone(pipe: Pipeline, made: Path) -> None:
    heard, seen = pipe(made / "sound.wav"), pipe(made / "still.mp4")
    for result, modality, duration in ((heard, "audio", 3.0), (seen, "video", 2.0)):
        check_sane(result, pipe)
        assert result.modalities == (modality,)
        assert result.alignment == {}
        assert result.duration == pytest.approx(duration, abs=0.05)
    assert (heard.gates.values[:, 1:] == 0).all()


def test_every_real_clip_passes(pipe: Pipeline, data_dir: Path, tmp_path: Path) -> None:
    files = [p for p in sorted((data_dir / "media").iterdir()) if p.suffix not in (".srt", ".txt")]
    assert len(files) >= 18
    some = 0
    for file in files:
        result = pipe(file)
        check_sane(result, pipe)
        some += len(result)
        result.to_json(tmp_path / "r.json")
        again = read_events(tmp_path / "r.json")
        assert list(again.events) == [str(file)]
    assert some > len(files)


def variant(file: Path, **changes: Any) -> Result:
    """What a random model with such settings finds; weights that settings have in common are the same."""
    from tests.model.test_detector import make

    model = make(**changes)
    with torch.no_grad():
        model.emit.weight.mul_(10.0)  # so that it is sure of something
    pipe = Pipeline(model)
    result = pipe(file)
    check_sane(result, pipe)
    return result


def test_variants_of_the_model(made: Path) -> None:
    file = made / "a.mkv"
    usual, exclusive = variant(file), variant(file, scheme="exclusive")
    assert len(exclusive.events) > 1
    assert all(before.end <= after.start for before, after in pairwise(exclusive.events))
    assert set(usual.alignment) == {"audio", "video", "text"}
    assert variant(file, alignment={"enabled": False}).alignment == {}
    assert np.abs(variant(file, decoder="softmax").scores.values - usual.scores.values).max() > 1e-3


@pytest.mark.parametrize("names", [("audio",), ("video",), ("picture",), ("text",), ("audio", "text")])
def test_models_of_some_modalities(made: Path, names: tuple[str, ...]) -> None:
    from tests.model.test_detector import ENCODERS, make

    pipe = Pipeline(make(encoders={name: ENCODERS[name] for name in names}))
    result = pipe(made / "a.mkv")
    check_sane(result, pipe)
    assert result.modalities == tuple("video" if name == "picture" else name for name in names)


# -- what is reported --------------------------------------------------------------------------------------------------


def test_classes_and_threshold(plain: Pipeline, folder: Path, found: Result, nasa: Path) -> None:
    label = found.events[0].label
    some = plain(nasa, classes=[label])
    assert some.events == tuple(e for e in found if e.label == label)
    assert np.array_equal(some.scores.values, found.scores.values)
    assert plain(nasa, classes=iter([label])).events == some.events
    assert [r.events for r in plain.batch([nasa, nasa], classes=iter([label]))] == [some.events] * 2
    assert plain(nasa, classes=np.array([label, label])).events == some.events
    assert plain(nasa, classes=[]).events == ()
    middle = sorted(e.score for e in found)[len(found) // 2]
    sure = Pipeline.from_pretrained(folder, align=False, threshold=middle)(nasa)
    assert sure.events == tuple(e for e in found if e.score >= middle)
    assert 0 < len(sure) < len(found)
    with pytest.raises(InvalidInput, match=r"classes: 'dgo' is not one of the model's labels; did you mean 'dog'\?"):
        plain(nasa, classes=["dgo"])
    with pytest.raises(InvalidInput, match="'xyz' is not one of the model's labels; known: bell, dog, cut"):
        plain(nasa, classes=["xyz"])
    with pytest.raises(InvalidInput, match=r"classes: must be several labels, got 'dog': give \['dog'\]"):
        plain(nasa, classes="dog")
    with pytest.raises(InvalidInput, match="classes: 5 is not one of the model's labels"):
        plain(nasa, classes=[5])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match=r"classes: must be several labels, as \['speech'\], got 5"):
        plain(nasa, classes=5)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidInput, match=r"limits: must be avtext.Limits, as Limits\(threads=1\), got {'threads': 1}"
    ):
        Pipeline(plain.model, limits={"threads": 1})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="cache: must be a folder, got 5"):
        Pipeline(plain.model, cache=5)  # type: ignore[arg-type]
    for wrong in (-0.1, 1.1, math.nan, None, "0.5", {label: 0.5}):
        with pytest.raises(InvalidInput, match=r"threshold: must lie in \[0, 1\]"):
            Pipeline.from_pretrained(folder, threshold=wrong)


def test_what_a_cache_holds_is_not_taken_for_that_of_weights_trained_since(
    folder: Path, nasa: Path, tmp_path: Path
) -> None:
    pipe = Pipeline.from_pretrained(folder, align=False, cache=tmp_path)
    before = pipe(nasa).scores.values
    np.testing.assert_array_equal(pipe(nasa).scores.values, before)
    audio = pipe.model.encoders["audio"]
    with torch.no_grad():
        for weight in audio.parameters():
            weight.mul_(0.5)
    after = pipe(nasa).scores.values
    np.testing.assert_array_equal(after, Pipeline(pipe.model, align=False)(nasa).scores.values)
    assert np.abs(after - before).max() > 1e-3


def test_bfloat16_is_nearly_the_same_and_never_taken_for_float32(folder: Path, found: Result, nasa: Path) -> None:
    short = Pipeline.from_pretrained(folder, align=False, precision="bfloat16")
    result = short(nasa)
    apart = np.abs(result.scores.values - found.scores.values)
    assert apart.max() > 0
    assert apart.mean() < 0.02
    exact = Pipeline.from_pretrained(folder, align=False)
    assert exact.network.identity == Pipeline.from_pretrained(folder, precision="float32").network.identity  # on a CPU
    assert exact.network.identity != short.network.identity
    with pytest.raises(InvalidInput, match="precision: must be one of auto, float32, bfloat16, got 'half'"):
        Pipeline.from_pretrained(folder, precision="half")


def test_what_a_caller_has_set_for_training_changes_nothing(folder: Path, found: Result, nasa: Path) -> None:
    pipe = Pipeline.from_pretrained(folder, align=False)
    weights = copy.deepcopy(pipe.model.state_dict())
    pipe.model.train()
    with torch.autocast("cpu", torch.bfloat16):
        assert pipe(nasa) == found
    assert pipe.model.training
    assert all(torch.equal(value, weights[name]) for name, value in pipe.model.state_dict().items())


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_finds_the_same(folder: Path, found: Result, nasa: Path) -> None:
    pipe = Pipeline.from_pretrained(folder, align=False)
    pipe(nasa)  # torch has threads now, and a forked process has not
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert len(pool.apply_async(pipe, (nasa,)).get(60.0)) == len(found)
        assert pool.apply_async(torch.get_num_threads).get(60.0) == 1
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(Pipeline.from_pretrained, (folder,)).get(60.0).labels == pipe.labels


def test_the_models_own_decision_is_kept(found: Result, nasa: Path) -> None:
    model = talkative()
    label, score = found.events[0].label, max(e.score for e in found if e.label == found.events[0].label)
    decision = model.settings.decision.model_copy(update={"thresholds": {label: min(1.0, score + 1e-6)}})
    model.settings = model.settings.model_copy(update={"decision": decision})
    assert Pipeline(model, align=False)(nasa).events == tuple(e for e in found if e.label != label)


def test_scores_of_events_are_their_classes_mean(found: Result) -> None:
    for event in found:
        first, last = round(event.start / STEP), math.ceil(event.end / STEP - 1e-6)
        column = found.scores.values[first:last, found.labels.index(event.label)]
        assert event.score == pytest.approx(float(column.mean()), abs=1e-4)


def test_a_result_is_written_and_read_again(found: Result, tmp_path: Path) -> None:
    found.to_json(tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text())
    assert document == json.loads(json.dumps(found.to_dict()))
    again = read_events(tmp_path / "r.json")
    assert again.durations == {found.file: pytest.approx(found.duration, abs=1e-3)}
    (events,) = again.events.values()
    assert len(events) == len(found)
    for a, b in zip(events, found, strict=True):
        assert (a.start, a.end, a.label) == (round(b.start, 3), round(b.end, 3), b.label)
        assert a.score == pytest.approx(b.score, abs=1e-4)
        assert a.shares == pytest.approx(b.shares, abs=1e-3)
    found.to_csv(tmp_path / "r.csv")
    found.to_webvtt(tmp_path / "r.vtt")
    for name in ("r.csv", "r.vtt"):
        (events,) = read_events(tmp_path / name).events.values()
        assert [e.label for e in events] == [e.label for e in found]
        assert [e.start for e in events] == pytest.approx([e.start for e in found], abs=0.01)


def test_the_hook_hears_all_steps_in_order(plain: Pipeline, nasa: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 8.0)
    heard: list[tuple[str, str, float | None, float]] = []

    def hook(step: str, artifact: Any = None, *, file: str, total: float | None, completed: float) -> None:
        heard.append((step, file, total, completed))

    for part in ({}, {"start": 2.0}, {"start": 2.0, "end": 12.0}):
        heard.clear()
        result = plain(nasa, hook=hook, **part)
        steps = [step for step, *_ in heard]
        assert steps == ["read"] * (len(heard) - 3) + ["align", "fuse", "decode"]
        assert len(heard) >= 5
        assert {file for _, file, *_ in heard} == {str(nasa)}
        completed = [c for *_, c in heard]
        assert completed == sorted(completed)
        assert completed[0] < completed[-1] == pytest.approx(result.duration)
        assert all(total is not None and total == pytest.approx(result.duration, abs=0.1) for _, _, total, _ in heard)


def test_clocks_found_on_a_part_are_the_files(folder: Path) -> None:
    relative = Alignment(
        ClockMap((0.0, 20.0), (0.5, -1.0), (1.001, 0.999)), 0.9, False, np.array([[0.0, 0.5], [20.0, 20.5]])
    )
    absolute = later(relative, 30.0)
    times = np.array([0.0, 5.0, 19.9, 20.1, 50.0])
    np.testing.assert_allclose(absolute.clock.to_video(times + 30), relative.clock.to_video(times) + 30)
    assert absolute.path is not None
    np.testing.assert_allclose(absolute.path, [[30.0, 30.5], [50.0, 50.5]])
    still = later(Alignment(ClockMap.shift(), 0.1, True), 30.0)
    assert still.clock.is_identity
    assert later(relative, 0.0).clock == relative.clock


def test_clocks_are_found_also_where_events_do_without(nasa: Path) -> None:
    asked = (Cue(0.5, 1.5, "hello"),)
    pipe = Pipeline(talkative(), device="cpu", align=False)
    found = pipe.clocks(nasa, asked)
    assert set(found) == {"audio", "text"}
    assert found == Pipeline(talkative(), device="cpu").clocks(nasa, asked)
    assert not pipe.align
    with pytest.raises(InvalidInput, match=r"clocks: this model does not align \(its alignment\.enabled is false\)"):
        Pipeline(talkative(alignment={"enabled": False}), device="cpu").clocks(nasa)


# -- many files --------------------------------------------------------------------------------------------------------


def test_batch(plain: Pipeline, made: Path) -> None:
    files = [made / "sound.wav", made / "none.mp4", made / "still.mp4"]
    with pytest.raises(MediaError, match=r"none\.mp4: no such file"):
        list(plain.batch(files))
    assert [r.file for r in plain.batch(files, on_error="skip")] == [str(files[0]), str(files[2])]
    first, second, third = plain.batch(files, on_error="return", transcript=())
    assert isinstance(first, Result)
    assert isinstance(third, Result)
    assert isinstance(second, Failure)
    assert (second.file, second.code, second.stage) == (str(files[1]), "NOT_MEDIA", "open")
    assert second.to_dict()["error"]["message"] == second.message
    assert list(plain.batch([])) == []
    with pytest.raises(InvalidInput, match="on_error: must be raise, skip or return, got 'ignore'"):
        plain.batch(files, on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="sources: must be several paths"):
        plain.batch(str(files[0]))
    with pytest.raises(InvalidInput, match="sources: must be several paths, got 5"):
        plain.batch(5)  # type: ignore[arg-type]


def test_what_is_wrong_with_the_call_is_not_skipped(plain: Pipeline, made: Path) -> None:
    with pytest.raises(InvalidInput, match="'dgo'"):
        list(plain.batch([made / "sound.wav"], on_error="skip", classes=["dgo"]))


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [None, 3, b"bytes", ["a.mp4"], np.zeros(16000)])
def test_sources_of_a_wrong_kind(plain: Pipeline, source: Any) -> None:
    with pytest.raises(InvalidInput, match="source: must be a path, a binary file object or a Clip, got "):
        plain(source)


def test_a_file_object_of_text(plain: Pipeline) -> None:
    with pytest.raises(MediaError, match="open it in binary mode"):
        plain(io.StringIO("hello"))  # type: ignore[arg-type]


def audio(values: np.ndarray, rate: float = 16000.0) -> Clip:
    return Clip(1.0, audio=Stream(values, rate))


def video(values: np.ndarray, rate: float = 8.0) -> Clip:
    return Clip(1.0, video=Stream(values, rate))


FRAMES = np.zeros((8, 64, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (audio(np.zeros(44100, np.float32), 44100.0), "audio must have the shape .* at 16000 a second"),
        (audio(np.zeros((16000, 2), np.float32)), "audio must have the shape"),
        (audio(np.zeros(16000, np.int16)), "of int16: resample or convert"),
        (audio(np.full(16000, np.nan, np.float32)), "audio holds values that are not finite"),
        (audio(np.full(16000, -1e30, np.float32)), r"audio must lie in about \[-1, 1\], got values up to 1e\+30"),
        (
            Clip(1e-9, audio=Stream(np.zeros(1, np.float32), 16000.0)),
            "duration must be of a sample at least, got 1e-09 s",
        ),
        (video(FRAMES, 30.0), "video must have the shape .* at 8 a second .* at 30 of uint8"),
        (video(FRAMES[:, :32]), "video must have the shape"),
        (video(FRAMES.astype(np.float32)), "of float32"),
        (video(FRAMES[..., 0]), "video must have the shape"),
        (Clip(1.0, picture=Stream(np.zeros((25, 3), np.float32), 25.0)), "picture must have the shape"),
        (Clip(1.0, text=Stream(np.zeros((25, 8), np.float32), 25.0)), "this model reads cues: give cues"),
        (Clip(1.0, start=-5.0), "start must not be negative, since a result counts from 0, got -5.0"),
    ],
)
def test_a_clip_must_be_as_the_encoders_take_it(plain: Pipeline, wrong: Clip, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        plain(wrong)


def test_a_clip_may_have_gaps_and_be_empty(plain: Pipeline) -> None:
    gap = np.arange(16000) // 4000 != 2
    values = np.where(gap, 0.1, np.nan).astype(np.float64)
    result = plain(Clip(1.0, audio=Stream(values, 16000.0, 0.0, gap)))
    assert np.isfinite(result.scores.values).all()
    nothing = plain(Clip(1.0))
    assert nothing.modalities == ()
    assert np.isfinite(nothing.scores.values).all()


def test_a_clip_is_analysed_whole(plain: Pipeline) -> None:
    for option in ({"start": 1.0}, {"end": 1.0}, {"transcript": ()}):
        with pytest.raises(InvalidInput, match="are for files; give the Clip its cues, or cut it first"):
            plain(clip(2.0), **option)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", [{"start": -1.0}, {"end": 0.0}, {"start": 2.0, "end": 1.0}, {"start": math.nan}])
def test_a_part_that_is_none(plain: Pipeline, made: Path, part: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="0 <= start < end"):
        plain(made / "a.mkv", **part)  # type: ignore[arg-type]
    with pytest.raises(MediaError, match="nothing to read from 60 s on"):
        plain(made / "a.mkv", start=60.0)


@pytest.mark.parametrize("device", ["gpu", "meta", "mps", "cuda:99", "cuda:x", "cpu:", "cuda:", ""])
def test_devices_that_are_not_there(folder: Path, device: str) -> None:
    with pytest.raises(InvalidInput, match="device: "):
        Pipeline.from_pretrained(folder, device=device)


def test_a_device_of_torch(folder: Path) -> None:
    assert Pipeline.from_pretrained(folder, device=torch.device("cpu")).device == torch.device("cpu")


def test_an_option_that_there_is_not_is_told_with_those_there_are(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="thresh: no such option; known: device, threshold, align, "):
        Pipeline.from_pretrained(folder, thresh=0.5)


def test_models_that_are_not_there(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    save_detector(tmp_path / "runs" / "mine", talkative(), "")
    assert Pipeline.from_pretrained("runs/mine").labels == ("bell", "dog", "cut")
    for local in ("runs/none", "./some/model", str(tmp_path / "x" / "y"), "one", "a/b/c"):
        with pytest.raises(ModelError, match="no such model folder"):
            Pipeline.from_pretrained(local)
    with pytest.raises(ModelError, match=r"someone/none: no local folder of this name, .*HF_HUB_OFFLINE is set"):
        Pipeline.from_pretrained("someone/none")


def test_a_model_fetched_earlier_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--someone--mine"
    save_detector(kept / "snapshots" / ("0" * 40), talkative(), "")
    (kept / "refs").mkdir()
    (kept / "refs" / "v1").write_text("0" * 40)
    assert Pipeline.from_pretrained("someone/mine@v1").labels == ("bell", "dog", "cut")
    with pytest.raises(ModelError, match="someone/mine: no local folder of this name"):
        Pipeline.from_pretrained("someone/mine")
