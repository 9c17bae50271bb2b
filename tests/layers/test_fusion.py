from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.layers.fusion import SIGHT, GatedFusion, banded_attention, banded_weights


def slow_attention(query, key, value, mask, bias):  # the definition, one query at a time
    B, H, T, E = query.shape
    S, R = key.shape[2], bias.shape[-1] // 2
    out = torch.zeros(B, H, T, E)
    for b in range(B):
        for h in range(H):
            for t in range(T):
                scores, values = [], []
                for s in range(S):
                    for u in range(max(0, t - R), min(T, t + R + 1)):
                        if mask[b, s, u]:
                            scores.append(query[b, h, t] @ key[b, h, s, u] / E**0.5 + bias[h, s, u - t + R])
                            values.append(value[b, h, s, u])
                if scores:
                    weights = torch.stack(scores).softmax(0)
                    out[b, h, t] = (weights[:, None] * torch.stack(values)).sum(0)
    return out


@pytest.mark.parametrize("length", [1, 4, 5, 11, 23])
@pytest.mark.parametrize("reach", [1, 3, 5])
def test_banded_attention_equals_its_definition(length: int, reach: int) -> None:
    torch.manual_seed(length * 10 + reach)
    query, key = torch.randn(2, 2, length, 4), torch.randn(2, 2, 3, length, 4)
    value, mask = torch.randn(2, 2, 3, length, 4), torch.rand(2, 3, length) > 0.4
    bias = torch.randn(2, 3, 2 * reach + 1)
    got = banded_attention(query, key, value, mask, bias)
    torch.testing.assert_close(got, slow_attention(query, key, value, mask, bias), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("length", [1, 4, 11])
def test_the_weights_are_those_that_attention_uses(length: int) -> None:
    torch.manual_seed(length)
    reach, sources = 3, 2
    query, key = torch.randn(2, 2, length, 4), torch.randn(2, 2, sources, length, 4)
    value, mask = torch.randn(2, 2, sources, length, 4), torch.rand(2, sources, length) > 0.4
    bias = torch.randn(2, sources, 2 * reach + 1)
    weights = banded_weights(query, key, mask, bias)
    assert weights.shape == (2, 2, length, sources, 2 * reach + 1)
    near = torch.nn.functional.pad(value, (0, 0, reach, reach)).unfold(3, 2 * reach + 1, 1)
    got = torch.einsum("bhtsj,bhstej->bhte", weights, near)
    torch.testing.assert_close(got, banded_attention(query, key, value, mask, bias), atol=1e-5, rtol=1e-5)
    none = banded_weights(query[:, :, :0], key[:, :, :, :0], mask[:, :, :0], bias)
    assert none.shape == (2, 2, 0, sources, 2 * reach + 1)


def inputs(seed: int = 0, length: int = 30) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    features = [torch.randn(2, length, 8, generator=generator) for _ in range(3)]
    masks = [torch.rand(2, length, generator=generator) > 0.3 for _ in range(3)]
    return features, masks


@pytest.mark.parametrize("kind", SIGHT)
@pytest.mark.parametrize("shape", [(2, 0, 8), (0, 5, 8)], ids=["no step", "no clip"])
def test_nothing_is_fused_to_nothing(kind: str, shape: tuple[int, int, int]) -> None:
    features = [torch.zeros(shape, requires_grad=True) for _ in range(3)]
    fused = GatedFusion(8, 3, kind, 2, 2, 5)(features, [torch.ones(shape[:2], dtype=torch.bool)] * 3)
    assert (fused.features.shape, fused.mask.shape, fused.gates.shape) == (shape, shape[:2], (*shape[:2], 3))
    fused.features.sum().backward()


@pytest.mark.parametrize("kind", SIGHT)
def test_gates_sum_to_one_over_what_is_there(kind: str) -> None:
    features, masks = inputs()
    fused = GatedFusion(8, 3, kind, 2, 2, 5).eval()(features, masks)
    there = torch.stack(masks, -1)
    assert (fused.gates[~there] == 0).all()
    anywhere = there.any(-1)
    torch.testing.assert_close(fused.gates.sum(-1)[anywhere], torch.ones(int(anywhere.sum())))
    assert (fused.features[~anywhere] == 0).all()
    assert torch.equal(fused.mask, anywhere)


@pytest.mark.parametrize("kind", SIGHT)
@pytest.mark.parametrize("present", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), ()])
def test_any_subset_of_modalities_works_and_absent_values_are_inert(kind: str, present: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    fusion = GatedFusion(8, 3, kind, 1, 2, 5).eval()
    features, _ = inputs()
    masks = [torch.full((2, 30), m in present) for m in range(3)]
    broken = [x if m in present else torch.full_like(x, float("nan")) for m, x in enumerate(features)]
    a, b = fusion(features, masks), fusion(broken, masks)
    assert torch.isfinite(b.features).all()
    assert torch.equal(a.features, b.features)
    assert torch.equal(a.gates, b.gates)


def test_a_modality_that_drops_out_is_masked_from_there_on() -> None:
    fusion = GatedFusion(8, 2, "cross", 1, 2, 4).eval()
    features, _ = inputs()
    masks = [torch.ones(2, 30, dtype=torch.bool), torch.ones(2, 30, dtype=torch.bool)]
    masks[1][:, 15:] = False
    gates = fusion(features[:2], masks).gates
    assert (gates[:, 15:, 0] == 1).all()
    assert (gates[:, :15, 1] > 0).all()


@pytest.mark.parametrize("kind", SIGHT)
def test_without_attention_each_step_is_fused_by_itself(kind: str) -> None:
    torch.manual_seed(3)
    fusion = GatedFusion(8, 3, kind, 0).eval()
    features, masks = inputs()
    order = torch.randperm(30)
    fused, other = fusion(features, masks), fusion([x[:, order] for x in features], [m[:, order] for m in masks])
    torch.testing.assert_close(other.features, fused.features[:, order])
    torch.testing.assert_close(other.gates, fused.gates[:, order])


@pytest.mark.parametrize("kind", SIGHT)
def test_windows_with_a_halo_equal_the_whole(kind: str) -> None:
    torch.manual_seed(2)
    fusion = GatedFusion(8, 3, kind, 2, 2, 5).eval()
    features, masks = inputs(length=120)
    whole, halo = fusion(features, masks), 10
    for first in range(0, 120, 30):
        begin, end = max(0, first - halo), min(120, first + 30 + halo)
        part = fusion([x[:, begin:end] for x in features], [m[:, begin:end] for m in masks])
        keep = slice(first - begin, first - begin + 30)
        torch.testing.assert_close(part.features[:, keep], whole.features[:, first : first + 30], atol=1e-5, rtol=1e-5)


def test_gradients_are_finite_where_nothing_is_there() -> None:
    fusion = GatedFusion(8, 3, "cross", 1, 2, 5)
    features = [x.requires_grad_(True) for x in inputs()[0]]
    masks = [torch.zeros(2, 30, dtype=torch.bool) for _ in range(3)]
    masks[0][0, :5] = True
    fusion(features, masks).features.sum().backward()
    found = [leaf.grad for leaf in (*features, *fusion.parameters()) if leaf.grad is not None]
    assert features[0].grad is not None
    assert features[0].grad[0, :5].any()
    assert all(torch.isfinite(gradient).all() for gradient in found)


def test_memory_is_linear_in_time() -> None:
    fusion = GatedFusion(8, 2, "cross", 1, 2, 5).eval()
    sizes = []
    for length in (200, 400):
        biggest = 0

        def watch(module: object, arguments: object, output: object) -> None:
            nonlocal biggest
            for tensor in output if isinstance(output, list | tuple) else [output]:
                if isinstance(tensor, torch.Tensor):
                    biggest = max(biggest, tensor.numel())

        handles = [m.register_forward_hook(watch) for m in fusion.modules()]
        x = [torch.randn(1, length, 8)] * 2
        fusion(x, [torch.ones(1, length, dtype=torch.bool)] * 2)
        for handle in handles:
            handle.remove()
        sizes.append(biggest)
    assert sizes[1] <= 2 * sizes[0]


def test_another_kind_and_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"kind must be one of cross, co_attention, late, early, got 'sum'"):
        GatedFusion(8, 2, "sum", num_heads=2)
    with pytest.raises(InvalidInput, match="width must be a multiple of num_heads, got 8 and 3"):
        GatedFusion(8, 2, num_heads=3)
    with pytest.raises(InvalidInput, match="width must be a multiple of num_heads, got 8 and 0"):
        GatedFusion(8, 2, num_heads=0)
    with pytest.raises(InvalidInput, match="reach must be at least 1 step, got 0"):
        GatedFusion(8, 2, reach=0)
