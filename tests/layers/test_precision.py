"""Bfloat16 is chosen where it is faster, by all who choose."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from avtext.layers.precision import prefers_bfloat16
from avtext.pipeline.network import TorchNetwork
from avtext.training.devices import open_fabric
from tests.model.test_detector import make
from tests.training.test_loop import run


@pytest.fixture(params=[False, True])
def has_it(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A GPU is there; those that have no bfloat16 emulate it."""
    has: bool = request.param
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has or including_emulation)
    return has


def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(has_it: bool) -> None:
    assert prefers_bfloat16("cuda") == has_it
    assert not prefers_bfloat16("cpu")


def test_a_model_asks(has_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    network = TorchNetwork(make())
    assert not network._short
    monkeypatch.setattr(TorchNetwork, "_device", torch.device("cuda"))
    assert network._short == has_it


def test_a_training_asks(has_it: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fabric:
        def __init__(self, precision: str, **_: object) -> None:
            self.precision = precision

        def launch(self) -> None:
            pass

    monkeypatch.setattr("lightning.fabric.Fabric", Fabric)
    assert open_fabric(run(tmp_path, accelerator="auto")).precision == ("bf16-mixed" if has_it else "32-true")


@pytest.mark.parametrize(("name", "short"), [("avx512_bf16", True), ("avx512_vnni", False)])
def test_on_a_cpu_a_training_asks_for_products_and_a_model_does_not(
    name: str, short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {name: True})
    with open_fabric(run(tmp_path, accelerator="cpu")).autocast():
        assert torch.is_autocast_enabled("cpu") == short
    assert not TorchNetwork(make())._short
