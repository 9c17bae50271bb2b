"""Models as bytes for other processes, with the normed weights of Wav2Vec2, which torch does not pickle."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized

from avtext.backends.networks import with_weight


class ModulePickler(pickle.Pickler):
    """For a process that computes with the modules and does not train them."""

    def reducer_override(self, value: object) -> Any:
        """A convolution whose weight is computed from others is made anew on the other side, with the same names."""
        if not (isinstance(value, nn.Conv1d) and is_parametrized(value, "weight")):
            return NotImplemented
        dim = value.parametrizations["weight"][0].dim  # type: ignore[index]
        return _normed, (with_weight(value), dim, value.state_dict())


def _normed(conv: nn.Conv1d, dim: int, state: Mapping[str, Tensor]) -> nn.Module:
    conv = weight_norm(conv, dim=dim)
    conv.load_state_dict(state)
    return conv
