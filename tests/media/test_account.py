"""What is lost is told, and what is whole is not accused."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from media_files import steady, tone, write

from avtext.errors import Code, MediaError
from avtext.media import MediaOptions, MediaReader, Quality
from avtext.media.account import Tally
from tests.tiny import write_video

Maker = Callable[[str], Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Good files by name, each written once."""
    folder = tmp_path_factory.mktemp("media")
    rng = np.random.default_rng(0)
    frames = [(i / 25, rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for i in range(75)]
    codecs = {
        "tail.mp4": ("libx264", "aac"),
        "head.mp4": ("libx264", "aac"),
        "a.mkv": ("libx264", "flac"),
        "a.ts": ("libx264", "mp2"),
        "a.avi": ("mpeg4", "libmp3lame"),
        "a.wav": (None, "pcm_s16le"),
        "a.flac": (None, "flac"),
        "a.mp3": (None, "libmp3lame"),
        "a.ogg": (None, "libopus"),
    }

    def maker(name: str) -> Path:
        path = folder / name
        if not path.exists():
            video, audio = codecs[name]
            options = {"movflags": "faststart"} if name == "head.mp4" else {}
            write(
                path, frames if video else None, [(0.0, tone(3.0))],
                video_codec=video or "", audio_codec=audio, options=options,
            )  # fmt: skip
        return path

    return maker


NAMES = ["tail.mp4", "head.mp4", "a.mkv", "a.ts", "a.avi", "a.wav", "a.flac", "a.mp3", "a.ogg"]


def read(path: Path) -> Quality:
    with MediaReader(path) as reader:
        for clip in reader:
            if clip.audio is not None:
                assert np.isfinite(clip.audio.values).all()
        return reader.quality


def read_or_refuse(path: Path) -> Quality | MediaError:
    try:
        return read(path)
    except MediaError as error:
        return error


def test_a_stream_is_not_held_to_the_end_of_a_longer_one(tmp_path: Path) -> None:
    """Neither to that of subtitles nor to that of sound that is not read, as when pictures are skimmed."""
    said = write_video(tmp_path / "said.mkv", 2.0, subtitles=True)  # up to 3.5 s
    heard = write_video(tmp_path / "heard.mkv", 2.0, heard=4.0)
    for path in (said, heard):
        for options in (MediaOptions(), MediaOptions(audio=False), MediaOptions(video=False)):
            with MediaReader(path, options) as reader:
                list(reader)
                quality = reader.quality
            assert quality.reasons == (), (path.name, options.audio, options.video)
            assert quality.frames_expected == quality.frames_decoded == 50 * options.video
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(heard.read_bytes()[: heard.stat().st_size // 3])
    assert any("video frames are missing" in reason for reason in read(cut).reasons)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_not_accused(make: Maker, name: str) -> None:
    quality = read(make(name))
    assert quality.reasons == ()
    assert quality.frames_lost == 0
    assert quality.audio_lost == pytest.approx(0.0, abs=1e-6)
    assert quality.decoded_duration == pytest.approx(3.0, abs=0.08)


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_cut_off(make: Maker, tmp_path: Path, name: str, share: float) -> None:
    content = make(name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * share) | 1])
    if name == "tail.mp4":
        with pytest.raises(MediaError, match="index is missing") as caught:
            read(path)
        assert caught.value.code == Code.TRUNCATED
        return
    quality = read(path)
    assert quality.status == "degraded"
    assert quality.reasons


@pytest.mark.parametrize("name", ["head.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_hole_in_the_middle(make: Maker, tmp_path: Path, name: str) -> None:
    content = bytearray(make(name).read_bytes())
    hole = slice(len(content) // 2, len(content) * 3 // 4)
    content[hole] = bytes(hole.stop - hole.start)
    path = tmp_path / name
    path.write_bytes(content)
    quality = read(path)
    assert quality.status == "degraded"
    assert quality.frames_lost + quality.frames_damaged > 1
    assert 0.0 < quality.decoded_duration < 3.2


def test_nothing_but_a_header(make: Maker, tmp_path: Path) -> None:
    content = make("head.mp4").read_bytes()
    path = tmp_path / "a.mp4"
    path.write_bytes(content[: content.index(b"mdat") + 8])
    with pytest.raises(MediaError, match="hardly any media") as caught:
        read(path)
    assert caught.value.code == Code.TRUNCATED


def test_a_track_that_nobody_can_find(make: Maker, tmp_path: Path) -> None:
    content = make("head.mp4").read_bytes()
    at = content.rindex(b"trak")
    path = tmp_path / "a.mp4"
    path.write_bytes(content[:at] + b"\x01" + content[at + 1 :])
    quality = read(path)
    assert quality.modalities == ("video",)
    assert "the index is damaged: a track may be missing" in quality.reasons


@pytest.mark.parametrize("seed", range(24))
def test_damage_ends_in_a_result_or_a_typed_error(make: Maker, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    name = NAMES[seed % len(NAMES)]
    content = bytearray(make(name).read_bytes())
    for _ in range(rng.choice([1, 10, 200])):
        content[rng.randrange(len(content) if seed % 2 else 600)] ^= 1 << rng.randrange(8)
    path = tmp_path / name
    path.write_bytes(content)
    outcome = read_or_refuse(path)
    if isinstance(outcome, MediaError):
        assert str(path) in str(outcome)
        assert "\n" not in str(outcome)
        return
    quality = outcome
    assert quality.modalities
    assert quality.num_gaps >= len(quality.gaps)
    assert quality.decoded_duration > 0


def test_odd_files(data_dir: Path) -> None:
    """Each is read, or refused with the right code; only those with something missing are accused."""
    outcomes = {path.name: read_or_refuse(path) for path in (data_dir / "odd_media").iterdir() if path.suffix != ".csv"}
    refused = {name: outcome.code.value for name, outcome in outcomes.items() if isinstance(outcome, MediaError)}
    assert refused == {
        "androidx_cmaf_multi-segment_video_1.m4s": "TRUNCATED",
        "androidx_mp3_1024_incrementing_bytes.mp3": "NOT_MEDIA",
        "androidx_mp4_sample_ac4.mp4": "UNSUPPORTED",
        "androidx_mp4_sample_fragmented_sideloaded_track.mp4": "TRUNCATED",
        "mp4parse_bipbop_nonfragment_header.mp4": "TRUNCATED",
        "mp4parse_short-cenc.mp4": "UNSUPPORTED",
        "mp4parse_zero_empty_stsc.mp4": "TRUNCATED",
    }
    read_well = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Quality)}
    assert len(read_well) == 24
    assert sorted(name for name, quality in read_well.items() if quality.reasons) == [
        "androidx_mp4_sample_partially_fragmented.mp4",  # a tenth of a second of sound is missing
        "androidx_mp4_sample_with_invalid_nalu.mp4",  # one of 30 frames
        "androidx_ts_sample_with_sdt.ts",  # the first 4096 bytes of a file
    ]
    # as a plain loop over PyAV found them
    assert read_well["androidx_flv_sample.flv"].frames_decoded == 30
    assert read_well["torchcodec_var_fps_video.mp4"].frames_decoded == 300
    assert read_well["androidx_mp4_iibbibb_editlist_videoonly.mp4"].frames_decoded == 12
    seconds = read_well["androidx_mp4_sample_shorter_audio.mp4"].audio_decoded
    assert seconds == pytest.approx(32_768 / 44_100)


def test_real_files_are_not_accused(data_dir: Path) -> None:
    files = [path for path in sorted((data_dir / "media").iterdir()) if path.suffix not in (".srt", ".txt")]
    assert len(files) == 20
    for path in files:
        with MediaReader(path, MediaOptions(end=2.0)) as reader:
            (clip,) = reader
        assert reader.quality.reasons == (), path.name
        assert clip.modalities == reader.quality.modalities
        assert clip.duration == pytest.approx(2.0, abs=1.0)


@pytest.mark.parametrize(
    "name", ["androidx_sample.avi", "androidx_sample.mp4", "torchcodec_nasa_13013.mp4", "whisper_jfk.flac"]
)
def test_real_files_read_to_their_ends(data_dir: Path, name: str) -> None:
    quality = read(data_dir / "media" / name)
    assert quality.reasons == ()
    assert quality.decoded_duration == pytest.approx(quality.declared_duration, abs=0.03)


def test_steady_files_have_no_pauses(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.mp4", steady(5, fps=1.0))).reasons == ()


def test_a_rate_that_no_sound_has_is_refused_before_it_costs_gigabytes(make: Maker, tmp_path: Path) -> None:
    content = bytearray(make("a.wav").read_bytes())
    content[27] = 0x52  # the highest byte of the sample rate
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"pcm_s16le at 13\d{8} Hz") as caught:
        read(path)
    assert caught.value.code is Code.UNSUPPORTED


def test_a_cluster_with_another_name(make: Maker, tmp_path: Path) -> None:
    content = make("a.mkv").read_bytes()
    path = tmp_path / "a.mkv"
    path.write_bytes(content.replace(b"\x1f\x43\xb6\x75", b"\x1f\xb3\xb6\x75", 1))
    found = read_or_refuse(path)  # refused where it was the only one
    assert isinstance(found, MediaError) or any("belong to nothing" in reason for reason in found.reasons)


def test_packets_that_last_no_time(make: Maker, tmp_path: Path) -> None:
    """FFmpeg makes one unit of an impossible duration, and then the edit list hides them all."""
    content = bytearray(make("tail.mp4").read_bytes())
    sound = content.index(b"smhd")
    times = content.index(b"stts", sound)
    content[times + 16 : times + 20] = b"\xff\xff\xff\xff"
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert any("last no time" in reason for reason in read(path).reasons)


def test_a_time_scale_that_puts_frames_behind_the_edit_list(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mov", steady(50), [(0.0, tone(2.0))], video_codec="mpeg4")
    content = bytearray(path.read_bytes())
    start = content.rindex(b"mdhd", 0, content.index(b"vmhd"))
    content[start + 16 : start + 20] = b"\0\0\0\1"
    path.write_bytes(content)
    assert any("time scale is wrong" in reason for reason in read(path).reasons)


def test_frames_that_are_shown_long_after_they_are_decoded() -> None:
    """Times far beyond the end hide frames in the middle of a track."""
    tally = Tally("video", Fraction(1, 90_000))
    for late in (0.0, 0.1, 86.0):
        tally.count(SimpleNamespace(is_discard=True, size=9, duration=3600, pts=round(late * 90_000), dts=0))
    tally.count(SimpleNamespace(is_discard=True, size=9, duration=None, pts=None, dts=7))
    assert (tally.unshown, tally.unshown_ticks, tally.disbelieved) == (4, 3 * 3600, 1)
