"""BatchNorm learns from real steps alone, and modules are left in the mode they were in."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from avtext.encoders.small_video import PictureEncoder, SmallVideoEncoder
from avtext.kernels.picture import SIZE
from avtext.layers.masked_conv import MaskedConv
from avtext.layers.modes import evaluating, norm_of_real


def padded(values: Tensor, mask: Tensor, more: int) -> tuple[Tensor, Tensor]:
    """A batch with ``more`` steps of padding, and with a clip of which nothing is real."""
    B, T, *shape = values.shape
    out, real = torch.full((B + 1, T + more, *shape), 77).to(values), torch.zeros(B + 1, T + more, dtype=torch.bool)
    out[:B, :T], real[:B, :T] = values, mask
    return out, real


def check_padding_is_inert(module: nn.Module, values: Tensor, mask: Tensor) -> None:
    """In training neither what comes out for real steps nor what BatchNorm learns depends on padding."""
    start = {name: value.clone() for name, value in module.state_dict().items()}
    plain = module.train()(values, mask)[0]
    learnt = {name: value.clone() for name, value in module.state_dict().items()}
    module.load_state_dict(start)
    wide = module.train()(*padded(values, mask, 4))[0]
    torch.testing.assert_close(wide[: len(plain), : plain.shape[1]][mask], plain[mask], atol=1e-4, rtol=1e-4)
    assert any("running" in name and not torch.equal(value, start[name]) for name, value in learnt.items())
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, learnt[name], atol=1e-4, rtol=1e-4)


def test_padding_is_inert_in_the_picture_statistics() -> None:
    check_padding_is_inert(PictureEncoder(8), torch.randn(2, 6, SIZE), torch.ones(2, 6, dtype=torch.bool))


def test_padding_is_inert_in_the_frames() -> None:
    frames = torch.randint(0, 255, (2, 4, 64, 64, 3), dtype=torch.uint8)
    mask = torch.ones(2, 4, dtype=torch.bool)
    mask[1, 2] = False
    check_padding_is_inert(SmallVideoEncoder(8, (4, 8)), frames, mask)


def test_padding_is_inert_in_the_spectra() -> None:
    class Spectra(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = MaskedConv(2, 4, (1, 2))

        def forward(self, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
            kept = (values * mask[..., None, None]).permute(0, 2, 1, 3)  # what masks a spectrogram before the blocks
            found, mask = self.block(kept, mask)
            return found.transpose(1, 2), mask

    check_padding_is_inert(Spectra(), torch.randn(2, 6, 2, 8), torch.ones(2, 6, dtype=torch.bool))


@pytest.mark.parametrize("real", [0, 1])
def test_too_little_to_learn_from_takes_what_was_learnt(real: int) -> None:
    norm = nn.BatchNorm1d(3).train()
    values = torch.randn(2, 3)
    found = norm_of_real(norm, values, torch.arange(2) < real)
    torch.testing.assert_close(found, values, atol=1e-4, rtol=1e-4)  # mean 0, variance 1, where it began
    assert int(norm.num_batches_tracked) == 0


def test_parts_that_did_not_train_do_not_afterwards() -> None:
    module = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(1)).train()
    module[1].eval()
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module.modules()] == [True, True, False]


def test_an_error_leaves_the_mode_as_it_was() -> None:
    module = nn.Dropout().train()
    with pytest.raises(ZeroDivisionError), evaluating(module):
        raise ZeroDivisionError
    assert module.training
