"""Expected counts of each row are the gradients of its own log-partition, whatever rows stand beside it."""

from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.layers.crf import CRF
from avtext.tags import TagScheme


def crf_of(chains: int) -> CRF:
    grammar = TagScheme(tuple("abc"[:chains]), "overlapping").grammar()
    allowed = (torch.from_numpy(x) for x in (grammar.starts, grammar.transitions, grammar.ends))
    return CRF(3, chains, **dict(zip(("allowed_start", "allowed", "allowed_end"), allowed, strict=True))).double()


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_expectations_are_the_gradients_of_each_row(chains: int, backend: str) -> None:
    torch.manual_seed(0)
    crf, lengths = crf_of(chains), [7, 4, 1]
    crf._backend = backend  # type: ignore[assignment]
    shape = (3, 7, 3) if chains == 1 else (3, chains, 7, 3)
    emissions = torch.randn(shape, dtype=torch.float64)
    mask = torch.arange(7) < torch.tensor(lengths)[:, None]
    found = crf.expectations(emissions, mask)
    for row in range(3):
        own = emissions[row : row + 1].clone().requires_grad_()
        log_z = crf.log_partition(own, mask[row : row + 1])
        parameters = (crf.start_transitions, crf.transitions, crf.end_transitions)
        want = torch.autograd.grad(log_z.sum(), (own, *parameters))
        torch.testing.assert_close(found.log_partition[row], log_z[0].detach())
        torch.testing.assert_close(found.marginals[row], want[0][0])
        for got, expected in zip(found[2:], want[1:], strict=True):
            torch.testing.assert_close(got[row], expected.detach())


def test_what_is_no_score_is_refused() -> None:
    emissions = torch.zeros(2, 3, 3, dtype=torch.float64)
    emissions[1, 0, 0] = torch.nan
    with pytest.raises(InvalidInput, match="row 1"):
        crf_of(1).expectations(emissions)
