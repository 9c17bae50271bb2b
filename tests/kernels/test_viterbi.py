"""The numpy kernels of the chain against an oracle that writes out every path."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax

from avtext.errors import InvalidInput
from avtext.kernels import chain as chain_kernel
from avtext.kernels.chain import chain_marginals
from avtext.kernels.chain_linear import EMISSION_SPAN, TABLE_SPAN
from avtext.kernels.viterbi import nbest, viterbi


def all_paths(emissions, start, transitions, end):
    """Every path of one row and its score, in the order of the rule for ties: smallest backwards first."""
    T, K = emissions.shape
    paths = sorted(itertools.product(range(K), repeat=T), key=lambda path: path[::-1])
    scores = []
    for path in paths:
        score = start[path[0]] + end[path[-1]]
        score += sum(emissions[t, tag] for t, tag in enumerate(path))
        score += sum(transitions[a, b] for a, b in itertools.pairwise(path))
        scores.append(score)
    return np.array(paths), np.array(scores)


def expected(emissions, start, transitions, end):
    """Log-partition, unary marginals and expected transitions of one row, from every path."""
    paths, scores = all_paths(emissions, start, transitions, end)
    T, K = emissions.shape
    probabilities = softmax(scores)
    unary, pairs = np.zeros((T, K)), np.zeros((K, K))
    for path, probability in zip(paths, probabilities, strict=True):
        unary[np.arange(T), path] += probability
        np.add.at(pairs, (path[:-1], path[1:]), probability)
    return logsumexp(scores), unary, pairs


def draw(rng, T, K, integers=False, scale=1.0):
    """Emissions, start, transitions and end of one row."""
    shapes = [(T, K), (K,), (K, K), (K,)]
    if integers:
        return [rng.integers(-1, 2, shape).astype(float) for shape in shapes]
    return [rng.normal(size=shape) * scale for shape in shapes]


@pytest.mark.parametrize("scale", [1.0, 100.0, 3000.0], ids=["linear", "wide", "very_wide"])
@pytest.mark.parametrize(("T", "K"), [(1, 1), (1, 3), (2, 2), (5, 3), (6, 3), (4, 1), (3, 5)])
def test_marginals_equal_the_sum_over_all_paths(T, K, scale):
    rng = np.random.default_rng(T * 10 + K)
    for _ in range(5):
        row = draw(rng, T, K, scale=scale)
        log_z, found = chain_marginals(row[0][None], [T], *row[1:])
        wanted, unary, pairs = expected(*row)
        np.testing.assert_allclose(log_z, [wanted], rtol=1e-12)
        np.testing.assert_allclose(found.unary[0], unary, atol=1e-9)
        np.testing.assert_allclose(found.transitions[0], pairs, atol=1e-9)
        np.testing.assert_allclose(found.start[0], unary[0], atol=1e-9)
        np.testing.assert_allclose(found.end[0], unary[-1], atol=1e-9)


def test_the_linear_and_the_log_kernels_each_do_their_rows():
    rng = np.random.default_rng(0)
    emissions, *parameters = draw(rng, 4, 3)
    wide = emissions.copy()
    wide[1, 0] -= 2 * EMISSION_SPAN
    both = np.stack([emissions, wide])
    lengths = np.array([4, 4])
    forward = chain_kernel.forward_pass(both, lengths, chain_kernel.chains(both, lengths, *parameters))
    assert forward.wide.tolist() == [False, True]
    parameters[1][0, 1] -= 2 * TABLE_SPAN
    forward = chain_kernel.forward_pass(both, lengths, chain_kernel.chains(both, lengths, *parameters))
    assert forward.wide.tolist() == [True, True]


def test_a_path_that_is_poor_at_both_ends_and_best_overall_is_not_lost():
    """Tag 0 wins the beginning and tag 1 the end by e^600; only tag 2 gets through the middle."""
    steps = 12
    emissions = np.zeros((1, steps, 3))
    emissions[0, :4, 0] = emissions[0, 8:, 1] = 150.0
    emissions[0, 4:8, 2] = 150.0
    stay = np.full((3, 3), -np.inf)
    np.fill_diagonal(stay, 0.0)
    for table in (stay, np.where(np.eye(3) == 1, 0.0, -100.0)):
        log_z, found = chain_marginals(emissions, [steps], np.zeros(3), table, np.zeros(3))
        wanted = logsumexp(all_paths(emissions[0, ::4], np.zeros(3), table, np.zeros(3))[1])
        if table is stay:
            assert log_z[0] == pytest.approx(600.0 + np.log(3.0))
            np.testing.assert_allclose(found.unary, 1 / 3)
        else:
            assert log_z[0] == pytest.approx(1600.0)
            assert wanted == pytest.approx(250.0)
            np.testing.assert_allclose(found.unary[0, [0, 5, 11], [0, 2, 1]], 1.0)


def test_scores_too_wide_only_for_the_backward_pass_are_done_again():
    """Two tags that never change into each other: alphas part by 250, betas by 255, the bound is 253."""
    steps = 200
    table = np.array([[0.0, -np.inf], [-np.inf, 0.0]])
    emissions = np.zeros((1, steps, 2))
    emissions[0, :100, 0], emissions[0, 100:, 1] = 2.50, 2.55
    parameters = np.zeros(2), table, np.zeros(2)
    chains = chain_kernel.chains(emissions, np.array([steps]), *parameters)
    assert not chain_kernel.forward_pass(emissions, np.array([steps]), chains).wide.any()
    log_z, found = chain_marginals(emissions, [steps], *parameters)
    probability = softmax([250.0, 255.0])
    assert log_z[0] == pytest.approx(logsumexp([250.0, 255.0]))
    np.testing.assert_allclose(found.unary[0], np.tile(probability, (steps, 1)))
    np.testing.assert_allclose(found.transitions[0], np.diag(199 * probability))


@pytest.mark.parametrize(("T", "K"), [(1, 1), (1, 3), (2, 3), (4, 3), (5, 2), (3, 5)])
def test_integer_scores_ties_included_give_the_path_of_the_stated_rule(T, K):
    rng = np.random.default_rng(T * 10 + K)
    ties = 0
    for _ in range(40):
        row = draw(rng, T, K, integers=True)
        paths, scores = all_paths(*row)
        ties += (scores == scores.max()).sum() > 1
        best = viterbi(row[0][None], [T], *row[1:])
        assert best.scores[0] == scores.max()
        assert best.tags[0].tolist() == paths[np.argmax(scores)].tolist()
    assert ties > 0 or K == 1


@pytest.mark.parametrize(("T", "K", "n"), [(1, 3, 5), (2, 2, 4), (4, 3, 7), (5, 2, 40), (3, 1, 2)])
def test_nbest_equals_the_sorted_list_of_all_paths(T, K, n):
    rng = np.random.default_rng(T * 10 + K)
    for _ in range(10):
        row = draw(rng, T, K, integers=True)
        paths, scores = all_paths(*row)
        order = np.argsort(-scores, kind="stable")[:n]
        found = nbest(row[0][None], [T], *row[1:], n=n)
        assert found.scores[0, : len(order)].tolist() == scores[order].tolist()
        assert found.tags[0, : len(order)].tolist() == paths[order].tolist()
        assert (found.scores[0, len(order) :] == -np.inf).all()
        assert (found.tags[0, len(order) :] == -1).all()


def test_a_far_tag_is_passed_by_only_where_it_cannot_win():
    """Emissions whose gaps are just under and just over what a transition can make up."""
    for gap, best in ((4.0, [0, 1]), (5.0, [0, 1]), (6.0, [1, 1])):
        emissions = np.array([[[0.0, gap], [0.0, 50.0]]])
        table = np.array([[0.0, 5.0], [0.0, 0.0]])
        found = viterbi(emissions, [2], np.zeros(2), table, np.zeros(2))
        assert found.tags[0].tolist() == best
        assert found.scores[0] == 50.0 + max(5.0, gap)


def test_over_256_tags_need_wider_backpointers():
    K = 300
    emissions = np.zeros((1, 3, K))
    emissions[0, [0, 1, 2], [290, 5, 299]] = 1.0
    found = viterbi(emissions, [3], np.zeros(K), np.zeros((K, K)), np.zeros(K))
    assert found.tags.tolist() == [[290, 5, 299]]
    assert found.scores.tolist() == [3.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(0, 2**32 - 1), st.booleans())
def test_each_row_of_a_ragged_batch_with_chains_equals_the_row_alone(T, K, N, seed, half):
    rng = np.random.default_rng(seed)
    C = 2
    emissions = rng.normal(size=(N, T, K)).astype(np.float16 if half else np.float64)
    lengths, chain = rng.integers(0, T + 1, N), rng.integers(0, C, N)
    start, table, end = rng.normal(size=(C, K)), rng.normal(size=(C, K, K)), rng.normal(size=(C, K))
    padded = emissions.copy()
    padded[np.arange(T) >= lengths[:, None]] = np.nan
    log_z, found = chain_marginals(padded, lengths, start, table, end, chain)
    best = viterbi(padded, lengths, start, table, end, chain)
    two = nbest(padded, lengths, start, table, end, chain, n=2)
    for n in range(N):
        c, length = chain[n], lengths[n]
        assert (found.unary[n, length:] == 0).all()
        assert (best.tags[n, length:] == -1).all()
        assert (two.tags[n, :, length:] == -1).all()
        if length == 0:
            assert (log_z[n], best.scores[n], two.scores[n].tolist()) == (0.0, 0.0, [0.0, -np.inf])
            continue
        row = emissions[n, :length].astype(float), start[c], table[c], end[c]
        wanted, unary, _ = expected(*row)
        paths, scores = all_paths(*row)
        assert log_z[n] == pytest.approx(wanted)
        np.testing.assert_allclose(found.unary[n, :length], unary, atol=1e-9)
        assert best.tags[n, :length].tolist() == paths[scores.argmax()].tolist()
        assert two.scores[n, 0] == pytest.approx(scores.max())
        assert two.tags[n, 0, :length].tolist() == paths[scores.argmax()].tolist()


def test_length_does_not_overflow_and_costs_no_accuracy():
    """With no transitions to speak of, every step stands alone and the answer is known."""
    T, K = 100_000, 4
    rng = np.random.default_rng(0)
    for scale in (1.0, 1e4):
        emissions = rng.uniform(-1, 1, (1, T, K)) * scale
        none = np.zeros(K), np.full((K, K), 0.25), np.zeros(K)
        log_z, found = chain_marginals(emissions, [T], *none)
        assert log_z[0] == pytest.approx(logsumexp(emissions, axis=2).sum() + 0.25 * (T - 1), rel=1e-12)
        np.testing.assert_allclose(found.unary, softmax(emissions, axis=2), atol=1e-9)
        assert found.transitions.sum() == pytest.approx(T - 1)
        best = viterbi(emissions, [T], *none)
        assert best.tags[0].tolist() == emissions[0].argmax(1).tolist()


def test_forbidden_tags_and_transitions_have_no_probability():
    rng = np.random.default_rng(1)
    emissions, start, table, end = draw(rng, 5, 3)
    start[1], table[0, 2], table[2, 1], end[0] = -np.inf, -np.inf, -np.inf, -np.inf
    emissions[2, 1] = -np.inf
    wanted, unary, pairs = expected(emissions, start, table, end)
    log_z, found = chain_marginals(emissions[None], [5], start, table, end)
    assert log_z[0] == pytest.approx(wanted)
    np.testing.assert_allclose(found.unary[0], unary, atol=1e-12)
    np.testing.assert_allclose(found.transitions[0], pairs, atol=1e-12)
    assert found.transitions[0, 0, 2] == 0
    assert found.unary[0, 2, 1] == 0


@pytest.mark.parametrize("where", ["emissions", "start", "transitions", "end"])
def test_a_row_that_no_path_can_pass_is_minus_infinity_and_the_others_are_as_before(where):
    rng = np.random.default_rng(2)
    emissions, start, table, end = draw(rng, 4, 3)
    batch = np.stack([emissions, emissions])
    starts, tables, ends = (np.stack([x, x]) for x in (start, table, end))
    {"emissions": batch[1, 2], "start": starts[1], "transitions": tables[1], "end": ends[1]}[where][:] = -np.inf
    lengths, chain = [4, 4], [0, 1]
    log_z, found = chain_marginals(batch, lengths, starts, tables, ends, chain)
    alone, wanted = chain_marginals(emissions[None], [4], start, table, end)
    assert log_z.tolist() == [alone[0], -np.inf]
    assert (found.unary[0] == wanted.unary[0]).all()
    assert (found.unary[1] == 0).all()
    assert np.isfinite(found.transitions).all()
    assert (found.transitions[1] == 0).all()
    assert viterbi(batch, lengths, starts, tables, ends, chain).scores[1] == -np.inf
    several = nbest(batch, lengths, starts, tables, ends, chain, n=2)
    assert (several.scores[1] == -np.inf).all()
    assert (several.tags[1] == -1).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused_when_decoding_and_show_in_the_loss(bad):
    emissions = np.zeros((3, 4, 2), np.float32)
    emissions[1, 2, 1] = bad
    parameters = np.zeros(2), np.zeros((2, 2)), np.zeros(2)
    log_z, found = chain_marginals(emissions, [4, 4, 4], *parameters)
    assert np.isnan(log_z).tolist() == [False, True, False]
    assert np.isnan(found.unary[1]).all()
    assert np.isfinite(found.unary[[0, 2]]).all()
    assert np.isnan(found.transitions).all()
    for search in (viterbi, lambda *a: nbest(*a, n=2)):
        with pytest.raises(InvalidInput, match=r"row 1 holds NaN or \+inf"):
            search(emissions, [4, 4, 4], *parameters)
        search(emissions, [4, 2, 4], *parameters)  # beyond the length it does not matter


def test_empty_batches_and_sequences_have_empty_answers():
    parameters = np.zeros(2), np.zeros((2, 2)), np.zeros(2)
    for shape in ((0, 3, 2), (2, 0, 2)):
        emissions, lengths = np.zeros(shape, np.float32), [0] * shape[0]
        log_z, found = chain_marginals(emissions, lengths, *parameters)
        assert log_z.tolist() == [0.0] * shape[0]
        assert found.unary.shape == shape
        assert viterbi(emissions, lengths, *parameters).tags.shape == shape[:2]
        assert nbest(emissions, lengths, *parameters, n=3).tags.shape == (shape[0], 3, shape[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emissions": np.zeros((4, 2))}, "emissions: expected"),
        ({"emissions": np.zeros((1, 4, 3))}, "emissions have 3 tags"),
        ({"lengths": [5]}, "lengths: expected 1 values from 0 to 4"),
        ({"lengths": [-1]}, "lengths: expected"),
        ({"lengths": [1, 1]}, "lengths: expected"),
        ({"chain": [1]}, "chain: expected 1 indices under 1"),
        ({"start": np.zeros((2, 2))}, "one of each per chain"),
        ({"start": np.array([0.0, np.nan])}, "one holds NaN"),
        ({"transitions": np.full((2, 2), np.inf)}, "one holds NaN or"),
        ({"n": 0}, "n: expected at least 1"),
    ],
)
def test_malformed_arguments_are_refused(change, message):
    good = {"emissions": np.zeros((1, 4, 2)), "lengths": [4], "start": np.zeros(2)}
    good |= {"transitions": np.zeros((2, 2)), "end": np.zeros(2), "chain": [0], "n": 2}
    with pytest.raises(InvalidInput, match=message):
        nbest(**(good | change))
