from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.model import collate
from avtext.model.self_supervision import masked_loss, matching_loss
from tests.model.test_detector import clip, make

UNSUPERVISED = {"crf": 0, "frame": 0, "alone": 0, "alignment": 1, "matching": 1, "masked": 1}


def test_clips_without_labels_teach_where_no_term_takes_labels() -> None:
    model = make(loss=UNSUPERVISED).train()
    losses = model.loss(collate([clip(2.0, seed, events=None) for seed in range(3)], model.scheme))
    losses.total.backward()
    assert losses.crf.item() == losses.frame.item() == losses.alone.item() == 0
    assert min(losses.alignment.item(), losses.matching.item(), losses.masked.item()) > 0
    assert losses.total.item() == pytest.approx((losses.alignment + losses.matching + losses.masked).item())
    assert model.projections["audio"].weight.grad.abs().sum() > 0
    assert model.emit.weight.grad is None  # nothing said what events are


def test_labelled_terms_still_ask_for_labels() -> None:
    model = make()
    with pytest.raises(InvalidInput, match="not labelled"):
        model.loss(collate([clip(2.0, 0, events=None)], model.scheme))


def test_the_new_terms_change_nothing_where_they_have_no_weight() -> None:
    plain, more = make(loss={"alignment": 0.1}), make(loss={"alignment": 0.1, "matching": 0.5, "masked": 0.5})
    batch = collate([clip(2.0, seed) for seed in range(2)], plain.scheme)
    one, other = (model.eval().loss(batch) for model in (plain, more))
    for name in ("crf", "frame", "alone", "alignment"):
        assert torch.equal(getattr(one, name), getattr(other, name))
    assert one.matching.item() == one.masked.item() == 0
    assert list(plain.state_dict()) == list(more.state_dict())


def test_matching_knows_clips_that_belong_together() -> None:
    torch.manual_seed(0)
    one = torch.nn.functional.normalize(torch.randn(4, 1, 8).expand(4, 10, 8), dim=-1)
    there = torch.ones(4, 10, dtype=torch.bool)
    same = matching_loss([one, one], [there, there], 0.1)
    assert same < matching_loss([one, one.roll(1, 0)], [there, there], 0.1)
    assert matching_loss([one], [there], 0.1).item() == 0


def test_a_hidden_modality_says_nothing_of_itself() -> None:
    model = make(4)
    torch.manual_seed(1)
    embeddings = [torch.nn.functional.normalize(torch.randn(1, 50, 8), dim=-1) for _ in model.modalities]
    audio = torch.randn(1, 50, 16)
    only_audio = [torch.ones(1, 50, dtype=torch.bool), *[torch.zeros(1, 50, dtype=torch.bool)] * 2]
    loss = masked_loss(model, [audio, torch.zeros(1, 50, 16), torch.zeros(1, 50, 16)], only_audio, embeddings)
    assert loss.item() == 0  # the one modality there is would have to be told from nothing
