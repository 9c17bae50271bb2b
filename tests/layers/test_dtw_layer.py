"""Tensors around the exact kernel: batches, masks, bands, types."""

from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.layers.dtw import DTWPath, dtw, dtw_from_cost


def pair_of(found: DTWPath, k: int) -> list[list[int]]:
    return [pair for pair in found.path[k].tolist() if pair != [-1, -1]]


@pytest.fixture
def ragged() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x, y = torch.randn(4, 30, 6), torch.randn(4, 40, 6)
    x_mask = torch.arange(30) < torch.tensor([30, 12, 1, 0])[:, None]
    y_mask = torch.arange(40) < torch.tensor([40, 25, 40, 7])[:, None]
    x[~x_mask], y[~y_mask] = float("nan"), float("inf")
    return x, y, x_mask, y_mask


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "sqeuclidean"])
@pytest.mark.parametrize("band", [None, 0.3])
def test_a_pair_alone_equals_itself_in_a_batch_whatever_the_padding_holds(ragged, metric, band):
    x, y, x_mask, y_mask = ragged
    options = {"metric": metric, "band": band, "open_begin": True, "open_end": True}
    together = dtw(x, y, x_mask, y_mask, **options)
    for k in range(4):
        alone = dtw(x[k][x_mask[k]], y[k][y_mask[k]], **options)
        assert together.cost[k] == alone.cost
        assert pair_of(together, k) == alone.path.tolist()
    assert together.cost[3] == 0
    assert pair_of(together, 3) == []


def test_a_mask_with_a_gap_keeps_the_callers_steps():
    x = torch.tensor([[0.0], [9.0], [1.0], [2.0]])
    found = dtw(
        x,
        x,
        torch.tensor([True, False, True, True]),
        torch.tensor([True, False, True, True]),
        metric="euclidean",
    )
    assert found.path.tolist() == [[0, 0], [2, 2], [3, 3]]


def test_from_cost_equals_from_features(ragged):
    x, y, x_mask, y_mask = ragged
    cost = torch.cdist(x.nan_to_num(0.0), y.nan_to_num(0.0, posinf=0.0))
    cost[~x_mask] = float("nan")
    want = dtw(x, y, x_mask, y_mask, metric="euclidean")
    got = dtw_from_cost(cost, x_mask, y_mask)
    torch.testing.assert_close(got.cost, want.cost)
    assert torch.equal(got.path, want.path)


def test_leading_axes_are_kept():
    x, y = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 7, 4)
    found = dtw(x, y)
    assert found.cost.shape == (2, 3)
    assert found.path.shape[:2] == (2, 3)
    assert found.cost[1, 2] == dtw(x[1, 2], y[1, 2]).cost
    assert dtw(x[0, 0], y[0, 0]).cost.shape == ()
    empty = dtw(x[:0], y[:0])
    assert empty.cost.shape == (0, 3)
    assert empty.path.shape == (0, 3, 0, 2)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_types(kind: torch.dtype):
    x = torch.arange(6.0)[:, None].to(kind)
    found = dtw(x, x, metric="euclidean")
    assert found.cost.dtype == torch.promote_types(kind, torch.float32)
    assert found.path[:, 0].tolist() == found.path[:, 1].tolist() == [*range(6)]


def test_inputs_with_gradients_are_taken_and_give_none():
    x = torch.randn(5, 3, requires_grad=True)
    assert not dtw(x, x).cost.requires_grad


def test_a_centre_line_moves_the_band():
    torch.manual_seed(1)
    y = torch.randn(200, 8)
    x = y[50:150]
    centre = torch.arange(100) + 48.0
    found = dtw(x, y, band=0.02, centre=centre, open_begin=True, open_end=True)
    assert (found.path[:, 1] - found.path[:, 0]).tolist() == [50] * 100


def test_a_band_too_narrow_for_the_slope_is_refused():
    with pytest.raises(InvalidInput, match="no path leads through the band"):
        dtw(torch.randn(3, 2), torch.randn(300, 2), band=0.01)


def test_bad_arguments():
    x = torch.randn(2, 5, 3)
    with pytest.raises(InvalidInput, match="equal leading axes"):
        dtw(x, torch.randn(3, 5, 3))
    with pytest.raises(InvalidInput, match="x_mask must be boolean"):
        dtw(x, x, torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(InvalidInput, match="y_mask must be boolean"):
        dtw(x, x, None, torch.ones(2, 5))
    with pytest.raises(InvalidInput, match="share of the longer"):
        dtw(x, x, band=5)
    with pytest.raises(InvalidInput, match="centre needs a band"):
        dtw(x, x, centre=torch.zeros(2, 5))
    with pytest.raises(InvalidInput, match="finite"):
        dtw(x, x * float("nan"))
    with pytest.raises(InvalidInput, match=r"\(\.\.\., N, M\)"):
        dtw_from_cost(torch.ones(3))


@pytest.mark.gpu
def test_cuda_gives_the_same_path_as_the_cpu():
    x, y = torch.randn(3, 200, 16), torch.randn(3, 150, 16)
    here, there = dtw(x, y), dtw(x.cuda(), y.cuda())
    assert torch.equal(here.path, there.path.cpu())
    assert torch.equal(here.cost, there.cost.cpu())
