"""Light audio encoder: a log-mel spectrogram (torchaudio) and a small convolutional network, 25 steps per second."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avtext.clip import AUDIO_RATE
from avtext.errors import AvtextError, Code
from avtext.kernels.logmel import CENTRE, FFT, FLOOR, HOP, LOWEST, SPREAD, STEP, WINDOW
from avtext.layers.masked_conv import MaskedConv
from avtext.layers.tcn import keep

if TYPE_CHECKING:
    from torchaudio.transforms import MelSpectrogram

AROUND = 25  # steps to either side: the second image is what stands out from the mean of its surroundings


class LogMelEncoder(nn.Module):
    """Waveform to features.

    The network sees two images: the log-mel spectrogram, and the same less its mean over a second to either side,
    band by band, in which a sound looks alike whatever the level and the colour of the background.

    Args:
        size: features per step.
        channels: of the convolution blocks; the first two halve the time resolution.
        num_mels: mel bands between 40 Hz and 8 kHz.
    """

    rate = AUDIO_RATE / STEP
    start = 0.0
    context = AROUND * STEP / AUDIO_RATE + 0.2

    def __init__(self, size: int = 160, channels: Sequence[int] = (32, 64, 96, 128, 160), num_mels: int = 64) -> None:
        super().__init__()
        self.size, self.num_mels = size, num_mels  # no weight tells 63 bands from 64, but its fingerprint must
        self.mel = _mel_spectrogram()(
            AUDIO_RATE,
            n_fft=FFT,
            win_length=WINDOW,
            hop_length=HOP,
            f_min=LOWEST,
            n_mels=num_mels,
            center=False,
        )
        _leave_out_of_the_weights(self.mel)
        strides = [(2, 2), (2, 2)] + [(1, 2)] * (len(channels) - 2)
        ins = [2, *channels[:-1]]
        self.blocks = nn.ModuleList(
            MaskedConv(a, b, s) for a, b, s in zip(ins, channels, strides[: len(channels)], strict=True)
        )
        bands = num_mels
        for _ in channels:
            bands = -(-bands // 2)
        self.project = nn.Linear(channels[-1] * bands, size)
        self.blocks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # 1.8 times as fast on CPUs

    def spectrogram(self, waveform: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, samples) to normalised log-mel (B, spectra, mels) and its mask; silence is a constant, not noise."""
        samples = waveform.shape[1] - waveform.shape[1] % STEP
        waveform = keep(waveform[:, :samples, None].float(), mask[:, :samples])[..., 0]
        edge = FFT - HOP
        with torch.autocast(waveform.device.type, enabled=False):
            power = self.mel(F.pad(waveform, (edge // 2, edge - edge // 2)))
        spectra = (torch.log(power + FLOOR) - CENTRE) / SPREAD
        real = mask[:, :samples].reshape(len(mask), -1, STEP).any(-1)  # a step is real if any of its samples is
        return spectra.transpose(1, 2), real.repeat_interleave(STEP // HOP, dim=1)

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, samples) at 16 kHz with mask (B, samples) to (B, T, size) with mask (B, T), T = samples // 640."""
        if values.shape[1] < STEP:  # no convolution takes a sequence of none
            return values.new_zeros(len(mask), 0, self.size, dtype=torch.float32), mask[:, :0]
        return self.features(*self.spectrogram(values, mask))

    def features(self, spectra: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`spectrogram` gives to (B, T, size) with mask (B, T), T = spectra // 4."""
        images = torch.stack([keep(spectra, real), keep(spectra - _surroundings(spectra, real), real)], 1)
        hidden = images.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            hidden, real = block(hidden, real)
        B, C, T, bands = hidden.shape
        features = self.project(hidden.permute(0, 2, 1, 3).reshape(B, T, C * bands))
        return keep(features, real), real


def _mel_spectrogram() -> type[MelSpectrogram]:
    """The transform's class; torchaudio is compiled, and one built for another torch does not load."""
    try:
        from torchaudio.transforms import MelSpectrogram
    except OSError as error:
        raise AvtextError(
            f"torchaudio {version('torchaudio')} does not load with torch {version('torch')} ({error}): both must "
            "be of one release",
            code=Code.UNSUPPORTED,
            stage="load",
        ) from error
    return MelSpectrogram


def _leave_out_of_the_weights(mel: nn.Module) -> None:
    """A transform's window and filters are constants: in float16, as weights may be stored, loud bands leak into quiet
    ones. Model folders that hold them still load; what they hold is not taken."""
    for part in mel.modules():
        for name, value in list(part.named_buffers(recurse=False)):
            part.register_buffer(name, value, persistent=False)
        part.register_load_state_dict_pre_hook(_drop_buffers)


def _drop_buffers(part: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for name, _value in part.named_buffers(recurse=False):
        state.pop(prefix + name, None)


def _surroundings(spectra: Tensor, real: Tensor) -> Tensor:
    """Mean of each band over the real steps around, (B, spectra, mels), in blocks of one output step."""
    block = STEP // HOP
    B, T, mels = spectra.shape
    steps = keep(spectra, real).reshape(B, T // block, block, mels).mean(2)
    there = real[:, ::block, None].to(steps.dtype)
    total, count = (moving_sum(F.pad(x, (0, 0, AROUND, AROUND)), 2 * AROUND + 1) for x in (steps, there))
    return (total / count.clamp_min(1.0)).repeat_interleave(block, dim=1)


def moving_sum(values: Tensor, length: int) -> Tensor:
    """Sums of ``length`` neighbours, (B, T + length - 1, D) to (B, T, D).

    Sums of twice as many are made of two each, so that there are log2(length) additions instead of ``length``; unlike
    differences of a running total, each sum is of its own values alone.
    """
    T = values.shape[1] - length + 1
    total, begin = values.new_zeros(()), 0
    for bit in range(length.bit_length()):
        width = 1 << bit
        if bit:
            values = values[:, : -width // 2] + values[:, width // 2 :]  # of `width` neighbours
        if length & width:
            total = total + values[:, begin : begin + T]
            begin += width
    return total
