from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from avtext.model import EventDetector
from avtext.training.muon import Muon, orthogonalized
from avtext.training.optimizer import make_optimizer
from tests.training.test_loop import run

SIZES = st.integers(1, 24)


@settings(deadline=None)
@given(rows=SIZES, columns=SIZES, scale=st.sampled_from([1e-4, 1.0, 1e4]), seed=st.integers(0, 999))
def test_singular_directions_stay_and_their_values_come_near_one(
    rows: int, columns: int, scale: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = min(rows, columns)
    left = torch.linalg.qr(torch.randn(rows, size, generator=generator)).Q
    right = torch.linalg.qr(torch.randn(columns, size, generator=generator)).Q
    values = 0.1 + torch.rand(size, generator=generator)
    found = left.T @ orthogonalized(scale * left * values @ right.T) @ right
    assert torch.allclose(found, found.diagonal().diag(), atol=1e-3)
    assert found.diagonal().min() > 0.65
    assert found.diagonal().max() < 1.25


def test_a_gradient_of_zeros_moves_nothing_and_a_stack_is_its_matrices() -> None:
    stack = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    stack[1] = 0
    found = orthogonalized(stack)
    assert found[1].eq(0).all()
    assert torch.allclose(found[2], orthogonalized(stack[2]), atol=1e-6)


def moved(weight: Tensor, gradients: list[Tensor], **group: object) -> Tensor:
    """How far a weight is moved by these gradients."""
    parameter = nn.Parameter(weight.clone())
    optimizer = Muon([{"params": [parameter], "orthogonal": True, "weight_decay": 0.0, **group}], lr=0.01)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach() - weight


@pytest.mark.parametrize("shape", [(8, 8), (16, 4), (4, 16), (16, 3, 5), (8, 4, 3, 3)])
def test_an_update_is_as_large_as_one_of_adamw_whatever_the_gradient(shape: tuple[int, ...]) -> None:
    gradient = torch.randn(*shape, generator=torch.Generator().manual_seed(2))
    step, tiny = (moved(torch.zeros(shape), [scale * gradient]) for scale in (1.0, 1e-3))
    assert torch.allclose(step, tiny, atol=1e-6)
    assert (step * gradient).sum() < 0  # downhill
    full = min(shape[0], gradient[0].numel()) * max(shape[0], gradient[0].numel()) / gradient.numel()
    assert step.square().mean().sqrt().item() == pytest.approx(0.2 * 0.01 * full**0.5, rel=0.25)


def test_a_kernel_moves_as_the_matrix_of_its_outputs_in_any_memory_format() -> None:
    kernel = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(3))
    flat = moved(torch.zeros(6, 36), [kernel.flatten(1)] * 2)
    assert torch.allclose(moved(torch.zeros(6, 4, 3, 3), [kernel] * 2).flatten(1), flat, atol=1e-6)
    lines = kernel.to(memory_format=torch.channels_last)
    assert torch.allclose(moved(torch.zeros_like(lines), [lines] * 2).flatten(1), flat, atol=1e-6)


def test_momentum_carries_on_and_weights_decay() -> None:
    first, second = torch.eye(4), torch.zeros(4, 4)
    assert moved(torch.zeros(4, 4), [first, second]).diagonal().lt(moved(torch.zeros(4, 4), [first]).diagonal()).all()
    assert torch.allclose(moved(torch.ones(4, 4), [second], weight_decay=0.5), torch.full((4, 4), -0.005))


def test_layers_go_by_muon_and_all_else_by_adamw_as_ever() -> None:
    model = EventDetector(run("out", optimizer="muon").model)
    optimizer = make_optimizer(model, run("out", optimizer="muon"))
    ours = {id(p) for group in optimizer.param_groups if group["orthogonal"] for p in group["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in ours}
    assert {"emit.weight", "encoders.video.stem.weight", "tcns.audio.blocks.0.conv.weight"} <= names
    assert not any(name.endswith("bias") or name.startswith("crf.") or "table" in name for name in names)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    plain = make_optimizer(model, run("out"))
    assert type(plain) is torch.optim.AdamW


def test_what_adamw_takes_moves_as_adamw_moves_it() -> None:
    gradients = torch.randn(3, 7, generator=torch.Generator().manual_seed(4))
    ours, theirs = nn.Parameter(torch.ones(7)), nn.Parameter(torch.ones(7))
    pair = [(ours, Muon([{"params": [ours]}], lr=0.01)), (theirs, torch.optim.AdamW([theirs], lr=0.01))]
    for gradient in gradients:
        for parameter, optimizer in pair:
            parameter.grad = gradient.clone()
            optimizer.step()
    assert torch.equal(ours, theirs)


def test_a_loaded_state_goes_on_as_if_it_had_never_stopped() -> None:
    gradients = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(5))

    def begin() -> tuple[list[nn.Parameter], Muon]:
        pair = [nn.Parameter(torch.ones(6, 3)), nn.Parameter(torch.ones(6))]
        return pair, Muon([{"params": pair[:1], "orthogonal": True}, {"params": pair[1:]}], lr=0.01)

    def go(pair: list[nn.Parameter], optimizer: Muon, steps: Tensor) -> None:
        for gradient in steps:
            pair[0].grad, pair[1].grad = gradient.clone(), gradient[:, 0].clone()
            optimizer.step()

    whole, optimizer = begin()
    go(whole, optimizer, gradients)
    (first, before), (second, after) = begin(), begin()
    go(first, before, gradients[:2])
    second[0].data, second[1].data = first[0].data, first[1].data
    after.load_state_dict(before.state_dict())
    go(second, after, gradients[2:])
    assert all(torch.equal(a, b) for a, b in zip(whole, second, strict=True))


def test_matrices_move_as_torch_moves_them_but_in_their_own_precision() -> None:
    gradients = torch.randn(8, 6, 4, generator=torch.Generator().manual_seed(6))
    ours, theirs = nn.Parameter(torch.ones(6, 4)), nn.Parameter(torch.ones(6, 4))
    pair = [
        (ours, Muon([{"params": [ours], "orthogonal": True}], lr=0.02, weight_decay=0.1)),
        (theirs, torch.optim.Muon([theirs], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")),
    ]
    for gradient in gradients:
        for parameter, optimizer in pair:
            parameter.grad = gradient.clone()
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-3)  # theirs in bfloat16
    assert (ours - 1).abs().max() > 0.01


def test_parts_that_do_not_learn_stay_and_a_closure_is_asked_once() -> None:
    layer = nn.Linear(3, 2)
    optimizer = Muon([{"params": [layer.weight], "orthogonal": True}, {"params": [layer.bias]}], lr=0.1)
    before = layer.weight.detach().clone()
    optimizer.step()  # nothing has a gradient
    assert torch.equal(layer.weight, before)
    assert not optimizer.state
    asked = []

    def loss() -> Tensor:
        asked.append(1)
        value = layer(torch.ones(3)).square().sum()
        value.backward()
        return value

    value = optimizer.step(loss)
    assert value is not None
    assert len(asked) == 1
    assert not torch.equal(layer.weight, before)
