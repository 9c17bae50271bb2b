"""FGSM and PGD on what the encoders take and on what they give, before and after adversarial training.

The attacker may change every value of the waveform by ε of full scale, of the frames by ε of 255 levels, and of the
picture statistics, which come from frames between those that a clip carries, by ε too. Frames are left as floats. The
loss is the model's own: the CRF's, and the cross-entropy of the emissions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from avtext.attacks import Attack, attack
from avtext.benchmark.embeddings import behind_encoders, embedded
from avtext.benchmark.figures import Figure
from avtext.benchmark.intervals import points, resampled
from avtext.clip import STREAMS, Clip
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.model import Batch, EventDetector, collate
from avtext.training.evaluation import Found

EPSILONS = (0.006, 0.012)
KEPT, FALL = 89.0, 2.0  # per cent of clean F1 under FGSM at the smaller ε; points that clean F1 may fall by
BATCH = 4


class AttackSizes(NamedTuple):
    """Scenes for FGSM, scenes of them for PGD, whose every step costs a pass forth and back, and its steps."""

    fgsm: int = 96
    pgd: int = 12
    steps: int = 20


def measure(
    before: EventDetector, after: EventDetector | None, recipe: SceneRecipe, first: int, sizes: AttackSizes
) -> list[Figure]:
    """Attacks on inputs before and after adversarial training, and on embeddings before it.

    Args:
        before: the model.
        after: the same after adversarial training; None where there is none.
        recipe: of the scenes.
        first: the first scene.
        sizes: how many.
    """
    clips = [make_scene(recipe, first + k) for k in range(sizes.fgsm)]
    rows = {"before": kept(before, clips, sizes)} | ({} if after is None else {"after": kept(after, clips, sizes)})
    told = [figure for when, found in rows.items() for figure in _rows(when, found, clips, sizes)]
    return [*_judged(rows, len(clips)), *told, *on_embeddings(before, clips[: sizes.pgd], sizes.steps)]


def attack_of(epsilon: float, steps: int = 1) -> Attack:
    """FGSM, or PGD whose steps add up to two and a half budgets, on sound and picture."""
    budgets = {"audio": epsilon, "video": 255.0 * epsilon, "picture": epsilon}
    return Attack(budgets, steps, step_size=2.5 / steps, whole=False)


def batches(model: EventDetector, clips: Sequence[Clip], how: Attack | None = None) -> Iterator[Batch]:
    """The clips in batches of ``BATCH``, changed by an attack that follows the gradients of ``model``."""
    for first in range(0, len(clips), BATCH):
        batch = collate(clips[first : first + BATCH], model.scheme, model.settings.grid_rate)
        yield batch if how is None else attack(model, batch, how)


@torch.no_grad()
def found_in(model: EventDetector, clips: Sequence[Clip], those: Iterable[Batch]) -> Found:
    """What ``model`` finds in batches of ``clips``, each of which has a name of its own."""
    events = [found for batch in those for found in model.decode(model(batch), batch.starts.tolist())]
    names = [clip.name for clip in clips]
    return Found(
        dict(zip(names, [clip.events or () for clip in clips], strict=True)), dict(zip(names, events, strict=True))
    )


def under(model: EventDetector, clips: Sequence[Clip], how: Attack | None = None) -> Found:
    """What ``model`` finds under an attack that follows its own gradients; None: in clips as they are."""
    return found_in(model, clips, batches(model, clips, how))


def kept(model: EventDetector, clips: Sequence[Clip], sizes: AttackSizes) -> dict[str, Found]:
    """Finds by attack: ``clean``, ``fgsm_0006``, …, ``fgsm_0006_audio_alone``, … on one stream each.

    PGD is tried on a few scenes; ``clean_of_pgd`` is what is found in these as they are.
    """
    few = clips[: sizes.pgd]
    found = {"clean": under(model, clips), "clean_of_pgd": under(model, few)}
    for epsilon in EPSILONS:
        found[f"fgsm_{slug(epsilon)}"] = under(model, clips, attack_of(epsilon))
        found[f"pgd_{slug(epsilon)}"] = under(model, few, attack_of(epsilon, sizes.steps))
    judged = attack_of(EPSILONS[0])
    for name, budget in judged.budgets.items():
        alone = replace(judged, budgets={name: budget})
        found[f"fgsm_{slug(EPSILONS[0])}_{name}_alone"] = under(model, clips, alone)
    return found


def on_embeddings(model: EventDetector, clips: Sequence[Clip], steps: int) -> list[Figure]:
    """The same attacks on every value that any encoder gives, the text's too."""
    behind = behind_encoders(model)
    felt = [embedded(model, clip) for clip in clips]
    detail = f"{len(clips)} scenes, ε of each value; {_deviations(felt)}"
    found = {"clean": under(behind, felt)}
    for epsilon in EPSILONS:
        everything = dict.fromkeys(STREAMS, epsilon)
        for name, count in (("fgsm", 1), ("pgd", steps)):
            how = replace(attack_of(epsilon, count), budgets=everything)
            found[f"{name}_{slug(epsilon)}"] = under(behind, felt, how)
    return [Figure(f"attack_embeddings_{name}", one.f1(), "F1", detail=detail) for name, one in found.items()]


def slug(epsilon: float) -> str:
    """``"0006"`` for 0.006."""
    return f"{epsilon:g}".replace(".", "")


def _judged(rows: Mapping[str, Mapping[str, Found]], scenes: int) -> list[Figure]:
    if "after" not in rows:
        why = "no model after adversarial training was given: --model FOLDER"
        return [
            Figure("attack_kept", None, "% of clean F1", KEPT, "at_least", why),
            Figure("attack_clean_fall", None, "points", FALL, "at_most", why),
        ]
    after, before = rows["after"], rows["before"]["clean"]
    clean, attacked = after["clean"], after[f"fgsm_{slug(EPSILONS[0])}"]
    detail = f"FGSM at ε {EPSILONS[0]:g}, {scenes} scenes"
    kept_by, fall_by = resampled(_share, attacked, clean, decimals=1), resampled(points, before, clean, decimals=2)
    share, fall = _share(attacked.f1(), clean.f1()), points(before.f1(), clean.f1())
    return [
        Figure("attack_kept", share, "% of clean F1", KEPT, "at_least", f"{detail}; {kept_by}"),
        Figure("attack_clean_fall", fall, "points", FALL, "at_most", f"{detail}; {fall_by}"),
    ]


def _rows(when: str, found: Mapping[str, Found], clips: Sequence[Clip], sizes: AttackSizes) -> list[Figure]:
    seconds, rows = clips[0].duration, []
    for name, one in found.items():
        many = sizes.pgd if "pgd" in name else len(clips)
        detail = f"{many} generated scenes of {seconds:g} s, unseen sources, onset collar 0.2 s"
        if name.startswith("pgd"):
            detail = f"{sizes.steps} steps; {detail}"
        rows.append(Figure(f"attack_{name}_{when}", one.f1(), "F1", detail=detail))
        if not name.startswith("clean"):
            whole = found["clean_of_pgd" if name.startswith("pgd") else "clean"]
            share = _share(one.f1(), whole.f1())
            rows.append(Figure(f"attack_{name}_kept_{when}", share, "% of clean F1", detail=detail))
    return rows


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else 0.0


def _deviations(clips: Sequence[Clip]) -> str:
    """How much embeddings vary, to which ε compares."""
    parts = []
    for name in STREAMS:
        values = [clip.streams[name].values for clip in clips if name in clip.streams]
        if values:
            parts.append(f"{name} {sum(float(v.std()) for v in values) / len(values):.2f}")
    return f"their deviations: {', '.join(parts)}"
