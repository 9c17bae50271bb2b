"""Models that would run code when they are loaded carelessly; see ``traps.py``."""

from __future__ import annotations

import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from avtext.checkpoint import load_tensors, read_model
from avtext.encoders import build_encoder
from avtext.errors import AvtextError
from avtext.features import load_features
from avtext.model import load_detector
from avtext.pipeline import Pipeline
from tests.tiny import save_talkative


class Evil:
    """Unpickling it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.mark, "w")


def try_models(folder: Path) -> tuple[list[str], int]:
    """Load every malicious model; those that ran or were accepted, and how many there are."""
    folder.mkdir()
    mark = folder / "mark"
    taken = []
    cases = [*_detectors(folder, mark), *_encoders(folder, mark), *_files(folder, mark)]
    for name, load in cases:
        try:
            load()
            taken.append(f"{name}: was accepted")
        except AvtextError:
            pass
        except Exception as error:  # the very thing that is looked for
            taken.append(f"{name}: {type(error).__name__}: {str(error)[:200]}")
        if mark.exists():
            taken.append(f"{name}: ran")
            mark.unlink()
    return taken, len(cases)


Case = tuple[str, Callable[[], object]]


def _code(mark: Path) -> str:
    return f"open({str(mark)!r}, 'w')\n"


def _detectors(folder: Path, mark: Path) -> list[Case]:
    """Model folders of ours, each with one thing exchanged."""

    def pickled(place: Path) -> None:
        (place / "model.safetensors").write_bytes(pickle.dumps(Evil(mark)))

    def saved(place: Path) -> None:
        torch.save({"w": Evil(mark)}, place / "model.safetensors")

    def config(**changes: object) -> Callable[[Path], None]:
        def change(place: Path) -> None:
            document = json.loads((place / "config.json").read_text())
            document["model"] |= changes
            del document["model_sha256"]  # or its author has made it anew
            (place / "config.json").write_text(json.dumps(document))

        return change

    def only_pickle(place: Path) -> None:
        (place / "model.safetensors").unlink()
        torch.save({"w": Evil(mark)}, place / "pytorch_model.bin")

    def header(place: Path) -> None:
        (place / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")

    def written(content: str) -> Callable[[Path], None]:
        return lambda place: (place / "config.json").write_text(content) and None

    changes: dict[str, Callable[[Path], None]] = {
        "pickle as safetensors": pickled,
        "torch.save as safetensors": saved,
        "only a pickle": only_pickle,
        "a header of an exabyte": header,
        "settings nested too deeply": written("[" * 200_000),
        "settings of Python": written("!!python/object/apply:os.system ['true']"),
        "remote code": config(auto_map={"AutoModel": "evil.Model"}, trust_remote_code=True),
        "a width of a billion": config(width=1_000_000_000),
        "a billion layers": config(tcn={"num_layers": 1_000_000_000}),
        "an encoder from elsewhere": config(encoders={"audio": {"name": "os.system"}}),
        "an option that is code": config(encoders={"audio": {"name": "logmel", "options": {"__class__": "x"}}}),
    }
    cases: list[Case] = []
    for name, change in changes.items():
        place = save_talkative(folder / name)
        (place / "evil.py").write_text(_code(mark))
        (place / "__init__.py").write_text(_code(mark))
        change(place)
        cases.append((name, lambda place=place: load_detector(place)))  # type: ignore[misc]
    return cases


def _encoders(folder: Path, mark: Path) -> list[Case]:
    """Folders and checkpoints of other people's models."""
    remote = {"model_type": "evil", "auto_map": {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}}
    cases: list[Case] = []
    for kind in ("wav2vec2", "transformer_text"):
        for name, config in (
            ("remote code", remote),
            ("pickle", {"model_type": "wav2vec2" if kind == "wav2vec2" else "bert"}),
        ):
            place = folder / f"{kind} {name}"
            place.mkdir()
            (place / "config.json").write_text(json.dumps(config))
            (place / "evil.py").write_text(_code(mark))
            (place / "tokenizer_config.json").write_text(json.dumps({"auto_map": {"AutoTokenizer": ["evil.T", None]}}))
            torch.save(
                {"w": Evil(mark)}, place / ("model.safetensors" if name == "remote code" else "pytorch_model.bin")
            )
            cases.append((place.name, lambda kind=kind, place=place: build_encoder(kind, {"source": str(place)})))  # type: ignore[misc]
    for ending in (".pyth", ".pt", ".safetensors"):
        path = folder / f"slowfast{ending}"
        torch.save({"model_state": Evil(mark)}, path, _use_new_zipfile_serialization=ending == ".pt")
        cases.append((path.name, lambda path=path: build_encoder("slowfast", {"source": str(path)})))  # type: ignore[misc]
    return cases


def _files(folder: Path, mark: Path) -> list[Case]:
    """Single files and archives where a model, a state or features are expected."""
    state = folder / "last.safetensors"
    torch.save({"progress": Evil(mark)}, state)
    features = folder / "features.safetensors"
    features.write_bytes(pickle.dumps(Evil(mark)))
    inner = folder / "inner.txt"
    inner.write_text("x")
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        archive.write(inner, f"../{mark.name}")
    with tarfile.open(folder / "model.tar", "w") as bundle:
        bundle.add(inner, f"../models/{mark.name}")
    return [
        ("training state", lambda: load_tensors(state)),
        ("features", lambda: load_features(features)),
        ("zip that climbs out", lambda: Pipeline.from_pretrained(folder / "model.zip")),
        ("tar that climbs out", lambda: read_model(folder / "model.tar")),
    ]


if __name__ == "__main__":
    raise SystemExit("these are tried by tests.robustness.traps")
