"""Folding changes no number; norms with statistics of their own, so that a fold that does nothing would be seen."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from avtext.encoders.folding import folded
from avtext.encoders.slowfast import SlowFastEncoder
from avtext.model import EventDetector, collate
from tests.model.test_detector import ENCODERS, clip, make

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def with_statistics(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(3)
    for module in model.modules():
        if isinstance(module, NORMS):
            for tensor, low, high in ((module.running_mean, -1, 1), (module.running_var, 0.3, 3)):
                tensor.copy_(torch.rand(len(tensor), generator=generator) * (high - low) + low)
            for parameter, low, high in ((module.weight, 0.5, 2), (module.bias, -1, 1)):
                parameter.data = torch.rand(len(parameter), generator=generator) * (high - low) + low
    return model.eval()


@pytest.mark.parametrize(("seed", "contrast"), [(0, False), (1, False), (1, True)])
def test_a_folded_detector_computes_the_same(seed: int, contrast: bool) -> None:
    video = {"name": "small_video", "options": {"size": 16, "channels": [4, 8], "contrast": contrast}}
    model = with_statistics(make(seed, encoders={**ENCODERS, "video": video}))
    plain = folded(model)
    assert isinstance(plain, EventDetector)
    assert any(isinstance(module, NORMS) for module in model.modules())
    assert not any(isinstance(module, NORMS) for module in plain.modules())
    gap = clip(2.0, 1)
    assert gap.video is not None
    gap.video.real[5:9] = False
    batch = collate([clip(2.4, 0), gap])
    with torch.no_grad():
        want, got = model(batch), plain(batch)
    scale = want.emissions.abs().max()
    assert (got.emissions - want.emissions).abs().max() <= 1e-5 * scale
    torch.testing.assert_close(got.gates, want.gates, atol=1e-5, rtol=0)


def test_slowfast_is_folded_too() -> None:
    torch.manual_seed(0)
    encoder = with_statistics(SlowFastEncoder(config={"model_depth": 18, "stem_dim_outs": [8, 1]}, clip_frames=8))
    plain = folded(encoder)
    assert not any(isinstance(module, NORMS) for module in plain.modules())
    frames = torch.randint(0, 256, (1, 8, 64, 64, 3), dtype=torch.uint8)
    real = torch.ones(1, 8, dtype=torch.bool)
    with torch.no_grad():
        want, got = encoder(frames, real)[0], plain(frames, real)[0]
    assert (got - want).abs().max() <= 1e-5 * want.abs().max()
