"""The CRF against every path written out, against torchcrf, and its two backends against each other."""

from __future__ import annotations

import itertools

import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st

from avtext.errors import InvalidInput
from avtext.layers.crf import CRF

BACKENDS = ["numba", "torch"]


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def make(backend, *args, seed=0, dtype=torch.float64, **kwargs):
    """A CRF with parameters of unit size; the seed also fixes what the test draws next."""
    torch.manual_seed(seed)
    crf = CRF(*args, **kwargs).to(dtype)
    crf._backend = backend
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_()
    return crf


def reference(crf):
    """The torchcrf module with the same weights."""
    peer = torchcrf.CRF(crf.num_tags, batch_first=True).to(crf.transitions.dtype)
    peer.load_state_dict(crf.state_dict())
    return peer


def mask_of(lengths, steps):
    return torch.arange(steps)[None] < torch.as_tensor(lengths)[:, None]


def path_scores(crf, emissions):
    """Every path of one row ``(T, K)`` and its score by the formula."""
    T, K = emissions.shape
    scores = {}
    for path in itertools.product(range(K), repeat=T):
        score = crf.start_transitions[path[0]] + crf.end_transitions[path[-1]]
        score = score + sum(emissions[t, tag] for t, tag in enumerate(path))
        scores[path] = score + sum(crf.transitions[a, b] for a, b in itertools.pairwise(path))
    return scores


@pytest.mark.parametrize(("T", "K"), [(1, 1), (1, 3), (2, 2), (5, 3), (6, 2)])
def test_loss_gradient_and_marginals_equal_those_of_every_path(backend, T, K):
    crf = make(backend, K)
    emissions = torch.randn(1, T, K, dtype=torch.float64, requires_grad=True)
    tags = torch.randint(K, (1, T))
    scores = path_scores(crf, emissions[0])
    log_z = torch.logsumexp(torch.stack(list(scores.values())), 0)
    torch.testing.assert_close(crf.log_partition(emissions)[0], log_z)
    found, wanted = crf(emissions, tags), scores[tuple(tags[0].tolist())] - log_z
    torch.testing.assert_close(found, wanted)
    leaves = [emissions, *crf.parameters()]
    ours = torch.autograd.grad(found, leaves)
    theirs = torch.autograd.grad(wanted, leaves, retain_graph=True, materialize_grads=True)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(crf.marginals(emissions), torch.autograd.grad(log_z, emissions)[0])


def test_ties_go_to_the_path_that_is_smallest_backwards(backend):
    crf = make(backend, 3)
    ties = 0
    for _ in range(30):
        with torch.no_grad():
            for parameter in crf.parameters():
                parameter.copy_(torch.randint(-1, 2, parameter.shape))
        emissions = torch.randint(-1, 2, (1, 4, 3)).double()
        scores = {path: score.item() for path, score in path_scores(crf, emissions[0]).items()}
        order = sorted(scores, key=lambda path: (-scores[path], path[::-1]))
        ties += scores[order[0]] == scores[order[1]]
        best, several = crf.decode(emissions), crf.nbest(emissions, n=5)
        assert tuple(best.tags[0].tolist()) == order[0]
        assert best.scores.item() == scores[order[0]]
        assert several.tags[0].tolist() == [list(path) for path in order[:5]]
        assert several.scores[0].tolist() == [scores[path] for path in order[:5]]
        assert best.tags[0].tolist() == reference(crf).decode(emissions, mask_of([4], 4))[0]
    assert ties > 5


@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "token_mean"])
def test_loss_gradient_and_path_equal_those_of_torchcrf(backend, reduction):
    crf = make(backend, 5)
    peer = reference(crf)
    emissions = torch.randn(4, 11, 5, dtype=torch.float64, requires_grad=True)
    tags, mask = torch.randint(5, (4, 11)), mask_of([11, 1, 7, 2], 11)
    found, wanted = (m(emissions, tags, mask, reduction=reduction) for m in (crf, peer))
    torch.testing.assert_close(found, wanted)
    weights = torch.randn_like(found)  # rows weigh differently in the gradient
    ours = torch.autograd.grad((found * weights).sum(), [emissions, *crf.parameters()])
    theirs = torch.autograd.grad((wanted * weights).sum(), [emissions, *peer.parameters()])
    torch.testing.assert_close(ours, theirs)
    paths = [row[row >= 0].tolist() for row in crf.decode(emissions, mask).tags]
    assert paths == peer.decode(emissions, mask)


@pytest.mark.parametrize("reduction", ["sum", "mean", "token_mean"])
def test_the_loss_of_no_rows_is_zero(backend, reduction):
    emissions = torch.zeros(0, 4, 3, dtype=torch.float64)
    assert make(backend, 3)(emissions, torch.zeros(0, 4, dtype=torch.long), reduction=reduction) == 0


def test_torchcrf_weights_load_and_ours_load_into_torchcrf():
    peer, crf = torchcrf.CRF(4), CRF(4)
    crf.load_state_dict(peer.state_dict())
    peer.load_state_dict(crf.state_dict())
    constrained = CRF(4, allowed=torch.ones(4, 4, dtype=torch.bool))
    constrained.load_state_dict(peer.state_dict())
    torch.testing.assert_close(constrained.state_dict(), peer.state_dict())


def test_a_fresh_crf_is_drawn_as_torchcrf_draws_it():
    torch.manual_seed(3)
    crf = CRF(6)
    for parameter in crf.parameters():
        assert 0.0 < parameter.abs().max() <= 0.1


def test_gradcheck(backend):
    crf = make(backend, 3, num_chains=2)
    emissions = torch.randn(2, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    tags, mask = torch.randint(3, (2, 2, 4)), mask_of([4, 2], 4)

    def loss(emissions, *_):
        return crf(emissions, tags, mask, reduction="none")

    assert torch.autograd.gradcheck(loss, (emissions, *crf.parameters()))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(BACKENDS), st.integers(1, 3), st.integers(0, 5), st.integers(1, 4), st.integers(0, 10**6))
def test_each_row_of_a_ragged_batch_equals_the_row_alone(backend, B, T, K, seed):
    crf = make(backend, K, seed=seed)
    lengths = torch.randint(T + 1, (B,))
    mask = mask_of(lengths, T)
    clean, tags = torch.randn(B, T, K, dtype=torch.float64), torch.randint(K, (B, T))
    emissions = clean.masked_fill(~mask[:, :, None], torch.nan).requires_grad_()
    tags = tags.masked_fill(~mask, -100)
    loss = crf(emissions, tags, mask, reduction="none")
    gradient = torch.autograd.grad(loss.sum(), [emissions, *crf.parameters()])
    totals = [torch.zeros_like(parameter) for parameter in crf.parameters()]
    for b, length in enumerate(lengths.tolist()):
        row = clean[b : b + 1, :length].requires_grad_()
        alone = crf(row, tags[b : b + 1, :length])
        torch.testing.assert_close(loss[b], alone)
        own = torch.autograd.grad(alone, [row, *crf.parameters()])
        torch.testing.assert_close(gradient[0][b, :length], own[0][0])
        totals = [total + part for total, part in zip(totals, own[1:], strict=True)]
        torch.testing.assert_close(crf.marginals(emissions, mask)[b, :length], crf.marginals(row)[0])
        for search in (crf.decode, crf.nbest):
            together, single = search(emissions, mask), search(row)
            torch.testing.assert_close(together.scores[b], single.scores[0])
            assert torch.equal(together.tags[b, ..., :length], single.tags[0])
            assert (together.tags[b, ..., length:] == -1).all()
        assert (gradient[0][b, length:] == 0).all()
        assert (crf.marginals(emissions, mask)[b, length:] == 0).all()
    torch.testing.assert_close(list(gradient[1:]), totals)


def test_rows_without_real_steps_are_the_empty_path(backend):
    crf = make(backend, 3)
    emissions = torch.full((2, 4, 3), torch.nan, dtype=torch.float64, requires_grad=True)
    tags, mask = torch.full((2, 4), -1), torch.zeros(2, 4, dtype=torch.bool)
    for reduction in ("none", "sum", "mean", "token_mean"):
        loss = crf(emissions, tags, mask, reduction=reduction)
        assert (loss == 0).all()
        for gradient in torch.autograd.grad(loss.sum(), [emissions, *crf.parameters()]):
            assert (gradient == 0).all()
    best = crf.decode(emissions, mask)
    assert (best.tags == -1).all()
    assert (best.scores == 0).all()
    assert crf.nbest(emissions, mask, n=2).scores.tolist() == [[0.0, -torch.inf]] * 2
    assert (crf.marginals(emissions, mask) == 0).all()


def test_an_empty_batch_gives_empty_results(backend):
    crf = make(backend, 3, num_chains=2)
    assert crf.nbest(torch.zeros(0, 2, 4, 3, dtype=torch.float64), n=3).tags.shape == (0, 2, 3, 4)
    crf = make(backend, 3)
    emissions = torch.zeros(0, 4, 3, dtype=torch.float64)
    assert crf(emissions, torch.zeros(0, 4, dtype=torch.long), reduction="none").shape == (0,)
    assert crf.decode(emissions).tags.shape == (0, 4)
    assert crf.marginals(emissions).shape == (0, 4, 3)


def test_chains_equal_separate_crfs(backend):
    crf = make(backend, 3, num_chains=2)
    emissions = torch.randn(2, 2, 5, 3, dtype=torch.float64)
    tags, mask = torch.randint(3, (2, 2, 5)), mask_of([5, 3], 5)
    loss = crf(emissions, tags, mask, reduction="none")
    best, several = crf.decode(emissions, mask), crf.nbest(emissions, mask, n=3)
    marginals = crf.marginals(emissions, mask)
    assert best.tags.shape == (2, 2, 5)
    assert several.tags.shape == (2, 2, 3, 5)
    for c in range(2):
        alone = make(backend, 3)
        alone.load_state_dict({key: value[c] for key, value in crf.state_dict().items()})
        torch.testing.assert_close(loss[:, c], alone(emissions[:, c], tags[:, c], mask, reduction="none"))
        torch.testing.assert_close(marginals[:, c], alone.marginals(emissions[:, c], mask))
        torch.testing.assert_close(best.tags[:, c], alone.decode(emissions[:, c], mask).tags)
        torch.testing.assert_close(several.scores[:, c], alone.nbest(emissions[:, c], mask, n=3).scores)
    torch.testing.assert_close(crf(emissions, tags, mask, reduction="mean"), loss.mean())
    torch.testing.assert_close(crf(emissions, tags, mask, reduction="token_mean"), loss.sum() / 16)


def grammar():
    """O, B, I: an inside never begins and never follows outside."""
    starts = torch.tensor([True, True, False])
    follows = torch.tensor([[True, True, False], [True, True, True], [True, True, True]])
    return {"allowed_start": starts, "allowed": follows, "allowed_end": torch.tensor([True, False, True])}


def test_constraints_leave_only_what_they_allow(backend):
    crf = make(backend, 3, **grammar())
    emissions = torch.randn(1, 5, 3, dtype=torch.float64, requires_grad=True)
    legal = {
        path: score
        for path, score in path_scores(crf, emissions[0]).items()
        if path[0] != 2 and path[-1] != 1 and (0, 2) not in itertools.pairwise(path)
    }
    best = max(legal, key=lambda path: legal[path].item())
    log_z = torch.logsumexp(torch.stack(list(legal.values())), 0)
    torch.testing.assert_close(crf.log_partition(emissions)[0], log_z)
    assert tuple(crf.decode(emissions).tags[0].tolist()) == best
    several = crf.nbest(emissions, n=len(legal) + 3)
    assert {tuple(path) for path in several.tags[0].tolist()} - {(-1,) * 5} == legal.keys()
    leaves = [emissions, *crf.parameters()]
    ours = torch.autograd.grad(crf(emissions, torch.tensor([best])), leaves)
    torch.testing.assert_close(ours, torch.autograd.grad(legal[best] - log_z, leaves))
    assert crf.marginals(emissions)[0, 0, 2] == 0


@pytest.mark.parametrize("tags", [[2, 0, 0], [0, 2, 2], [0, 1, 1]], ids=["start", "transition", "end"])
def test_tags_that_break_a_constraint_are_refused_with_their_row(backend, tags):
    crf = make(backend, 3, **grammar())
    emissions = torch.zeros(2, 3, 3, dtype=torch.float64)
    with pytest.raises(InvalidInput, match="row 1 uses a forbidden"):
        crf(emissions, torch.tensor([[0, 0, 0], tags]))
    chains = make(backend, 3, num_chains=2, **grammar())
    both = torch.tensor([[[0, 0, 0], [0, 0, 0]], [[0, 0, 0], tags]])
    with pytest.raises(InvalidInput, match="row 1, chain 1 uses a forbidden"):
        chains(emissions[:, None].expand(2, 2, 3, 3), both)


def test_a_step_without_any_allowed_tag_has_no_likelihood_and_no_gradient(backend):
    crf = make(backend, 2)
    emissions = torch.zeros(3, 4, 2, dtype=torch.float64)
    emissions[1, 2] = -torch.inf  # nothing is left
    emissions[2, 2, 0] = -torch.inf  # the given tag is not
    emissions.requires_grad_()
    tags = torch.zeros(3, 4, dtype=torch.long)
    loss = crf(emissions, tags, reduction="none")
    assert loss.isfinite().tolist() == [True, False, False]
    assert (loss[1:] == -torch.inf).all()
    assert crf.log_partition(emissions).isfinite().tolist() == [True, False, True]
    (gradient,) = torch.autograd.grad(crf.log_partition(emissions)[[0, 2]].sum(), emissions)
    assert gradient.isfinite().all()
    assert (gradient[1] == 0).all()
    assert gradient[2, 2].tolist() == [0.0, 1.0]
    grads = torch.autograd.grad(crf(emissions, tags), [emissions, *crf.parameters()])
    first = torch.autograd.grad(crf(emissions[:1], tags[:1]), [emissions, *crf.parameters()])
    assert all(torch.equal(every, alone) for every, alone in zip(grads, first, strict=True))
    assert crf.marginals(emissions)[1].sum() == 0
    assert crf.decode(emissions).scores[1] == -torch.inf
    assert crf.nbest(emissions, n=1).tags[1].tolist() == [[-1] * 4]
    assert crf.decode(emissions).tags[2, 2] == 1


@pytest.mark.gpu
def test_cuda_equals_the_cpu():
    crf = make(None, 7, num_chains=2, dtype=torch.float32)
    emissions, tags = torch.randn(4, 2, 200, 7), torch.randint(7, (4, 2, 200))
    mask = mask_of([200, 1, 77, 0], 200)
    found = []
    for device in ("cpu", "cuda"):
        crf = crf.to(device)
        leaf = emissions.to(device).requires_grad_()
        loss = crf(leaf, tags.to(device), mask.to(device))
        parts = [loss, *torch.autograd.grad(loss, [leaf, *crf.parameters()])]
        for method in (crf.decode, crf.nbest):
            parts += method(leaf, mask.to(device))
        found.append([part.cpu() for part in (*parts, crf.marginals(leaf, mask.to(device)))])
    torch.testing.assert_close(found[0], found[1], atol=1e-4, rtol=1e-5)


def test_scores_of_thousands_keep_the_backends_equal():
    emissions = torch.randn(3, 30, 4, dtype=torch.float64) * 1e4
    tags, mask = torch.randint(4, (3, 30)), mask_of([30, 1, 12], 30)
    found = []
    for backend in BACKENDS:
        crf = make(backend, 4)
        leaf = emissions.clone().requires_grad_()
        loss = crf(leaf, tags, mask)
        found.append([loss, *torch.autograd.grad(loss, [leaf, *crf.parameters()]), *crf.decode(leaf, mask)])
    torch.testing.assert_close(found[0], found[1])
    assert all(part.isfinite().all() for part in found[0])


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_a_hundred_thousand_steps_do_not_overflow(scale):
    crf = make("numba", 5, dtype=torch.float32)
    with torch.no_grad():
        crf.transitions.zero_()  # then every step stands alone, and the answer is known
    emissions = ((torch.rand(1, 100_000, 5) * 2 - 1) * scale).requires_grad_()
    tags = emissions.detach().argmax(-1)
    loss = crf(emissions, tags)
    (gradient,) = torch.autograd.grad(loss, emissions)
    alone = emissions.detach().double()
    alone[:, 0] += crf.start_transitions.detach()
    alone[:, -1] += crf.end_transitions.detach()
    wanted = torch.log_softmax(alone, -1).gather(2, tags[:, :, None]).sum()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5, abs=1e-4)
    one_hot = torch.nn.functional.one_hot(tags, 5)
    torch.testing.assert_close(gradient.double(), one_hot - torch.softmax(alone, -1), atol=1e-6, rtol=0)
    assert torch.equal(crf.decode(emissions).tags, alone.argmax(-1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(backend, dtype):
    crf = make(backend, 4, dtype=torch.float32)
    emissions = torch.randn(2, 300, 4).to(dtype).requires_grad_()
    tags = torch.randint(4, (2, 300))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = crf(emissions, tags)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, crf(emissions.detach().float(), tags))
    (gradient,) = torch.autograd.grad(loss, emissions)
    assert gradient.dtype == dtype
    assert gradient.isfinite().all()
    assert crf.decode(emissions).scores.dtype == crf.marginals(emissions).dtype == torch.float32
    assert crf.to(dtype)(emissions, tags).dtype == torch.float32


def test_the_gradient_can_be_taken_twice_and_the_graph_frees_itself(backend):
    crf = make(backend, 3)
    emissions = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    log_z = crf.log_partition(emissions).sum()
    first = torch.autograd.grad(log_z, emissions, retain_graph=True)
    torch.testing.assert_close(first, torch.autograd.grad(log_z, emissions))


def test_no_argument_is_changed(backend):
    crf = make(backend, 3)
    emissions, tags = torch.randn(2, 4, 3, dtype=torch.float64), torch.randint(3, (2, 4))
    mask = mask_of([4, 2], 4)
    before = [x.clone() for x in (emissions, tags, mask)]
    crf(emissions, tags, mask)
    for method in (crf.decode, crf.nbest, crf.marginals, crf.log_partition):
        method(emissions, mask)
    assert all(torch.equal(a, b) for a, b in zip(before, (emissions, tags, mask), strict=True))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_nan_and_infinity_make_the_loss_nan_and_are_refused_by_decoding(backend, bad):
    crf = make(backend, 3, num_chains=2)
    emissions = torch.zeros(2, 2, 4, 3, dtype=torch.float64)
    emissions[1, 0, 2, 1] = bad
    tags = torch.zeros(2, 2, 4, dtype=torch.long)
    assert crf(emissions, tags, reduction="none").isnan().tolist() == [[False, False], [True, False]]
    forbidden = emissions.clone()
    forbidden[:, :, 1, 0] = -torch.inf  # what the tags use
    assert crf(forbidden, tags, reduction="none").isnan().tolist() == [[False, False], [True, False]]
    for method in (crf.decode, crf.nbest, crf.marginals):
        with pytest.raises(InvalidInput, match=r"emissions: row 1, chain 0 holds NaN or \+inf at a real step"):
            method(emissions)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            torch.tensor([[True, True, True], [True, False, True]]),
            "mask: row 1 has a real step after padding",
        ),
        (
            torch.tensor([[False, True, True], [True, True, True]]),
            "mask: row 0 has a real step after padding",
        ),
        (torch.ones(2, 3, dtype=torch.uint8), "mask: expected boolean"),
        (torch.ones(2, 3), "mask: expected boolean"),
        (torch.ones(2, 4, dtype=torch.bool), r"of shape \(2, 3\)"),
        (torch.ones(3, dtype=torch.bool), r"of shape \(2, 3\)"),
    ],
)
def test_bad_masks_are_refused(mask, message):
    crf, emissions = CRF(2), torch.zeros(2, 3, 2)
    with pytest.raises(InvalidInput, match=message):
        crf(emissions, torch.zeros(2, 3, dtype=torch.long), mask)
    for method in (crf.decode, crf.nbest, crf.marginals, crf.log_partition):
        with pytest.raises(InvalidInput, match=message):
            method(emissions, mask)


@pytest.mark.parametrize(
    ("emissions", "tags", "message"),
    [
        (torch.zeros(2, 3, 4), torch.zeros(2, 3).long(), r"emissions: expected .*\(B, T, 2\)"),
        (torch.zeros(3, 2), torch.zeros(3).long(), "emissions: expected"),
        (torch.zeros(2, 1, 3, 2), torch.zeros(2, 1, 3).long(), "emissions: expected"),
        (torch.zeros(2, 3, 2).long(), torch.zeros(2, 3).long(), "floating point"),
        (torch.zeros(2, 3, 2), torch.zeros(2, 4).long(), "tags: expected integers of shape"),
        (torch.zeros(2, 3, 2), torch.zeros(2, 3), "tags: expected integers"),
        (torch.zeros(2, 3, 2), torch.tensor([[0, 0, 0], [0, 2, 0]]), "tags: row 1 has a tag outside 0 to 1"),
        (torch.zeros(2, 3, 2), torch.tensor([[0, -1, 0], [0, 0, 0]]), "tags: row 0 has a tag outside 0 to 1"),
    ],
)
def test_malformed_emissions_and_tags_are_refused(emissions, tags, message):
    with pytest.raises(InvalidInput, match=message):
        CRF(2)(emissions, tags)


def test_malformed_chains_options_and_sizes_are_refused():
    emissions = torch.zeros(2, 2, 3, 4)
    with pytest.raises(InvalidInput, match=r"\(B, 3, T, 4\)"):
        CRF(4, num_chains=3).decode(emissions)
    with pytest.raises(InvalidInput, match="reduction: expected one of none, sum"):
        CRF(4, num_chains=2)(emissions, torch.zeros(2, 2, 3).long(), reduction="avg")
    with pytest.raises(InvalidInput, match="n: expected at least 1"):
        CRF(4, num_chains=2).nbest(emissions, n=0)
    with pytest.raises(InvalidInput, match="at least 1 tag"):
        CRF(0)
    with pytest.raises(InvalidInput, match="allowed transitions must be boolean"):
        CRF(2, allowed=torch.ones(2, 2))
    with pytest.raises(InvalidInput, match="allowed start must be boolean of shape"):
        CRF(2, allowed_start=torch.ones(3, dtype=torch.bool))


@pytest.mark.parametrize("K", [2, 3, 8, 9])
def test_the_scan_over_time_equals_the_loop(K):
    """Few tags go through the scan in torch, others through its loop; numba is the judge of both."""
    lengths = [37, 1, 20, 0, 36]
    emissions, tags = torch.randn(5, 2, 37, K, dtype=torch.float64), torch.randint(1, K, (5, 2, 37))
    emissions[2, :, 20:] = torch.nan  # padding
    mask = mask_of(lengths, 37)
    allowed = torch.ones(K, K, dtype=torch.bool)
    allowed[0, 1] = False
    found = []
    for backend in BACKENDS:
        crf = make(backend, K, num_chains=2, allowed=allowed)
        leaf = emissions.clone().requires_grad_()
        likelihood = crf.log_likelihood(leaf, tags, mask)
        known = likelihood[likelihood.isfinite()]
        gradients = torch.autograd.grad(known.sum(), [leaf, *crf.parameters()])
        found.append([likelihood.detach(), *gradients, crf.marginals(leaf, mask).detach()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)
