"""A linear-chain conditional random field (Lafferty et al. 2001) over emissions, batch first.

The score of tags ``y`` over steps ``0 … L-1`` is::

    score(y) = start[y0] + Σ_t emissions[t, y_t] + Σ_t transitions[y_{t-1}, y_t] + end[y_{L-1}]

and its probability ``exp(score(y)) / Σ exp(score)`` over all paths. Parameters and semantics are those of
``torchcrf.CRF``, whose weights load unchanged. Sums are float64 inside; half precision is widened first.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from avtext.errors import InvalidInput
from avtext.kernels.chain import lengths_of
from avtext.layers import chain
from avtext.layers.chain_torch import Rows

REDUCTIONS = ("none", "sum", "mean", "token_mean")
NOT_A_SCORE = "holds NaN or +inf at a real step; scores must be finite, or -inf to forbid a tag"


class Path(NamedTuple):
    """Decoded tags and their scores.

    Attributes:
        tags: ``(..., T)`` int64, -1 in padding and where there is no such path.
        scores: ``(...)`` not normalised; less the log-partition they are log-probabilities. 0 for an empty
            row, -inf where no path is possible.
    """

    tags: Tensor
    scores: Tensor


class Expectations(NamedTuple):
    """Of each row or, with several chains, of each row's chains (one axis more).

    Attributes:
        log_partition: ``(B,)``.
        marginals: ``(B, T, K)``, 0 in padding.
        start, transitions, end: ``(B, K)``, ``(B, K, K)``, ``(B, K)`` expected counts.
    """

    log_partition: Tensor
    marginals: Tensor
    start: Tensor
    transitions: Tensor
    end: Tensor


class CRF(nn.Module):
    """One chain of tags, or one per class, with an analytic gradient that is linear in time.

    With ``num_chains=1`` emissions are ``(B, T, K)`` and tags ``(B, T)``; with C chains emissions are
    ``(B, C, T, K)``, tags ``(B, C, T)`` and every chain has its own parameters. The mask is ``(B, T)`` in
    both cases: boolean, true is real, and real steps come first in a row. A row without real steps has one
    path, the empty one, with score and log-partition 0. What padding holds, NaN included, changes nothing.

    Emissions of -inf forbid a tag at a step: tags that use it have a likelihood of -inf and a gradient of 0. If nothing
    is left, the log-partition is -inf, marginals 0. NaN or +inf at a real step makes the loss NaN; decoding refuses it.

    Args:
        num_tags: K.
        num_chains: C.
        allowed: boolean ``(K, K)`` or ``(C, K, K)``, which tag may follow which (first index before); all by
            default. Such tables belong to the configuration: they are not part of the state dict.
        allowed_start: boolean ``(K,)`` or ``(C, K)``, tags that may come first.
        allowed_end: boolean ``(K,)`` or ``(C, K)``, tags that may come last.

    Raises:
        InvalidInput: a size is under 1 or a table has another shape or type.

    Example:
        >>> crf = CRF(3)
        >>> emissions, tags = torch.randn(2, 5, 3), torch.randint(3, (2, 5))
        >>> mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
        >>> loss = -crf(emissions, tags, mask, reduction="token_mean")
        >>> crf.decode(emissions, mask).tags[1, 2:].tolist(), crf.marginals(emissions, mask).shape
        ([-1, -1, -1], torch.Size([2, 5, 3]))
    """

    def __init__(
        self,
        num_tags: int,
        num_chains: int = 1,
        *,
        allowed: Tensor | None = None,
        allowed_start: Tensor | None = None,
        allowed_end: Tensor | None = None,
    ) -> None:
        super().__init__()
        if num_tags < 1 or num_chains < 1:
            raise InvalidInput(f"CRF: expected at least 1 tag and 1 chain, got {num_tags} and {num_chains}")
        self.num_tags = num_tags
        self.num_chains = num_chains
        chains = () if num_chains == 1 else (num_chains,)
        self.start_transitions = nn.Parameter(torch.empty(*chains, num_tags))
        self.end_transitions = nn.Parameter(torch.empty(*chains, num_tags))
        self.transitions = nn.Parameter(torch.empty(*chains, num_tags, num_tags))
        self._forbid("start", allowed_start, self.start_transitions)
        self._forbid("transitions", allowed, self.transitions)
        self._forbid("end", allowed_end, self.end_transitions)
        self._backend: chain.Backend | None = None  # None: by device; tests set it to compare the two
        self.reset_parameters()

    def _forbid(self, name: str, allowed: Tensor | None, parameter: Tensor) -> None:
        forbidden = None
        if allowed is not None:
            shapes = {tuple(parameter.shape), tuple(parameter.shape[self.num_chains > 1 :])}
            if allowed.dtype != torch.bool or tuple(allowed.shape) not in shapes:
                raise InvalidInput(
                    f"CRF: the table of allowed {name} must be boolean of shape {sorted(shapes)[0]}, "
                    f"got {allowed.dtype} {tuple(allowed.shape)}"
                )
            forbidden = ~allowed.expand(parameter.shape)
        self.register_buffer(f"forbidden_{name}", forbidden, persistent=False)

    def reset_parameters(self) -> None:
        """Draw every parameter from the uniform distribution over ±0.1, as torchcrf does."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def extra_repr(self) -> str:
        """The sizes, for ``print``."""
        return f"num_tags={self.num_tags}, num_chains={self.num_chains}"

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None, reduction: str = "sum") -> Tensor:
        """The log-likelihood, reduced; its negative is the loss.

        Args:
            emissions: ``(B, T, K)`` or ``(B, C, T, K)``.
            tags: ``(B, T)`` or ``(B, C, T)`` integers; anything in padding.
            mask: ``(B, T)`` boolean; all real by default.
            reduction: ``"none"`` (see :meth:`log_likelihood`), ``"sum"``, ``"mean"`` over rows and chains or
                ``"token_mean"``, the sum over the number of real steps of all chains. A sum or mean over no rows is 0.

        Raises:
            InvalidInput: as :meth:`log_likelihood`, or an unknown reduction.
        """
        if reduction not in REDUCTIONS:
            raise InvalidInput(f"reduction: expected one of {', '.join(REDUCTIONS)}, got {reduction!r}")
        likelihood = self.log_likelihood(emissions, tags, mask)
        if reduction == "none":
            return likelihood
        if reduction == "mean":
            return likelihood.mean() if likelihood.numel() else likelihood.sum()
        if reduction == "sum":
            return likelihood.sum()
        steps = emissions.shape[0] * emissions.shape[-2] if mask is None else mask.sum()
        return likelihood.sum() / max(int(steps) * self.num_chains, 1)

    def log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-probability of the tags of each row: ``(B,)`` or ``(B, C)``, in the type of the emissions,
        float32 at least.

        Raises:
            InvalidInput: a shape or type does not fit, the mask has a gap, a tag is out of range, or the tags
                of a row use what the constraints forbid; the message names the row.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            rows = self._rows(emissions, mask)
            mask = torch.arange(rows.emissions.shape[1], device=emissions.device) < rows.lengths[:, None]
            tags = self._check_tags(tags, emissions, mask)
            moved = chain.transition_score(rows, tags, mask)
            self._refuse(torch.isneginf(moved), "tags", "uses a forbidden start, transition or end; mend the tags")
            score = moved + chain.emitted_score(rows, tags, mask)
            log_z = chain.log_partition(rows, self._backend_for(emissions))
            forbidden = torch.isneginf(score) & ~torch.isnan(log_z)  # by emissions; -inf less -inf would be NaN
            return self._unfold(torch.where(forbidden, -torch.inf, score - log_z), rows)

    def log_partition(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """``log Σ exp(score)`` over all paths of each row: ``(B,)`` or ``(B, C)``, differentiable."""
        with torch.autocast(emissions.device.type, enabled=False):
            rows = self._rows(emissions, mask)
            return self._unfold(chain.log_partition(rows, self._backend_for(emissions)), rows)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probability of each tag at each step, shaped as the emissions, float32 at least; 0 in padding.

        Raises:
            InvalidInput: a shape or type does not fit, the mask has a gap, or NaN or +inf at a real step.
        """
        rows = self._rows(emissions, mask)
        log_z, unary = chain.marginals(rows, self._backend_for(emissions))
        self._refuse(torch.isnan(log_z), "emissions", NOT_A_SCORE)
        return self._unfold(unary, rows)

    @torch.no_grad()
    def expectations(self, emissions: Tensor, mask: Tensor | None = None) -> Expectations:
        """What each row's distribution over paths comes to; enough to compare it with that of other scores.

        Raises:
            InvalidInput: as :meth:`marginals`.
        """
        rows = self._rows(emissions, mask)
        found = chain.expectations(rows, self._backend_for(emissions))
        self._refuse(torch.isnan(found[0]), "emissions", NOT_A_SCORE)
        return Expectations(*(self._unfold(values, rows) for values in found))

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> Path:
        """The best path of each row, tags ``(B, T)`` or ``(B, C, T)``.

        Ties go to the lowest tag: the last tag is the lowest of the best, then so is each tag before it.

        Raises:
            InvalidInput: as :meth:`marginals`.
        """
        rows = self._rows(emissions, mask)
        tags, scores = chain.best_path(rows, self._backend_for(emissions))
        self._refuse(torch.isnan(scores), "emissions", NOT_A_SCORE)
        return Path(self._unfold(tags, rows), self._unfold(scores, rows))

    @torch.no_grad()
    def nbest(self, emissions: Tensor, mask: Tensor | None = None, n: int = 2) -> Path:
        """The n best different paths, best first: tags ``(B, n, T)`` or ``(B, C, n, T)``.

        Ties as in :meth:`decode`. Where fewer than n paths are possible the rest have score -inf and tags -1.

        Raises:
            InvalidInput: as :meth:`marginals`, or n under 1.
        """
        rows = self._rows(emissions, mask)
        tags, scores = chain.best_paths(rows, n)
        self._refuse(torch.isnan(scores[:, 0]), "emissions", NOT_A_SCORE)
        return Path(self._unfold(tags, rows), self._unfold(scores, rows))

    def _backend_for(self, emissions: Tensor) -> chain.Backend:
        return self._backend or chain.backend_for(emissions.device)

    def _unfold(self, values: Tensor, rows: Rows) -> Tensor:
        """Rows back to ``(B, ...)`` or ``(B, C, ...)``, scores in the type of the widened emissions."""
        C = self.num_chains
        values = values.to(rows.emissions.dtype) if values.is_floating_point() else values
        return values if C == 1 else values.unflatten(0, (len(values) // C, C))

    def _rows(self, emissions: Tensor, mask: Tensor | None) -> Rows:
        """One row per clip and chain."""
        C, K = self.num_chains, self.num_tags
        chains = () if C == 1 else (C,)
        shape = (*emissions.shape[:1], *chains, *emissions.shape[-2:-1], K)
        if len(shape) != 3 + len(chains) or tuple(emissions.shape) != shape or not emissions.is_floating_point():
            wanted = ", ".join(("B", *map(str, chains), "T", str(K)))
            raise InvalidInput(
                f"emissions: expected floating point scores of shape ({wanted}), got {emissions.dtype} "
                f"{tuple(emissions.shape)}"
            )
        B, T = shape[0], shape[-2]
        lengths = _lengths(mask, B, T, emissions.device)
        return Rows(
            _widened(emissions).reshape(B * C, T, K),
            lengths if C == 1 else lengths.repeat_interleave(C),
            self._scores("start", self.start_transitions).view(C, K),
            self._scores("transitions", self.transitions).view(C, K, K),
            self._scores("end", self.end_transitions).view(C, K),
            torch.arange(C, device=emissions.device).repeat(B),
        )

    def _scores(self, name: str, parameter: Tensor) -> Tensor:
        forbidden = getattr(self, f"forbidden_{name}")
        return _widened(parameter) if forbidden is None else _widened(parameter).masked_fill(forbidden, -torch.inf)

    def _check_tags(self, tags: Tensor, emissions: Tensor, mask: Tensor) -> Tensor:
        """Tags ``(N, T)`` with 0 in padding."""
        if tags.shape != emissions.shape[:-1] or tags.is_floating_point() or tags.dtype == torch.bool:
            raise InvalidInput(
                f"tags: expected integers of shape {tuple(emissions.shape[:-1])}, got {tags.dtype} {tuple(tags.shape)}"
            )
        tags = tags.reshape(mask.shape).long().masked_fill(~mask, 0)
        outside = ((tags < 0) | (tags >= self.num_tags)).any(dim=1)
        self._refuse(outside, "tags", f"has a tag outside 0 to {self.num_tags - 1} at a real step")
        return tags

    def _refuse(self, bad: Tensor, argument: str, reason: str) -> None:
        """Raise for the first bad one of the rows ``(N,)``, in the words of the caller's axes."""
        if bad.any():
            clip, index = divmod(int(bad.nonzero()[0, 0]), self.num_chains)
            where = f"row {clip}" if self.num_chains == 1 else f"row {clip}, chain {index}"
            raise InvalidInput(f"{argument}: {where} {reason}")


def _widened(scores: Tensor) -> Tensor:
    """Float64 as it is, all else float32: in half precision a sum over steps loses its steps."""
    return scores if scores.dtype == torch.float64 else scores.float()


def _lengths(mask: Tensor | None, B: int, T: int, device: torch.device) -> Tensor:
    """Real steps of each clip, which must come first."""
    if mask is None:
        return torch.full((B,), T, device=device)
    if mask.dtype != torch.bool or tuple(mask.shape) != (B, T):
        raise InvalidInput(f"mask: expected boolean of shape ({B}, {T}), got {mask.dtype} {tuple(mask.shape)}")
    return torch.from_numpy(lengths_of(mask.cpu().numpy())).to(device)
