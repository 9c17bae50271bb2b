"""Row 2: a zoo of odd media and subtitle files, each with an expectation; a click and a flash in 12 layouts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avtext.benchmark.figures import Figure
from avtext.errors import AvtextError
from avtext.media import MediaOptions, MediaReader, read_cues
from tests.media.media_files import LAYOUTS, click_and_flash
from tests.robustness.odd_files import MADE, Expected
from tests.robustness.odd_subtitles import FOUND, WRITTEN
from tests.robustness.trial import DATA, command, none, tried

REAL = {
    "androidx_3gp_bbb_176x144_128kbps_15fps_h263.3gp": Expected("ok", 15),
    "androidx_cmaf_multi-segment_video_1.m4s": Expected("TRUNCATED"),
    "androidx_flac_bear_no_num_samples.flac": Expected("ok", 0, 2.74),
    "androidx_flv_sample.flv": Expected("ok", 30, 1.02),
    "androidx_mkv_sample_with_overlapping_srt.mkv": Expected("ok", 30, 1.01),
    "androidx_mkv_sample_with_ssa_subtitles.mkv": Expected("ok", 30, 1.01),
    "androidx_mp3_1024_incrementing_bytes.mp3": Expected("NOT_MEDIA"),
    "androidx_mp4_5p1_iamf_opus.mp4": Expected("ok", 0, 4.33),
    "androidx_mp4_iibbibb_editlist_videoonly.mp4": Expected("ok", 12),
    "androidx_mp4_long_edit_list_audioonly.mp4": Expected("ok", 0, 1.56),
    "androidx_mp4_sample_ac4.mp4": Expected("UNSUPPORTED"),
    "androidx_mp4_sample_edit_list_only_preroll_sync_sample.mp4": Expected("ok", 16, 0.52),
    "androidx_mp4_sample_fragmented_sideloaded_track.mp4": Expected("TRUNCATED"),
    "androidx_mp4_sample_mdat_too_long.mp4": Expected("ok", 30, 1.02),
    "androidx_mp4_sample_partially_fragmented.mp4": Expected("degraded", 30, 1.04),  # 0.11 s of silence
    "androidx_mp4_sample_shorter_audio.mp4": Expected("ok", 72, 0.74),
    "androidx_mp4_sample_with_invalid_nalu.mp4": Expected("degraded", 29),  # of 30
    "androidx_ts_sample_cbs_truncated.adts": Expected("ok", 0, 3.3),  # less than one of its packets is missing
    "androidx_ts_sample_with_sdt.ts": Expected("degraded", 0, 0.06),  # the first 4096 bytes of a file
    "androidx_wav_sample_192khz.wav": Expected("ok", 0, 1.0),
    "androidx_wav_sample_ima_adpcm.wav": Expected("ok", 0, 1.02),
    "androidx_wav_sample_with_odd_metadata_chunk_size.wav": Expected("ok", 0, 1.0),
    "mp4parse_bipbop_nonfragment_header.mp4": Expected("TRUNCATED"),
    "mp4parse_minimal.mp4": Expected("ok", 1, 0.04),
    "mp4parse_short-cenc.mp4": Expected("UNSUPPORTED"),  # encrypted
    "mp4parse_zero_empty_stsc.mp4": Expected("TRUNCATED"),
    "torchcodec_av1_video.mkv": Expected("ok", 125),
    "torchcodec_h265_10bits.mp4": Expected("ok", 30),
    "torchcodec_sine_16ch_s16.wav": Expected("ok", 0, 1.0),
    "torchcodec_test_non_zero_start.mp4": Expected("ok", 12),
    "torchcodec_var_fps_video.mp4": Expected("ok", 300),
}
_LONGEST_PACKET = 0.13  # seconds by which encoders pad and prime, twice where two files were joined


def run(full: bool, folder: Path) -> list[Figure]:
    """Read the zoo; a third of the media files and a quarter of the layouts in the short form."""
    logging.getLogger("avtext.media").setLevel(logging.ERROR)  # cues that are left out are warned of
    step = 1 if full else 3
    media = [*_found(step), *_made(folder, step)]
    wrong = [f"{path.name!r}: {what}" for path, expected in media if (what := _differs(path, expected))]
    subtitles = [(DATA / "odd_subtitles" / name, count) for name, count in FOUND.items()]
    subtitles += [(_written(folder / name, content), count) for name, (content, count) in WRITTEN.items()]
    wrong += [f"{path.name!r}: {got}, not {wanted}" for path, wanted in subtitles if (got := _cues(path)) != wanted]
    layouts = LAYOUTS if full else LAYOUTS[::4]
    apart = [1000 * _apart(click_and_flash(folder / name, video, audio)) for name, video, audio in layouts]
    count = len(media) + len(subtitles)
    return [
        tried("row02a", count, 100, "files"),
        none("row02b_expectations_not_met", wrong, count),
        tried("row02c", len(layouts), 12, "layouts"),
        Figure("row02d_click_to_flash", max(apart), "ms", 20.0, "at_most", f"worst of {len(layouts)} layouts"),
    ]


def _found(step: int) -> Iterator[tuple[Path, Expected]]:
    for name in sorted(REAL)[::step]:
        yield DATA / "odd_media" / name, REAL[name]


def _made(folder: Path, step: int) -> Iterator[tuple[Path, Expected]]:
    for number, (name, (make, expected)) in enumerate([*MADE.items()][::step]):
        place = folder / str(number)
        place.mkdir()
        yield make(place / name), expected


def _differs(path: Path, expected: Expected) -> str:
    """What is not as expected, or nothing."""
    try:
        with MediaReader(path, MediaOptions(window=30.0)) as reader:
            sane = all(_finite(stream.values) for clip in reader for stream in (clip.audio, clip.picture) if stream)
            quality = reader.quality
    except AvtextError as error:
        return "" if error.code == expected.status else f"{error.code}, not {expected.status}"
    if quality.status != expected.status:
        return f"{quality.status} {quality.reasons}, not {expected.status}"
    if expected.frames is not None and quality.frames_decoded != expected.frames:
        return f"{quality.frames_decoded} frames, not {expected.frames}"
    if expected.audio is not None and abs(quality.audio_decoded - expected.audio) > _LONGEST_PACKET:
        return f"{quality.audio_decoded:.3f} s of audio, not {expected.audio}"
    return "" if sane else "values that are not finite"


def _finite(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).all())


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _cues(path: Path) -> int | str:
    """How many cues a file has, or the code of why it is refused."""
    try:
        return len(read_cues(path))
    except AvtextError as error:
        return str(error.code)


def _apart(path: Path) -> float:
    """Seconds between the click and the flash."""
    with MediaReader(path, MediaOptions(frame_rate=200.0)) as reader:
        (clip,) = reader
    assert clip.audio is not None
    assert clip.video is not None
    flash = np.flatnonzero(clip.video.values[:, 32, 32, 0] > 128)[0] / 200
    click = np.flatnonzero(np.abs(clip.audio.values) > 0.2)[0] / 16_000
    return abs(float(flash - click))


if __name__ == "__main__":
    command(run)
