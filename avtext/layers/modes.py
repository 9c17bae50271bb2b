"""What depends on whether a module trains: evaluation for a while, and whose statistics BatchNorm takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, undone afterwards; parts that were in it before stay so.

    Example:
        >>> module = nn.Dropout().train()
        >>> with evaluating(module):
        ...     print(module.training)
        False
        >>> module.training
        True
    """
    trained = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in trained:
            part.training = True


def norm_of_real(norm: nn.BatchNorm1d | nn.BatchNorm2d, values: Tensor, real: Tensor) -> Tensor:
    """BatchNorm whose statistics in training are those of real rows alone, so that padding changes none of them.

    Args:
        norm: with running statistics, which are taken where fewer than two rows are real, and in evaluation.
        values: (N, C, ...), a row for each step of each clip.
        real: (N,) boolean.

    Returns:
        As ``values``; of rows that are not real it says nothing.

    Example:
        >>> norm, values = nn.BatchNorm1d(1), torch.tensor([[1.0], [3.0], [100.0]])
        >>> norm_of_real(norm, values, torch.tensor([True, True, False]))[:2, 0].round().tolist()
        [-1.0, 1.0]
    """
    if norm.training and int(real.sum()) < 2:
        return F.batch_norm(values, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    if not norm.training or bool(real.all()):
        return norm(values)
    out = torch.zeros_like(values)
    out[real] = norm(values[real]).to(out.dtype)
    return out
