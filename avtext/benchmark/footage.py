"""The default model on real clips: cuts, fades, speech, and no speech where there is no sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avtext.benchmark.figures import Figure
from avtext.clip import Event
from avtext.metrics.matching import largest_matching
from avtext.pipeline import Pipeline, Result

TOLERANCE = 0.2  # seconds between our cut and PySceneDetect's
BESIDE = 0.5  # seconds from its threshold crossing to our fade or black, where that does not cover it
SPOKEN = ("whisper_jfk.flac", "torchcodec_nasa_13013.mp4")


def measure(pipe: Pipeline, media: Path) -> tuple[list[Figure], dict[str, Result]]:
    """Figures on the clips in ``media``, beside PySceneDetect's cuts and fades, and all results by file name."""
    results = {p.name: pipe(p) for p in sorted(media.iterdir()) if p.suffix not in (".srt", ".txt")}
    found = [
        *_cuts(results["pyscenedetect_testvideo.mp4"], media),
        _fades(results["pyscenedetect_fades.mp4"], media),
    ]
    found += [_speech(results[name]) for name in SPOKEN]
    silent = {name: r for name, r in results.items() if "audio" not in r.modalities}
    spoken = [name for name, r in silent.items() if _labelled(r, "speech")]
    found.append(
        Figure(
            "speech_in_clips_without_sound",
            float(len(spoken)),
            "files",
            0.0,
            "at_most",
            f"{len(silent)} clips: {spoken}",
        )
    )
    outside = [n for n, r in results.items() for e in r if e.start < 0 or e.end > r.duration + 1e-6]
    found.append(
        Figure("events_outside_their_file", float(len(outside)), "events", 0.0, "at_most", f"{len(results)} clips")
    )
    nasa = results["torchcodec_nasa_13013.mp4"].modalities
    found.append(Figure("nasa_modalities", float(len(nasa)), "modalities", 3.0, detail=", ".join(nasa)))
    return found, results


def _labelled(result: Result, label: str) -> list[Event]:
    return [event for event in result if event.label == label]


def _reference_times(path: Path, detector: str) -> list[float]:
    """Where PySceneDetect's ``detector`` begins new scenes, seconds."""
    import scenedetect

    scenes = scenedetect.detect(str(path), getattr(scenedetect, detector)())
    return [start.seconds for start, _ in scenes[1:]]


def _cuts(result: Result, media: Path) -> list[Figure]:
    """Cuts where PySceneDetect begins a scene; and, as information, borders of scenes of either kind of ours."""
    truth = _reference_times(media / Path(result.file).name, "ContentDetector")
    times = [event.start for event in _labelled(result, "cut")]
    fades = [time for event in _labelled(result, "fade") for time in (event.start, event.end)]
    missed = [round(t, 2) for t in truth if not _near(t, times)]
    spurious = [round(t, 2) for t in times if not _near(t, truth)]
    apart = [t for t in truth if not _near(t, [*times, *fades])]
    detail = f"{len(truth)} cuts, missed at {missed}, others at {spurious}"
    return [
        Figure("cuts_found", found_share(truth, missed), "of PySceneDetect's", 1.0, detail=detail),
        Figure(
            "cuts_found_as_cut_or_fade",
            found_share(truth, apart),
            "of PySceneDetect's",
            detail="a cut of ours, or an end of a fade",
        ),
    ]


def _fades(result: Result, media: Path) -> Figure:
    """A fade counts as found where a fade or black event of ours covers the threshold crossing, or is near it.

    One event counts for one of them: a fade over the whole clip has found a single one.
    """
    truth = _reference_times(media / Path(result.file).name, "ThresholdDetector")
    spans = [*_labelled(result, "fade"), *_labelled(result, "black")]
    near = [(i, k) for i, t in enumerate(truth) for k, e in enumerate(spans) if e.start - BESIDE <= t <= e.end + BESIDE]
    left, right = np.array(near, dtype=np.int64).reshape(-1, 2).T
    found = largest_matching((left, right))
    missed = [round(t, 2) for i, t in enumerate(truth) if i not in found]
    ours = [(round(e.start, 2), round(e.end, 2)) for e in spans]
    detail = (
        f"{len(truth)} fades, missed at {missed}; found: in a fade or black of ours, one each, or at most {BESIDE:g} s "
        f"from it; ours {ours}"
    )
    return Figure("fades_found", found_share(truth, missed), "of PySceneDetect's", 1.0, detail=detail)


def found_share(truth: Sequence[float], missed: Sequence[float]) -> float | None:
    """The share of the reference that was found; None, which misses any limit, where the reference has nothing.

    Example:
        >>> found_share([1.0, 2.0], [2.0]), found_share([], [])
        (0.5, None)
    """
    return 1.0 - len(missed) / len(truth) if truth else None


def _near(time: float, others: Sequence[float]) -> bool:
    return any(abs(time - other) <= TOLERANCE for other in others)


def _speech(result: Result) -> Figure:
    covered = sum(event.duration for event in _labelled(result, "speech"))
    name = f"speech_in_{Path(result.file).stem}"
    return Figure(
        name, covered / result.duration, "share of the clip", 0.5, detail=f"{covered:.1f} of {result.duration:.1f} s"
    )
