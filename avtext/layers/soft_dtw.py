"""Soft-DTW and its divergence, differentiable: how well two sequences agree after the best warp, softly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from avtext.errors import InvalidInput
from avtext.kernels import soft_dtw as kernel
from avtext.layers.soft_dtw_torch import soft_dtw_diagonals

Backend = Literal["numba", "torch"]
# Cells of an anti-diagonal of all pairs together from which a GPU is faster than a core: a step took 0.49 ms on an H100
# whatever its length (docs/results/gpu.json: 0.274 s for 559 of them), a cell 9.7 ns on one core.
GPU_CELLS = 50_000


def soft_dtw(
    cost: Tensor,
    x_lengths: Tensor | None = None,
    y_lengths: Tensor | None = None,
    *,
    gamma: float = 1.0,
    backend: Backend | None = None,
) -> Tensor:
    """Soft-DTW of cost matrices (Cuturi & Blondel 2017), with an analytic gradient.

    The minimum over all monotone paths becomes ``-gamma log Σ exp(-cost / gamma)`` over them. The gradient by
    a cost is how likely a path visits its cell.

    Args:
        cost: ``(B, N, M)`` floating point; inf forbids a cell. What lies beyond the lengths is inert.
        x_lengths: ``(B,)`` integer, real rows of each; None means all.
        y_lengths: ``(B,)`` integer, real columns.
        gamma: softness, positive, in units of the cost.
        backend: ``"numba"`` on the CPU, wherever the costs are; ``"torch"`` runs one step per anti-diagonal on the
            costs' device. None takes numba, but on CUDA torch where the anti-diagonals are long; see ``GPU_CELLS``.

    Returns:
        ``(B,)`` in the costs' type (float32 at least); 0 where a length is 0, inf where no path is finite.

    Raises:
        InvalidInput: shapes, lengths, types or gamma out of range, or a real cost that is NaN or -inf.

    Example:
        >>> cost = torch.zeros(1, 2, 2, requires_grad=True)
        >>> soft_dtw(cost, gamma=1.0).backward(torch.ones(1))  # three paths, two of them past each corner
        >>> cost.grad[0].tolist()
        [[1.0, 0.333...], [0.333..., 1.0]]
    """
    if cost.dim() != 3 or not cost.is_floating_point():
        raise InvalidInput(f"soft_dtw: cost must be floating point, (B, N, M), got {cost.dtype} of {tuple(cost.shape)}")
    if not 0 < gamma < float("inf"):
        raise InvalidInput(f"soft_dtw: gamma must be positive and finite, got {gamma}")
    lengths = torch.stack(
        [
            _lengths(name, given, cost.shape[0], size)
            for name, given, size in zip(
                ("x_lengths", "y_lengths"), (x_lengths, y_lengths), cost.shape[1:], strict=True
            )
        ],
        dim=1,
    )
    backend = backend or backend_for(cost.shape, cost.is_cuda)
    if backend not in ("numba", "torch"):
        raise InvalidInput(f"soft_dtw: backend must be 'numba' or 'torch', got {backend!r}")
    wide = cost.to(torch.promote_types(cost.dtype, torch.float32))
    return _SoftDTW.apply(wide, lengths, gamma, backend)


def backend_for(shape: Sequence[int], on_gpu: bool) -> Backend:
    """What is faster for costs ``(B, N, M)``.

    Example:
        >>> backend_for((16, 300, 260), True), backend_for((2000, 300, 260), True), backend_for((2000, 300, 260), False)
        ('numba', 'torch', 'numba')
    """
    B, N, M = shape
    return "torch" if on_gpu and B * N * M > GPU_CELLS * (N + M) else "numba"


def soft_dtw_divergence(
    x: Tensor,
    y: Tensor,
    x_mask: Tensor | None = None,
    y_mask: Tensor | None = None,
    *,
    gamma: float = 1.0,
    backend: Backend | None = None,
) -> Tensor:
    """A divergence from soft-DTW (Blondel, Mensch & Vert 2021): 0 where x equals y, never negative but for rounding.

    ``s(x, y) - s(x, x) / 2 - s(y, y) / 2`` where ``s`` is soft-DTW on the log-augmented squared distance
    ``c + gamma log(2 - exp(-c / gamma))``, ``c = |a - b|^2``, for which it is proven not to be negative.

    Args:
        x: ``(B, N, size)`` floating point.
        y: ``(B, M, size)``.
        x_mask: boolean ``(B, N)``, true for the real steps, which come first; None means all are.
        y_mask: boolean ``(B, M)``.
        gamma: softness, positive, in units of squared distance.
        backend: as for :func:`soft_dtw`.

    Returns:
        ``(B,)`` in the wider of the two types, float32 at least; 0 where both have no real step. Summed, not averaged,
        over steps.

    Raises:
        InvalidInput: shapes that do not match, a mask with a gap, or a real value that is not finite.

    Example:
        >>> x = torch.tensor([[[0.0], [1.0]]])
        >>> float(soft_dtw_divergence(x, x)), bool(soft_dtw_divergence(x, x + 1) > 0)
        (0.0, True)
    """
    if x.dim() != 3 or y.dim() != 3 or x.shape[0] != y.shape[0] or x.shape[2] != y.shape[2]:
        raise InvalidInput(
            "soft_dtw_divergence: x and y must have shapes (B, N, size) and (B, M, size), "
            f"got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    wide = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    x, n = _real_steps("x", x.to(wide), x_mask)
    y, m = _real_steps("y", y.to(wide), y_mask)
    x, y = _centred(x, y, n, m)

    def soft(a: Tensor, b: Tensor, a_lengths: Tensor, b_lengths: Tensor) -> Tensor:
        return soft_dtw(_augmented(a, b, gamma), a_lengths, b_lengths, gamma=gamma, backend=backend)

    return soft(x, y, n, m) - 0.5 * (soft(x, x, n, n) + soft(y, y, m, m))


def _centred(x: Tensor, y: Tensor, n: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """Both without the mean of x's real steps: no distance depends on it, and its squares would cancel."""
    mean = x.detach().sum(1, keepdim=True) / n.clamp_min(1)[:, None, None]
    return _shifted(x, mean, n), _shifted(y, mean, m)


def _shifted(values: Tensor, mean: Tensor, lengths: Tensor) -> Tensor:
    real = torch.arange(values.shape[1], device=values.device) < lengths[:, None]
    return (values - mean) * real[:, :, None]


def _augmented(x: Tensor, y: Tensor, gamma: float) -> Tensor:
    """``(B, N, M)`` log-augmented squared distances."""
    norms = (x * x).sum(2)[:, :, None] + (y * y).sum(2)[:, None, :]
    with torch.autocast(x.device.type, enabled=False):  # small distances of half precision would cancel
        squares = torch.baddbmm(norms, x, y.transpose(1, 2), alpha=-2).clamp(min=0)
    return squares + gamma * torch.log1p(-torch.expm1(-squares / gamma))


def _real_steps(name: str, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Values with 0 in the padding (inert, also in the gradient), and the lengths."""
    B, T, _ = values.shape
    if mask is None:
        return values, torch.full((B,), T, device=values.device)
    if mask.dtype != torch.bool or tuple(mask.shape) != (B, T):
        raise InvalidInput(
            f"soft_dtw_divergence: {name}_mask must be boolean of shape {(B, T)}, "
            f"got {mask.dtype} of {tuple(mask.shape)}"
        )
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise InvalidInput(f"soft_dtw_divergence: {name}_mask has a gap: the real steps must come first")
    return torch.where(mask[:, :, None], values, torch.zeros((), dtype=values.dtype, device=values.device)), mask.sum(1)


def _lengths(name: str, given: Tensor | None, count: int, size: int) -> Tensor:
    """Int64 on the CPU, checked."""
    if given is None:
        return torch.full((count,), size)
    if given.is_floating_point() or given.dtype == torch.bool or tuple(given.shape) != (count,):
        raise InvalidInput(
            f"soft_dtw: {name} must be integers of shape ({count},), got {given.dtype} of {tuple(given.shape)}"
        )
    given = given.detach().to("cpu", torch.int64)
    if bool(((given < 0) | (given > size)).any()):
        raise InvalidInput(f"soft_dtw: {name} must lie in [0, {size}], got {given.tolist()}")
    return given


class _SoftDTW(torch.autograd.Function):
    """Value by one of the two backends, gradient kept until it is asked for."""

    @staticmethod
    def forward(ctx: Any, cost: Tensor, lengths: Tensor, gamma: float, backend: Backend) -> Tensor:
        if backend == "numba":
            state = kernel.soft_dtw_forward(cost.detach().cpu().numpy(), lengths.numpy(), gamma)
            ctx.share = lambda: torch.from_numpy(kernel.soft_dtw_backward(state, lengths.numpy()))
            value = torch.from_numpy(state.value)
        else:
            value, ctx.share = soft_dtw_diagonals(cost.detach(), lengths.to(cost.device), gamma)
        return value.to(cost.device, cost.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        share = ctx.share().to(grad.device, grad.dtype)
        return grad[:, None, None] * share, None, None, None
