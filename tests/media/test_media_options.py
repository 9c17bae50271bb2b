"""Options and limits refuse what makes no sense, and the arithmetic of windows is whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from avtext.errors import InvalidInput
from avtext.media import Limits, MediaInfo, MediaOptions, Quality


@pytest.mark.parametrize(
    "values",
    [
        {"window": 0.0},
        {"window": math.nan},
        {"window": 1e9},
        {"overlap": 60.0},
        {"overlap": -1.0},
        {"frame_rate": 0.0},
        {"frame_size": 4},
        {"frame_size": (64, 4096)},
        {"frame_size": (64, 64, 64)},
        {"frame_size": "64"},
        {"frame_size": 64.0},
        {"frame_size": None},
        {"start": -1.0},
        {"start": 5.0, "end": 5.0},
        {"start": math.inf},
        {"end": math.nan},
        {"audio": False, "video": False},
    ],
)
def test_bad_options_are_refused(values: dict) -> None:
    with pytest.raises(InvalidInput, match="MediaOptions"):
        MediaOptions(**values)


def test_windows_start_on_the_grid() -> None:
    options = MediaOptions(window=10.03, overlap=1.01, start=3.11)
    assert options.steps_per_window == 251
    assert options.steps_per_hop == 251 - 25
    assert options.first_step == 77  # 3.08 s
    assert MediaOptions().first_step == 0


def test_options_survive_json() -> None:
    options = MediaOptions(frame_size=(32, 48), start=1.0, end=2.0)
    assert MediaOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert options.size == (32, 48)
    assert MediaOptions().size == (64, 64)


@pytest.mark.parametrize("kind", [np.float32, np.int64, Fraction, Decimal])
def test_numbers_of_any_kind_survive_json(kind: Callable[[int], Any]) -> None:
    options = MediaOptions(kind(20), kind(2), frame_rate=kind(8), frame_size=np.int64(32), start=kind(1), end=kind(2))
    assert json.loads(json.dumps(options.to_dict()))["start"] == 1.0
    assert options.size == (32, 32)
    limits = Limits(stall_seconds=kind(5), threads=np.int64(1))  # type: ignore[arg-type]
    assert Limits(**json.loads(json.dumps(limits.to_dict()))) == limits


@pytest.mark.parametrize("value", ["1:30", [1.0], np.zeros(2), b"x"])
def test_what_is_no_number_is_said(value: Any) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"MediaOptions: start must be a number, got {value!r}")):
        MediaOptions(start=value)
    with pytest.raises(InvalidInput, match=re.escape(f"Limits: threads must be a number, got {value!r}")):
        Limits(threads=value)


def test_limits_refuse_zero() -> None:
    with pytest.raises(InvalidInput, match="max_pixels"):
        Limits(max_pixels=0)
    with pytest.raises(InvalidInput, match="memory_bytes must be at least"):
        Limits(memory_bytes=1 << 20)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cpu_seconds": math.inf}, "cpu_seconds must be finite, got inf"),
        ({"cpu_factor": math.inf}, "cpu_factor must be finite, got inf"),
        ({"memory_bytes": 2e9}, r"memory_bytes must be a whole number, got 2000000000\.0"),
        ({"threads": 1.5}, r"threads must be a whole number, got 1\.5"),
    ],
)
def test_limits_that_the_operating_system_does_not_take(values: dict, words: str) -> None:
    with pytest.raises(InvalidInput, match=f"Limits: {words}"):
        Limits(**values)


def test_limits_grow_with_the_file() -> None:
    limits = Limits(wall_seconds=10.0, wall_factor=2.0, cpu_seconds=5.0, cpu_factor=3.0)
    assert limits.wall(100.0, 0) == 210.0
    assert limits.cpu(100.0, 0) == 305.0
    assert limits.wall(None, 16_000_000) > 1000.0  # a file without a duration is judged by its size
    assert limits.wall(1.0, 16_000_000) == limits.wall(None, 16_000_000)  # and so is one that lies


def test_info_and_quality_survive_json() -> None:
    info = MediaInfo("a.mp4", "mov", 3.0, codecs=("aac", "h264"), subtitles=((2, "mov_text", "eng"),))
    assert MediaInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info
    quality = Quality(gaps=(("audio", 1.0, 2.0),), num_gaps=1, modalities=("audio",), reasons=("why",))
    assert Quality.from_dict(json.loads(json.dumps(quality.to_dict()))) == quality
    assert quality.status == "degraded"
    assert Quality().status == "ok"


def test_losses_are_never_negative() -> None:
    quality = Quality(frames_expected=5, frames_decoded=7, audio_expected=1.0, audio_decoded=1.5)
    assert (quality.frames_lost, quality.audio_lost) == (0, 0.0)
