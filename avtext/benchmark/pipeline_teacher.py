"""The teacher in torch and in INT8 against the naive pipeline, its encoders alone, and memory for an hour of sound."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avtext.benchmark.figures import Figure
from avtext.benchmark.pipeline_child import Spent, spent
from avtext.benchmark.pipeline_limits import PipelineSizes, row
from avtext.benchmark.pipeline_naive import naive_pipeline
from avtext.clip import AUDIO_RATE
from avtext.errors import MissingExtra

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "teacher-model.yaml"
SHALLOW = 2  # transformer layers of the encoder whose memory is looked at


def measure(video: Path, calibration: Path, folder: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    """Rows 1, 2 and 9, and the stages behind them.

    Args:
        video: of ``sizes.taught`` seconds.
        calibration: another video, for INT8.
        folder: for sounds that are made.
        sizes: how much is measured, and the encoders' settings.
    """
    settings = dict(sizes.audio), dict(sizes.video)
    naive = spent(naive_pipeline, str(video), *settings)
    torch = spent(teacher, str(video), "torch", "", *settings)
    about = f"{sizes.taught} s of {sizes.height}p30, random weights; naive {naive}"
    yield Figure("naive_real_time", sizes.taught / naive.time.wall, "x real time", detail=about)
    yield row("row02_teacher_torch_against_naive", naive.time.wall / torch.time.wall, f"{about}; torch {torch}")
    int8 = _or_why(lambda: spent(teacher, str(video), "openvino", str(calibration), *settings))
    if isinstance(int8, Spent):
        speed, detail = naive.time.wall / int8.time.wall, f"{about}; OpenVINO INT8 {int8}"
        yield row("row01a_teacher_int8_against_naive", speed, detail)
        yield row("row01b_teacher_int8_real_time", sizes.taught / int8.time.wall, detail)
    else:
        yield row("row01a_teacher_int8_against_naive", None, int8)
        yield row("row01b_teacher_int8_real_time", None, int8)
    yield from _memory(folder, sizes)


def _or_why(measured: Callable[[], Spent]) -> Spent | str:
    from avtext.backends import choose

    try:
        choose("openvino")
    except MissingExtra as missing:
        return f"not measured: {missing}"
    return measured()


def teacher(
    video: str, backend: str, calibration: str, audio: Mapping[str, Any], picture: Mapping[str, Any]
) -> Callable[[], object]:
    """A teacher of ``configs/teacher-model.yaml`` with random weights, loaded and warm; returns what finds events.

    Args:
        video: a path.
        backend: of its encoders.
        calibration: a video to calibrate INT8 on; empty for float32.
        audio, picture: settings of its encoders with random weights; empty for those of full size.
    """
    import torch

    from avtext.pipeline import Pipeline
    from avtext.pipeline.acceleration import accelerate

    pipe = Pipeline(detector({"audio": dict(audio), "video": dict(picture)}), device="cpu")
    for name in ("audio", "video"):
        torch.manual_seed(0)  # the weights whose graphs were made when the encoders were measured
        pipe.model.encoders[name].encoder()  # type: ignore[operator]
    accelerate(pipe.model, pipe.device, backend, [calibration] if calibration else None)
    pipe(video, end=4.2)  # two clips of SlowFast
    silence = torch.zeros(1, 41 * AUDIO_RATE)  # three windows of Wav2Vec2
    with torch.inference_mode():
        pipe.model.encoders["audio"](silence, torch.ones_like(silence, dtype=torch.bool))
    return lambda: pipe(video)


def detector(configs: Mapping[str, Mapping[str, Any]]) -> Any:
    """A detector with the encoders that are named, with random weights."""
    import torch

    from avtext.config import ModelSettings, read_yaml
    from avtext.encoders import build_encoder
    from avtext.model import EventDetector

    torch.manual_seed(0)
    values = read_yaml(CONFIG)
    encoders = {}
    for name, config in configs.items():
        options = values["encoders"][name]["options"]
        of = {"name": options["of"]["name"], "options": {"config": config} if config else {}}
        size = build_encoder(of["name"], of["options"]).size
        encoders[name] = {"name": "features", "options": {**options, "size": size, "of": of}}
    if "video" in encoders:
        encoders["picture"] = values["encoders"]["picture"]
    return EventDetector(ModelSettings(**{**values, "encoders": encoders})).eval()


def listener(sound: str, layers: int, audio: Mapping[str, Any]) -> Callable[[], object]:
    """A detector that only hears, with so many transformer layers; returns what finds events in a sound."""
    from avtext.pipeline import Pipeline

    model = detector({"audio": {**audio, "num_hidden_layers": layers}})
    pipe = Pipeline(model, device="cpu")
    return lambda: pipe(sound)


def _memory(folder: Path, sizes: PipelineSizes) -> Iterator[Figure]:
    sounds = [make_sound(folder / f"{seconds}.wav", seconds) for seconds in (sizes.sound, sizes.much_sound)]
    little, much = (spent(listener, str(sound), SHALLOW, dict(sizes.audio)) for sound in sounds)
    detail = (
        f"a process that finds events in {sizes.much_sound} s and {sizes.sound} s of sound with Wav2Vec2, whole width "
        f"and {SHALLOW} transformer layers (fewer weights make the ratio the stricter): {much}; {little}"
    )
    yield row("row09_memory_of_an_hour_of_sound", much.peak / little.peak, detail)


def make_sound(path: Path, seconds: int) -> Path:
    """A WAV file of noise that swells and fades, 16 kHz, written second by second."""
    rng = np.random.default_rng(0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE)
        for second in range(seconds):
            swell = 0.05 + 0.1 * np.sin(second) ** 2
            file.writeframes(
                (rng.standard_normal(AUDIO_RATE) * swell * 32767).clip(-32768, 32767).astype("<i2").tobytes()
            )
    return path
