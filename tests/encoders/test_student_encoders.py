"""The light encoders: log-mel, small video, picture statistics, hashed text, and features made earlier."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from avtext.encoders import ENCODERS, build_encoder
from avtext.encoders.hashed_text import HashedTextEncoder
from avtext.encoders.logmel import STEP, LogMelEncoder, moving_sum
from avtext.encoders.precomputed import PrecomputedEncoder
from avtext.encoders.small_video import PictureEncoder, SmallVideoEncoder
from avtext.errors import AvtextError, Code, ConfigError
from avtext.features import fingerprint
from avtext.kernels.picture import SIZE
from avtext.kernels.subwords import subword_ids


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """Nothing here is trained."""
    with torch.no_grad():
        yield


def real(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.bool)


def sound(steps: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=steps * STEP).astype(np.float32)) * 0.1


def film(frames: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (frames, 64, 64, 3), dtype=np.uint8))


def statistics(steps: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(steps, SIZE)).astype(np.float32))


def ear(channels: tuple[int, ...] = (4, 8)) -> LogMelEncoder:
    torch.manual_seed(0)
    return LogMelEncoder(16, channels).eval()


def eye(channels: tuple[int, ...] = (4, 8), contrast: bool = False) -> SmallVideoEncoder:
    torch.manual_seed(0)
    return SmallVideoEncoder(16, channels, contrast=contrast).eval()


def glance() -> PictureEncoder:
    torch.manual_seed(0)
    return PictureEncoder(16).eval()


# name -> (encoder, what it takes, values per step)
DENSE = {
    "logmel": (ear, sound, STEP),
    "small_video": (eye, film, 1),
    "contrast": (partial(eye, contrast=True), film, 1),
    "picture": (glance, statistics, 1),
}


@pytest.mark.parametrize("name", DENSE)
def test_alone_equals_in_a_batch_and_padding_is_inert(name: str) -> None:
    make, values, per_step = DENSE[name]
    encoder, short, long = make(), values(11, 1), values(20, 2)
    batch = torch.zeros(2, *long.shape, dtype=long.dtype)
    batch[0, : len(short)], batch[1] = short, long
    batch[0, len(short) :] = float("nan") if long.is_floating_point() else 255
    mask = torch.zeros(2, len(long), dtype=torch.bool)
    mask[0, : len(short)], mask[1] = True, True
    features, there = encoder(batch, mask)
    assert features.shape == (2, 20, 16)
    assert there.tolist() == [[True] * 11 + [False] * 9, [True] * 20]
    assert (features[0, 11:] == 0).all()
    for row, one in enumerate((short, long)):
        alone, _ = encoder(one[None], real(1, len(one)))
        torch.testing.assert_close(features[row, : len(one) // per_step], alone[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", DENSE)
def test_length_nought_and_one(name: str) -> None:
    make, values, _ = DENSE[name]
    encoder = make()
    for steps in (0, 1):
        taken = values(steps)[None]
        features, mask = encoder(taken, real(*taken.shape[:2]))
        assert features.shape == (1, steps, 16)
        assert mask.shape == (1, steps)
        assert features.dtype == torch.float32
        assert torch.isfinite(features).all()


@pytest.mark.parametrize("name", DENSE)
def test_what_changes_at_one_step_changes_no_step_far_away(name: str) -> None:
    make, values, per_step = DENSE[name]
    encoder, before = make(), values(80)
    after = before.clone()
    after[40 * per_step : 41 * per_step] = values(1, 9)
    changed = (encoder(before[None], real(1, len(before)))[0] - encoder(after[None], real(1, len(after)))[0])[0]
    touched = (changed.abs().amax(-1) > 1e-6).nonzero().flatten().tolist()
    seen = round(LogMelEncoder.context * 25)
    frames = range(40, 42)
    reach = {
        "logmel": range(40 - seen, 41 + seen), "small_video": frames, "contrast": frames, "picture": range(40, 41)
    }[name]  # fmt: skip
    assert set(touched) <= set(reach)
    assert 40 in touched


# -- log-mel -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 5, 19])
def test_an_impulse_peaks_at_its_step(at: int) -> None:
    encoder = ear((32, 64))
    silence = torch.zeros(1, 20 * STEP)
    click = silence.clone()
    click[0, at * STEP + STEP // 2] = 1.0
    moved = (encoder(click, real(*click.shape))[0] - encoder(silence, real(*click.shape))[0]).norm(dim=-1)[0]
    near = range(max(0, at - 1), min(20, at + 2))  # the strided convolutions are centred on a step's beginning
    far = [i for i in range(20) if abs(i - at) > 2]
    assert int(moved.argmax()) in near
    assert moved.max() > 3 * moved[far].max()


def test_the_spectrogram_sees_a_tone_at_its_place() -> None:
    """Band by band against the mel scale written down here, step by step against where the tone is."""
    encoder = LogMelEncoder()
    time = torch.arange(25 * STEP) / 16_000
    for hertz in (200.0, 1000.0, 5000.0):
        tone = 0.3 * torch.sin(2 * torch.pi * hertz * time)
        tone[: 10 * STEP] = 0
        spectra, mask = encoder.spectrogram(tone[None], real(1, len(tone)))
        assert spectra.shape == (1, 100, 64)
        assert mask.all()
        loudest = int(spectra[0, 60].argmax())
        mel = [2595 * np.log10(1 + f / 700) for f in (40.0, hertz, 8000.0)]
        assert loudest == pytest.approx((mel[1] - mel[0]) / (mel[2] - mel[0]) * 65 - 1, abs=1.0)
        energy = spectra[0, :, loudest]
        assert int((energy > energy.max() - 0.5).nonzero()[0]) in (40, 41)


def test_weights_in_half_precision_leave_the_spectrogram_as_it_is() -> None:
    encoder, other = (LogMelEncoder(16, (8, 8)) for _ in range(2))
    assert not [name for name in encoder.state_dict() if name.startswith("mel.")]
    rounded = {name: value.half().float() for name, value in encoder.state_dict().items()}
    old = {"mel.spectrogram.window": torch.zeros(400), "mel.mel_scale.fb": torch.zeros(257, 64)}
    other.load_state_dict({**rounded, **old})  # of a folder from the time when they were stored
    tone = 0.5 * torch.sin(torch.arange(16_000) * 2.0)[None]
    there = torch.ones_like(tone, dtype=torch.bool)
    assert torch.equal(other.spectrogram(tone, there)[0], encoder.spectrogram(tone, there)[0])


def test_silence_is_constant_and_finite_whatever_its_noise_floor() -> None:
    encoder = ear()
    for level in (0.0, 1e-30, 1e-9):
        features, _ = encoder(torch.full((1, 20 * STEP), level), real(1, 20 * STEP))
        assert torch.isfinite(features).all()
        inner = features[0, 2:-2]
        torch.testing.assert_close(inner, inner[:1].expand_as(inner), atol=1e-5, rtol=0)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 51, 64])
@pytest.mark.parametrize("count", [1, 2, 70])
def test_a_moving_sum_is_of_its_own_values(length: int, count: int) -> None:
    values = torch.randn(2, count + length - 1, 3, dtype=torch.float64)
    want = torch.stack([values[:, i : i + length].sum(1) for i in range(count)], 1)
    torch.testing.assert_close(moving_sum(values, length), want)
    values[:, -1] = 1e30
    torch.testing.assert_close(moving_sum(values, length)[:, :-1], want[:, :-1])


def test_samples_that_do_not_fill_a_step_are_left_out() -> None:
    encoder, values = ear(), sound(5)
    longer = torch.cat([values, torch.ones(STEP - 1)])
    a, b = encoder(values[None], real(1, len(values)))[0], encoder(longer[None], real(1, len(longer)))[0]
    torch.testing.assert_close(a, b)
    assert encoder(longer[None, : STEP - 1], real(1, STEP - 1))[0].shape == (1, 0, 16)


def test_a_gap_in_the_sound_is_masked_and_inert() -> None:
    encoder, values = ear(), sound(20)[None].repeat(2, 1)
    mask = real(2, 20 * STEP)
    mask[:, 8 * STEP : 12 * STEP] = False
    values[1, 8 * STEP : 12 * STEP] = float("inf")
    features, there = encoder(values, mask)
    assert there[0].tolist() == [True] * 8 + [False] * 4 + [True] * 8
    assert torch.equal(features[0], features[1])
    assert torch.isfinite(features).all()


# -- small video -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 6, 11])
def test_a_flash_peaks_at_its_frame(at: int) -> None:
    encoder = SmallVideoEncoder().eval()
    dark = torch.full((1, 12, 64, 64, 3), 60, dtype=torch.uint8)
    flash = dark.clone()
    flash[0, at] = 255
    moved = (encoder(flash, real(1, 12))[0] - encoder(dark, real(1, 12))[0]).norm(dim=-1)[0]
    assert int(moved.argmax()) == at
    assert (moved[[i for i in range(12) if i not in (at, at + 1)]] < 1e-5).all()


def test_a_still_picture_is_constant() -> None:
    features, _ = eye()(film(1)[None].expand(1, 9, 64, 64, 3), real(1, 9))
    torch.testing.assert_close(features[0], features[0, :1].expand(9, -1), atol=1e-6, rtol=0)


def test_no_change_is_known_after_a_gap() -> None:
    """The first frame after a gap equals the first frame of a film that begins there."""
    encoder, frames = eye(), film(9)
    mask = real(1, 9)
    mask[0, 3:5] = False
    features, _ = encoder(frames[None], mask)
    later, _ = encoder(frames[None, 5:], real(1, 4))
    torch.testing.assert_close(features[0, 5:], later[0], atol=1e-6, rtol=0)
    whole, _ = encoder(frames[None], real(1, 9))
    assert (features[0, 5] - whole[0, 5]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (lambda frames: 0.2 * frames, True),  # a dark scene
        (lambda frames: 0.4 * frames + 120, True),  # a pale one
        (lambda frames: 255 - frames, True),  # its negative
        (lambda frames: frames.flip(2), False),  # its mirror image
    ],
)
def test_with_contrast_a_shape_is_the_same_in_any_light(other: Callable[[Tensor], Tensor], same: bool) -> None:
    """A new network's; floats, which are not rounded as bytes of a dark scene are."""
    frames = film(3).float()[None]
    for contrast in (True, False):
        encoder = eye(contrast=contrast)
        want, got = (encoder(values, real(1, 3))[0] for values in (frames, other(frames)))
        near = bool((got - want).abs().max() < 0.05 * (want - want.mean(-1, keepdim=True)).abs().max())
        assert near == (contrast and same)


def test_an_even_frame_has_features_and_gradients() -> None:
    encoder = eye(contrast=True)
    frames = torch.full((1, 2, 64, 64, 3), 80.0).requires_grad_()
    with torch.enable_grad():
        features, _ = encoder(frames, real(1, 2))
        features.sum().backward()
    assert frames.grad is not None
    assert torch.isfinite(features).all()
    assert torch.isfinite(frames.grad).all()


def test_change_is_the_difference_of_two_frames() -> None:
    """The stem's second half against a convolution of the difference itself."""
    encoder, frames = eye(), film(2)
    scaled = frames.permute(0, 3, 1, 2).float() / 127.5 - 1
    still, moving = encoder.stem(scaled).chunk(2, dim=1)
    weights = encoder.stem.weight.chunk(2)[1]
    want = nn.functional.conv2d(scaled[1:] - scaled[:1], weights, stride=4, padding=2)
    torch.testing.assert_close(moving[1:] - moving[:1], want, atol=1e-5, rtol=1e-4)
    hidden = encoder.network(still + torch.cat([torch.zeros_like(want), want])).flatten(2)
    features = encoder.project(torch.cat([hidden.mean(-1), hidden.amax(-1)], -1))
    torch.testing.assert_close(encoder(frames[None], real(1, 2))[0][0], features, atol=1e-5, rtol=1e-4)


# -- hashed text -------------------------------------------------------------------------------------------------------


def crc32(data: bytes) -> int:
    """CRC-32 of IEEE 802.3, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_sub_words_are_the_same_on_every_machine() -> None:
    assert crc32(b"123456789") == 0xCBF43926  # the standard's check value
    pieces = ["<dog>", "<do", "dog", "og>", "<dog", "dog>", "<dog>", "<!>", "<!>"]
    assert subword_ids("Dog!", 1000) == [crc32(piece.encode()) % 1000 for piece in pieces]
    assert subword_ids("Dog!", 1000) == [208, 244, 165, 652, 922, 446, 208, 414, 414]
    assert subword_ids("\u00e9", 1 << 32) == subword_ids("E\u0301", 1 << 32) == [crc32("<\u00e9>".encode())] * 2


def test_what_counts_as_the_same_text() -> None:
    assert subword_ids("Dog  BARKS", 4096) == subword_ids("dog\nbarks", 4096)
    assert subword_ids("\uff44\uff4f\uff47", 4096) == subword_ids("dog", 4096)
    assert subword_ids("[dog barks]", 4096) != subword_ids("dog barks", 4096)  # a sound caption is not speech
    assert subword_ids("don't", 4096)[0] == crc32(b"<don't>") % 4096
    assert subword_ids(" \n\t", 4096) == []


def test_cues_are_encoded_one_by_one() -> None:
    torch.manual_seed(0)
    encoder = HashedTextEncoder(16, 64, 8).eval()
    rows = [["dog barks", "hello"], [], ["a longer line, with more words"], ["hello", " \n", "♪"]]
    features, mask = encoder(rows)
    assert features.shape == (4, 3, 16)
    assert mask.tolist() == [[True, True, False], [False] * 3, [True, False, False], [True, False, True]]
    assert (features[~mask] == 0).all()
    for b, row in enumerate(rows):
        for c, text in enumerate(row):
            alone, said = encoder([[text]])
            assert bool(said) == bool(text.strip())  # as a transformer's cues are
            torch.testing.assert_close(features[b, c], alone[0, 0], atol=1e-6, rtol=1e-5)
            if not said:
                continue
            ids = subword_ids(text, 64)
            mean = encoder.table.weight[ids].mean(0) if ids else torch.zeros(8)
            torch.testing.assert_close(features[b, c], encoder.network(mean), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rows", [[], [[]], [[], []]])
def test_no_cues_at_all(rows: list[list[str]]) -> None:
    features, mask = HashedTextEncoder(16, 64, 8)(rows)
    assert features.shape == (len(rows), 0, 16)
    assert mask.shape == (len(rows), 0)


# -- features made earlier ---------------------------------------------------------------------------------------------


OF_TEXT = {"name": "hashed_text", "options": {"size": 8, "num_buckets": 64, "embedding": 4}}
OF_VIDEO = {"name": "small_video", "options": {"size": 16, "channels": [4, 8]}}


def test_features_pass_through_and_padding_is_inert() -> None:
    encoder = PrecomputedEncoder(4, 50.0)
    values, mask = torch.randn(2, 6, 4), real(2, 6)
    mask[0, 3:] = False
    values[0, 3:] = float("nan")
    features, there = encoder(values, mask)
    assert torch.equal(there, mask)
    assert (features[0, 3:] == 0).all()
    assert torch.equal(features[1], values[1])


def test_media_goes_through_the_encoder_which_is_no_part_of_the_weights() -> None:
    encoder = PrecomputedEncoder(16, 8.0, of=OF_VIDEO)
    assert list(encoder.parameters()) == []
    assert encoder.state_dict() == {}
    frames = film(5)[None]
    features, mask = encoder(frames, real(1, 5))
    want, _ = encoder.encoder()(frames, real(1, 5))
    assert torch.equal(features, want)
    assert mask.all()
    assert encoder.encoder() is encoder.encoder()
    assert not encoder.encoder().training
    assert list(encoder.train().parameters()) == []
    assert not encoder.encoder().training
    words = PrecomputedEncoder(8, 25.0, of=OF_TEXT)
    vectors, there = words([["dog barks"], []])
    assert vectors.shape == (2, 1, 8)
    assert there.tolist() == [[True], [False]]


def test_building_a_frozen_encoder_rolls_no_dice_of_the_run() -> None:
    before = torch.get_rng_state()
    one = PrecomputedEncoder(16, 8.0, of=OF_VIDEO).encoder().state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    again = PrecomputedEncoder(16, 8.0, of=OF_VIDEO).encoder().state_dict()
    assert all(torch.equal(again[name], value) for name, value in one.items())  # kept nowhere, and the same


def test_a_frozen_encoder_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"small_video gives 16 values at 8 a second from 0 s on, not 8 at 8"):
        PrecomputedEncoder(8, 8.0, of=OF_VIDEO).encoder()
    with pytest.raises(ConfigError, match=r"16 values at 8 a second from 0 s on, not 16 at 25"):
        PrecomputedEncoder(16, 25.0, of=OF_VIDEO).encoder()
    with pytest.raises(ConfigError, match=r"16 values at 8 a second from 0 s on, not 16 at 8 from 0\.5 s: set size"):
        PrecomputedEncoder(16, 8.0, 0.5, of=OF_VIDEO).encoder()
    for values in (film(5)[None], torch.randn(1, 5, 12)):
        with pytest.raises(
            ConfigError, match="not of size 16, and the model does not say which encoder its features are"
        ):
            PrecomputedEncoder(16, 8.0)(values, real(1, 5))
    with pytest.raises(ConfigError, match="'smal_video' is not known; known: logmel"):
        PrecomputedEncoder(16, 8.0, of={"name": "smal_video"}).encoder()


# -- the dict ----------------------------------------------------------------------------------------------------------


def test_encoders_are_found_by_name() -> None:
    assert isinstance(build_encoder("logmel", {"size": 16}), LogMelEncoder)
    assert build_encoder("picture", {}).rate == 25.0
    with pytest.raises(ConfigError, match="encoder 'logmle' is not known; known: logmel, small_video"):
        build_encoder("logmle", {})
    with pytest.raises(ConfigError, match=r"encoder 'picture': .*'colour'"):
        build_encoder("picture", {"colour": 3})
    assert {"logmel", "small_video", "picture", "hashed_text", "wav2vec2", "slowfast", "transformer_text"} <= set(
        ENCODERS
    )


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (
            "logmel",
            {"channels": []},
            r"encoder 'logmel': cannot be built from the options \{'channels': \[\]\} \(Value",
        ),
        ("logmel", {"size": -1}, r"encoder 'logmel': cannot be built from the options \{'size': -1\} \(RuntimeError"),
        ("small_video", {"channels": {}}, r"encoder 'small_video': cannot be built .* \(KeyError: 0\)"),
        ("features", {"size": 8, "rate": 25, "of": {}}, r"encoder 'features': cannot be built .* \(KeyError: 'name'\)"),
        ("small_video", {"rate": 0}, "encoder 'small_video': rate: must be a finite number, a rate above 0, got 0"),
        ("picture", {"rate": "25"}, "encoder 'picture': rate: must be a finite number, a rate above 0, got '25'"),
        ("features", {"size": 8, "rate": 25, "start": float("nan")}, "start: must be a finite number, .* got nan"),
        ("features", {"size": 1.5, "rate": 25}, "encoder 'features': size and numbers of channels must be whole and"),
        ("hashed_text", {"num_buckets": 0}, "encoder 'hashed_text': size and numbers of channels must be whole and"),
    ],
)
def test_options_that_make_no_encoder_are_one_line(name: str, options: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        build_encoder(name, options)
    assert "\n" not in str(caught.value)


def test_a_torchaudio_of_another_torch_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "__init__.py").write_text("raise OSError('undefined symbol: x')\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        AvtextError, match=r"torchaudio 2\S+ does not load with torch 2\S+ \(undefined symbol"
    ) as caught:
        LogMelEncoder()
    assert caught.value.code is Code.UNSUPPORTED


def test_another_number_of_bands_has_another_fingerprint() -> None:
    """Weights drawn with one seed are the same for 63 bands and for 64, and a cache of features must not mix them up."""
    prints = set()
    for num_mels in (63, 64):
        torch.manual_seed(0)
        prints.add(fingerprint(LogMelEncoder(8, (4,), num_mels)))
    assert len(prints) == 2
