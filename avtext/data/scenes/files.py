"""Scenes as real files: MP4, SRT and the truth, so that the whole chain can be tried on what users have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.data.scenes.recipe import FRAME_RATE
from avtext.data.scenes.scene import Scene
from avtext.errors import Code, InvalidInput, StorageError
from avtext.formats.json_events import file_record
from avtext.formats.schema import FileRecord
from avtext.media.cue_writing import write_cues
from avtext.storage import publish_json, publishing

if TYPE_CHECKING:
    from av.container import OutputContainer

AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)  # Hz
_BLOCK = 1024  # samples handed to the encoder at once


class ScenePaths(NamedTuple):
    """What a scene was written to; ``cues`` is None where the scene has none."""

    media: Path
    cues: Path | None
    truth: Path


def write_scene(scene: Scene, folder: str | Path, stem: str, audio_rate: int = AUDIO_RATE) -> ScenePaths:
    """Write ``stem.mp4``, ``stem.srt`` (if there are cues) and ``stem.truth.json``, each whole or not at all.

    The sound is written on its own clock, so that an offset, a drift or a break is in the file. A missing
    stream is absent from it; where the picture drops out its frames are left out, but for the first and the
    last of a file without sound, which begin and end it; where the sound does it is silent.

    Args:
        scene: from ``make_scene_frames``; height and width of its frames even.
        folder: made where it is absent.
        stem: name of the files without their endings.
        audio_rate: Hz of the AAC sound, one of ``AAC_RATES``.

    Raises:
        InvalidInput: an odd height or width, which H.264 cannot hold, a rate that AAC does not have, or a stem with a
            folder in it.
        StorageError: the folder cannot be written, or no encoder is there.

    Example:
        >>> import tempfile
        >>> from avtext.data.scenes import SceneRecipe, make_scene_frames
        >>> scene = make_scene_frames(SceneRecipe(duration=(4.0, 4.0)), seed=3)
        >>> write_scene(scene, tempfile.mkdtemp(), "a").media.name
        'a.mp4'
    """
    if not stem or stem == ".." or Path(stem).name != stem:
        raise InvalidInput(f"stem: must be a file name without a folder, got {stem!r}")
    height, width = scene.frames.shape[1:3]
    if height % 2 or width % 2:
        raise InvalidInput(f"scene: frames of a file must be even in height and width, got {height} x {width}")
    if audio_rate not in AAC_RATES:
        raise InvalidInput(f"audio_rate: must be one of {', '.join(map(str, AAC_RATES))} Hz, got {audio_rate}")
    folder = Path(folder)
    media, cues, truth = (folder / f"{stem}{ending}" for ending in (".mp4", ".srt", ".truth.json"))
    with publishing(media) as temporary:
        _write_media(scene, temporary, audio_rate, media)
    has_cues = bool(scene.cues) and scene.absent.missing != "text"
    if has_cues:
        write_cues(cues, scene.cues)
    else:
        cues.unlink(missing_ok=True)  # another scene's cues must not be taken for this one's
    publish_json(truth, truth_of(scene, media.name))
    return ScenePaths(media, cues if has_cues else None, truth)


def truth_of(scene: Scene, file: str) -> FileRecord:
    """The truth as JSON has it: schema, file, duration and events."""
    return file_record(file, scene.events, duration=scene.duration)


def _write_media(scene: Scene, path: Path, audio_rate: int, meant: Path) -> None:
    """Encode to ``path``; ``meant`` is where it will be, for messages."""
    import av

    try:
        with av.open(str(path), "w", format="mp4") as container:
            video = None if scene.absent.missing == "video" else _video_stream(container, scene)
            audio = None
            if scene.absent.missing != "audio":
                audio = container.add_stream("aac", rate=audio_rate)
                audio.layout = "mono"
                audio.bit_rate = 96_000
            if video is not None:
                _encode_video(container, video, scene)
            if audio is not None:
                _encode_audio(container, audio, scene, audio_rate)
    except av.FFmpegError as error:
        raise StorageError(f"{meant}: the scene cannot be encoded ({error}); check PyAV's codecs") from error


def _video_stream(container: OutputContainer, scene: Scene) -> Any:
    import av

    name = next((name for name in ("libx264", "mpeg4") if name in av.codecs_available), None)
    if name is None:
        raise StorageError("PyAV has neither libx264 nor mpeg4: install its wheel from PyPI", code=Code.UNSUPPORTED)
    stream: Any = container.add_stream(name, rate=FRAME_RATE)
    stream.height, stream.width = scene.frames.shape[1:3]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1  # so that the bytes do not depend on the machine's cores
    if scene.absent.missing == "audio":
        stream.codec_context.max_b_frames = 0  # reordered, a last frame after a gap would not count to the duration
    if name == "libx264":
        stream.options = {"crf": "20", "preset": "veryfast"}
    else:
        stream.bit_rate = 2_000_000
    return stream


def _encode_video(container: OutputContainer, stream: Any, scene: Scene) -> None:
    import av

    low, high = scene.absent.dropouts.get("video", (0.0, 0.0))
    ends = (0, len(scene.frames) - 1) if scene.absent.missing == "audio" else ()  # nothing else holds the file's time
    for number, picture in enumerate(scene.frames):
        if low <= (number + 0.5) / FRAME_RATE < high and number not in ends:  # as a clip has it: by its centre
            continue
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode_audio(container: OutputContainer, stream: Any, scene: Scene, rate: int) -> None:
    import av

    wave = scene.waveform.copy()
    low, high = scene.absent.dropouts.get("audio", (0.0, 0.0))
    wave[round(low * AUDIO_RATE) : round(high * AUDIO_RATE)] = 0
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
    for first in range(0, len(wave), _BLOCK):
        block = np.ascontiguousarray(wave[None, first : first + _BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, first, Fraction(1, AUDIO_RATE)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
    for part in resampler.resample(None):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))
