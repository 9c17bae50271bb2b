"""Pruning: channels that are cut together belong together, and what is left is smaller and works."""

from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.model import Batch, EventDetector, collate
from avtext.pruning.channels import axes_of
from avtext.pruning.slicing import group_sizes, is_by_head, prune, pruned_settings, sliced
from tests.encoders.test_folding import with_statistics
from tests.model.test_detector import clip, make

FUSIONS = [("cross", 2), ("early", 2), ("late", 2), ("co_attention", 2), ("cross", 0)]  # kind and rounds of attention


def model_of(kind: str = "cross", rounds: int = 2, **changes: object) -> EventDetector:
    fusion = {"num_layers": rounds, "num_heads": 2, "reach": 0.4, "kind": kind}
    model = with_statistics(make(4, fusion=fusion, **changes))
    for parameter in model.parameters():  # no two channels alike
        parameter.data += 0.05 * torch.rand(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel()))
    return model  # type: ignore[return-value]


@pytest.mark.parametrize(("kind", "rounds"), FUSIONS)
def test_channels_in_another_order_change_nothing(kind: str, rounds: int, batch: Batch) -> None:
    """Were an axis not in its group, or in the wrong one, the output would change."""
    model, shuffled = model_of(kind, rounds), model_of(kind, rounds)
    state, axes = model.state_dict(), axes_of(model)
    torch.manual_seed(1)
    order = {}
    for group, size in group_sizes(state, axes).items():
        heads = 2 if is_by_head(group) else 1
        order[group] = torch.cat([torch.randperm(size // heads) + h * (size // heads) for h in range(heads)])
    moved = sliced(state, axes, order)
    shuffled.load_state_dict(moved)
    changed = [name for name, value in state.items() if not torch.equal(value, moved[name])]
    assert changed == [name for name in state if any(axes.get(name, ()))]
    with torch.no_grad():
        want, got = model(batch), shuffled(batch)
    torch.testing.assert_close(got.emissions, want.emissions, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(got.gates, want.gates, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kind", "rounds"), FUSIONS)
def test_every_axis_that_a_smaller_model_has_smaller_is_in_a_group(kind: str, rounds: int) -> None:
    model = model_of(kind, rounds)
    small = EventDetector(pruned_settings(model, 0.4)).state_dict()
    axes = axes_of(model)
    for name, value in model.state_dict().items():
        smaller = [i for i, (a, b) in enumerate(zip(value.shape, small[name].shape, strict=True)) if b < a]
        named = [i for i, axis in enumerate(axes.get(name, ())) if axis is not None]
        assert smaller == named, name


def test_channels_that_nothing_reads_go_first(batch: Batch) -> None:
    model = model_of()
    state, axes = model.state_dict(), axes_of(model)
    small = EventDetector(pruned_settings(model, 0.3))
    sizes, wanted = group_sizes(state, axes), group_sizes(small.state_dict(), axes_of(small))
    inner = [group for group in sizes if not group.startswith("stream")]  # a norm looks at all of a stream
    kept = {}
    for group in inner:
        heads = 2 if is_by_head(group) else 1
        length, left = sizes[group] // heads, wanted[group] // heads
        kept[group] = torch.cat([torch.randperm(length)[:left].sort().values + h * length for h in range(heads)])
    for name, parts in axes.items():
        for number, axis in enumerate(parts):
            if axis is not None and set(axis.groups) <= set(inner) and state[name].ndim > 1:
                live = axis.places(kept, sizes)
                dead = torch.ones(state[name].shape[number], dtype=torch.bool)
                dead[live] = False
                state[name].transpose(0, number)[dead] = 0.0
    model.load_state_dict(state)
    pruned = axes_of(prune(model, 0.3))
    assert pruned.keys() == axes.keys()
    from avtext.pruning.slicing import _norms, _strongest

    norms = _norms(dict(model.named_parameters()), axes, sizes)
    for group in inner:
        assert torch.equal(_strongest(norms[group], wanted[group], 2 if is_by_head(group) else 1), kept[group]), group


def test_a_pruned_model_is_really_smaller_and_learns(batch: Batch) -> None:
    model = model_of()
    small = prune(model, 0.3)
    assert small.settings.width == 8  # of sixteen: channels go by eights
    assert small.num_parameters()["total"] < 0.75 * model.num_parameters()["total"]
    labelled = collate([clip(2.0, 0), clip(1.2, 1)], small.scheme)
    before = small.loss(labelled).total
    optimizer = torch.optim.AdamW(small.parameters(), lr=1e-2)
    for _ in range(10):
        optimizer.zero_grad()
        small.train().loss(labelled).total.backward()
        optimizer.step()
    assert small.eval().loss(labelled).total < 0.8 * before


@pytest.mark.parametrize(
    ("width", "heads", "share", "left"),
    [(12, 6, 0.5, 12), (10, 5, 0.9, 10), (24, 6, 0.9, 24), (36, 3, 0.9, 24), (8, 2, 0.9, 8)],
)
def test_the_least_width_is_one_that_heads_can_share(width: int, heads: int, share: float, left: int) -> None:
    model = make(width=width, fusion={"num_layers": 1, "num_heads": heads})
    assert pruned_settings(model, share).width == left


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(InvalidInput, match=r"share: must lie in \(0, 0.9\]"):
        prune(make(), share)
