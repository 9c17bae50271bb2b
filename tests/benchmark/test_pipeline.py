"""The pipeline's figures: the table, the videos they are measured on, decoding, and what is measured in children."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from avtext.benchmark import pipeline_archive, pipeline_decode
from avtext.benchmark.pipeline_archive import make_archive
from avtext.benchmark.pipeline_child import spent
from avtext.benchmark.pipeline_clips import make_video, width_of
from avtext.benchmark.pipeline_limits import FULL, LIMITS
from avtext.benchmark.timing import run_code
from avtext.media import MediaOptions, MediaReader
from avtext.pipeline import Pipeline
from tests.benchmark.holding import holder

TINY = FULL._replace(short=12, long=24, height=72, small=36, rounds=1, clips=5)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "a.mp4", 13, height=72)


def test_a_made_video_is_whole_and_moves(video: Path) -> None:
    with MediaReader(video, MediaOptions(window=60.0, frame_size=(36, 64))) as reader:
        (clip,) = reader
    assert reader.quality.status == "ok"
    assert (reader.info.width, reader.info.height, reader.info.fps) == (128, 72, 30.0)
    assert clip.duration == pytest.approx(24.0)  # whole loops
    assert clip.audio is not None
    assert clip.video is not None
    assert clip.audio.real.all()
    assert clip.audio.values.std() > 0.05
    apart = abs(clip.video.values[1:].astype(int) - clip.video.values[:-1]).mean(axis=(1, 2, 3))
    assert (apart > 1.0).mean() > 0.9  # the camera turns round now and then
    assert width_of(720) == 1280


def test_decoding_alone_reads_every_frame_of_both_streams(video: Path) -> None:
    assert pipeline_decode.decode_only(video) == 24 * 30 + 24 * 32_000 // 1024
    frames = [pipeline_decode.decode_to_tensors(video, rate, sound=False) for rate in (8, 16)]
    assert frames[1] - frames[0] == 24 * 8 * (64 * 64 * 3 + 1)  # pixels and mask


@pytest.mark.parametrize("peer", pipeline_decode.PEERS)
def test_a_peer_gives_as_many_frames_as_ours(peer: str, video: Path) -> None:
    """In a process of its own: peers bring an FFmpeg each, and with OpenVINO loaded as well later tests crashed."""
    said = run_code(f"""
from pathlib import Path
from avtext.benchmark.pipeline_decode import PEERS
try:
    print(PEERS[{peer!r}](Path({str(video)!r}), 8))
except (ImportError, OSError, RuntimeError) as error:
    print(f"skip: {{error}}".replace(chr(10), " "))
""")
    if said.startswith("skip"):
        pytest.skip(f"{peer}: {said}")
    assert said == str(24 * 8)


def test_decode_rows_and_a_peer_that_is_not_there(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_decord(name: str, package: str | None = None) -> object:
        raise ImportError(f"no {name} here")

    monkeypatch.setattr(importlib, "import_module", without_decord)
    ours = {"another": lambda path, rate: pipeline_decode.decode_to_tensors(path, rate, sound=False)}
    monkeypatch.setattr(pipeline_decode, "PEERS", {"decord": pipeline_decode.with_decord, **ours})
    found = {figure.name: figure for figure in pipeline_decode.measure(video, video, TINY)}
    assert [name for name in found if name.startswith("row0")] == [
        name for name in LIMITS if name.startswith(("row05", "row06"))
    ]
    absent = found["decode_8_fps_decord"]
    assert absent.value is None
    assert absent.detail == "not measured: ImportError: no decord here"
    ratio = found["row05a_decode_8_fps_against_decode_only"].value
    assert ratio is not None
    assert ratio > 0.5
    assert "others" in found["row05c_decode_30_fps_against_decode_only"].detail


def test_a_call_in_a_child_is_timed_and_its_memory_seen(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(root))
    little, much = (spent(holder, megabytes) for megabytes in (1, 100))
    assert 90 < much.peak - little.peak < 120
    assert little.time.wall > 0
    assert "peak" in str(much)


def test_a_skimmed_file_is_compared_with_the_whole(tmp_path: Path, data_dir: Path) -> None:
    archive = make_archive(tmp_path / "a.mp4", data_dir, FULL._replace(scenes=1, idle=40, small=90))
    assert archive.duration == pytest.approx(100.0)
    assert all(40.0 <= event.start <= event.end <= 60.0 for event in archive.events)
    found = {figure.name: figure.value for figure in pipeline_archive.measure(Pipeline.from_pretrained(), archive, 1)}
    assert 0.2 < found["skimmed_share_looked_at"] < 0.8
    assert found["skimmed_event_f1"] > 0.5
    assert found["row12_skimmed_f1_loss"] < 5.0
