"""Graphs that are torch's, INT8 twins that are smaller and near, and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from avtext.backends.onnx_export import Part, export_part, largest_difference, other_sizes
from avtext.backends.onnx_int8 import quantize_graph, weighted_nodes
from avtext.backends.sessions import open_session
from avtext.compression import export, quantization
from avtext.compression.ladder import LadderSettings, check_out, climb
from avtext.compression.parts import parts_of
from avtext.compression.quantization import quantize_folder
from avtext.encoders.folding import folded
from avtext.errors import ConfigError, MediaError, MissingExtra, ModelError
from avtext.model import EventDetector, save_detector
from avtext.runtime import Runtime
from avtext.runtime.folder import read_manifest
from avtext.runtime.network import OnnxNetwork
from tests.model.test_detector import ENCODERS, clip, make
from tests.tiny import talkative, write_wav

NAMES = ["audio", "picture", "text", "video", "tower-audio", "tower-video", "tower-text", "fuse"]


@pytest.mark.parametrize("name", NAMES)
def test_every_graph_takes_other_batches_and_lengths(graphs: Path, name: str) -> None:
    model = folded(talkative())
    assert isinstance(model, EventDetector)
    part = parts_of(model)[name]
    path = graphs / "onnx" / f"{name}.onnx"
    longer = replace(part, example=tuple(torch.cat([x, x]) if x.ndim > 1 else x for x in part.example))
    for arguments in (part.example, other_sizes(part), longer.example, other_sizes(longer)):
        assert largest_difference(part.module, path, arguments) < 1e-5


def test_graphs_say_nothing_of_the_machine_that_made_them(graphs: Path) -> None:
    for path in (graphs / "onnx").glob("*.onnx"):
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()
        assert sys.prefix.encode() not in path.read_bytes()


def test_int8_is_near_and_not_the_same(graphs: Path, root: Path) -> None:
    plain, small = (Runtime(graphs / name, threads=1) for name in ("onnx", "int8"))
    assert read_manifest(graphs / "int8").precision == "int8"
    one = clip(6.0, 3)
    want, got = plain(one), small(one)
    assert np.abs(got.scores.values - want.scores.values).mean() < 0.1
    assert not np.array_equal(got.scores.values, want.scores.values)


def test_convolutions_and_linear_layers_are_int8_and_what_decides_is_not(graphs: Path) -> None:
    kinds: set[str] = set()
    for name in NAMES:
        before = onnx.load(str(graphs / "onnx" / f"{name}.onnx"))
        after = onnx.load(str(graphs / "int8" / f"{name}.onnx"))
        chosen = set(weighted_nodes(before))
        kinds |= {node.op_type for node in before.graph.node if node.name in chosen}
        scaled = {out for node in after.graph.node if node.op_type == "DequantizeLinear" for out in node.output}
        for node in after.graph.node:
            if node.op_type in ("Conv", "Gemm", "MatMul") and node.name in chosen:
                assert node.input[1] in scaled, node.name
    assert {"Conv", "MatMul", "Gather"} <= kinds
    fuse = onnx.load(str(graphs / "onnx" / "fuse.onnx"))
    kept = {node.name.split("/")[0] for node in fuse.graph.node if node.op_type in ("MatMul", "Gemm")}
    kept -= {name.split("/")[0] for name in weighted_nodes(fuse)}
    assert {"model.emit", "model.fusion.gate.0"} <= kept


def test_int8_takes_a_pictures_bytes_as_they_are(graphs: Path) -> None:
    graph = onnx.load(str(graphs / "int8" / "video.onnx")).graph
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    stem = next(node for node in graph.node if node.op_type == "Conv")
    scaled = makers[stem.input[0]]
    assert scaled.op_type == "DequantizeLinear"
    assert [constants[name].item() for name in scaled.input[1:]] == [1.0, 128]
    name = scaled.input[0]
    while name in makers:
        assert makers[name].op_type in ("Reshape", "Transpose"), makers[name].op_type
        name = makers[name].input[0]
    assert name == "values"
    used = {name for node in graph.node for name in node.input}
    assert set(constants) <= used  # nothing is left of how they were rounded before


@pytest.mark.parametrize(("bits", "least", "most"), [(7, 60, 64), (8, 120, 128)])
def test_weights_have_as_many_bits_as_the_processor_takes(
    graphs: Path, tmp_path: Path, bits: int, least: int, most: int
) -> None:
    example = parts_of(talkative())["tower-audio"].example
    names = [node.name for node in open_session(graphs / "onnx" / "tower-audio.onnx").get_inputs()]
    feed = dict(zip(names, (value.numpy() for value in example), strict=True))
    quantize_graph(graphs / "onnx" / "tower-audio.onnx", [feed], tmp_path / "a.onnx", bits)
    tensors = [onnx.numpy_helper.to_array(t) for t in onnx.load(str(tmp_path / "a.onnx")).graph.initializer]
    assert least <= max(np.abs(t.astype(int)).max() for t in tensors if t.dtype == np.int8 and t.ndim > 1) <= most


def test_clips_of_any_length_calibrate(tmp_path: Path) -> None:
    part = parts_of(make(encoders={"picture": ENCODERS["picture"]}))["picture"]
    export_part("picture", part, tmp_path / "float32.onnx")
    names = [node.name for node in open_session(tmp_path / "float32.onnx").get_inputs()]
    calls = [[value.numpy() for value in call] for call in (part.example, other_sizes(part))]
    feeds = [dict(zip(names, call, strict=True)) for call in calls]
    quantize_graph(tmp_path / "float32.onnx", feeds, tmp_path / "int8.onnx")
    assert [path.name for path in tmp_path.glob("*int8.onnx")] == ["int8.onnx"]


def test_clips_that_cannot_calibrate(graphs: Path, tmp_path: Path) -> None:
    sound = write_wav(tmp_path / "a.wav", 1.0)
    with pytest.raises(ConfigError, match=r"calibration: nothing in these files reaches '(text|video|picture)'"):
        quantize_folder(graphs / "onnx", [sound], tmp_path / "out")
    (tmp_path / "b.mp4").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"calibration: no file could be read: .*b\.mp4"):
        quantize_folder(graphs / "onnx", [tmp_path / "b.mp4"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


class Heard:
    """A network that hears what a finder is given, and its finder, which can read no MP4."""

    modalities = ("audio",)

    def __init__(self, source: object) -> None:
        self.feeds: dict[str, list] = getattr(source, "feeds", {})
        self._sessions = ["fuse"]

    def begin(self, most: int) -> bool:
        return most > 0

    def __call__(self, file: Path) -> None:
        if file.suffix == ".mp4":
            raise MediaError(f"{file}: is damaged")
        self.feeds.setdefault("fuse", []).append({})


def test_clips_that_are_left_out_of_the_calibration_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RecordingNetwork", "EventFinder"):
        monkeypatch.setattr(quantization, name, Heard)
    said: list[str] = []
    files = [Path("a.wav"), Path("b.mp4"), Path("c.wav"), Path("d.mp4")]
    assert len(quantization.record_feeds(tmp_path, files, said.append)["fuse"]) == 2
    assert said == ["calibration: 2 of 4 files left out: b.mp4: is damaged; d.mp4: is damaged"]
    quantization.record_feeds(tmp_path, files[:1], said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("windows", "shares"),
    [
        ([40, 1, 1, 1], [9, 1, 1, 1]),  # room that short files leave is a long one's, whichever comes first
        ([1, 1, 1, 40], [1, 1, 1, 9]),
        ([40, 40], [6, 6]),
        ([40], [12]),
        ([1] * 24, [1, 0] * 12),
        ([40] * 24, [1, 0] * 12),
    ],
)
def test_calibration_takes_a_share_of_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: list[int], shares: list[int]
) -> None:
    asked: list[int] = []

    def find(network: OnnxNetwork, file: int) -> None:
        asked.append(file)
        for second in range(windows[file]):
            network._run("fuse", np.array([file, second]))

    session = SimpleNamespace(get_inputs=lambda: [SimpleNamespace(name="values")])
    monkeypatch.setattr(OnnxNetwork, "__init__", lambda self, folder: setattr(self, "_sessions", {"fuse": session}))
    monkeypatch.setattr(OnnxNetwork, "_run", lambda *_: [])
    monkeypatch.setattr(quantization, "EventFinder", lambda network: partial(find, network))
    feeds = quantization.record_feeds(tmp_path, range(len(windows)))["fuse"]  # type: ignore[arg-type]
    taken = [[feed["values"][1] for feed in feeds if feed["values"][0] == file] for file in range(len(windows))]
    assert [len(seconds) for seconds in taken] == shares
    assert all(len(set(seconds)) == len(seconds) for seconds in taken)
    assert windows != [40] or (min(taken[0]) < 10 and max(taken[0]) > 30)  # from all of a long file
    assert asked == [file for file, share in enumerate(shares) if share]


def test_what_is_kept_of_files_does_not_grow_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SimpleNamespace(get_inputs=lambda: [SimpleNamespace(name="values")])
    monkeypatch.setattr(OnnxNetwork, "__init__", lambda self, folder: setattr(self, "_sessions", {"fuse": session}))
    monkeypatch.setattr(OnnxNetwork, "_run", lambda *_: [])
    network = quantization.RecordingNetwork("")
    for number in range(100):
        network.begin(100)
        if number % 3 == 0:
            network._run("fuse", np.array([number]))
    assert len(network._shares["fuse"]) <= quantization.PER_GRAPH + 2
    assert len(network.feeds["fuse"]) == quantization.PER_GRAPH


def test_an_encoder_without_a_graph_is_named() -> None:
    made = {"size": 8, "rate": 25}
    model = make(encoders={**ENCODERS, "audio": {"name": "features", "options": made}})
    with pytest.raises(ModelError, match="audio: the encoder 'features' has no graph for the runtime; those that have"):
        parts_of(model)


class _Sorted(nn.Module):
    def forward(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvals(values).real * mask[:, :1]


def test_an_operator_without_onnx_form_is_one_line(tmp_path: Path) -> None:
    part = Part(_Sorted(), (torch.randn(2, 4, 4), torch.ones(2, 4)), ("values", "mask"), ("out",), ({}, {}))
    with pytest.raises(ModelError, match="odd: cannot be written as ONNX opset 20: ") as caught:
        export_part("odd", part, tmp_path / "odd.onnx")
    assert "\n" not in str(caught.value)


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [make(encoders={name: ENCODERS[name]}) for name in ("audio", "text")]
    monkeypatch.setattr(export, "export_part", lambda name, part, path: path.write_text(name))
    for model in models:
        export.export_detector(model, tmp_path / "onnx")
    names = ["config.json", "fuse.onnx", "text.onnx", "tower-text.onnx"]  # nothing of the model with sound
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == names

    def die(name: str, part: Part, path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "export_part", die)
    with pytest.raises(KeyboardInterrupt):
        export.export_detector(models[0], tmp_path / "onnx")
    assert read_manifest(tmp_path / "onnx").modalities == ("text",)
    monkeypatch.setattr(quantization, "record_feeds", lambda *_: {"fuse": []})
    monkeypatch.setattr(quantization, "quantize_graph", lambda source, feeds, path: die("fuse", path, path))
    with pytest.raises(KeyboardInterrupt):
        quantize_folder(tmp_path / "onnx", [], tmp_path / "int8")
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]


@pytest.mark.parametrize(("package", "extra"), [("onnxscript", "onnx"), ("lightning", "train")])
def test_the_ladder_asks_for_what_is_missing_before_its_first_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    settings = LadderSettings(finetune={})
    with pytest.raises(MissingExtra, match=rf'{package} is not installed: pip install "avtext\[{extra}\]"'):
        next(climb(make(), ["clip.mp4"], tmp_path / "out", settings, print))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finetune": {"stesp": 3}}, "finetune: stesp: unknown key; did you mean 'steps'"),
        ({"finetune": {"steps": 3}}, "finetune: train: is missing"),
        ({"finetune": {"out": "mine"}}, "finetune: out: is the ladder's own to set: leave it out"),
        ({"finetune": {"prune": 0.5}}, "finetune: prune: is the ladder's own to set: leave it out"),
        ({"finetune": {"train": {"scenes": {}}, "distill": {"teacher": "none"}}}, "none: no such model folder"),
        ({"untaught": "none"}, "none: no such model folder"),
        ({"student": "frozen"}, "audio: the encoder 'features' has no graph for the runtime"),
    ],
)
def test_the_ladder_says_what_cannot_be_made_before_its_first_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    frozen = {"audio": {"name": "features", "options": {"size": 8, "rate": 25}}}
    save_detector("frozen", make(encoders=frozen), "")
    with pytest.raises((ConfigError, ModelError), match=words):
        next(climb(make(), ["clip.mp4"], Path("out"), LadderSettings.model_validate(changes), print))


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graphs: Path) -> None:
    part = parts_of(make())["picture"]
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r'onnxscript is not installed: pip install "avtext\[onnx\]"'):
        export_part("picture", part, tmp_path / "p.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r'onnxruntime is not installed: pip install "avtext\[onnx\]"'):
        Runtime(graphs / "onnx")


def test_what_a_killed_first_rung_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".float32.abcdefgh.part").mkdir()
    check_out(tmp_path, make())
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        check_out(tmp_path, make())
    with pytest.raises(ConfigError, match=r"^out: .*notes\.txt: is a file: name a folder"):
        check_out(tmp_path / "notes.txt", make())


def test_a_ladder_that_was_stopped_goes_on(tmp_path: Path) -> None:
    scenes = {"duration": [4, 4], "labels": ["bell", "cut"], "missing_chance": 0.0}
    finetune = {
        "train": {"scenes": scenes, "first": 100}, "batch_size": 1, "steps": 2, "checkpoint_every": 1, "workers": 0,
        "threads": 1, "accelerator": "cpu",
    }  # fmt: skip
    settings = LadderSettings(prune=0.3, finetune=finetune)

    def trained_at(out: Path) -> int:
        rungs = climb(talkative(), ["clip.mp4"], out, settings, lambda line: None)
        assert [next(rungs).name, next(rungs).name] == ["float32", "pruned"]
        return (out / "pruned-run" / "last.safetensors").stat().st_mtime_ns

    assert trained_at(tmp_path / "out") == trained_at(tmp_path / "out")  # the second had nothing left to train
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    for out, model, hint in (("out", make(1), "of another model"), ("other", talkative(), "is not empty")):
        with pytest.raises(ConfigError, match=f"{out}: .*{hint}.*name a new folder"):
            next(climb(model, ["clip.mp4"], tmp_path / out, settings, print))
