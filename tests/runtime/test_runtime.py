"""The runtime against the torch pipeline, event by event; and that torch is not there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Cue
from avtext.config import ModelSettings
from avtext.detection import Result
from avtext.errors import ModelError
from avtext.model import EventDetector
from avtext.pipeline import Pipeline, Tensors
from avtext.pipeline.network import TorchNetwork
from avtext.runtime import Runtime
from avtext.runtime.folder import read_manifest
from avtext.runtime.network import OnnxNetwork
from avtext.timeline import ClockMap
from tests.model.test_detector import clip
from tests.tiny import talkative, write_video, write_wav

STEP = 0.04


@pytest.fixture(scope="module")
def tiny() -> EventDetector:
    return talkative()


@pytest.fixture(scope="module")
def exported(graphs: Path) -> Path:
    return graphs / "onnx"


@pytest.fixture(scope="module")
def runtime(exported: Path) -> Runtime:
    return Runtime(exported, threads=1)


@pytest.fixture(scope="module")
def pipe(tiny: EventDetector) -> Pipeline:
    return Pipeline(tiny)


def check_same(got: Result, want: Result) -> None:
    """The same events to the frame, scores to a thousandth."""
    assert [(e.start, e.end, e.label) for e in got] == [(e.start, e.end, e.label) for e in want]
    for a, b in zip(got, want, strict=True):
        assert a.score == pytest.approx(b.score, abs=1e-3)
        assert a.shares == pytest.approx(b.shares, abs=1e-3)
    np.testing.assert_allclose(got.scores.values, want.scores.values, atol=1e-3)
    np.testing.assert_allclose(got.gates.values, want.gates.values, atol=1e-3)
    assert (got.duration, got.modalities, got.status) == (want.duration, want.modalities, want.status)
    assert got.alignment.keys() == want.alignment.keys()


def test_the_demo_has_the_same_events(runtime: Runtime, pipe: Pipeline, root: Path) -> None:
    want, got = pipe(root / "assets" / "demo.mp4"), runtime(root / "assets" / "demo.mp4")
    assert len(want) >= 3
    assert want.modalities == ("audio", "video", "text")
    check_same(got, want)


def test_files_of_one_modality(runtime: Runtime, pipe: Pipeline, tmp_path: Path) -> None:
    for file in (write_wav(tmp_path / "a.wav", 3.0), write_video(tmp_path / "b.mp4", 2.0, sound=False)):
        check_same(runtime(file), pipe(file))


SOME = {
    "all": {}, "silent": {"audio": None}, "blind": {"video": None, "picture": None}, "wordless": {"cues": ()},
    "no statistics": {"picture": None}, "no frames": {"video": None},
    "blank words": {"cues": (Cue(4.0, 6.0, " "), Cue(4.0, 4.5, "hello"))},
    "nothing": {"audio": None, "video": None, "picture": None, "cues": ()},
}  # fmt: skip


@pytest.mark.parametrize("changes", SOME.values(), ids=SOME)
@pytest.mark.parametrize("seconds", [0.04, 1.0, 7.3])
def test_every_clip_is_encoded_and_fused_as_by_torch(
    exported: Path, tiny: EventDetector, changes: dict, seconds: float
) -> None:
    ours, torchs = OnnxNetwork(exported), TorchNetwork(tiny)
    one = with_gaps(clip(seconds, 3, start=4.0, **changes))
    got, want = ours.encode(one), torchs.encode(one)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a.mask, b.mask)
        np.testing.assert_allclose(a.features, b.features, atol=2e-4)
        np.testing.assert_allclose(a.embeddings, b.embeddings, atol=2e-4)
    features, masks = [t.features for t in want], [t.mask for t in want]
    fused, expected = ours.fuse(features, masks), torchs.fuse(features, masks)
    np.testing.assert_allclose(fused.emissions, expected.emissions, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(fused.gates, expected.gates, atol=1e-5)


def with_gaps(one: Clip) -> Clip:
    """A clip a part of which is not real and holds NaN."""
    changes = {}
    for name in ("audio", "video", "picture"):
        stream = getattr(one, name)
        if stream is not None and len(stream) > 10:
            values, mask = stream.values.copy(), np.arange(len(stream)) % (len(stream) // 3) > len(stream) // 20
            if values.dtype != np.uint8:
                values[~mask] = np.nan
            changes[name] = replace(stream, values=values, mask=mask)
    return replace(one, **changes)


@pytest.mark.parametrize("changes", [{}, {"labels": ["bell"]}, {"scheme": "exclusive"}, {"decoder": "softmax"}])
def test_decoding_is_torchs(exported: Path, changes: dict, tmp_path: Path) -> None:
    from avtext.compression.export import manifest_of
    from avtext.runtime.folder import publish_manifest
    from tests.model.test_detector import make

    model = make(**changes)
    shutil.copytree(exported, tmp_path / "model")
    publish_manifest(tmp_path / "model", manifest_of(model))
    torch.manual_seed(1)
    shape = (len(model.settings.labels), 200, 3) if model.settings.scheme == "overlapping" else (200, 7)
    emissions = (4 * torch.randn(shape)).numpy()
    (tags, marginals) = OnnxNetwork(tmp_path / "model").decode(emissions)
    wanted, likely = TorchNetwork(model).decode(emissions)
    np.testing.assert_array_equal(tags, wanted)
    np.testing.assert_allclose(marginals, likely, atol=1e-5)


def test_a_clock_is_followed_as_by_torch(runtime: Runtime, tiny: EventDetector) -> None:
    from avtext.detection.windows import EncodedVideo

    found = []
    for network in (runtime.network, TorchNetwork(tiny)):
        with EncodedVideo(network) as video:
            assert list(video.fill([clip(20.0, 5)])) == [20.0]
            clocks = {"audio": ClockMap((0.0, 10.0), (-1.0, 1.5), (1.0, 1.0))}
            found.append(np.concatenate([chunk.emissions for chunk in video.emissions(clocks)], -2))
    np.testing.assert_allclose(found[0], found[1], atol=2e-3)


def test_only_what_the_documents_install_is_imported(exported: Path, root: Path, tmp_path: Path) -> None:
    """Neither torch nor another of the package's dependencies than those in the line of docs/compression.md."""
    line = re.search(r"--no-deps -e \.\n\.venv/bin/pip install (.+)", (root / "docs" / "compression.md").read_text())
    assert line is not None
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needed, told = (set(re.findall(r"(?:^|(?<=[\s\"]))[a-z][\w-]*", text)) for text in (
        "\n".join(project["dependencies"]), line[1],
    ))  # fmt: skip
    assert told - needed == {"onnxruntime"}
    code = (
        "import sys\nfrom importlib.metadata import packages_distributions\nfrom avtext.runtime import Runtime\n"
        f"found = Runtime({str(exported)!r}, threads=1, cache='kept')({str(root / 'assets' / 'demo.mp4')!r})\n"
        "found.to_json('a.json')\nfound.to_html('a.html')\nassert len(found)\n"
        "known = packages_distributions()\n"
        "print(*{name.lower() for module in list(sys.modules) for name in known.get(module, ())})"
    )
    words = [sys.executable, "-c", code]
    out = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300, cwd=tmp_path)
    assert {"numpy", "av", "torch", "safetensors"} <= needed
    assert {"numpy", "onnxruntime", "safetensors"} <= set(out.stdout.split())
    assert needed & set(out.stdout.split()) <= told


def test_commands_need_no_torch_on_a_terminal(exported: Path, root: Path) -> None:
    """They draw there how far they have come."""
    code = "import sys\nsys.modules['torch'] = None\nfrom avtext.cli import main\nmain()"
    words = [sys.executable, "-c", code, "align", str(root / "assets" / "demo.mp4"), "-m", str(exported)]
    leader, follower = os.openpty()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=follower, text=True) as process:
        os.close(follower)
        drawn = b"".join(iter(partial(_read, leader), b"")).decode()
        out, _ = process.communicate(timeout=300)
    os.close(leader)
    assert process.returncode == 0, drawn
    assert "demo.mp4" in drawn
    assert out.startswith("audio: ")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # what Linux says when nobody writes there any more
        return b""


def test_a_manifest_says_all_there_is_to_say(exported: Path, tiny: EventDetector) -> None:
    manifest = read_manifest(exported)
    assert manifest.settings == tiny.settings
    assert isinstance(manifest.settings, ModelSettings)
    assert manifest.modalities == ("audio", "video", "text")
    assert manifest.precision == "float32"


def test_a_folder_that_is_none_or_not_whole(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a model folder of format avtext\.onnx/1"):
        Runtime(tmp_path)
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    content = bytearray((folder / "fuse.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "fuse.onnx").write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"fuse\.onnx: damaged"):
        Runtime(folder)
    (folder / "fuse.onnx").unlink()
    with pytest.raises(ModelError, match=r"fuse\.onnx: no such file"):
        Runtime(folder)
    document = json.loads((folder / "config.json").read_text())
    del document["chain"], document["files"]["fuse.onnx"]
    (folder / "config.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=r"config\.json: damaged"):
        Runtime(folder)


def test_what_is_in_memory_is_taken_as_a_pipeline_takes_it(runtime: Runtime, pipe: Pipeline) -> None:
    rng = np.random.default_rng(0)
    sound, frames = rng.normal(size=44_100).astype(np.float32), rng.integers(0, 256, (25, 48, 64, 3), dtype=np.uint8)
    source = Tensors(sound * 0.1, 22_050, frames, 12.5, (Cue(0.2, 0.9, "[dog barks]"),))
    check_same(runtime(source), pipe(source))
