"""Clips of which not all is known, in one batch with those of which it is."""

from __future__ import annotations

import pytest
import torch

from avtext.clip import Clip, Event
from avtext.errors import InvalidInput
from avtext.model import EventDetector, Losses, collate
from avtext.model.truth import presences
from avtext.tags import TagScheme
from tests.model.test_detector import LABELS, clip, make

DOG = (Event(0.4, 1.0, "dog"),)


def losses(model: EventDetector, *clips: Clip) -> tuple[Losses, int]:
    batch = collate(clips, model.scheme)
    return model.loss(batch), int(batch.mask.sum())


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_chains_of_labels_that_nobody_looked_for_do_not_count(decoder: str) -> None:
    model = make(decoder=decoder)
    partly, steps = losses(model, clip(2.0, 0, events=DOG, annotated=("dog",)))
    whole = collate([clip(2.0, 0, events=DOG)], model.scheme)
    assert whole.tags is not None
    output = model(whole)
    k = LABELS.index("dog")
    spread = output.emissions[:, k].log_softmax(-1).gather(-1, whole.tags[:, k, :, None])
    assert partly.frame.item() == pytest.approx(-spread.sum().item() / steps, rel=1e-4)
    if decoder == "crf":
        likelihood = model.crf.log_likelihood(output.emissions, whole.tags, whole.mask)
        assert partly.crf.item() == pytest.approx(-likelihood[0, k].item() / steps, rel=1e-4)
    model.zero_grad()
    (partly.crf + partly.frame + partly.alone).backward()
    for layer in (model.emit, model.alone["audio"][-1]):  # type: ignore[index]
        by_label = layer.weight.grad.unflatten(0, (len(LABELS), 3)).abs().sum((1, 2))
        assert [bool(x) for x in by_label > 0] == [label == "dog" for label in LABELS]


@pytest.mark.parametrize("scheme", ["overlapping", "exclusive"])
def test_a_clip_without_times_says_only_what_occurs(scheme: str) -> None:
    model = make(scheme=scheme)
    timed, weak = clip(2.0, 0), clip(1.2, 1, events=None, present=("dog",))
    one, steps = losses(model, timed)
    both, more = losses(model, timed, weak)
    assert both.crf.item() * more == pytest.approx(one.crf.item() * steps, rel=1e-4)
    assert both.frame.item() * more == pytest.approx(one.frame.item() * steps, rel=1e-4)
    alone, less = losses(model, weak)
    assert alone.crf.item() == alone.frame.item() == alone.alone.item() == one.presence.item() == 0
    assert both.presence.item() * more == pytest.approx(alone.presence.item() * less, rel=1e-4)
    assert alone.total.item() == pytest.approx((alone.presence + 0.1 * alone.alignment).item())
    alone.total.backward()
    assert model.emit.weight.grad is not None
    assert model.emit.weight.grad.abs().sum() > 0


def test_what_is_not_known_of_a_clip_without_times() -> None:
    scheme = TagScheme(tuple(LABELS))
    found = presences([clip(1.0), clip(1.0, events=None, present=("dog",), annotated=("dog", "bell"))], scheme)
    assert found is not None
    assert found.tolist() == [[-1, -1, -1], [0, 1, -1]]
    with pytest.raises(InvalidInput, match="label 'cat' is not one of the model's labels: bell, dog, cut"):
        presences([clip(1.0, events=None, present=("cat",))], scheme)


def test_the_new_terms_change_nothing_where_all_is_known_or_they_have_no_weight() -> None:
    weak = clip(1.2, 1, events=None, present=("dog",))
    default, without = make(), make(loss={"presence": 0})
    assert torch.equal(losses(default, clip(2.0))[0].total, losses(without, clip(2.0))[0].total)
    silent = losses(without, clip(2.0), weak)[0]
    assert silent.presence.item() == 0
    assert silent.total.item() < losses(default, clip(2.0), weak)[0].total.item()
    whole = collate([clip(2.0), clip(1.0, 1, annotated=tuple(LABELS))], default.scheme)
    assert (whole.known, whole.present, whole.unlabelled) == (None, None, [])


def test_labels_without_times_teach_where_no_other_term_has_a_weight() -> None:
    model = make(loss={"crf": 0, "frame": 0, "alone": 0, "alignment": 0, "presence": 2})
    found, _ = losses(model, clip(1.2, 1, events=None, present=("dog",)))
    found.total.backward()
    assert found.total.item() == 2 * found.presence.item() > 0
    assert model.emit.weight.grad.abs().sum() > 0


def test_clips_nobody_labelled_are_named() -> None:
    model = make()
    for unlabelled in (clip(1.0, 7, events=None), clip(1.0, 7, events=(), annotated=())):
        with pytest.raises(InvalidInput, match=r"clip 'clip-7' is not labelled.*give distill.teacher"):
            losses(model, clip(1.0), unlabelled)


def test_one_chain_for_all_labels_needs_all_of_them() -> None:
    model = make(scheme="exclusive")
    with pytest.raises(InvalidInput, match="clip 'clip-0': only dog annotated, but the scheme 'exclusive'"):
        collate([clip(1.0, events=DOG, annotated=("dog",))], model.scheme)
    batch = collate([clip(1.0, events=DOG), clip(1.0, events=None, present=())], model.scheme)
    assert batch.known is not None
    assert batch.known.tolist() == [[True], [False]]


def test_a_focal_loss_counts_what_is_known_well_less() -> None:
    plain, focal = make(), make(loss={"focus": 2})
    batch = collate([clip(2.0)], plain.scheme)
    assert batch.tags is not None
    known = plain(batch).emissions.log_softmax(-1).gather(-1, batch.tags[..., None])
    expected = -(known * (1 - known.exp()) ** 2).sum() / batch.mask.sum()
    assert focal.loss(batch).frame.item() == pytest.approx(expected.item(), rel=1e-4)
    assert torch.equal(focal.loss(batch).crf, plain.loss(batch).crf)
    assert torch.equal(make(loss={"focus": 0}).loss(batch).total, plain.loss(batch).total)
