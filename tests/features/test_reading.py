from __future__ import annotations

import pytest

from avtext.encoders import build_encoder
from avtext.encoders.precomputed import PrecomputedEncoder
from avtext.errors import ConfigError
from avtext.features import frozen, reading_for

EYE = {"name": "small_video", "options": {"size": 8, "channels": [4, 8], "rate": 5.0}}


@pytest.mark.parametrize(
    ("names", "audio", "video"),
    [
        (("audio",), True, False),
        (("video",), False, True),
        (("picture",), False, True),
        (("audio", "picture"), True, True),
        (("text",), True, False),  # words alone need something that tells how long the file is
        (("picture", "text"), False, True),
    ],
)
def test_only_what_is_taken_is_decoded(names: tuple[str, ...], audio: bool, video: bool) -> None:
    options = reading_for(dict.fromkeys(names))
    assert (options.audio, options.video) == (audio, video)


def test_frames_come_as_the_video_encoder_takes_them() -> None:
    eye = build_encoder("small_video", EYE["options"])  # type: ignore[arg-type]
    options = reading_for({"video": eye}, window=30.0, overlap=2.0, start=1.0)
    assert (options.frame_rate, options.size, options.window, options.start) == (5.0, (64, 64), 30.0, 1.0)
    features = PrecomputedEncoder(8, 5.0, of=EYE)
    assert reading_for({"video": features}) == reading_for({"video": eye})


def test_frames_are_measured_for_an_encoder_of_statistics_only() -> None:
    assert reading_for({"picture": None}).statistics
    assert not reading_for({"audio": None, "text": None}).statistics


def test_a_frozen_encoder_is_the_one_behind_its_features() -> None:
    features = PrecomputedEncoder(8, 5.0, of=EYE)
    assert type(frozen(features)).__name__ == "SmallVideoEncoder"
    eye = build_encoder("small_video", {})
    assert frozen(eye) is eye
    with pytest.raises(ConfigError, match=r"gives 8 values at 5 a second"):
        reading_for({"video": PrecomputedEncoder(8, 6.0, of=EYE)})
