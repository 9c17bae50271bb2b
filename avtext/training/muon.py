"""Muon: matrices move by momentum whose directions all weigh alike, everything else moves by AdamW."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)  # a x + b x³ + c x⁵ of Jordan et al.: steep at zero, near one for singular values
ROUNDS = 5


def orthogonalized(matrices: Tensor) -> Tensor:
    """The matrices with their singular values near one, by Newton-Schulz iterations.

    Args:
        matrices: (..., rows, columns), floating point.

    Returns:
        (..., rows, columns); singular values of 0.68 to 1.21, smaller ones where they were under 0.002 of the matrix's
        Frobenius norm; zeros stay zeros.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
    https://kellerjordan.github.io/posts/muon/.

    Example:
        >>> orthogonalized(torch.tensor([[2.0, 0.0], [0.0, 0.5]])).diagonal().round(decimals=1)
        tensor([0.7000, 0.7000])
    """
    a, b, c = QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.AdamW):
    """AdamW whose groups with ``orthogonal=True`` move by Muon; kernels count as matrices of (outputs, the rest).

    An update of Muon has a root mean square of 0.2 times the learning rate, which is about what AdamW's has, so that
    both take the same learning rate and weight decay (Liu et al. 2025, "Muon is scalable for LLM training",
    arXiv:2502.16982).

    Args:
        groups: of parameters, as torch takes them.
        momentum: of Muon, Nesterov's.
        settings: of AdamW.

    Example:
        >>> layer = torch.nn.Linear(4, 3)
        >>> optimizer = Muon([{"params": [layer.weight], "orthogonal": True}, {"params": [layer.bias]}], lr=1e-3)
        >>> layer(torch.ones(4)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(self, groups: list[dict[str, Any]], momentum: float = 0.95, **settings: Any) -> None:
        super().__init__([{"orthogonal": False, "momentum": momentum} | group for group in groups], **settings)

    def __setstate__(self, state: dict[str, Any]) -> None:
        torch.optim.Optimizer.__setstate__(self, state)  # Adam's looks for a count of steps, which matrices lack

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; gradients of matrices are used up by it.

        Args:
            closure: computes the loss anew, as torch's optimizers take it.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["orthogonal"]:
                self._move(group)
        super().step()  # of what still has a gradient
        return loss

    def _move(self, group: dict[str, Any]) -> None:
        alike: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = defaultdict(list)  # one product for many is faster
        for weight in group["params"]:
            if weight.grad is not None:
                ahead = self._ahead(weight, weight.grad, group["momentum"]).flatten(1)
                alike[tuple(ahead.shape)].append((weight, ahead))
                weight.grad = None
        rate = group["lr"]
        for shape, pairs in alike.items():
            weights, momenta = zip(*pairs, strict=True)
            for weight, update in zip(weights, orthogonalized(torch.stack(momenta)), strict=True):
                weight.mul_(1 - rate * group["weight_decay"])
                weight.sub_(update.view(weight.shape), alpha=0.2 * rate * max(shape) ** 0.5)

    def _ahead(self, weight: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """The momentum after this gradient, looked ahead by one more."""
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        state["momentum"].mul_(momentum).add_(gradient)
        return gradient + momentum * state["momentum"]
