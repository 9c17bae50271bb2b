"""Write the demo: ``python scripts/make_assets.py`` makes assets/demo.mp4, demo.srt and demo.truth.json.

All of it is synthesised and drawn, from a test scene that no training run has seen; no recording is in it.
"""

from __future__ import annotations

from pathlib import Path

from avtext.data.scenes import SceneRecipe, make_scene_frames
from avtext.data.scenes.files import write_scene

SEED = 7
ASSETS = Path(__file__).resolve().parent.parent / "assets"
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

if __name__ == "__main__":
    scene = make_scene_frames(RECIPE, SEED, height=180, width=320)
    for path in write_scene(scene, ASSETS, "demo"):
        print(path)
