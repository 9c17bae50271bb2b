from __future__ import annotations

import pytest
import torch

from avtext.errors import InvalidInput
from avtext.model import collate
from avtext.model.self_supervision import masked_loss, matching_loss, soft_dtw_loss
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


def course(seed: int, steps: int = 24) -> torch.Tensor:
    """(1, steps, 8): moments of unit length that last two steps each."""
    generator = torch.Generator().manual_seed(seed)
    moments = torch.randn(1, steps // 2, 8, generator=generator).repeat_interleave(2, 1)
    return torch.nn.functional.normalize(moments, dim=-1)


def paced(values: torch.Tensor) -> torch.Tensor:
    """The same course, its first half faster and its second half slower."""
    steps = values.shape[1]
    pace = torch.linspace(0, 1, steps) ** 0.7 * (steps - 1)
    return values[:, pace.round().long()]


def test_soft_dtw_knows_the_course_of_a_clip_at_any_pace() -> None:
    one = torch.cat([course(seed) for seed in range(4)])
    there = torch.ones(one.shape[:2], dtype=torch.bool)
    own = soft_dtw_loss([one, paced(one)], [there, there], 0.1)
    assert own < 0.1
    assert soft_dtw_loss([one, paced(one).roll(1, 0)], [there, there], 0.1) > 1
    assert own < soft_dtw_loss([one, one[torch.randperm(4)][:, torch.randperm(24)]], [there, there], 0.1)


def test_soft_dtw_needs_two_clips_that_have_both() -> None:
    one = torch.cat([course(seed) for seed in range(2)])
    there, gone = torch.ones(one.shape[:2], dtype=torch.bool), torch.zeros(one.shape[:2], dtype=torch.bool)
    lonely = there & (torch.arange(2) == 0)[:, None]
    for masks in ([there[:1], there[:1]], [there, gone], [there, lonely]):
        count = len(masks[0])
        assert soft_dtw_loss([one[:count], one[:count]], masks, 0.1).item() == 0


def test_what_is_not_real_says_nothing_of_the_course() -> None:
    one = torch.cat([course(seed) for seed in range(3)])
    mask = torch.ones(one.shape[:2], dtype=torch.bool)
    mask[:, 6:12] = False  # a gap, and padding
    mask[1, 20:] = False
    whole = soft_dtw_loss([one, one], [mask, mask], 0.1)
    dirty = one.masked_fill(~mask[:, :, None], float("nan"))
    assert soft_dtw_loss([dirty, one], [mask, mask], 0.1) == whole
    closed = soft_dtw_loss([one[:1, :6].repeat(2, 1, 1), one[:2, :6]], [mask[:2, :6]] * 2, 0.1)
    opened = soft_dtw_loss([one[:1, :12].repeat(2, 1, 1), one[:2, :12]], [mask[:2, :12]] * 2, 0.1)
    assert opened.item() == pytest.approx(closed.item())


def test_soft_dtw_teaches_embedders_alone() -> None:
    model = make(loss={"crf": 0, "frame": 0, "alone": 0, "alignment": 0, "soft_dtw": 0.5}).train()
    losses = model.loss(collate([clip(2.0, seed, events=None) for seed in range(3)], model.scheme))
    assert losses.soft_dtw.item() > 0
    assert losses.total.item() == pytest.approx(0.5 * losses.soft_dtw.item())
    losses.total.backward()
    assert model.embedders["audio"][1].weight.grad.abs().sum() > 0
