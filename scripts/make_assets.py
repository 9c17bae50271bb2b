"""Write what is shipped: ``python scripts/make_assets.py demo``, ``… model RUN/best``, ``… screenshot``;
``… clips FOLDER`` writes scenes of the default model's sources as files, for ``avtext compress --calibrate``;
``… mean FOLDER RUN/best …`` writes the mean of trained folders as a model.

The demo (demo.mp4, demo.srt, demo.truth.json) is synthesised and drawn, from a scene of the test split that no
training run has seen; no recording is in it. The model is what ``configs/student.yaml`` trains, with the settings of
that run and the licence of its weights beside it; ``python scripts/benchmark.py model`` then writes its card. The
screenshot, docs/report.png, is the report of the demo as the default model finds it, in Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from avtext.benchmark.model import steps_of
from avtext.data.scenes import SceneRecipe, make_scene_frames
from avtext.data.scenes.files import write_scene
from avtext.errors import AvtextError
from avtext.model import EventDetector, load_detector, save_detector
from avtext.pipeline import Pipeline
from avtext.storage import publish_bytes, publish_json, publish_text
from avtext.training import TrainSettings, open_clips, read_settings
from avtext.training.clocks import with_confidence
from avtext.training.evaluation import with_decision

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "assets"
SCREENSHOT = ROOT / "docs" / "report.png"
WIDTH = 1120  # pixels of the screenshot
CLIPS = 8  # to calibrate on
DATA = "../shared/data"  # what the configs say
CONFIG = "student"  # of the default model
SEED = 0  # the first: ten of the labels are in it
RECIPE = SceneRecipe(
    split="test",
    duration=(24.0, 24.0),
    heard=(4, 5),
    seen=(3, 4),
    impacts=(1, 2),
    decoys=(0, 1),
    snr_db=(5.0, 20.0),
    no_cues_chance=0.0,
    missing_chance=0.0,
    dropout_chance=0.0,
)
MEAN = "The mean of several models' weights, by scripts/make_assets.py\n"
LICENCE = """The weights in model.safetensors are licensed under the Creative Commons Attribution-ShareAlike 4.0
International Public License, https://creativecommons.org/licenses/by-sa/4.0/legalcode.

They were trained in part on recordings of others, to whom thanks are due:

- ESC-10, a part of ESC-50: Dataset for Environmental Sound Classification, by Karol J. Piczak (CC BY 3.0), made of
  clips from Freesound under CC0 and CC BY by the authors listed in its README.
- Free Spoken Digit Dataset, by Zohar Jackson and contributors (CC BY-SA 4.0).
- Signed ASL words from Intel's sample videos (CC BY 4.0).
"""


def write_demo() -> None:
    """The demo's three files."""
    scene = make_scene_frames(RECIPE, SEED, height=180, width=320)
    for path in write_scene(scene, ASSETS, "demo"):
        print(path)


def write_clips(folder: Path) -> None:
    """Scenes of the sources that the default model learnt from, in sync, as videos with subtitles."""
    data = recipe_of_default().validation
    assert data is not None  # that config has scenes
    assert data.scenes is not None
    recipe = data.scenes.model_copy(update={"missing_chance": 0.0, "no_cues_chance": 0.0})
    for number in range(CLIPS):
        write_scene(make_scene_frames(recipe, data.first + number, height=180, width=320), folder, f"clip{number}")
    print(folder)


def take_model(folder: Path) -> None:
    """The default model: what its config trained, which decides as more scenes say than the run asks."""
    target = ASSETS / "model"
    if (run := steps_of(folder)) is None:
        raise AvtextError(f"{folder.parent / 'log.csv'}: no log of a run: give the folder 'best' of one")
    settings = recipe_of_default()
    save_detector(
        target, decided(load_detector(folder)), "the card is written by scripts/benchmark.py model\n", half=True
    )
    told = {"config": CONFIG, "step_seconds": run[1]} | settings.model_dump(
        mode="json", exclude={"out", "model", "init"}
    )
    here = os.environ.get("AVTEXT_DATA", DATA)  # where the recordings lie on this machine is nobody's business
    publish_json(target / "training.json", json.loads(json.dumps(told).replace(here, DATA)))
    publish_text(target / "LICENSE", LICENCE)
    print(target)


def recipe_of_default() -> TrainSettings:
    """How the default model is trained."""
    return read_settings(ROOT / "configs" / f"{CONFIG}.yaml")


def mean_of(folders: Sequence[Path]) -> EventDetector:
    """The mean of all models' weights, what is counted, not learnt, being the last one's, made to decide anew.

    The mean of a model before and after fine-tuning keeps more of what it could elsewhere (Wortsman et al. 2022).
    """
    models = [load_detector(folder) for folder in folders]
    states = [model.state_dict() for model in models]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[-1].items()
    }
    models[0].load_state_dict(mean)
    return decided(models[0])


def decided(model: EventDetector) -> EventDetector:
    """The model with its thresholds, calibration and sureness of clocks from scenes that no run has seen."""
    settings = recipe_of_default()
    assert settings.validation is not None  # that config has scenes
    clips = open_clips(settings.validation.model_copy(update={"first": 600_000, "count": 200}), settings.model)
    model = with_decision(model, (clips[i] for i in range(len(clips))))
    return with_confidence(model, (clips[i] for i in range(len(clips))))


def take_screenshot() -> None:
    """docs/report.png: the first screens of the demo's report, with an event selected."""
    from playwright.sync_api import sync_playwright

    result = Pipeline.from_pretrained()(ASSETS / "demo.mp4")
    chosen = 1 + [event.label for event in result.events].index("engine")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "demo.html"
        result.to_html(page_file)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(page_file.as_uri())
        for _ in range(chosen):
            page.keyboard.press("n")
        page.wait_for_timeout(2000)  # until the frame is shown
        bottom = page.locator(".timeline").bounding_box()
        assert bottom is not None
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": bottom["y"] + bottom["height"] + 16}
        picture = page.screenshot(full_page=True, clip=clip)
        browser.close()
    publish_bytes(SCREENSHOT, picture)
    print(SCREENSHOT)


def main() -> None:
    """Make what the first word says."""
    match sys.argv[1:]:
        case ["demo"]:
            write_demo()
        case ["model", folder]:
            take_model(Path(folder))
        case ["mean", out, *folders] if folders:
            save_detector(Path(out), mean_of([Path(folder) for folder in folders]), MEAN, half=True)
        case ["clips", folder]:
            write_clips(Path(folder))
        case ["screenshot"]:
            take_screenshot()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main()
    except AvtextError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
