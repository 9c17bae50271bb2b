"""Row 6: many writers on one feature cache, one of them killed; flipped bits in everything that has a checksum."""

from __future__ import annotations

import json
import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from avtext.benchmark.figures import Figure
from avtext.checkpoint import load_tensors, read_model, save_tensors
from avtext.clip import Stream
from avtext.errors import AvtextError
from avtext.features import DamagedEntry, FeatureCache, FeatureKey, load_features, publish_features
from tests.robustness.trial import command, flip, none, rng, tried
from tests.tiny import save_talkative

WRITERS = 8
Target = tuple[Path, Callable[[], object]]


def run(full: bool, folder: Path) -> list[Figure]:
    """200 keys and 1000 bits in the full form, 20 and 150 in the short one."""
    keys = [FeatureKey(f"{number:04x}", {"audio": "a"}) for number in range(200 if full else 20)]
    cache = FeatureCache(folder / "cache")
    _write_all(cache, keys)
    torn = [key.content for key in keys if not _is_whole(cache, key)]
    bits = 1000 if full else 150
    unnoticed, tries = _flips(_targets(folder), bits)
    return [
        tried("row06a", WRITERS * len(keys), 1600, "writes"),
        none("row06b_torn", torn, len(keys)),
        tried("row06c", tries, 1000, "flipped bits"),
        Figure("row06d_not_noticed", len(unnoticed), "", 0, "at_most", f"of {tries}; first: {unnoticed[:3]}"),
    ]


def _streams(key: FeatureKey) -> dict[str, Stream]:
    """Different sizes, so that a mixture of two would show."""
    number = int(key.content, 16)
    return {"audio": Stream(np.full((50 + number % 7, 16), number, np.float32), 50.0)}


def _write_all(cache: FeatureCache, keys: list[FeatureKey]) -> None:
    """Every writer makes every key, whether it is there or not; the first is killed on its way."""
    writers = []
    for number in range(WRITERS):
        writer = os.fork()
        if not writer:
            for key in np.random.default_rng(number).permutation(np.array(keys, dtype=object)):
                cache.put(key, _streams(key))
            os._exit(0)
        writers.append(writer)
    while len([*cache._folder.glob("*.safetensors")]) < len(keys) // 4:
        os.sched_yield()
    os.kill(writers[0], signal.SIGKILL)
    for writer in writers:
        _, status = os.waitpid(writer, 0)
        assert status == 0 or writer == writers[0], f"a writer ended with {status}"


def _is_whole(cache: FeatureCache, key: FeatureKey) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DamagedEntry)
        found = cache.get(key)
    return found is not None and np.array_equal(found["audio"].values, _streams(key)["audio"].values)


def _targets(folder: Path) -> list[Target]:
    """Files with a checksum, and what reads them."""
    model = save_talkative(folder / "model")
    state, features = folder / "last.safetensors", folder / "features.safetensors"
    save_tensors(state, {"w": torch.arange(64.0)}, {"progress": json.dumps({"step": 3})})
    key = FeatureKey("00", {"audio": "a"})
    publish_features(features, _streams(key))
    cache = FeatureCache(folder / "flipped")
    cache.put(key, _streams(key))
    return [
        (state, lambda: load_tensors(state)),
        (features, lambda: load_features(features)),
        (model / "model.safetensors", lambda: read_model(model)),
        (model / "config.json", lambda: read_model(model)),
        (cache.path(key), lambda: cache.get(key)),
    ]


def _flips(targets: list[Target], bits: int) -> tuple[list[str], int]:
    """Flip bits one at a time; those that nobody noticed and that changed something."""
    random, unnoticed, tries = rng(), [], 0
    while tries < bits:
        path, read = targets[tries % len(targets)]
        content = path.read_bytes()
        position, bit = int(random.integers(len(content))), int(random.integers(8))
        changed = flip(content, position, bit)
        if path.suffix == ".json" and _says_the_same(content, changed):
            continue  # 1e-05 and 1E-05
        path.write_bytes(changed)
        if not _notices(read):
            unnoticed.append(f"{path.name} byte {position} bit {bit}")
        path.write_bytes(content)
        tries += 1
    return unnoticed, tries


def _says_the_same(content: bytes, changed: bytes) -> bool:
    try:
        return json.loads(content) == json.loads(changed)
    except ValueError:
        return False


def _notices(read: Callable[[], object]) -> bool:
    """Whether a reader refuses, or says aloud that it takes the file for absent."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = read()
        except AvtextError:
            return True
    return found is None and any(issubclass(one.category, DamagedEntry) for one in said)


if __name__ == "__main__":
    command(run)
