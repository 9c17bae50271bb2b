"""What ``config.json`` of a runtime folder says is what was written, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avtext.compression.export import manifest_of
from avtext.errors import ConfigError, ModelError
from avtext.runtime.folder import SEAL, is_runtime_folder, publish_manifest, read_manifest
from tests.model.test_detector import make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publish_manifest(tmp_path, manifest_of(make()))
    return tmp_path


def change(folder: Path, how: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((folder / "config.json").read_text())
    how(document)
    (folder / "config.json").write_text(json.dumps(document))


def test_a_changed_number_is_noticed(folder: Path) -> None:
    before = read_manifest(folder)
    change(folder, lambda document: document)  # laid out in another way, it says the same
    assert read_manifest(folder) == before
    change(folder, lambda document: document["chain"]["start"][0].__setitem__(0, 9.0))
    with pytest.raises(ModelError, match=r"config\.json: damaged: its checksum does not match: copy it again, or"):
        read_manifest(folder)
    change(folder, lambda document: document.pop(SEAL))  # as of older folders
    chain = read_manifest(folder).chain
    assert chain is not None
    assert chain.start[0][0] == 9.0


@pytest.mark.parametrize("value", ["x", 1e999, None, []])
def test_values_that_are_none_are_one_line(folder: Path, value: object) -> None:
    change(folder, lambda document: (document.pop(SEAL), document.update(encoding_halo=value)))
    with pytest.raises(ModelError, match=r"config\.json: damaged \(\w+: .*\): copy it again$"):
        read_manifest(folder)


def test_settings_of_another_version_are_named(folder: Path) -> None:
    change(folder, lambda document: (document.pop(SEAL), document["model"].update(widht=8)))
    with pytest.raises(ConfigError, match="widht: unknown key; did you mean 'width'"):
        read_manifest(folder)


def test_a_folder_of_another_version_is_told_from_one_for_torch(folder: Path) -> None:
    change(folder, lambda document: document.update(format="avtext.onnx/2"))
    assert is_runtime_folder(folder)
    with pytest.raises(
        ModelError, match=r"is of format avtext\.onnx/2, this version reads avtext\.onnx/1: make it again"
    ):
        read_manifest(folder)
    change(folder, lambda document: document.update(format="avtext.model/1"))
    assert not is_runtime_folder(folder)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file of Linux")
def test_a_graph_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "fuse.onnx").write_bytes(b"graph")
    publish_manifest(tmp_path, manifest_of(make()))
    (tmp_path / "fuse.onnx").unlink()
    (tmp_path / "fuse.onnx").symlink_to("/proc/self/mem")  # a file of which not even root can read the first byte
    with pytest.raises(ModelError, match=r"fuse\.onnx: cannot be read: "):
        read_manifest(tmp_path)


def test_json_without_an_end_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 100_000)
    assert not is_runtime_folder(tmp_path)
