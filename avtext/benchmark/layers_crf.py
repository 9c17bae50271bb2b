"""The CRF against torchcrf: loss with its gradient, Viterbi, growth with time, ragged masks; torch-struct beside."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torchcrf import CRF as TorchCRF  # noqa: N811 (its name is ours too)

from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_limits import row
from avtext.benchmark.timing import one_torch_thread, require, take_turns
from avtext.layers.crf import CRF


@dataclass(frozen=True)
class CRFSizes:
    """How large the measurements are; the defaults are those of the limits.

    Args:
        batch: sequences.
        long: steps for the loss, and the end of its growth.
        short: steps for Viterbi, and the beginning of the growth.
        tags: how many.
        rounds: timed calls of each.
        peer_rounds: timed calls of each where the peer's take seconds.
    """

    batch: int = 64
    long: int = 2000
    short: int = 500
    tags: int = 20
    rounds: int = 7
    peer_rounds: int = 3


FULL = CRFSizes()


class Chains:
    """Ours and torchcrf's with equal parameters, emissions and tags.

    Args:
        sizes: of batch and tags.
        length: steps.
    """

    def __init__(self, sizes: CRFSizes, length: int) -> None:
        """Draw everything from a seed."""
        generator = torch.Generator().manual_seed(0)
        shape = (sizes.batch, length)
        self.ours = CRF(sizes.tags)
        self.theirs = TorchCRF(sizes.tags, batch_first=True)
        self.ours.load_state_dict(self.theirs.state_dict())
        self.emissions = torch.randn(*shape, sizes.tags, generator=generator, requires_grad=True)
        self.tags = torch.randint(sizes.tags, shape, generator=generator)
        lengths = torch.randint(1, length + 1, (sizes.batch, 1), generator=generator)
        self.ragged = torch.arange(length) < lengths
        self.full = torch.ones(shape, dtype=torch.bool)

    def loss(self, crf: CRF | TorchCRF, mask: Tensor | None = None) -> Tensor:
        """Negative log-likelihood and its gradient for emissions and parameters; returns that of the emissions."""
        mask = self.full if mask is None else mask
        loss = -crf(self.emissions, self.tags, mask, reduction="sum")
        return torch.autograd.grad(loss, (self.emissions, *crf.parameters()))[0]

    def __str__(self) -> str:
        return " x ".join(map(str, self.emissions.shape))


def measure(sizes: CRFSizes = FULL) -> list[Figure]:
    """The figures of the CRF.

    Raises:
        MissingExtra: torch-struct is not installed.
    """
    require("torch_struct", "torch-struct")
    long, short = Chains(sizes, sizes.long), Chains(sizes, sizes.short)
    with one_torch_thread():
        return [
            _loss(long, short, sizes.peer_rounds),
            _growth(long, short, sizes.rounds),
            _viterbi(short, sizes.peer_rounds),
            *_ragged(long, short, sizes.rounds),
            _structured(sizes),
        ]


def _loss(long: Chains, short: Chains, rounds: int) -> Figure:
    turns = take_turns(lambda: long.loss(long.ours), lambda: long.loss(long.theirs), rounds)
    apart = float((short.loss(short.ours) - short.loss(short.theirs)).abs().max())
    detail = f"{long}, loss and gradients: {turns.describe('torchcrf')}; those of {short} differ by at most {apart:.1e}"
    return row("row06_crf_loss_against_torchcrf", turns.speedup, detail)


def _growth(long: Chains, short: Chains, rounds: int) -> Figure:
    turns = take_turns(lambda: short.loss(short.ours), lambda: long.loss(long.ours), rounds)
    detail = f"loss forward and backward, {turns.describe(str(long), str(short))}"
    return row("row07_crf_loss_growth", turns.speedup, detail)


def _viterbi(chains: Chains, rounds: int) -> Figure:
    emissions = chains.emissions.detach()
    turns = take_turns(
        lambda: chains.ours.decode(emissions, chains.full), lambda: chains.theirs.decode(emissions, chains.full), rounds
    )
    paths = torch.tensor(chains.theirs.decode(emissions, chains.full))
    same = (chains.ours.decode(emissions, chains.full).tags == paths).float().mean()
    detail = f"{chains}: {turns.describe('torchcrf')}; {same:.2%} of the tags are equal"
    return row("row08_viterbi_against_torchcrf", turns.speedup, detail)


def _ragged(long: Chains, short: Chains, rounds: int) -> list[Figure]:
    """Masks of random lengths from 1 to all, against masks of the same shape that are true throughout."""
    emissions = short.emissions.detach()
    loss = take_turns(lambda: long.loss(long.ours, long.ragged), lambda: long.loss(long.ours), rounds)
    path = take_turns(
        lambda: short.ours.decode(emissions, short.ragged), lambda: short.ours.decode(emissions, short.full), rounds
    )
    found = []
    for slug, chains, turns in (("a_ragged_loss", long, loss), ("b_ragged_viterbi", short, path)):
        detail = f"{chains}: {turns.describe('full mask', 'ragged mask')}; {chains.ragged.float().mean():.0%} is real"
        found.append(row(f"row09{slug}_against_full", 1 / turns.speedup, detail))
    return found


def _structured(sizes: CRFSizes) -> Figure:
    """torch-struct's log-partition with its gradient, on an eighth of the batch: it holds (B, T, K, K, K) at once."""
    chains = Chains(replace(sizes, batch=max(1, sizes.batch // 8)), sizes.short)

    def gradient(value: Tensor) -> Tensor:
        return torch.autograd.grad(value.sum(), chains.emissions)[0]

    def ours() -> Tensor:
        return gradient(chains.ours.log_partition(chains.emissions))

    def theirs() -> Tensor:
        return gradient(_structured_partition(chains.theirs, chains.emissions))

    turns = take_turns(ours, theirs, sizes.peer_rounds)
    apart = float((ours() - theirs()).abs().max())
    detail = f"{chains}, log-partition forward and backward: {turns.describe('torch-struct')}; differ by {apart:.1e}"
    return Figure("crf_partition_against_torch_struct", turns.speedup, "x as fast", detail=detail)


def _structured_partition(crf: TorchCRF, emissions: Tensor) -> Tensor:
    """The log-partition by torch-struct, whose potentials are ``[batch, step, tag, tag before]``."""
    from torch_struct import LinearChainCRF

    edges = crf.transitions.T + emissions[:, 1:, :, None]
    first = (crf.start_transitions + emissions[:, 0])[:, None, None, :]
    last = crf.end_transitions[:, None].expand(edges.shape[2:])
    edges = torch.cat([edges[:, :1] + first, edges[:, 1:]], dim=1)
    edges = torch.cat([edges[:, :-1], edges[:, -1:] + last], dim=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it lacks a constant that torch's distributions ask for
        return LinearChainCRF(edges).partition
