"""The log-partition of linear chains as a differentiable function, their marginals and their paths.

On the CPU the numba kernels of :mod:`avtext.kernels.chain` and :mod:`avtext.kernels.viterbi` do the work, on
CUDA the tensor operations of :mod:`avtext.layers.chain_torch`. Sums are float64 whatever the emissions are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from avtext.kernels import chain as chain_kernel
from avtext.kernels import viterbi as viterbi_kernel
from avtext.layers import chain_torch
from avtext.layers.chain_torch import Rows

Backend = Literal["numba", "torch"]


def backend_for(device: torch.device) -> Backend:
    """``"numba"`` on the CPU, ``"torch"`` elsewhere."""
    return "numba" if device.type == "cpu" else "torch"


def emitted_score(rows: Rows, tags: Tensor, mask: Tensor) -> Tensor:
    """What the emissions give the tags ``(N, T)`` where the mask ``(N, T)`` is true: ``(N,)`` float64."""
    scores = rows.emissions.gather(2, tags[:, :, None])[:, :, 0].double()
    return scores.masked_fill(~mask, 0.0).sum(1)


def transition_score(rows: Rows, tags: Tensor, mask: Tensor) -> Tensor:
    """What start, transitions and end give the tags, as :func:`emitted_score`; -inf if one is forbidden."""
    if tags.shape[1] == 0:
        return rows.start.new_zeros(len(tags), dtype=torch.float64)
    moved = rows.transitions[rows.chain[:, None], tags[:, :-1], tags[:, 1:]].double()
    last = tags.gather(1, (rows.lengths - 1).clamp(min=0)[:, None])[:, 0]
    ends = rows.start[rows.chain, tags[:, 0]].double() + rows.end[rows.chain, last].double()
    return moved.masked_fill(~mask[:, 1:], 0.0).sum(1) + ends.masked_fill(rows.lengths == 0, 0.0)


def log_partition(rows: Rows, backend: Backend) -> Tensor:
    """``log Σ exp(score)`` over all paths of each row, ``(N,)`` float64, differentiable once.

    The gradient is analytic: the marginals for the emissions and the expected counts for the parameters.
    """
    return _LogPartition.apply(backend, *rows)


def marginals(rows: Rows, backend: Backend) -> tuple[Tensor, Tensor]:
    """The log-partition ``(N,)`` and ``(N, T, K)`` probability of each tag at each step, 0 in padding."""
    state = _forward(rows, backend)
    return state[0], _backward(rows, state, torch.ones_like(state[0]), backend)[0]


def expectations(rows: Rows, backend: Backend) -> tuple[Tensor, ...]:
    """As :func:`marginals`, then each row's own expected starts, transitions and ends: (N, K), (N, K, K), (N, K)."""
    start, transitions, end = (x[rows.chain] for x in (rows.start, rows.transitions, rows.end))
    every = torch.arange(len(rows.chain), device=rows.chain.device)
    each = Rows(rows.emissions, rows.lengths, start, transitions, end, every)
    state = _forward(each, backend)
    return state[0], *_backward(each, state, torch.ones_like(state[0]), backend)


def best_path(rows: Rows, backend: Backend) -> tuple[Tensor, Tensor]:
    """The best path ``(N, T)`` int64, -1 in padding, and its score ``(N,)`` float64, NaN for a bad row."""
    if backend == "torch":
        return chain_torch.viterbi(rows)
    tags, scores = viterbi_kernel.viterbi(*rows.arrays(), check=False)
    return torch.from_numpy(tags), torch.from_numpy(scores)


def best_paths(rows: Rows, n: int) -> tuple[Tensor, Tensor]:
    """The n best paths ``(N, n, T)`` and their scores ``(N, n)``, computed on the CPU for every device."""
    tags, scores = viterbi_kernel.nbest(*rows.arrays(), n=n, check=False)
    return torch.from_numpy(tags).to(rows.emissions.device), torch.from_numpy(scores).to(rows.emissions.device)


class _LogPartition(torch.autograd.Function):
    @staticmethod
    def forward(ctx, backend: Backend, *tensors: Tensor) -> Tensor:
        rows = Rows(*tensors)
        ctx.backend = backend
        log_z, *state = _forward(rows, backend)
        ctx.save_for_backward(*rows, log_z, *state)
        return log_z.clone()  # apart from what is saved, or the graph would hold itself

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor):
        rows, state = Rows(*ctx.saved_tensors[:6]), ctx.saved_tensors[6:]
        unary, *parameters = _backward(rows, state, grad, ctx.backend)
        return None, unary, None, *(x.to(rows.start.dtype) for x in parameters), None


def _forward(rows: Rows, backend: Backend) -> tuple[Tensor, ...]:
    """The log-partition, and what else the backward pass needs."""
    if backend == "torch":
        return chain_torch.forward(rows)
    emissions, lengths, *parameters = rows.arrays()
    chains = chain_kernel.chains(emissions, lengths, *parameters)
    return tuple(torch.from_numpy(x) for x in chain_kernel.forward_pass(emissions, lengths, chains))


def _backward(rows: Rows, state: Sequence[Tensor], weights: Tensor, backend: Backend) -> tuple[Tensor, ...]:
    """Gradients of ``Σ weights * log_partition`` for the emissions and the three parameters."""
    if backend == "torch":
        return chain_torch.backward(rows, state[0], state[1], weights)
    emissions, lengths, *parameters = rows.arrays()
    chains = chain_kernel.chains(emissions, lengths, *parameters)
    forward = chain_kernel.Forward(*(x.numpy() for x in state))
    found = chain_kernel.backward_pass(emissions, lengths, chains, forward, weights.numpy())
    return tuple(torch.from_numpy(x) for x in found)
