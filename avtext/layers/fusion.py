"""Gated cross-modal attention: each modality attends to others nearby in time, then a gate weighs them per step.

With ``h_m`` the features of modality m, ``A_m`` attention of m over the modalities it may see, and availability
``a_m`` in {0, 1}::

    h_m'  = h_m + A_m(h)            then  h_m' + MLP(h_m')           (num_layers times)
    g_m   = a_m exp(s_m) / sum_n a_n exp(s_n),   s_m = w_m · h_m'
    fused = norm(sum_m g_m V_m h_m')

Kinds differ in what a modality may see (``SIGHT``) and in whether a gate is learned. Attention is banded: a step sees
``reach`` steps to either side, so that memory and time are linear in length (Beltagy et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avtext.errors import InvalidInput
from avtext.layers.tcn import keep

# What a modality attends to: the others, itself, or all. `early` mixes inputs before any attention.
SIGHT = {
    "cross": "others",
    "co_attention": "all",
    "late": "itself",
    "early": "all",
}
UNSEEN = -1e9  # score of what is not there: its weight is zero wherever anything is


class Fused(NamedTuple):
    """``features`` (B, T, D); ``mask`` (B, T), where any modality is; ``gates`` (B, T, M), summing to one there."""

    features: Tensor
    mask: Tensor
    gates: Tensor


def banded_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, bias: Tensor) -> Tensor:
    """Attention of each step to the real steps at most ``R`` away, in blocks of ``R`` queries against ``3 R`` keys::

        keys     |  block i-1  |   block i   |  block i+1  |
        queries                |   block i   |
        band               <-R--- each query ---R->

    Args:
        query: (B, H, T, E).
        key: (B, H, S, T, E), from S sources on the same time axis.
        value: (B, H, S, T, E).
        mask: (B, S, T), true where a key is real.
        bias: (H, S, 2 R + 1), added to the score by relative position.

    Returns:
        (B, H, T, E); zero where a step sees no real key.
    """
    B, H, T, E = query.shape
    S, R = key.shape[2], bias.shape[-1] // 2
    blocks = -(-T // R)
    tail = blocks * R - T
    query = F.pad(query, (0, 0, 0, tail)).reshape(B, H, blocks, R, E)
    key, value = (
        _neighbourhoods(F.pad(x, (0, 0, R, tail + R)).reshape(B, H, S, blocks + 2, R, E)) for x in (key, value)
    )
    near = _neighbourhoods(F.pad(mask, (R, tail + R)).reshape(B, 1, S, blocks + 2, R, 1))  # (B, 1, blocks, S 3R, 1)
    distance = torch.arange(3 * R, device=query.device)[None, :] - torch.arange(R, device=query.device)[:, None]
    in_band = (distance >= 0) & (distance <= 2 * R)  # key j of the three blocks lies at j - R - i from query i
    relative = bias[:, :, distance.clamp(0, 2 * R)].transpose(1, 2).reshape(H, 1, R, S * 3 * R)
    seen = near.transpose(-1, -2) & in_band.repeat(1, S)
    unseen = torch.where(seen, 0.0, UNSEEN).to(query.dtype)  # added: one for all heads
    scores = (query / E**0.5) @ key.transpose(-1, -2) + relative + unseen
    out = (scores.softmax(-1) @ value) * seen.any(-1, keepdim=True)
    return out.reshape(B, H, blocks * R, E)[:, :, :T]


def banded_weights(query: Tensor, key: Tensor, mask: Tensor, bias: Tensor) -> Tensor:
    """The weights of :func:`banded_attention`, (B, H, T, S, 2 R + 1): of the key ``j - R`` steps from each query.

    They take ``2 R + 1`` times the memory of the keys: to look at, for clips of some seconds.
    """
    E, R = query.shape[-1], bias.shape[-1] // 2
    T = query.shape[2]
    # one step more than is needed: of a clip without steps there is no window
    near = F.pad(key, (0, 0, R, R + 1)).unfold(3, 2 * R + 1, 1)[:, :, :, :T]  # (B, H, S, T, E, 2R + 1)
    seen = F.pad(mask, (R, R + 1)).unfold(2, 2 * R + 1, 1)[:, :, :T].transpose(1, 2)[:, None]  # (B, 1, T, S, 2R + 1)
    scores = torch.einsum("bhte,bhstej->bhtsj", query, near) / E**0.5 + bias[None, :, None]
    return scores.masked_fill(~seen, UNSEEN).flatten(-2).softmax(-1).reshape(scores.shape) * seen


def _neighbourhoods(x: Tensor) -> Tensor:
    """Each block with the one before and the one after: (B, H, S, blocks + 2, R, E) to (B, H, blocks, S 3R, E)."""
    three = torch.cat([x[:, :, :, :-2], x[:, :, :, 1:-1], x[:, :, :, 2:]], 4)
    B, H, S, blocks, length, E = three.shape
    return three.transpose(2, 3).reshape(B, H, blocks, S * length, E)


class AttentionLayer(nn.Module):
    """One round: every modality attends to what it may see, then an MLP of its own.

    Args:
        width: D.
        num_modalities: M.
        sight: what each may see, a value of ``SIGHT``.
        num_heads: H.
        reach: R.
        dropout: on attention and MLP outputs.
    """

    def __init__(self, width: int, num_modalities: int, sight: str, num_heads: int, reach: int, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.sight = num_heads, sight
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(num_modalities))
        self.queries = nn.ModuleList(nn.Linear(width, width) for _ in range(num_modalities))
        self.keys = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(num_modalities))
        self.outputs = nn.ModuleList(nn.Linear(width, width) for _ in range(num_modalities))
        self.bias = nn.Parameter(torch.zeros(num_heads, num_modalities, 2 * reach + 1))
        self.feedforward = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
            for _ in range(num_modalities)
        )
        self.dropout = nn.Dropout(dropout)

    def sources(self, modality: int) -> list[int]:
        """The modalities that a modality may see."""
        count = len(self.norms)
        if count == 1 or self.sight == "itself":
            return [modality]
        return [m for m in range(count) if self.sight == "all" or m != modality]

    def forward(self, features: list[Tensor], masks: list[Tensor]) -> list[Tensor]:
        """M times (B, T, D) and (B, T) to M times (B, T, D)."""
        B, T, D = features[0].shape
        result = []
        for m, (x, (query, key, value, seen, bias)) in enumerate(
            zip(features, self._heads(features, masks), strict=True)
        ):
            heard = banded_attention(query, key, value, seen, bias)
            x = x + self.dropout(self.outputs[m](heard.transpose(1, 2).reshape(B, T, D)))
            x = x + self.dropout(self.feedforward[m](x))
            result.append(x * masks[m].unsqueeze(-1))
        return result

    def _heads(self, features: list[Tensor], masks: list[Tensor]) -> Iterator[tuple[Tensor, ...]]:
        """Query, key, value, mask and bias of each modality, as :func:`banded_attention` takes them."""
        B, T, D = features[0].shape
        H, E = self.num_heads, D // self.num_heads  # said in full: of a clip without steps nothing could be told
        normed = [norm(x) * m.unsqueeze(-1) for norm, x, m in zip(self.norms, features, masks, strict=True)]
        pairs = [linear(x).reshape(B, T, 2, H, E) for linear, x in zip(self.keys, normed, strict=True)]
        for m in range(len(features)):
            sources = self.sources(m)
            key, value = torch.stack([pairs[s] for s in sources], 0).permute(3, 1, 4, 0, 2, 5)
            query = self.queries[m](normed[m]).reshape(B, T, H, E).transpose(1, 2)
            yield query, key, value, torch.stack([masks[s] for s in sources], 1), self.bias[:, sources]

    def weights(self, features: list[Tensor], masks: list[Tensor]) -> list[Tensor]:
        """What each modality attends to: M times (B, T, S, 2 reach + 1), the mean of the heads; S as in `sources`."""
        heads = self._heads(features, masks)
        return [banded_weights(query, key, seen, bias).mean(1) for query, key, _, seen, bias in heads]


class GatedFusion(nn.Module):
    """Fuse M modalities on one grid; any subset may be missing, at any step.

    Args:
        width: features per step.
        num_modalities: M.
        kind: an entry of ``SIGHT``.
        num_layers: rounds of attention; 0 leaves the gates alone.
        num_heads: attention heads; divides ``width``.
        reach: steps to either side that a step can attend to, 1 or more.
        dropout: on attention and MLP outputs.

    Raises:
        InvalidInput: another ``kind``, a width that the heads do not divide, or a reach under 1.

    Example:
        >>> fusion = GatedFusion(8, 2, num_heads=2, reach=3).eval()
        >>> there = torch.tensor([[True, True, False]])
        >>> fused = fusion([torch.randn(1, 3, 8)] * 2, [there, torch.ones_like(there)])
        >>> fused.gates[0, 2].tolist()
        [0.0, 1.0]
    """

    def __init__(
        self,
        width: int,
        num_modalities: int,
        kind: str = "cross",
        num_layers: int = 1,
        num_heads: int = 4,
        reach: int = 25,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kind not in SIGHT:
            raise InvalidInput(f"GatedFusion: kind must be one of {', '.join(SIGHT)}, got {kind!r}")
        if num_heads < 1 or width % num_heads:
            raise InvalidInput(f"GatedFusion: width must be a multiple of num_heads, got {width} and {num_heads}")
        if reach < 1:
            raise InvalidInput(f"GatedFusion: reach must be at least 1 step, got {reach}")
        self.kind = kind
        streams = 1 if kind == "early" else num_modalities
        self.layers = nn.ModuleList(
            AttentionLayer(width, streams, SIGHT[kind], num_heads, reach, dropout) for _ in range(num_layers)
        )
        self.gate = nn.ModuleList(nn.Linear(width, 1) for _ in range(num_modalities))
        self.value = nn.ModuleList(nn.Linear(width, width) for _ in range(num_modalities))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: list[Tensor], masks: list[Tensor]) -> Fused:
        """M times (B, T, D) with masks (B, T) to :class:`Fused`."""
        features = [keep(x, m) for x, m in zip(features, masks, strict=True)]
        anywhere = torch.stack(masks, 0).any(0)
        if self.kind == "early":
            gates = self._gates([torch.zeros_like(x) for x in features], masks)
            mixed = self._mix(features, gates)
            for layer in self.layers:
                (mixed,) = layer([mixed], [anywhere])
        else:
            for layer in self.layers:
                features = layer(features, masks)
            gates = self._gates(features, masks)
            mixed = self._mix(features, gates)
        return Fused(keep(self.norm(mixed), anywhere), anywhere, gates)

    def _gates(self, features: list[Tensor], masks: list[Tensor]) -> Tensor:
        scores = torch.cat([gate(x) for gate, x in zip(self.gate, features, strict=True)], -1).float()
        there = torch.stack(masks, -1)
        gates = scores.masked_fill(~there, UNSEEN).softmax(-1)
        return gates * there

    def _mix(self, features: list[Tensor], gates: Tensor) -> Tensor:
        parts = [value(x) * gates[..., m, None] for m, (value, x) in enumerate(zip(self.value, features, strict=True))]
        return torch.stack(parts, 0).sum(0)
