"""The default model's card: what it finds, what it learnt from, how well, and what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avtext.benchmark.accuracy import Accuracy, class_table
from avtext.benchmark.figures import Figure, table
from avtext.checkpoint import CARD
from avtext.data.scenes.recipe import HEARD, SEEN
from avtext.model import EventDetector
from avtext.pipeline import Result
from avtext.storage import publish_text

INTRODUCTION = """# The default model of avtext

Finds events in videos from sound, picture and words: heard ({heard}), seen ({seen}) and joint (impact: something
visibly hits something, and the hit is heard).

{parameters:,} parameters ({megabytes:.1f} MB, float16). Encoders: {encoders}. Labels may overlap: each has a CRF chain
of its own.

## How it was made

    python scripts/train_av.py --config configs/{config}.yaml
    python scripts/make_assets.py model runs/{config}/best

{run}
The second line lets it decide as 200 more scenes of the same sources say. Nothing is pretrained. Running both again gives
a model of the same kind; the same weights only on the same machine with the same versions.

Scenes mix recorded and synthesised sounds at -5 to 20 dB over coloured noise with drawn, moving pictures, edits and
timed cues; see `avtext/data/scenes`. No training scene uses a source of the test split (recordings, speakers, voices,
signed words, objects). Shared are the people who sign and the room in which they do, what is said, and of each class
the first phrasing of its captions.

### Data and licences

| source | used for | licence |
|---|---|---|
| ESC-10, folds 1-3 of ESC-50 by Karol J. Piczak (fold 4 is for testing) | the ten recorded sound classes | CC BY 3.0; clips from Freesound, CC0 and CC BY, attribution list in the data set |
| Free Spoken Digit Dataset by Zohar Jackson and others, three of four speakers | speech | CC BY-SA 4.0 |
| voices of the program espeak-ng, seven of eleven | speech | synthesised here |
| signed ASL words, Intel sample videos, eight of thirteen clips | signing | CC BY 4.0 |
| sounds and pictures synthesised by this package | everything else | Apache-2.0 |

The weights are offered under CC BY-SA 4.0 (`LICENSE` beside them), the strictest of these.
"""
LIMITS = """## What it cannot do

- It knows the classes above and nothing else; objects in real pictures mean nothing to it. `signing` was learnt from
  eight clips in two settings and is a demonstration, not a detector of sign language; its score is of other words that
  the same people sign.
- Speech was learnt from spoken digits of three English speakers and from synthetic voices. Music occurred only as a
  distractor.
- No real footage was used in training: seen events (cut, fade, flash, freeze, black) carry over, `impact` hardly does.
- `freeze` means a moving picture that suddenly stands still; the pages of a slide show are cuts.
- Scores are posteriors, calibrated on scenes like those of the training; on other material they are not calibrated.
"""


def write_card(
    folder: Path,
    model: EventDetector,
    accuracy: Accuracy,
    figures: Sequence[Figure],
    results: Mapping[str, Result],
) -> None:
    """Write the card of the default model beside its weights.

    Args:
        folder: the model folder; ``training.json`` in it says how it was trained.
        model: the model.
        accuracy: on scenes of unseen sources.
        figures: headline figures.
        results: of the real clips, by file name.
    """
    run = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    labels = model.settings.labels
    seen = [label for label in labels if label in SEEN]
    heard = [label for label in labels if label in HEARD]
    size = sum(p.stat().st_size for p in folder.glob("*.safetensors")) / 1e6
    scores = accuracy.everything.scores()
    parts = [
        INTRODUCTION.format(
            heard=", ".join(heard),
            seen=", ".join(seen),
            parameters=model.num_parameters()["total"],
            megabytes=size,
            encoders=", ".join(f"{name} `{e.name}`" for name, e in model.settings.encoders.items()),
            config=run["config"],
            run=_run(run),
        ),
        f"## Scores\n\n{len(accuracy.everything.reference)} generated scenes of unseen sources, in sync; event F1 with an "
        "onset collar of 0.2 s, events matched as sed_eval does. With fewer modalities the same model is given less.\n",
        _subsets(accuracy),
        class_table(scores, labels),
        "Limits and real clips (PySceneDetect is the reference for cuts and fades):\n",
        table([figure.to_dict() for figure in figures]),
        "".join(f"- {f.name}: {f.detail}\n" for f in figures if f.detail),
        f"Events found in real clips:\n\n{_clips(results)}",
        LIMITS,
    ]
    publish_text(folder / CARD, "\n".join(parts))


def _run(run: Mapping[str, Any]) -> str:
    """The training in words, from its settings."""
    seconds = run["train"]["scenes"]["duration"][0]
    batch = run["batch_size"] * run["devices"]
    return f"Seed {run['seed']}, {run['steps']} steps of {batch} scenes of {seconds:g} s, none of them seen twice."


def _subsets(accuracy: Accuracy) -> str:
    lines = ["| given | F1 | precision | recall | F1, ends too |", "|---|---|---|---|---|"]
    for names, found in accuracy.subsets.items():
        onsets, ends = found.scores().micro, found.scores(offsets=True).micro
        numbers = " | ".join(f"{x:.3f}" for x in (onsets.f1, onsets.precision, onsets.recall, ends.f1))
        lines.append(f"| {' + '.join(names)} | {numbers} |")
    return "\n".join(lines) + "\n"


def _clips(results: Mapping[str, Result]) -> str:
    lines = ["| clip | seconds | given | events |", "|---|---|---|---|"]
    for name, result in results.items():
        counts: dict[str, int] = {}
        for event in result:
            counts[event.label] = counts.get(event.label, 0) + 1
        found = ", ".join(f"{label} {count}" for label, count in sorted(counts.items())) or "none"
        lines.append(f"| {name} | {result.duration:.1f} | {', '.join(result.modalities)} | {found} |")
    return "\n".join(lines) + "\n"
