"""Labels without times: probabilities against every path there is, and what they teach."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from avtext.model import EventDetector
from avtext.model.detector import Output
from avtext.model.presence import log_nowhere, presence_loss
from tests.model.test_detector import make

T, LENGTHS = 3, (3, 2, 0)
EACH = pytest.mark.parametrize(
    ("scheme", "decoder", "labels"),
    [(s, d, n) for s in ("overlapping", "exclusive") for d in ("crf", "softmax") for n in (["a", "b"], ["a"])],
)


def outputs(model: EventDetector) -> Output:
    """Random emissions of clips of 3, 2 and no steps, with NaN in the padding."""
    chains = () if model.scheme.kind == "exclusive" else (model.scheme.num_chains,)
    emissions = torch.randn(len(LENGTHS), *chains, T, model.scheme.num_tags)
    for b, length in enumerate(LENGTHS):
        emissions[b, ..., length:, :] = torch.nan
    mask = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    return Output(emissions.requires_grad_(), mask, torch.zeros(len(LENGTHS), T, 3))


def by_enumeration(model: EventDetector, output: Output) -> np.ndarray:
    """``P(nowhere)`` of each clip and label, from the score of every path."""
    grammar, crf = model.scheme.grammar(), model.crf
    shape = (model.scheme.num_chains, model.scheme.num_tags)
    moves = crf.transitions.detach().reshape(*shape, shape[1]).double().numpy()
    first, last = (p.detach().reshape(shape).double().numpy() for p in (crf.start_transitions, crf.end_transitions))
    rows = output.emissions.detach().reshape(len(LENGTHS), shape[0], T, shape[1]).double().numpy()
    found = np.zeros((len(LENGTHS), len(model.scheme.labels)))
    for (b, length), k in product(enumerate(LENGTHS), range(found.shape[1])):
        chain, own = (k, {1, 2}) if model.scheme.kind == "overlapping" else (0, {1 + 2 * k, 2 + 2 * k})
        everything = without = 0.0
        for path in product(range(shape[1]), repeat=length):
            score = sum(rows[b, chain, t, tag] for t, tag in enumerate(path))
            if model.settings.decoder == "crf" and path:
                if not grammar.starts[path[0]] or not all(grammar.transitions[p] for p in pairwise(path)):
                    continue
                score += first[chain, path[0]] + last[chain, path[-1]]
                score += sum(moves[chain, i, j] for i, j in pairwise(path))
            everything += np.exp(score)
            without += 0.0 if own & set(path) else np.exp(score)
        found[b, k] = without / everything
    return found


@EACH
def test_probabilities_are_those_of_every_path(scheme: str, decoder: str, labels: list[str]) -> None:
    model = make(1, scheme=scheme, decoder=decoder, labels=labels)
    output = outputs(model)
    expected = by_enumeration(model, output)
    assert log_nowhere(model, output).exp().detach().numpy() == pytest.approx(expected, abs=1e-6)
    present = torch.tensor([[1, 0][: len(labels)], [-1, 1][: len(labels)], [0, -1][: len(labels)]])
    terms = {1: -np.log(1 - expected + 1e-6), 0: -np.log(expected), -1: np.zeros_like(expected)}
    wanted = sum(terms[int(v)][b, k] for (b, k), v in np.ndenumerate(present.numpy()))
    loss = presence_loss(model, output, present)
    loss.backward()
    assert loss.item() == pytest.approx(wanted, abs=1e-4)
    grad = output.emissions.grad
    assert grad is not None
    assert torch.isfinite(grad).all()
    assert not grad[~output.mask if scheme == "exclusive" else ~output.mask[:, None].expand(grad.shape[:-1])].any()


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_model_that_is_wrong_and_sure_is_still_moved(decoder: str) -> None:
    model = make(decoder=decoder, labels=["a"])
    emissions = torch.zeros(2, 1, T, 3)
    emissions[0, ..., 0], emissions[1, ..., 1] = 12.0, 200.0  # a surely nowhere; surely there
    output = Output(emissions.requires_grad_(), torch.ones(2, T, dtype=torch.bool), torch.zeros(2, T, 3))
    presence_loss(model, output, torch.tensor([[1], [0]])).backward()
    grad = output.emissions.grad
    assert grad is not None
    assert torch.isfinite(grad).all()
    assert grad[0, 0, :, 0].min() > 0.1  # less silence where the label occurs
    assert grad[1, 0, :, 0].max() < -0.9  # more where it does not


def test_labels_without_times_teach_when() -> None:
    """A sign in what is seen goes with the label: from presence alone its steps become the events."""
    torch.manual_seed(0)
    model = make(labels=["a"])
    present = torch.tensor([[1], [0]]).repeat(4, 1)
    sign = torch.zeros(8, 20)
    for row, start in zip(sign[::2], (0, 4, 9, 14), strict=True):
        row[start : start + 5] = 1.0
    features = torch.stack([sign, torch.randn(8, 20), torch.ones(8, 20)], -1)
    emit = torch.nn.Linear(3, 3)
    optimizer = torch.optim.Adam([*emit.parameters(), *model.crf.parameters()], lr=0.1)
    mask, gates = torch.ones(8, 20, dtype=torch.bool), torch.zeros(8, 20, 3)
    for _ in range(60):
        optimizer.zero_grad()
        presence_loss(model, Output(emit(features)[:, None], mask, gates), present).backward()
        optimizer.step()
    output = Output(emit(features)[:, None].detach(), mask, gates)
    active = 1 - model.marginals(output)[:, 0, :, 0]
    assert active[sign == 1].mean() > 5 * active[sign == 0].mean()
