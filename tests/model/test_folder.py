from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

from avtext.checkpoint import load_tensors, save_tensors
from avtext.errors import ConfigError, ModelError, StorageError
from avtext.model import EventDetector, collate, load_detector, save_detector
from avtext.runtime.folder import FORMAT
from tests.model.test_detector import clip, make, settings


@pytest.fixture
def saved(tmp_path: Path) -> tuple[EventDetector, Path]:
    model = make(3)
    save_detector(tmp_path / "m", model, "# card\n")
    return model, tmp_path / "m"


def test_saved_and_loaded_is_bit_equal(saved: tuple[EventDetector, Path]) -> None:
    model, folder = saved
    again = load_detector(folder)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    batch = collate([clip(1.0)])
    assert torch.equal(model(batch).emissions, again(batch).emissions)
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_half_precision_halves_the_bytes_and_loads_as_float32(
    tmp_path: Path, saved: tuple[EventDetector, Path]
) -> None:
    model, folder = saved
    save_detector(tmp_path / "h", model, "", half=True)
    assert (tmp_path / "h" / "model.safetensors").stat().st_size < 0.6 * (folder / "model.safetensors").stat().st_size
    again = load_detector(tmp_path / "h")
    assert all(p.dtype == torch.float32 for p in again.parameters())


def test_what_half_precision_cannot_hold_stays_as_it_is(tmp_path: Path) -> None:
    model = make(3)
    large = next(name for name in model.state_dict() if name.endswith("running_var"))
    model.get_buffer(large)[0] = 7e4
    save_detector(tmp_path, model, "", half=True)
    stored = load_tensors(tmp_path / "model.safetensors")[0]
    assert {name for name, value in stored.items() if value.dtype == torch.float32} == {large}
    assert torch.equal(load_detector(tmp_path).get_buffer(large), model.get_buffer(large))


def test_saving_again_replaces_the_whole_folder(saved: tuple[EventDetector, Path]) -> None:
    _, folder = saved
    other = make(4)
    save_detector(folder, other, "# other\n")
    assert torch.equal(load_detector(folder).emit.weight, other.emit.weight)
    assert [p.name for p in folder.parent.iterdir()] == ["m"]


def test_one_flipped_bit_anywhere_is_noticed(saved: tuple[EventDetector, Path]) -> None:
    _, folder = saved
    path = folder / "model.safetensors"
    content = path.read_bytes()
    for at in (0, 9, 60, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
        with pytest.raises(ModelError, match="damaged"):
            load_detector(folder)


def test_a_tensor_file_notices_flipped_bits_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    save_tensors(path, {"a": torch.arange(10.0), "b": torch.ones(3, dtype=torch.int64)}, {"step": "3"})
    assert load_tensors(path)[1] == {"step": "3"}
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(ModelError, match=r"damaged|not a whole"):
            load_tensors(path)


@pytest.mark.parametrize(
    ("break_it", "word"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda f: (f / "config.json").write_text("{"), "not readable JSON"),
        (lambda f: (f / "config.json").write_text('{"format": "other/9"}'), "not a config of format"),
        (
            lambda f: (f / "config.json").write_text(json.dumps({"format": FORMAT})),
            r"holds graphs, .* use avtext\.runtime\.Runtime or avtext detect -m",
        ),
    ],
)
def test_a_broken_folder_is_refused_in_one_line(saved: tuple[EventDetector, Path], break_it, word: str) -> None:
    _, folder = saved
    break_it(folder)
    with pytest.raises(ModelError, match=word) as caught:
        load_detector(folder)
    assert "\n" not in str(caught.value)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder; training leaves one as"):
        load_detector(tmp_path / "none")


def _change_settings(folder: Path, **changes: object) -> None:
    """As somebody who means it: without the checksum of the settings."""
    document = json.loads((folder / "config.json").read_text())
    document["model"] |= changes
    del document["model_sha256"]
    (folder / "config.json").write_text(json.dumps(document))


def test_settings_that_were_damaged_are_refused(saved: tuple[EventDetector, Path]) -> None:
    _, folder = saved
    path = folder / "config.json"
    text = path.read_text()
    path.write_text(text.replace('"grid_rate": 25.0', '"grid_rate": 24.0'))
    with pytest.raises(ModelError, match=r"config\.json: damaged: its checksum does not match"):
        load_detector(folder)
    path.write_text(text.replace("model_sha256", "model_sha257"))
    with pytest.raises(ModelError, match="damaged"):
        load_detector(folder)


def test_a_folder_is_replaced_where_two_cannot_be_exchanged(
    saved: tuple[EventDetector, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avtext.checkpoint._exchanged", lambda one, other: False)
    test_saving_again_replaces_the_whole_folder(saved)


def test_a_model_stays_where_a_new_one_cannot_take_its_place(
    saved: tuple[EventDetector, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = saved
    before = (folder / "model.safetensors").read_bytes()
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if target == folder and ".old-" not in self.name:
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr("avtext.checkpoint._exchanged", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StorageError, match="what was there is unchanged"):
        save_detector(folder, model, "# new\n")
    assert (folder / "model.safetensors").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_weights_of_another_model_are_refused(saved: tuple[EventDetector, Path]) -> None:
    _, folder = saved
    _change_settings(folder, **settings(width=32).model_dump(mode="json"))
    with pytest.raises(ModelError, match="not those of its config"):
        load_detector(folder)


def test_a_config_of_another_version_names_the_key(saved: tuple[EventDetector, Path]) -> None:
    _, folder = saved
    _change_settings(folder, colour="red")
    with pytest.raises(ConfigError, match="colour: unknown key"):
        load_detector(folder)


def test_options_that_make_no_encoder_are_named_with_the_folder(saved: tuple[EventDetector, Path]) -> None:
    config = json.loads((saved[1] / "config.json").read_text())
    del config["model_sha256"]
    config["model"]["encoders"]["video"]["options"]["channels"] = []
    (saved[1] / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=r"m: config\.json: encoder 'small_video': cannot be built from the options"):
        load_detector(saved[1])


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(ModelError, match="safetensors"):
        load_tensors(path)


def test_a_folder_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        save_detector(tmp_path / "file" / "m", make(), "")


def test_what_is_no_model_is_not_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')  # of another program
    for place in (tmp_path / "letters", tmp_path / "letters" / "a.txt", tmp_path / "other"):
        with pytest.raises(StorageError, match="holds something else than a model, which would be lost"):
            save_detector(place, make(1), "# tiny\n")
    assert (tmp_path / "letters" / "a.txt").read_text() == "dear"
    for _ in range(2):  # a model gives way to a model
        save_detector(tmp_path / "empty", make(1), "# tiny\n")
