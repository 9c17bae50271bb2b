"""One's own videos, from files to clips and to a trained model."""

from __future__ import annotations

import json
import pickle
import re
import runpy
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from avtext.clip import Clip, Cue, Event, Stream
from avtext.config import ModelSettings
from avtext.data.videos import DegradedVideo, VideoSource, open_videos
from avtext.encoders import build_encoder
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.encoders.transformer_text import TransformerTextEncoder
from avtext.encoders.wav2vec2 import Wav2Vec2Encoder
from avtext.errors import AvtextError, ConfigError, MediaError, StorageError
from avtext.features import DamagedEntry, FeatureCache, reading_for, store
from avtext.features.store import read_features
from avtext.media import MediaReader
from avtext.model import EventDetector, collate
from avtext.pipeline import Pipeline
from avtext.training import DataSettings, open_clips
from avtext.training.clips import HiddenEvent
from tests.encoders.test_transformer_text import BERT, save_tokenizer
from tests.model.test_detector import ENCODERS
from tests.tiny import SRT, level, write_video, write_wav

LABELS = ["bell", "dog"]
BELL, DOG = Event(0.5, 2.25, "bell"), Event(4.5, 4.75, "dog")
HEARING = {"audio": ENCODERS["audio"]}
LIGHT = {name: build_encoder(value["name"], value["options"]) for name, value in ENCODERS.items()}  # type: ignore[arg-type]


def write_manifest(folder: Path, **videos: tuple[Event, ...]) -> Path:
    path = folder / "m.jsonl"
    lines = [
        {
            "path": name,
            "events": [{"start": e.start, "end": e.end, "label": e.label} for e in events],
        }
        for name, events in videos.items()
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a.mkv of 5 s with a.srt beside it, inside.mkv with subtitles inside, sound.wav, still.mp4 without sound."""
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "a.mkv", 5.0)
    (folder / "a.srt").write_text(SRT)
    write_video(folder / "inside.mkv", 4.0, subtitles=True)
    write_video(folder / "still.mp4", 2.0, sound=False)
    write_wav(folder / "sound.wav", 3.0)
    return folder


@pytest.fixture
def videos(made: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "videos"))


def open_light(manifest: Path, window: float = 2.0) -> VideoSource:
    return open_videos(manifest, LABELS, window, manifest.parent / "cache", LIGHT)


def check_content(clip: Clip) -> None:
    """Sound and picture of every second of the clip are that second's."""
    assert clip.audio is not None
    assert clip.video is not None
    assert clip.picture is not None
    for second in range(int(clip.start), int(np.ceil(clip.end))):
        low, high = max(second, clip.start) + 0.1, min(second + 1, clip.end) - 0.1
        if high - low < 0.3:
            continue
        sound = clip.audio.values[round((low - clip.audio.start) * 16000) : round((high - clip.audio.start) * 16000)]
        assert np.abs(sound).mean() == pytest.approx(level(second) * 100 / 32768, rel=0.02)
        steps = np.flatnonzero(np.abs(clip.video.start + (np.arange(len(clip.video)) + 0.5) / 8 - second - 0.5) < 0.3)
        grey = clip.video.values[steps].astype(float).mean()
        assert grey == pytest.approx(level(second), abs=3)
    for stream in (clip.audio, clip.video, clip.picture):
        assert stream.start == pytest.approx(clip.start, abs=1 / 8)
        assert stream.end == pytest.approx(clip.end, abs=1 / 8)
        assert stream.real[: int(0.9 * len(stream))].all()


def test_windows_have_the_right_streams_cues_and_events(videos: Path) -> None:
    source = open_light(write_manifest(videos, **{"a.mkv": (BELL, DOG)}))
    clips = [source[i] for i in range(len(source))]
    assert [clip.start for clip in clips] == [0.0, 2.0, 4.0]
    assert [clip.duration for clip in clips] == pytest.approx([2.0, 2.0, 1.0])
    for clip in clips:
        check_content(clip)
    first, second, third = clips
    assert first.events == (Event(0.5, 2.0, "bell"),)  # cut at the window, so that its end is where it can be found
    assert second.events == (Event(2.0, 2.25, "bell"),)
    assert third.events == (DOG,)
    assert [cue.text for cue in first.cues] == ["[dog barks]"]
    assert second.cues == (Cue(2.5, 3.5, "hello"),)
    assert third.cues == ()
    assert len({clip.name for clip in clips}) == 3


def test_events_at_the_edges_of_windows(videos: Path) -> None:
    (videos / "labels.txt").write_text("2.0\t2.04\tdog\n1.0\t2.0\tbell\n")
    (videos / "m.jsonl").write_text(json.dumps({"path": "a.mkv", "events": "labels.txt"}))
    first, second, _ = open_light(videos / "m.jsonl")
    assert first.events == (Event(1.0, 2.0, "bell"),)
    assert second.events == (Event(2.0, 2.04, "dog"),)


def test_a_short_tail_belongs_to_the_last_window(videos: Path) -> None:
    source = open_light(write_manifest(videos, **{"a.mkv": ()}), window=4.9)
    assert [clip.duration for clip in source] == pytest.approx([5.0])
    source = open_light(write_manifest(videos, **{"a.mkv": ()}), window=4.0)
    assert [clip.duration for clip in source] == pytest.approx([4.0, 1.0])
    source = open_light(write_manifest(videos, **{"a.mkv": ()}), window=500.0)
    assert [clip.duration for clip in source] == pytest.approx([5.0])


def test_a_long_video_is_sewn_from_its_windows(videos: Path) -> None:
    write_video(videos / "long.mkv", 125.0)  # read in windows of 60 s that overlap
    source = open_light(write_manifest(videos, **{"long.mkv": ()}), window=25.0)
    assert len(source) == 5
    for clip in source:
        check_content(clip)


def test_a_video_is_as_long_as_detection_takes_it(videos: Path) -> None:
    write_video(videos / "odd.mkv", 5.2)  # 41.6 steps of the picture
    with MediaReader(videos / "odd.mkv", reading_for(LIGHT)) as reader:
        (read,) = reader
    (whole,) = open_light(write_manifest(videos, **{"odd.mkv": ()}), window=10.0)
    assert whole.duration == read.duration == pytest.approx(5.2)
    assert whole.video == read.video
    *_, last = open_light(write_manifest(videos, **{"odd.mkv": ()}))
    assert last.end == whole.end


def test_sound_alone_and_picture_alone(videos: Path) -> None:
    source = open_light(write_manifest(videos, **{"sound.wav": (), "still.mp4": ()}), window=10.0)
    sound, still = source
    assert sound.modalities == ("audio",)
    assert sound.duration == pytest.approx(3.0)
    assert still.modalities == ("video",)
    assert still.picture is not None


def test_subtitles_inside_a_video_are_cues_as_in_detection(videos: Path) -> None:
    (clip,) = open_light(write_manifest(videos, **{"inside.mkv": ()}), window=10.0)
    assert clip.cues == (Cue(1.0, 2.0, "[dog barks]"), Cue(2.5, 3.5, "hello"))
    (videos / "inside.srt").write_text("")  # an empty file beside it says: no words
    (clip,) = open_light(write_manifest(videos, **{"inside.mkv": ()}), window=10.0)
    assert clip.cues == ()


def test_a_video_is_decoded_once(videos: Path) -> None:
    def written() -> dict[str, int]:
        return {p.name: p.stat().st_mtime_ns for p in (videos / "cache").iterdir()}

    manifest = write_manifest(videos, **{"a.mkv": (BELL,), "sound.wav": ()})
    before = [open_light(manifest)[i] for i in range(5)]
    first = written()
    assert len(first) == 2
    (videos / "a.srt").write_text(SRT.replace("hello", "bye"))
    again = open_light(write_manifest(videos, **{"a.mkv": (DOG,), "sound.wav": ()}), window=2.0)
    assert written() == first  # neither words nor events are in it
    assert [c.text for c in again[1].cues] == ["bye"]
    assert again[2].events == (DOG,)
    for i, clip in enumerate(before):
        assert clip.audio is not None
        assert np.array_equal(clip.audio.values, again[i].audio.values)  # type: ignore[union-attr]
    write_wav(videos / "sound.wav", 2.0)
    open_light(manifest)
    assert len(written()) == 3


def test_a_damaged_entry_is_decoded_again(videos: Path) -> None:
    manifest = write_manifest(videos, **{"a.mkv": (BELL,)})
    source = open_light(manifest)
    whole = source[0]
    (entry,) = (videos / "cache").iterdir()
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 1
    entry.write_bytes(bytes(content))
    with pytest.warns(DamagedEntry), pytest.raises(StorageError, match=r"a\.mkv: .*start again"):
        open_light_without_reading(source)[0]
    with pytest.warns(DamagedEntry, match="checksum"):
        again = open_light(manifest)[0]
    assert np.array_equal(again.video.values, whole.video.values)  # type: ignore[union-attr]
    entry.unlink()
    with pytest.raises(StorageError, match="start again"):
        open_light_without_reading(source)[0]


def open_light_without_reading(source: VideoSource) -> VideoSource:
    """As a worker process gets it: nothing is in memory yet."""
    return VideoSource(source.videos, source.cache, source.window)


def test_a_source_travels_to_worker_processes(videos: Path) -> None:
    source = open_light(write_manifest(videos, **{"a.mkv": (BELL,)}))
    again = pickle.loads(pickle.dumps(source))
    assert len(again) == len(source) == 3
    assert again[1].cues == source[1].cues
    assert np.array_equal(again[1].audio.values, source[1].audio.values)


def test_a_video_is_read_as_a_whole_once_and_then_by_the_window(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        write_wav(videos / f"{number}.wav", 6.0 + number)
    source = open_light(write_manifest(videos, **{f"{n}.wav": () for n in range(6)}), window=2.0)
    fresh, whole = VideoSource(source.videos, FeatureCache(videos / "cache"), 2.0), []
    monkeypatch.setattr(store, "read_features", lambda path: whole.append(path) or read_features(path))
    order = np.random.default_rng(0).permutation(len(source))
    read = [fresh[i] for i in order]
    assert len(whole) == len(set(whole)) == 6
    again = pickle.loads(pickle.dumps(fresh))  # a worker knows what was verified
    assert [again[i] for i in order] == read
    assert len(whole) == 6


def test_what_is_wrong_names_the_line(videos: Path) -> None:
    late = Event(5.5, 6.0, "dog")
    with pytest.raises(ConfigError, match=r"m\.jsonl:1: 'dog' starts at 5\.5 s, but a\.mkv ends at 5\.0"):
        open_light(write_manifest(videos, **{"a.mkv": (BELL, late)}))
    (videos / "bad.mp4").write_text("hello")
    with pytest.raises(MediaError, match=r"m\.jsonl:2: .*bad\.mp4: is a text file"):
        open_light(write_manifest(videos, **{"a.mkv": (), "bad.mp4": ()}))
    (videos / "a.srt").write_bytes(b"\x89PNG\0\0 no words")
    with pytest.raises(MediaError, match=r"m\.jsonl:1: .*a\.srt: holds binary data"):
        open_light(write_manifest(videos, **{"a.mkv": ()}))


def test_a_damaged_video_is_told_of_whether_decoded_or_from_the_cache(videos: Path) -> None:
    content = (videos / "a.mkv").read_bytes()
    (videos / "a.mkv").write_bytes(content[: len(content) // 2])
    manifest = write_manifest(videos, **{"a.mkv": (BELL, DOG), "sound.wav": ()})
    manifest.write_text(f"{manifest.read_text()}\n{manifest.read_text()}")  # once for a file in two lines
    for _ in range(2):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("default")
            source = open_light(manifest)
        (warning,) = told
        assert warning.category is DegradedVideo
        assert re.match(rf"{videos / 'a.mkv'}: .* s of audio are missing.*: mend it", str(warning.message))
        assert source[2].audio is None or not source[2].audio.real.any()
    assert len(list((videos / "cache").iterdir())) == 2


@pytest.mark.filterwarnings("ignore::avtext.data.videos.DegradedVideo")  # so much of its sound is missing
def test_an_event_after_the_sound_of_a_longer_video(videos: Path) -> None:
    """Who only hears misses it, which scores should tell; it is no mistake in the manifest."""
    write_video(videos / "early.mkv", 4.0, heard=1.5)
    hearing = {"audio": LIGHT["audio"]}

    def opened(*events: Event) -> VideoSource:
        return open_videos(write_manifest(videos, **{"early.mkv": events}), LABELS, 2.0, videos / "cache", hearing)

    heard, silent = opened(BELL, Event(3.0, 3.5, "dog"))
    assert heard.events == (Event(0.5, 2.0, "bell"),)
    assert silent.events == (Event(2.0, 2.25, "bell"), Event(3.0, 3.5, "dog"))
    assert silent.audio is not None
    assert (silent.end, len(silent.audio)) == (pytest.approx(4.0, abs=0.05), 0)
    assert EventDetector(ModelSettings(labels=LABELS, encoders=HEARING))(collate([silent])).emissions.isfinite().all()
    assert len(opened(BELL)) == 1
    with pytest.raises(ConfigError, match=r"'dog' starts at 4\.5 s, but early\.mkv ends at 4\.0"):
        opened(DOG)


def test_a_video_without_what_the_model_takes_is_refused(videos: Path) -> None:
    with pytest.raises(MediaError, match=r"m\.jsonl:1: .*still\.mp4"):
        open_videos(
            write_manifest(videos, **{"still.mp4": ()}), LABELS, 2.0, videos / "cache", {"audio": LIGHT["audio"]}
        )


# -- frozen encoders ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Encoder settings with weights in folders: tiny ones of the real classes."""
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(0)
    heard = Wav2Vec2Encoder(
        config={
            "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
            "conv_dim": [8] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
        }
    )  # fmt: skip
    heard.model.save_pretrained(folder / "w")
    small = {"model_depth": 18, "stem_dim_outs": [8, 1]}
    seen = SlowFastEncoder(config=small)
    save_file(seen.state_dict(), folder / "s.safetensors")
    read = TransformerTextEncoder(config=BERT, tokenizer=(save_tokenizer(folder / "t"), folder / "t")[1])
    read.model.save_pretrained(folder / "t")

    def features(of: str, encoder: object, rate: float, **options: object) -> dict:
        start = float(getattr(encoder, "start", 0.0))
        whole = {"size": encoder.size, "rate": rate, "start": start, "of": {"name": of, "options": options}}  # type: ignore[attr-defined]
        return {"name": "features", "options": whole}

    return {
        "audio": features("wav2vec2", heard, heard.rate, source=str(folder / "w")),
        "video": features("slowfast", seen, seen.rate, source=str(folder / "s.safetensors"), config=small),
        "picture": ENCODERS["picture"],
        "text": features("transformer_text", read, 25.0, source=str(folder / "t")),
    }


def test_frozen_encoders_give_features_that_are_made_once(videos: Path, teacher: dict[str, dict]) -> None:
    built = {name: build_encoder(value["name"], value["options"]) for name, value in teacher.items()}
    manifest = write_manifest(videos, **{"a.mkv": (BELL,)})
    source = open_videos(manifest, LABELS, 2.0, videos / "cache", built)
    clips = [source[i] for i in range(len(source))]
    assert [clip.start for clip in clips] == [0.0, 2.0, 4.0]
    sizes = {name: value["options"]["size"] for name, value in teacher.items()}
    middle = clips[1]
    for name, rate in (("audio", 50.0), ("video", 15.0), ("text", 25.0)):
        stream = getattr(middle, name)
        assert stream.values.shape == (2 * rate, sizes[name])
        assert stream.rate == rate
        assert stream.start == pytest.approx(2.0, abs=1 / rate)
    assert middle.picture is not None
    assert middle.picture.values.shape[1] > 1
    assert middle.text is not None
    assert middle.text.real.tolist() == [2.5 <= 2.0 + (i + 0.5) / 25 < 3.5 for i in range(50)]
    with MediaReader(videos / "a.mkv") as reader:
        (whole,) = reader
    assert whole.audio is not None
    encoder = built["audio"].encoder()
    want, _ = encoder(torch.from_numpy(whole.audio.values)[None], torch.from_numpy(whole.audio.real)[None])
    np.testing.assert_allclose(middle.audio.values, want[0, 100:200].detach().numpy(), atol=1e-5)  # type: ignore[union-attr]
    (entry,) = (videos / "cache").iterdir()
    stamp = entry.stat().st_mtime_ns
    open_videos(manifest, LABELS, 1.0, videos / "cache", built)
    assert entry.stat().st_mtime_ns == stamp
    (videos / "a.srt").write_text("")  # other words are other features
    (clip, *_) = open_videos(manifest, LABELS, 2.0, videos / "cache", built)
    assert clip.text is None
    assert len(list((videos / "cache").iterdir())) == 2


def test_a_frozen_encoder_of_another_size_is_refused(videos: Path, teacher: dict[str, dict]) -> None:
    wrong = {"audio": build_encoder("features", {**teacher["audio"]["options"], "size": 17})}
    with pytest.raises(ConfigError, match=r"wav2vec2 gives 16 values at 50 a second from 0.0025 s on, not 17"):
        open_videos(write_manifest(videos, **{"a.mkv": ()}), LABELS, 2.0, videos / "cache", wrong)


# -- training ----------------------------------------------------------------------------------------------------------


def train(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, encoders: dict, *words: str) -> int:
    """Run the script in this process on ``folder/m.jsonl``, out to ``folder/run``; its exit code."""
    config = {
        "seed": 1, "out": str(folder / "run"), "batch_size": 2, "steps": 3, "warmup": 1, "workers": 0, "threads": 1,
        "evaluate_every": 2, "checkpoint_every": 2, "accelerator": "cpu", "average": 0.5,
        "model": {
            "labels": LABELS, "width": 16, "encoders": encoders, "tcn": {"num_layers": 2}, "head_layers": 1,
            "fusion": {"num_layers": 1, "num_heads": 2, "reach": 0.4}, "alignment": {"size": 8},
        },
        "train": {"manifest": str(folder / "m.jsonl"), "window": 2.0, "cache": str(folder / "cache")},
        "validation": {"manifest": str(folder / "m.jsonl"), "window": 4.0, "cache": str(folder / "cache")},
    }  # fmt: skip
    (folder / "c.yaml").write_text(yaml.safe_dump(config))
    script = root / "scripts" / "train_av.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--config", str(folder / "c.yaml"), *words])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(script), run_name="__main__")
    return int(end.value.code or 0)


def test_training_on_ones_own_videos(
    root: Path, videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_manifest(videos, **{"a.mkv": (BELL, DOG), "inside.mkv": (BELL,), "sound.wav": (), "still.mp4": ()})
    out = f"out={videos / 'my run'}"
    assert train(root, videos, monkeypatch, ENCODERS, out) == 0
    best = videos / "my run" / "best"
    said = capsys.readouterr()
    assert f"use it with: avtext detect VIDEO -m '{best}'\n" in said.out  # as a shell takes it
    assert "step 3/3 loss" in said.err
    assert said.err.count("reading ") == 4  # each once, though validation takes them too
    assert f"reading 2/4 {videos / 'inside.mkv'}" in said.err
    card = (best / "README.md").read_text()
    assert "bell, dog" in card
    assert "c.yaml" in card
    result = Pipeline.from_pretrained(best)(videos / "a.mkv")
    assert result.modalities == ("audio", "video", "text")
    assert train(root, videos, monkeypatch, ENCODERS, out, "steps=4") == 2  # the same folder with other settings
    assert "choose another out=" in capsys.readouterr().err


def test_training_on_features_and_detecting_with_their_encoders(
    root: Path, videos: Path, teacher: dict[str, dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(videos, **{"a.mkv": (BELL, DOG), "sound.wav": ()})
    assert train(root, videos, monkeypatch, teacher) == 0
    best = videos / "run" / "best"
    weights = sum(p.stat().st_size for p in best.iterdir())
    assert weights < 300_000  # the frozen encoders are no part of it
    pipe = Pipeline.from_pretrained(best, align=False)
    result = pipe(videos / "a.mkv")
    assert result.modalities == ("audio", "video", "text")
    with pytest.raises(AvtextError, match="clip: video must have the shape"):
        pipe(Clip(1.0, video=Stream(np.zeros((15, 64, 64, 3), np.uint8), 15.0)))


def test_a_video_whose_labels_have_no_times_is_one_clip(videos: Path) -> None:
    lines = [
        {"path": "a.mkv", "labels": ["bell"], "annotated": ["bell", "dog"]},
        {"path": "a.mkv", "events": [], "annotated": ["dog"]},
    ]
    (videos / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    source = open_light(videos / "m.jsonl")
    weak, *partly = [source[i] for i in range(len(source))]
    assert (weak.present, weak.annotated, weak.events, weak.start) == (("bell",), ("bell", "dog"), None, 0.0)
    assert weak.duration == pytest.approx(5.0, abs=0.1)
    assert len(partly) > 1
    assert all((one.present, one.annotated, one.events) == (None, ("dog",), ()) for one in partly)


def test_labels_at_once_are_told_where_they_are_exclusive(videos: Path) -> None:
    def opened(scheme: str, *events: tuple[float, float, str]) -> None:
        rows = [dict(zip(("start", "end", "label"), event, strict=True)) for event in events]
        (videos / "m.jsonl").write_text(json.dumps({"path": "sound.wav", "events": rows}))
        model = ModelSettings.model_validate({"labels": LABELS, "encoders": ENCODERS, "scheme": scheme})
        open_clips(DataSettings(manifest=videos / "m.jsonl", cache=videos / "cache"), model)

    hidden = (0.5, 2.0, "dog"), (0.6, 0.8, "dog"), (1.0, 1.5, "bell")
    with pytest.warns(HiddenEvent, match=r"'dog' and 'bell' occur at once from 1 s on in .*sound.wav, one of 1 such"):
        opened("exclusive", *hidden)
    opened("overlapping", *hidden)
    opened("exclusive", (0.5, 1.01, "dog"), (1.0, 1.5, "bell"), (1.5, 2.0, "dog"))  # less than a step of the grid


def test_some_labels_only_are_refused_where_they_are_exclusive(videos: Path) -> None:
    (videos / "m.jsonl").write_text(json.dumps({"path": "sound.wav", "events": [], "annotated": ["dog"]}))
    model = ModelSettings.model_validate({"labels": LABELS, "encoders": ENCODERS, "scheme": "exclusive"})
    with pytest.raises(ConfigError, match=r"only some labels of .*sound.wav are annotated, but the scheme 'exclusive'"):
        open_clips(DataSettings(manifest=videos / "m.jsonl", cache=videos / "cache"), model)
