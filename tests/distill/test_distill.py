"""Distillation: nothing to learn from oneself, the gradient of the chain's term, the cache, and the loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.clip import Stream
from avtext.distill import DistillSettings, Targets, Teacher, Terms, distillation_terms
from avtext.errors import ConfigError
from avtext.model import Batch, EventDetector, collate, save_detector
from avtext.training import fit
from tests.model.test_detector import ENCODERS, clip, make
from tests.training.test_loop import MODEL, SOURCE, run

SETTINGS = DistillSettings(teacher=Path("none"))
VARIANTS = [{}, {"scheme": "exclusive"}, {"labels": ["dog"]}, {"decoder": "softmax"}]


def two(**changes: object) -> Batch:
    return collate([clip(2.4, 0, **changes), clip(1.2, 1, **changes)])


def terms(student: EventDetector, targets: Targets, batch: Batch, settings: DistillSettings = SETTINGS) -> Terms:
    encoded = student.encode(batch)
    output = student.fuse(encoded.features, encoded.masks, batch.mask)
    return distillation_terms(student, encoded, output, targets, settings)


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("cached", [False, True])
def test_there_is_nothing_to_learn_from_oneself(changes: dict, cached: bool, tmp_path: Path) -> None:
    student, batch = make(5, **changes), two()
    teacher = Teacher(make(5, **changes), cache=tmp_path if cached else None)
    for _ in range(2):  # the second time from the cache
        for term in terms(student, teacher.targets(batch, [0, 1]), batch):
            assert abs(term.item()) < 1e-6


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_term_is_positive_for_another_student(changes: dict) -> None:
    student, batch = make(6, **changes), two()
    found = terms(student, Teacher(make(5, **changes)).targets(batch, [0, 1]), batch)
    softmax = changes.get("decoder") == "softmax"
    assert [value.item() > 1e-5 for value in found] == [True, True, not softmax, True, True]


@pytest.mark.parametrize("changes", VARIANTS)
def test_terms_of_autocast_are_those_of_float32(changes: dict) -> None:
    student, batch = make(6, **changes), two()
    targets = Teacher(make(5, **changes)).targets(batch, [0, 1])
    encoded, output = student.encode(batch), student(batch)
    wanted = distillation_terms(student, encoded, output, targets, SETTINGS)
    with torch.autocast("cpu", torch.bfloat16):
        found = distillation_terms(student, encoded, output, targets, SETTINGS)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("changes", VARIANTS[:3])
def test_the_chains_term_is_the_divergence_of_the_two_posteriors(changes: dict) -> None:
    """Against every tag sequence of a short clip, written out."""
    from itertools import product

    student, teacher = make(6, **changes), make(5, **changes)
    batch = collate([clip(0.2, 0)])
    targets = Teacher(teacher).targets(batch, [0])
    with torch.no_grad():
        got = terms(student, targets, batch).marginals.item() * 5
        paths = torch.tensor(list(product(range(student.scheme.num_tags), repeat=5)))
        divergence = 0.0
        for chain in range(student.scheme.num_chains):
            logs = []
            for model in (student, teacher):
                emissions = model(batch).emissions
                scores = emissions[0, chain] if emissions.ndim == 4 else emissions[0]
                logs.append(path_scores(model, scores.double(), paths, chain).log_softmax(0))
            ours, theirs = logs
            live = torch.isfinite(theirs)
            divergence += (theirs[live].exp() * (theirs[live] - ours[live])).sum().item()
    assert got == pytest.approx(divergence, abs=1e-5)


def path_scores(model: EventDetector, emissions: torch.Tensor, paths: torch.Tensor, chain: int) -> torch.Tensor:
    grammar, crf, K = model.scheme.grammar(), model.crf, model.scheme.num_tags
    start, table, end = (
        p.double().reshape(-1, *shape)[chain].masked_fill(~torch.from_numpy(allowed), -torch.inf)
        for p, shape, allowed in (
            (crf.start_transitions, (K,), grammar.starts),
            (crf.transitions, (K, K), grammar.transitions),
            (crf.end_transitions, (K,), grammar.ends),
        )
    )
    total = start[paths[:, 0]] + end[paths[:, -1]] + emissions[torch.arange(5), paths].sum(1)
    return total + table[paths[:, :-1], paths[:, 1:]].sum(1)


@pytest.mark.parametrize("changes", [{}, {"width": 24}])
def test_the_features_term_is_that_of_every_pair_of_steps(changes: dict) -> None:
    student, teacher, batch = make(6, **changes), make(5), two()
    targets = Teacher(teacher).targets(batch, [0, 1])
    batch = batch.only(("audio", "text"))
    encoded = student.encode(batch)
    wanted = []
    for name, ours, mask in zip(student.modalities, encoded.features, encoded.masks, strict=True):
        real = mask & targets.masks[name]
        pairs = real[:, :, None] & real[:, None, :]
        first, second = (torch.nn.functional.normalize(x, dim=-1) for x in (ours, targets.features[name]))
        apart = (first @ first.transpose(1, 2) - second @ second.transpose(1, 2)).square()
        wanted.append(apart[pairs].sum() / pairs.sum().clamp_min(1))
    found = distillation_terms(student, encoded, student(batch), targets, SETTINGS).features
    torch.testing.assert_close(found, torch.stack(wanted).mean(), rtol=1e-5, atol=0.0)
    gradients = [torch.autograd.grad(x, encoded.features[0], retain_graph=True)[0] for x in (found, sum(wanted) / 3)]
    torch.testing.assert_close(*gradients)
    assert gradients[0].any()


def test_padding_and_lost_modalities_do_not_teach() -> None:
    student, teacher = make(6), Teacher(make(5))
    alone, together = collate([clip(1.2, 1)]), two()
    long = collate([clip(2.4, 0)])
    a, b = (terms(student, teacher.targets(x, [0]), x) for x in (alone, long))
    both = terms(student, teacher.targets(together, [0, 1]), together)
    assert both.emissions.item() * 90 == pytest.approx(a.emissions.item() * 30 + b.emissions.item() * 60, rel=1e-4)
    assert both.marginals.item() * 90 == pytest.approx(a.marginals.item() * 30 + b.marginals.item() * 60, rel=1e-3)
    deaf = together.only(("video", "text"))
    found = terms(student, teacher.targets(together, [0, 1]), deaf)
    assert found.gates.item() == 0.0  # gates of other modalities cannot be compared
    assert found.emissions.item() > 0


def test_a_student_of_other_encoders_and_width_learns() -> None:
    torch.manual_seed(0)
    student = make(6, width=8, encoders={"audio": ENCODERS["audio"], "picture": ENCODERS["picture"]})
    batch = two()
    targets = Teacher(make(5)).targets(batch, [0, 1])
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        loss = terms(student, targets, batch).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_a_clip_is_asked_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = Teacher(make(5), cache=tmp_path)
    first = teacher.targets(two(), [0, 1])
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    monkeypatch.setattr(teacher.model, "encode", None)  # asking again would fail
    again = teacher.targets(two(), [3, 4])
    for a, b in zip(first, again, strict=True):
        for x, y in zip(*(([v[k] for k in sorted(v)] if isinstance(v, dict) else [v]) for v in (a, b)), strict=True):
            torch.testing.assert_close(x.to(y.dtype), y, atol=1e-5, rtol=1e-5)
    monkeypatch.undo()
    Teacher(make(6), cache=tmp_path).targets(two(), [0, 1])  # another teacher says something else
    Teacher(make(5), cache=tmp_path).targets(two(cues=()), [0, 1])  # so does this one of another clip
    assert len(list(tmp_path.glob("*.safetensors"))) == 6


def test_a_clip_is_found_again_in_other_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer neighbours, neighbours with streams that it lacks, and a rate that a file gave back as a float."""
    teacher = Teacher(make(5), cache=tmp_path)
    short = replace(clip(1.2, 1), picture=None)
    assert short.audio is not None
    teacher.targets(collate([short]), [0])
    teacher.targets(collate([clip(2.4, 0)]), [1])
    monkeypatch.setattr(teacher.model, "encode", None)  # asking again would fail
    read = replace(short, audio=replace(short.audio, rate=int(short.audio.rate)))
    teacher.targets(collate([clip(2.4, 0), read]), [1, 0])


def test_clips_that_are_the_same_to_the_student_are_not_to_a_teacher_who_sees_more(tmp_path: Path) -> None:
    clips = [clip(1.2, seed) for seed in (0, 1)]
    silence = Stream(np.zeros(19200, np.float32), 16000.0)
    heard = collate([replace(one, audio=silence, video=None, picture=None, cues=()) for one in clips])
    kept, asked = Teacher(make(5), clips, tmp_path), Teacher(make(5), clips)
    for _ in range(2):  # the second time from the cache
        torch.testing.assert_close(kept.targets(heard, [0, 1]).emissions, asked.targets(heard, [0, 1]).emissions)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


def test_other_weights_of_a_frozen_encoder_say_something_else(tmp_path: Path) -> None:
    stored = {"name": "stored", "options": {"folder": str(tmp_path / "stored"), "stream": "audio"}}
    frozen = {"audio": {"name": "features", "options": {"size": 16, "rate": 25, "of": stored}}}
    said = []
    for seed in (1, 2):
        save_detector(tmp_path / "stored", make(seed, encoders={"audio": ENCODERS["audio"]}), "")
        said.append(Teacher(make(5, encoders=frozen), cache=tmp_path / "cache").targets(two(), [0, 1]).emissions)
    assert not torch.equal(*said)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    teacher = EventDetector(run(tmp_path, train=None).model)
    save_detector(tmp_path / "teacher", teacher, "")
    return tmp_path / "teacher"


class Unlabelled:
    def __len__(self) -> int:
        return len(SOURCE)

    def __getitem__(self, index: int):
        return replace(SOURCE[index], events=None)


@pytest.mark.parametrize("source", [SOURCE, Unlabelled()], ids=["labelled", "unlabelled"])
def test_the_loop_distils(folder: Path, tmp_path: Path, source: object) -> None:
    figures: list[dict] = []
    settings = run(tmp_path / "run", distill={"teacher": folder, "cache": tmp_path / "cache"}, steps=2, average=0.0)
    fit(settings, source, hook=lambda what, step, steps, found: what == "train" and figures.append(found))  # type: ignore[arg-type,func-returns-value]
    assert all(one["distillation"] > 0 for one in figures)
    assert all((one["crf"] > 0) == (source is SOURCE) for one in figures)
    assert len(list((tmp_path / "cache").iterdir())) == 4


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": [*MODEL["labels"][1:], "dog"]}, r"it has \['bell'\], the student \['dog'\]"),
        ({"labels": MODEL["labels"][::-1]}, "their order differs"),
        ({"scheme": "exclusive"}, "has overlapping labels at 25 steps a second, the student exclusive ones"),
    ],
)
def test_a_teacher_of_other_labels_is_refused(folder: Path, tmp_path: Path, changes: dict, words: str) -> None:
    settings = run(tmp_path / "run", model={**MODEL, **changes}, distill={"teacher": folder})
    with pytest.raises(ConfigError, match=words):
        fit(settings, SOURCE)
