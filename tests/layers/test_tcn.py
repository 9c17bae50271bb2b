from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.layers.tcn import TCN, to_grid


def slow_to_grid(values, mask, rate, start, grid_rate, count):  # the definition, in loops
    reach = max(1.0, rate / grid_rate)
    out = torch.zeros(count, values.shape[1])
    real = torch.zeros(count, dtype=torch.bool)
    for j in range(count):
        position = ((j + 0.5) / grid_rate - start) * rate - 0.5
        total = 0.0
        for i in range(len(values)):
            weight = max(0.0, 1.0 - abs(i - position) / reach)
            if mask[i] and weight > 0:
                out[j] += weight * values[i]
                total += weight
        if total > 1e-6:
            out[j] /= total
            real[j] = True
    return out, real


@pytest.mark.parametrize("rate", [8.0, 15.0, 25.0, 30.0, 49.95, 50.0, 100.0])
@pytest.mark.parametrize("start", [0.0, 0.0025, -0.3, 0.7])
def test_to_grid_equals_its_definition(rate: float, start: float) -> None:
    generator = torch.Generator().manual_seed(round(rate))
    values = torch.randn(1, int(rate * 2), 3, generator=generator)
    mask = torch.rand(1, values.shape[1], generator=generator) > 0.3
    got, real = to_grid(values, mask, rate, torch.tensor([start]), 25.0, 60)
    want, want_real = slow_to_grid(values[0], mask[0], rate, start, 25.0, 60)
    torch.testing.assert_close(got[0], want, atol=1e-5, rtol=1e-5)
    assert torch.equal(real[0], want_real)


def bump_on_grid(at: float, rate: float) -> torch.Tensor:
    centres = (torch.arange(int(4 * rate)) + 0.5) / rate
    bump = torch.exp(-(((centres - at) / 0.2) ** 2))[None, :, None]
    grid, _ = to_grid(bump, torch.ones(1, bump.shape[1], dtype=torch.bool), rate, torch.zeros(1), 25.0, 100)
    return grid[0, :, 0]


def test_50_15_and_8_hz_streams_of_one_event_peak_on_the_same_grid_step() -> None:
    at = 2.06  # seconds
    peaks = {int(bump_on_grid(at, rate).argmax()) for rate in (50.0, 15.0, 8.0)}
    assert peaks == {int(at * 25)}


@pytest.mark.parametrize("rate", [50.0, 15.0, 8.0])
def test_an_event_is_where_it_was_whatever_the_rate(rate: float) -> None:
    times = (torch.arange(100) + 0.5) / 25.0
    for at in torch.linspace(1.5, 2.5, 21).tolist():
        grid = bump_on_grid(at, rate)
        middle = float((grid * times).sum() / grid.sum())
        assert abs(middle - at) < 0.01  # seconds
        assert abs(float(times[grid.argmax()]) - at) <= 0.5 / rate + 0.5 / 25.0


def test_a_constant_stays_constant_and_nan_outside_the_mask_is_inert() -> None:
    values = torch.full((2, 30, 4), 7.0)
    mask = torch.ones(2, 30, dtype=torch.bool)
    mask[1, 10:] = False
    values[1, 10:] = float("nan")
    out, real = to_grid(values, mask, 15.0, torch.zeros(2), 25.0, 50)
    assert torch.allclose(out[real], torch.tensor(7.0))
    assert real[0].all()
    assert real[1].sum() == 17  # 10 frames at 15 Hz reach half a frame further than their last centre
    assert (out[~real] == 0).all()


def test_an_empty_stream_gives_an_empty_grid() -> None:
    out, real = to_grid(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool), 8.0, torch.zeros(2), 25.0, 5)
    assert out.shape == (2, 5, 3)
    assert not real.any()


def test_the_receptive_field_is_what_it_says() -> None:
    torch.manual_seed(0)
    tcn = TCN(16, 3, 3).eval().double()
    mask = torch.ones(8, 41, dtype=torch.bool)
    base = torch.randn(8, 41, 16, dtype=torch.float64)
    moved = base.clone()
    moved[:, 20] += torch.randn(8, 16, dtype=torch.float64)
    changed = ((tcn(base, mask) - tcn(moved, mask)).abs().amax((0, 2)) > 0).nonzero().flatten()
    assert (int(changed.min()), int(changed.max())) == (20 - tcn.receptive_field // 2, 20 + tcn.receptive_field // 2)


def test_windows_with_a_halo_equal_the_whole() -> None:
    torch.manual_seed(0)
    tcn = TCN(8, 4, 3).eval()
    values, mask = torch.randn(1, 300, 8), torch.ones(1, 300, dtype=torch.bool)
    mask[0, 120:140] = False
    whole = tcn(values, mask)
    halo = tcn.receptive_field // 2
    pieces = []
    for first in range(0, 300, 50):
        begin, end = max(0, first - halo), min(300, first + 50 + halo)
        pieces.append(tcn(values[:, begin:end], mask[:, begin:end])[:, first - begin : first - begin + 50])
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-5, rtol=1e-5)


def test_alone_equals_in_a_batch_with_nan_padding_also_in_gradients() -> None:
    torch.manual_seed(0)
    tcn = TCN(6, 3, 3).eval()
    short = torch.randn(1, 12, 6)
    padded = torch.full((2, 30, 6), float("nan"))
    padded[0], padded[1, :12] = torch.randn(30, 6), short[0]
    mask = torch.zeros(2, 30, dtype=torch.bool)
    mask[0], mask[1, :12] = True, True
    padded.requires_grad_(True)
    together = tcn(padded, mask)
    alone = tcn(short, torch.ones(1, 12, dtype=torch.bool))
    torch.testing.assert_close(together[1, :12], alone[0], atol=1e-6, rtol=1e-6)
    assert (together[1, 12:] == 0).all()
    together.sum().backward()
    assert padded.grad is not None
    assert torch.isfinite(padded.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in tcn.parameters() if p.grad is not None)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_very_short_sequences_keep_their_length(length: int) -> None:
    out = TCN(4, 3, 3).eval()(torch.randn(2, length, 4), torch.ones(2, length, dtype=torch.bool))
    assert out.shape == (2, length, 4)


@pytest.mark.parametrize("size", [0, 4, -3])
def test_a_kernel_that_changes_the_length_is_refused(size: int) -> None:
    with pytest.raises(InvalidInput, match=f"kernel_size must be odd and at least 1, got {size}"):
        TCN(8, 1, size)
