"""Files of every kind through the whole reader."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from media_files import LAYOUTS, Frames, click_and_flash, grey, rotate_mp4, steady, tone, write

from avtext.clip import Clip
from avtext.errors import InvalidInput, MediaError
from avtext.kernels.picture import NAMES
from avtext.media import Limits, MediaOptions, MediaReader, Quality, embedded_cues, probe, spare


def read(path: Path, **options) -> tuple[list[Clip], Quality]:
    with MediaReader(path, MediaOptions(**options)) as reader:
        return list(reader), reader.quality


def whole(path: Path, **options) -> tuple[Clip, Quality]:
    (clip,), quality = read(path, **options)
    return clip, quality


def shown(clip: Clip) -> list[int]:
    """Which of ``media_files.steady``'s greys each sampled step shows, -1 where there is none."""
    assert clip.video is not None
    levels = clip.video.values.mean((1, 2, 3))
    return [round((level - 16) / 8) if real else -1 for level, real in zip(levels, clip.video.real, strict=True)]


@pytest.mark.parametrize(("name", "video", "audio"), LAYOUTS)
def test_a_click_and_a_flash_stay_together(tmp_path: Path, name: str, video: str, audio: str) -> None:
    path = click_and_flash(tmp_path / name, video, audio)
    clip, quality = whole(path, frame_rate=200.0)
    assert clip.video is not None
    assert clip.audio is not None
    assert clip.picture is not None
    flash = np.flatnonzero(clip.video.values[:, 32, 32, 0] > 128)[0] / 200
    click = np.flatnonzero(np.abs(clip.audio.values) > 0.2)[0] / 16_000
    assert abs(flash - click) <= 0.020
    step = int(clip.picture.values[:, NAMES.index("brightening")].argmax())
    assert abs(step / 25 - flash) <= 0.041
    assert quality.status == "ok", quality.reasons
    assert quality.frames_decoded == 75
    assert clip.modalities == ("audio", "video")
    assert quality.decoded_duration == pytest.approx(3.0, abs=0.06)


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    rng = np.random.default_rng(0)
    frames = [(i / 10, rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for i in range(170)]
    return write(path, frames, [(0.0, rng.uniform(-0.3, 0.3, (17 * 44_100, 2)).astype(np.float32))], rate=44_100)


@pytest.mark.parametrize(("window", "overlap"), [(5.0, 1.0), (6.6, 0.0), (4.04, 2.0), (0.52, 0.04)])
def test_windows_stitched_equal_one_window_bit_for_bit(long_file: Path, window: float, overlap: float) -> None:
    one, _ = whole(long_file)
    clips, _ = read(long_file, window=window, overlap=overlap)
    hop = round((window - overlap) * 25)
    assert [round(clip.start * 25) for clip in clips] == [hop * i for i in range(len(clips))]
    assert clips[-1].end == one.end
    assert clips[-2].end < one.end
    for clip in clips:
        for name in ("audio", "video", "picture"):
            part, all_ = getattr(clip, name), getattr(one, name)
            first = round((part.start - all_.start) * part.rate)
            assert np.array_equal(part.values, all_.values[first : first + len(part)]), name
            assert np.array_equal(part.real, all_.real[first : first + len(part)]), name
        assert clip.audio.start == clip.picture.start == clip.start
        assert len(clip.audio) == pytest.approx(clip.duration * 16_000, abs=1)
        assert clip.video.start <= clip.start < clip.video.start + 1 / 8
        assert clip.video.end >= clip.end - 1e-6


def test_a_part_of_a_file_equals_that_part(long_file: Path) -> None:
    one, _ = whole(long_file)
    for start, end in ((1.0, 3.0), (12.0, 14.0), (12.0, 99.0)):
        part, quality = whole(long_file, start=start, end=end)
        assert (part.start, part.end) == (start, min(end, one.end))
        assert part.video is not None
        assert np.array_equal(part.video.values, one.video.values[int(start * 8) : int(start * 8) + len(part.video)])
        heard = one.audio.values[int(start * 16_000) : int(start * 16_000) + len(part.audio)]
        assert np.abs(part.audio.values - heard).max() < 0.02
        assert quality.status == "ok"


def test_options_and_limits_of_another_kind_are_told(long_file: Path) -> None:
    with pytest.raises(InvalidInput, match=r"limits: must be avtext\.media\.Limits, got {'threads': 1}"):
        MediaReader(long_file, limits={"threads": 1})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"options: must be avtext\.media\.MediaOptions, got {'window': 9}"):
        MediaReader(long_file, {"window": 9})  # type: ignore[arg-type]


def test_a_part_beyond_the_end_is_refused(long_file: Path) -> None:
    with pytest.raises(MediaError, match="nothing to read from 60 s on, it ends at 17"):
        read(long_file, start=60.0)
    with pytest.raises(MediaError, match=r"nothing to read from 1e\+300 s on, it ends at 17"):
        read(long_file, start=1e300)  # no time that FFmpeg could seek


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.6, 1.4, 1.45, 1.5, 2.0]
    frames: Frames = [(time, grey(16 + 8 * i)) for i, time in enumerate(times)]
    for name in ("a.mp4", "a.mkv"):
        clip, quality = whole(write(tmp_path / name, frames))
        centres = (np.arange(len(clip.video)) + 0.5) / 8
        expected = [int(np.searchsorted(times, centre + 1e-9)) - 1 for centre in centres]
        assert shown(clip)[:16] == expected[:16]
        assert clip.audio is None
        assert quality.status == "ok"
        assert quality.modalities == ("video",)


def test_sound_that_starts_late_and_ends_early(tmp_path: Path) -> None:
    for name, codec in (("a.mp4", "aac"), ("a.mkv", "flac")):
        path = write(tmp_path / name, steady(100), [(1.0, tone(2.0))], audio_codec=codec)
        clip, quality = whole(path)
        mask = clip.audio.real
        assert not mask[: int(0.97 * 16_000)].any()
        assert mask[int(1.01 * 16_000) : int(2.95 * 16_000)].all()
        assert not mask[int(3.1 * 16_000) :].any()
        assert (clip.audio.values[~mask] == 0).all()
        assert clip.duration == pytest.approx(4.0, abs=0.01)
        assert quality.status == "ok", quality.reasons
        assert quality.num_gaps == 0


def test_a_gap_in_the_sound(tmp_path: Path) -> None:
    sounds = [(0.0, tone(1.0)), (2.0, tone(1.0))]
    clip, quality = whole(write(tmp_path / "a.mkv", steady(75), sounds, audio_codec="pcm_s16le"))
    mask = clip.audio.real
    assert mask[:15_900].all()
    assert not mask[16_100:31_900].any()
    assert mask[32_100:47_900].all()
    ((stream, start, end),) = quality.gaps
    assert (stream, start, end) == ("audio", pytest.approx(1.0, abs=0.01), pytest.approx(2.0, abs=0.01))
    assert quality.status == "degraded"
    assert "of audio are missing" in quality.reasons[0]


def test_clocks_that_do_not_start_at_zero(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.ts"):
        clip, _ = whole(write(tmp_path / name, steady(50, start=100.0)))
        assert (clip.start, clip.duration) == (0.0, pytest.approx(2.0, abs=0.002))
        assert shown(clip) == [int((i + 0.5) / 8 * 25) % 26 for i in range(16)]
        path = write(tmp_path / name, steady(50, start=100.0), [(100.0, tone(2.0))], audio_codec="aac")
        clip, _ = whole(path)
        assert (clip.start, clip.duration) == (0.0, pytest.approx(2.0, abs=0.06))
        assert clip.audio.real.mean() > 0.97
        assert clip.video.real[:15].all()


def test_b_frames_come_in_order(tmp_path: Path) -> None:
    options = {"bf": "3", "g": "50", "x264-params": "b-adapt=0"}
    clip, quality = whole(write(tmp_path / "a.mp4", steady(75), video_options=options), frame_rate=25.0)
    assert shown(clip) == [i % 26 for i in range(75)]
    assert quality.frames_decoded == 75


@pytest.mark.parametrize("name", ["a.avi", "a.asf"])
def test_b_frames_come_in_order_where_nothing_says_when_they_are_shown(tmp_path: Path, name: str) -> None:
    options = {"bf": "3", "g": "50", "x264-params": "b-adapt=0"}
    clip, quality = whole(write(tmp_path / name, steady(75), video_options=options), frame_rate=25.0)
    levels = [level for level in shown(clip) if level >= 0]
    turns = [level for level, before in zip(levels[1:], levels, strict=False) if level != before]
    assert turns[-70:] == [i % 26 for i in range(5, 75)]  # until then stamps of presentation are still believed
    assert (quality.status, quality.frames_decoded) == ("ok", 75)


@pytest.mark.parametrize(
    ("matrix", "corner", "rotation"),
    [((1, 0, 0, 1), 0, 0), ((0, -1, 1, 0), 1, 90), ((-1, 0, 0, -1), 2, 180), ((0, 1, -1, 0), 3, 270)],
)
def test_rotation_is_applied(tmp_path: Path, matrix: tuple, corner: int, rotation: int) -> None:
    picture = np.full((64, 96, 3), 16, np.uint8)
    picture[:32, :48] = 235  # bright at the top left
    path = write(tmp_path / "a.mp4", [(i / 10, picture) for i in range(10)])
    rotate_mp4(path, matrix)
    with MediaReader(path, MediaOptions(frame_size=(32, 40))) as reader:
        (clip,) = reader
    corners = [clip.video.values[0][row, col].mean() > 128 for row, col in ((4, 4), (28, 4), (28, 36), (4, 36))]
    assert corners == [i == corner for i in range(4)]
    assert clip.video.values.shape[1:] == (32, 40, 3)
    assert reader.info.rotation == rotation


@pytest.mark.parametrize(
    ("name", "codec", "rate", "channels"),
    [
        ("a.wav", "pcm_s16le", 8_000, 1),
        ("b.wav", "pcm_f32le", 44_100, 2),
        ("c.wav", "pcm_u8", 11_025, 1),
        ("d.wav", "pcm_s24le", 96_000, 6),
        ("a.flac", "flac", 48_000, 2),
        ("a.ogg", "libopus", 48_000, 2),
        ("a.mp3", "libmp3lame", 44_100, 2),
        ("a.m4a", "aac", 44_100, 6),
        ("e.wav", "pcm_s16le", 16_000, 16),
        ("a.mka", "pcm_f64le", 32_000, 2),
        ("a.aac", "aac", 22_050, 1),
        ("a.aiff", "pcm_s16be", 44_100, 2),
    ],
)
def test_audio_alone(tmp_path: Path, name: str, codec: str, rate: int, channels: int) -> None:
    sounds = [(0.0, tone(1.5, rate, channels))]
    clip, quality = whole(write(tmp_path / name, None, sounds, rate=rate, audio_codec=codec))
    assert (clip.video, clip.picture) == (None, None)
    assert clip.audio.rate == 16_000
    assert clip.audio.values.dtype == np.float32
    middle = clip.audio.values[4_000:20_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() == pytest.approx(440, abs=1)
    assert np.abs(middle).max() == pytest.approx(0.46, abs=0.09)  # a low-frequency channel holds no tone
    assert clip.duration == pytest.approx(1.5, abs=0.12)
    assert quality.status == "ok", quality.reasons
    assert quality.modalities == ("audio",)


def test_one_modality_on_request(long_file: Path) -> None:
    clip, quality = whole(long_file, video=False)
    assert (clip.video, clip.picture) == (None, None)
    assert quality.modalities == ("audio",)
    clip, quality = whole(long_file, audio=False)
    assert clip.audio is None
    assert quality.modalities == ("video",)


def test_frames_that_nobody_measures_are_the_same_frames(long_file: Path) -> None:
    measured, _ = read(long_file, window=3.0, overlap=1.0)
    bare, _ = read(long_file, window=3.0, overlap=1.0, statistics=False)
    assert [clip.picture for clip in bare] == [None] * len(measured)
    for one, other in zip(measured, bare, strict=True):
        assert np.array_equal(one.video.values, other.video.values)
        assert np.array_equal(one.video.mask, other.video.mask)
        assert np.array_equal(one.audio.values, other.audio.values)


def test_one_frame(tmp_path: Path) -> None:
    clip, quality = whole(write(tmp_path / "a.mp4", steady(1)))
    assert clip.duration == pytest.approx(0.04, abs=0.01)
    assert clip.video.real.tolist() == [True]
    assert clip.picture.real.tolist() == [True]
    assert quality.frames_decoded == 1


def test_numbers_that_are_none(tmp_path: Path) -> None:
    sound = tone(1.0, 16_000)
    sound[1000:1050] = np.nan
    sound[2000] = np.inf
    path = write(tmp_path / "a.wav", None, [(0.0, sound)], rate=16_000, audio_codec="pcm_f32le")
    clip, quality = whole(path)
    assert np.isfinite(clip.audio.values).all()
    assert quality.samples_sanitised == 51


def test_odd_sizes(tmp_path: Path) -> None:
    frames = [(i / 10, np.full((18, 1000, 3), 90, np.uint8)) for i in range(5)]
    clip, _ = whole(write(tmp_path / "a.mkv", frames, video_codec="ffv1"), frame_size=24)
    assert clip.video.values.shape[1:] == (24, 24, 3)
    assert np.abs(clip.video.values.astype(int) - 90).max() < 4


def test_streams_minutes_apart_in_the_file(tmp_path: Path) -> None:
    """All sound first, then all pictures: nothing may be lost while the buffer holds it."""
    rng = np.random.default_rng(0)
    frames = [(float(i), rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)) for i in range(120)]
    sounds = [(0.0, tone(120.0, 8_000))]
    path = write(
        tmp_path / "a.mkv",
        frames,
        sounds,
        rate=8_000,
        audio_codec="pcm_s16le",
        video_codec="mpeg4",
        interleave=False,
    )
    clips, quality = read(path, window=20.0, overlap=0.0)
    assert quality.status == "ok", quality.reasons
    assert all(clip.audio.real.mean() > 0.99 and clip.video.real.mean() > 0.95 for clip in clips)
    with MediaReader(path, MediaOptions(window=20.0, overlap=0.0), Limits(buffer_bytes=1 << 20)) as reader:
        clips = list(reader)
    assert len(clips) == 6
    assert reader.quality.status == "degraded"
    assert "too far from the rest" in reader.quality.reasons[-1]
    assert all(clip.audio.real.mean() > 0.99 for clip in clips)


def test_windows_larger_than_the_buffer(tmp_path: Path) -> None:
    """Streams side by side in the file: little waits, however many bytes a window has."""
    path = write(tmp_path / "a.mp4", steady(300, fps=10.0), [(0.0, tone(30.0))])
    options = MediaOptions(window=10.0, overlap=1.0)
    with MediaReader(path, options, Limits(buffer_bytes=1 << 20)) as reader:
        clips = list(reader)
    assert sum(stream.values.nbytes for stream in (clips[0].audio, clips[0].video)) > 1 << 20
    assert reader.quality.status == "ok", reader.quality.reasons
    assert all(clip.audio.real.mean() > 0.99 and clip.video.real.mean() > 0.95 for clip in clips)


def test_file_objects_and_paths_give_the_same(long_file: Path) -> None:
    one, _ = whole(long_file)
    with long_file.open("rb") as stream, MediaReader(stream) as reader:
        (other,) = reader
        spooled = reader._path
    assert np.array_equal(one.audio.values, other.audio.values)
    assert not Path(spooled).exists()
    with MediaReader(io.BytesIO(long_file.read_bytes())) as reader:
        assert reader.name == "file object"


def test_what_a_file_object_is_called(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"")
    with path.open("rb") as stream, pytest.raises(MediaError, match=rf"^{path}: is empty"):
        MediaReader(stream)
    with open(os.open(path, os.O_RDONLY), "rb") as stream, pytest.raises(MediaError, match=r"^file object: is empty"):  # noqa: PTH123
        MediaReader(stream)
    with tempfile.SpooledTemporaryFile() as stream, pytest.raises(MediaError, match=r"^file object: is empty"):
        MediaReader(stream)  # type: ignore[arg-type]


def test_probe_tells_what_the_headers_say(long_file: Path) -> None:
    info = probe(long_file)
    assert info.path == str(long_file)
    assert (info.has_audio, info.has_video, info.width, info.height) == (True, True, 64, 64)
    assert (info.sample_rate, info.channels, info.codecs) == (44_100, 2, ("aac", "h264"))
    assert info.duration == pytest.approx(17.0, abs=0.1)
    assert info.fps == pytest.approx(10.0, abs=0.1)


def test_quality_is_known_at_the_end_only(long_file: Path) -> None:
    with MediaReader(long_file, MediaOptions(window=5.0)) as reader:
        iterator = iter(reader)
        next(iterator)
        with pytest.raises(MediaError, match="iterate to the end"):
            _ = reader.quality
        with pytest.raises(MediaError, match="once"):
            next(iter(reader))
        list(iterator)
        assert reader.quality.status == "ok"


def test_closing_early_leaves_nothing_behind(long_file: Path) -> None:
    spare.discard()
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(3):
        with MediaReader(long_file, MediaOptions(window=1.0, overlap=0.0)) as reader:
            next(iter(reader))
            pid = reader._process._process.pid
        reader.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    spare.discard()
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_names_with_bytes_that_are_no_text(tmp_path: Path, long_file: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\xfe %d name\n.mp4"))
    path.write_bytes(long_file.read_bytes())
    info = probe(path)
    assert info.has_audio
    assert info.path.isprintable()


def test_the_calling_process_loads_neither_ffmpeg_nor_torch() -> None:
    code = (
        "import sys, avtext.media, avtext.media.process\n"
        "assert not {'av', 'torch'} & set(sys.modules), sorted(sys.modules)\n"
        "from avtext.media import child\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_subtitles_inside(tmp_path: Path, data_dir: Path) -> None:
    cues = embedded_cues(data_dir / "media" / "torchcodec_nasa_13013.mp4")
    assert [(cue.start, cue.end) for cue in cues[:2]] == [(0.21, 4.26), (4.26, 8.35)]
    assert cues[0].text == "NAR: This is the optical and science segment of the Webb"
    with MediaReader(data_dir / "media" / "torchcodec_nasa_13013.mp4") as reader:
        assert reader.cues == cues
    assert len(embedded_cues(data_dir / "odd_media" / "androidx_mkv_sample_with_overlapping_srt.mkv")) == 3
    assert embedded_cues(data_dir / "odd_media" / "androidx_mkv_sample_with_ssa_subtitles.mkv")
    assert embedded_cues(data_dir / "media" / "whisper_jfk.flac") == ()


def test_broadcasts_that_were_joined_go_on(tmp_path: Path) -> None:
    one = write(tmp_path / "one.ts", steady(75), [(0.0, tone(3.0))], audio_codec="mp2")
    other = write(tmp_path / "other.ts", steady(50, start=500.0), [(500.0, tone(2.0))], audio_codec="mp2")
    for first, second in ((one, one), (one, other), (other, one)):
        path = tmp_path / "joined.ts"
        path.write_bytes(first.read_bytes() + second.read_bytes())
        clip, quality = whole(path)
        expected = 3.0 * ((first == one) + (second == one)) + 2.0 * ((first == other) + (second == other))
        assert clip.duration == pytest.approx(expected, abs=0.15)
        assert clip.audio.real.mean() > 0.95  # some frames pass before a small step back is believed
        if first != second:
            assert quality.reasons == ()


def test_a_rate_that_changes_in_the_middle(tmp_path: Path) -> None:
    parts = []
    for rate in (44_100, 22_050, 48_000):
        path = write(tmp_path / f"{rate}.mp3", None, [(0.0, tone(2.0, rate))], rate=rate, audio_codec="libmp3lame")
        parts.append(path.read_bytes())
    path = tmp_path / "all.mp3"
    path.write_bytes(b"".join(parts))
    clip, _ = whole(path)
    heard = clip.audio.values[: int(4.5 * 16_000)]
    for second in (1.0, 3.0):
        part = heard[int((second - 0.5) * 16_000) : int((second + 0.5) * 16_000)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() == pytest.approx(440, abs=3)


def test_the_whole_of_raw_frames_of_two_rates_is_heard(tmp_path: Path) -> None:
    """Without a container FFmpeg reckons all times with the first frame's rate."""
    parts = [write(tmp_path / f"{rate}.aac", None, [(0.0, tone(1.0, rate))], rate=rate) for rate in (44_100, 22_050)]
    path = tmp_path / "both.aac"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, quality = whole(path)
    assert quality.audio_decoded == pytest.approx(2.0, abs=0.15)


def test_matroska_that_starts_late_is_not_accused(tmp_path: Path) -> None:
    frames = [(1000.0 + seconds, picture) for seconds, picture in steady(50)]
    _, quality = whole(write(tmp_path / "a.mkv", frames))
    assert quality.reasons == ()
    assert quality.declared_duration == pytest.approx(2.0, abs=0.05)


def test_a_time_scale_that_hides_most_of_a_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", steady(50))
    content = bytearray(path.read_bytes())
    scale = content.find(b"mdhd") + 16
    content[scale : scale + 4] = (9).to_bytes(4, "big")
    path.write_bytes(content)
    _, quality = whole(path)
    assert any("time scale is wrong" in reason for reason in quality.reasons)


def test_a_time_stamp_that_lies_is_not_believed(tmp_path: Path) -> None:
    frames = [*steady(50), (50_000.0, grey(200))]
    clips, quality = read(write(tmp_path / "a.mkv", frames), window=10.0)
    assert len(clips) == 1
    assert clips[0].duration == pytest.approx(2.0, abs=0.05)
    assert quality.status == "degraded"
