"""Wav2Vec2 features of a waveform of any length, 50 a second, equal in a batch and alone.

`Baevski et al., wav2vec 2.0 <https://arxiv.org/abs/2006.11477>`_. The base model's first layer is a GroupNorm
over all time, so that padding, or cutting into windows, would change every feature. Here no row is padded,
and that layer's statistics are those of the whole row: they follow from the covariance of the layer's
10-sample frames, which one cheap pass over the samples gives. The convolutions are then exact whatever the
windows; only the transformer's attention, and what depends on it, ends where its window ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from avtext.clip import AUDIO_RATE
from avtext.encoders.pretrained import (
    config_to_settings,
    learn_only_last,
    load_weights,
    model_folder,
    model_type,
    random_model,
    read_config,
    settings_to_config,
    together_on,
)
from avtext.encoders.waveform import WaveformRow, Window, plan_windows
from avtext.errors import ConfigError, InvalidInput, ModelError

Moments = tuple[Tensor, Tensor]  # mean and variance of each channel, (channels,) float64


class Wav2Vec2Encoder(nn.Module):
    """Wav2Vec2 hidden states of 16 kHz mono waveforms.

    Args:
        source: a local folder or hub id of a Wav2Vec2 model, such as ``facebook/wav2vec2-base``; None for
            random weights.
        config: settings of `transformers.Wav2Vec2Config` for random weights (default: the base model); only
            without ``source``.
        layer: take the output of this transformer layer, 1 to the number of layers, or ``"last"``; those
            above are not built. (A model with a final LayerNorm applies it.)
        window: seconds that the transformer sees together; a row up to this long is exact, a longer one
            stitched.
        halo: seconds at each inner end of a window that only give context.
        batch: windows of equal length computed together; None: one on a CPU, which is as fast there and makes a row
            in a batch bit-equal to the row alone, and eight on a GPU.
        trained_blocks: how many transformer layers, from the last on, learn where the encoder is a part of the model;
            None: the whole network.
        checkpointing: compute the layers' activations again in the backward pass instead of keeping them.

    Attributes:
        rate: steps per second, 16000 / hop; 50 for all published models (hop 320).
        size: feature width, 768 for base.
        context: 0.2 s, what the convolutions and the positions see; attention sees its whole window, so that features
            from two windows agree about as well as their halos let them, not to the bit.
        start: seconds from the first sample to the beginning of the first step. A step sees 400 samples and
            stands for the 320 in their middle: (400 - 320) / 2 / 16000 = 2.5 ms.
        settings: what decides the features besides the weights, as plain JSON values.

    Raises:
        ModelError: the folder or id is not there, damaged, or another kind of model.
        ConfigError: settings that are not known, or values out of range.

    Example:
        >>> small = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        ...              conv_dim=[8] * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2)
        >>> encoder = Wav2Vec2Encoder(config=small)
        >>> features, real = encoder(torch.zeros(2, 16000), torch.ones(2, 16000, dtype=torch.bool))
        >>> features.shape, encoder.rate, encoder.start
        (torch.Size([2, 49, 16]), 50.0, 0.0025)
    """

    context = 0.2

    def __init__(
        self,
        source: str | Path | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        layer: int | Literal["last"] = "last",
        window: float = 20.0,
        halo: float = 2.0,
        batch: int | None = None,
        trained_blocks: int | None = None,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.model = _build(source, config, layer)
        settings = self.model.config
        self._hop = math.prod(settings.conv_stride)
        self._field = _receptive_field(settings.conv_kernel, settings.conv_stride)
        self.rate = AUDIO_RATE / self._hop
        self.size = int(settings.hidden_size)
        self.start = (self._field - self._hop) / 2 / AUDIO_RATE
        self._length, self._halo, self._batch = round(window * self.rate), round(halo * self.rate), batch
        if not (self._halo >= 0 and self._length > 2 * self._halo and (batch is None or batch >= 1)):
            raise ConfigError(f"need window > 2 * halo >= 0 and batch >= 1, got {window=}, {halo=}, {batch=}")
        transformer = self.model.encoder
        learn_only_last(self.model, list(transformer.layers), trained_blocks, [transformer.layer_norm])
        if checkpointing:
            names = ("activation_checkpointing_enable", "gradient_checkpointing_enable")  # before transformers 5.20
            getattr(self.model, next(name for name in names if hasattr(self.model, name)))({"use_reentrant": False})
        self.settings = {"window": self._length, "halo": self._halo, "config": config_to_settings(settings)}
        self.eval()

    def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Features of waveforms.

        Args:
            values: ``(B, samples)`` float at 16 kHz.
            mask: boolean ``(B, samples)``, true where a sample is real; what ``values`` holds elsewhere is
                not read.

        Returns:
            ``(B, T', size)`` float32 and a boolean mask ``(B, T')``: a step is real where at least half of
            what it sees is. A row of n samples has ``(n - 400) // 320 + 1`` steps; a shorter one has one
            step; a row without a real sample has none.

        Raises:
            InvalidInput: shapes or types that do not fit.
        """
        _check(values, mask)
        rows = [WaveformRow.of(row, real) for row, real in zip(values, mask, strict=True)]
        counts = [self._num_steps(len(row.values)) for row in rows]
        moments = [self._channel_moments(row) for row in rows]
        T = max(counts, default=0)
        features = torch.zeros(len(rows), T, self.size, device=values.device)
        real = torch.zeros(len(rows), T, dtype=torch.bool, device=values.device)
        for windows in self._batches(counts, together_on(values.device, self._batch)):
            computed = self._window_features(rows, moments, windows)
            for w, steps in zip(windows, computed, strict=True):
                features[w.row, w.keep_first : w.keep_last] = steps[w.keep_first - w.first : w.keep_last - w.first]
        for index, row in enumerate(rows):
            if counts[index]:
                real[index, : counts[index]] = row.real_steps(self._hop, self._field)
        return features.masked_fill_(~real[..., None], 0.0), real

    def _num_steps(self, samples: int) -> int:
        return max(1, (samples - self._field) // self._hop + 1) if samples else 0

    def _batches(self, counts: Sequence[int], size: int) -> Iterator[list[Window]]:
        """All rows' windows, those of equal length together, at most ``size`` at a time."""
        by_length: dict[int, list[Window]] = {}
        for row, count in enumerate(counts):
            for window in plan_windows(row, count, self._length, self._halo):
                by_length.setdefault(window.last - window.first, []).append(window)
        for windows in by_length.values():
            for begin in range(0, len(windows), size):
                yield windows[begin : begin + size]

    def _channel_moments(self, row: WaveformRow) -> Moments | None:
        """Moments over the whole row of what the first convolution gives; None for models that need none.

        A channel's value is ``w . frame + b``: its mean is ``w . E[frame] + b``, its variance ``w Cov[frame]
        w``.
        """
        first = self.model.feature_extractor.conv_layers[0]
        if not len(row.values) or not isinstance(getattr(first, "layer_norm", None), nn.GroupNorm):
            return None
        samples = max(len(row.values), self._field)
        mean, covariance = row.frame_moments(first.conv.kernel_size[0], first.conv.stride[0], samples)
        weight = first.conv.weight[:, 0].double()
        centre = weight @ mean + (0.0 if first.conv.bias is None else first.conv.bias.double())
        return centre, ((weight @ covariance) * weight).sum(1).clamp(min=0.0)

    def _window_features(
        self, rows: Sequence[WaveformRow], moments: Sequence[Moments | None], windows: Sequence[Window]
    ) -> Tensor:
        """Hidden states of windows of equal length, ``(n, steps, size)``."""
        spans = [(w.first * self._hop, (w.last - 1) * self._hop + self._field) for w in windows]
        samples = torch.stack([rows[w.row].normalised(*span) for w, span in zip(windows, spans, strict=True)])
        known = [pair for w in windows if (pair := moments[w.row]) is not None]
        return self.hidden(samples, *self._gain_and_shift(known)) if known else self.hidden(samples)

    def _gain_and_shift(self, moments: Sequence[Moments]) -> tuple[Tensor, Tensor]:
        """The first layer's GroupNorm, one channel a group, as a gain and a shift ``(n, channels)`` from moments."""
        layer = self.model.feature_extractor.conv_layers[0]
        norm = layer.layer_norm
        centre = torch.stack([mean for mean, _ in moments])
        gain = torch.stack([(variance + norm.eps).rsqrt() for _, variance in moments]) * norm.weight.double()
        shift = norm.bias.double() - centre * gain
        return gain.to(layer.conv.weight.dtype), shift.to(layer.conv.weight.dtype)

    def hidden(self, samples: Tensor, gain: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        """The network alone: normalised ``(n, samples)`` to ``(n, steps, size)``.

        Args:
            samples: of windows of equal length.
            gain, shift: ``(n, channels)``, what the first layer's norm over all time amounts to; None for models
                without one.
        """
        first, *others = self.model.feature_extractor.conv_layers
        samples = samples[:, None].to(first.conv.weight.dtype)
        if gain is None or shift is None:
            hidden = first(samples)
        else:
            hidden = first.activation(torch.addcmul(shift[..., None], first.conv(samples), gain[..., None]))
        for layer in others:
            hidden = layer(hidden)
        projected, _ = self.model.feature_projection(hidden.transpose(1, 2))
        return self.model.encoder(projected).last_hidden_state.float()


def _check(values: Tensor, mask: Tensor) -> None:
    if values.ndim != 2 or mask.shape != values.shape or mask.dtype != torch.bool or not values.is_floating_point():
        raise InvalidInput(
            "values must be floating (B, samples) and mask boolean of the same shape, got "
            f"{values.dtype} {tuple(values.shape)} and {mask.dtype} {tuple(mask.shape)}"
        )


def _receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    field, hop = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field += (kernel - 1) * hop
        hop *= stride
    return field


def _build(source: str | Path | None, config: Mapping[str, Any] | None, layer: int | str) -> Any:
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    if source is not None and config is not None:
        raise ConfigError("give either source (pretrained weights) or config (random weights), not both")
    folder = None if source is None else model_folder(source)
    if folder is None:
        settings = settings_to_config(Wav2Vec2Config, config or {})
    elif (kind := model_type(folder)) != "wav2vec2":
        raise ModelError(f"{source}: is a {kind!r} model; give a wav2vec2 one, such as facebook/wav2vec2-base")
    else:
        settings = read_config(Wav2Vec2Config, folder)
    if settings.add_adapter:
        raise ModelError(f"{source or 'config'}: a model with an adapter has another step rate; give one without")
    count = settings.num_hidden_layers
    chosen = count if layer == "last" else layer
    if not isinstance(chosen, int) or not 1 <= chosen <= count:
        raise ConfigError(f'layer must be 1 to {count} or "last", got {layer!r}')
    settings.num_hidden_layers = chosen
    settings.mask_time_prob = settings.mask_feature_prob = settings.layerdrop = 0.0  # no random masking of time
    if folder is None:
        return random_model(Wav2Vec2Model, settings)
    return load_weights(Wav2Vec2Model, folder, settings)
