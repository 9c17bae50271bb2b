"""Feature files and their cache: whole, verified, shared."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import random
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest

from avtext.clip import Cue, Stream
from avtext.data.windows import cut
from avtext.errors import InvalidInput, StorageError
from avtext.features import DamagedEntry, FeatureCache, FeatureKey, load_features, publish_features, store


def streams(seed: int = 0, steps: int = 7) -> dict[str, Stream]:
    rng = np.random.default_rng(seed)
    mask = np.arange(steps) % 3 != 1
    return {
        "audio": Stream(rng.standard_normal((steps, 4)).astype(np.float32), 50.0, 0.0025, mask),
        "video": Stream(rng.standard_normal((2 * steps, 3)).astype(np.float16), 15.0, -1.0),
    }


def same(one: dict[str, Stream], other: dict[str, Stream]) -> bool:
    return one.keys() == other.keys() and all(
        a.rate == b.rate
        and a.start == b.start
        and a.values.dtype == b.values.dtype
        and np.array_equal(a.values, b.values)
        and np.array_equal(a.real, b.real)
        for a, b in ((one[name], other[name]) for name in one)
    )


KEY = FeatureKey("00", {"audio": "a", "video": "v"}, {"window": 60.0})


def test_round_trip(tmp_path: Path) -> None:
    publish_features(tmp_path / "a.safetensors", streams())
    assert same(load_features(tmp_path / "a.safetensors"), streams())


@pytest.mark.parametrize("content", [{}, {"audio": Stream(np.zeros((0, 4), np.float32), 50.0)}])
def test_round_trip_of_nothing(tmp_path: Path, content: dict[str, Stream]) -> None:
    publish_features(tmp_path / "a.safetensors", content)
    assert same(load_features(tmp_path / "a.safetensors"), content)


def test_same_features_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        publish_features(tmp_path / name, streams(), {"x": 1, "y": [2]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_is_refused_and_nothing_written(tmp_path: Path, value: float) -> None:
    bad = streams()
    bad["video"].values[5, 1] = value
    with pytest.raises(InvalidInput, match="'video' are not finite at step 5"):
        FeatureCache(tmp_path).put(KEY, bad)
    assert list(tmp_path.iterdir()) == []


def test_other_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="float16, float32 or uint8, got float64"):
        publish_features(tmp_path / "a", {"audio": Stream(np.zeros((2, 2)), 50.0)})


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such feature file"):
        load_features(tmp_path / "absent")


def test_cache_miss_and_hit(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "made" / "later")
    assert cache.get(KEY) is None
    cache.put(KEY, streams())
    found = cache.get(KEY)
    assert found is not None
    assert same(found, streams())
    assert cache.get(FeatureKey("01", KEY.encoders, KEY.reading)) is None


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "folder", "other key"])
def test_damaged_entry_is_a_miss_with_a_warning(tmp_path: Path, damage: str) -> None:
    cache = FeatureCache(tmp_path)
    cache.put(KEY, streams())
    path = cache.path(KEY)
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "other key":
        other = FeatureKey("ff", KEY.encoders, KEY.reading)
        cache.put(other, streams())
        cache.path(other).replace(path)
    else:
        path.write_bytes({"empty": b"", "cut": content[:-3], "text": b"hello " * 50}[damage])
    with pytest.warns(DamagedEntry, match=path.name):
        assert cache.get(KEY) is None
    if damage != "folder":
        cache.put(KEY, streams())
        assert cache.get(KEY) is not None


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.013, 0.1), (0.1, 0.1), (-3.0, -2.0), (0.14, 0.15), (7.0, 9.0)])
def test_a_window_is_cut_from_the_whole(tmp_path: Path, span: tuple[float, float]) -> None:
    cache = FeatureCache(tmp_path)
    whole = {**streams(), "text": Stream(np.zeros((0, 4), np.float32), 25.0)}
    cache.put(KEY, whole)
    found = cache.get_window(KEY, *span)
    assert found is not None
    assert same(found, {name: cut(stream, *span) for name, stream in whole.items()})


def test_an_entry_is_verified_once_and_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, checksum, verified = FeatureCache(tmp_path), store._checksum, []
    assert cache.get_window(KEY, 0.0, 1.0) is None
    cache.put(KEY, streams())
    monkeypatch.setattr(store, "_checksum", lambda *given: verified.append(1) or checksum(*given))
    for _ in range(2):
        assert cache.get_window(KEY, 0.0, 0.1) is not None
        cache = pickle.loads(pickle.dumps(cache))  # as worker processes get it
    assert verified == [1]
    path = cache.path(KEY)
    content = path.read_bytes()
    for damaged in (flipped(content, len(content) - 1, 0), content[:-1]):
        path.write_bytes(damaged)
        with pytest.warns(DamagedEntry, match=path.name):
            assert cache.get_window(KEY, 0.0, 0.1) is None
    path.unlink()
    assert cache.get_window(KEY, 0.0, 0.1) is None


def flipped(content: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    return bytes(changed)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    cache.put(KEY, streams())
    path = cache.path(KEY)
    content = path.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    rng = random.Random(0)
    places = [(p, rng.randrange(8)) for p in range(header)]  # every byte of the header, and of the rest a sample
    places += [(rng.randrange(header, len(content)), rng.randrange(8)) for _ in range(300)]
    for position, bit in places:
        path.write_bytes(flipped(content, position, bit))
        with pytest.raises(StorageError):
            load_features(path)
    path.write_bytes(content)
    assert cache.get(KEY) is not None


def _write_and_read(folder: str, worker: int, failures: multiprocessing.Queue) -> None:
    cache = FeatureCache(folder)
    warnings.simplefilter("error")
    try:
        for index in range(30):
            key = FeatureKey(f"{index % 5}", {})
            cache.put(key, streams(seed=index % 5, steps=200))
            found = cache.get(key)
            if found is None or not same(found, streams(seed=index % 5, steps=200)):
                failures.put(f"{worker}: {index}")
    except Exception as error:
        failures.put(f"{worker}: {error!r}")


def test_many_writers_share_one_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    failures = context.Queue()
    workers = [context.Process(target=_write_and_read, args=(str(tmp_path), n, failures)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert failures.empty(), failures.get()
    assert len(list(tmp_path.iterdir())) == 5  # no temporary file is left


def test_path_through_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot be written"):
        FeatureCache(tmp_path / "file").put(KEY, streams())


class TestKey:
    def test_depends_on_everything(self, tmp_path: Path) -> None:
        path, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
        path.write_bytes(b"one")
        other.write_bytes(b"two")
        encoders, cue = {"audio": "1"}, Cue(0.0, 1.0, "hello")
        keys = [
            FeatureKey.of(path, encoders),
            FeatureKey.of(other, encoders),
            FeatureKey.of(path, {"audio": "2"}),
            FeatureKey.of(path, {"video": "1"}),
            FeatureKey.of(path, encoders, {"window": 30.0}),
            FeatureKey.of(path, encoders, cues=[cue]),
            FeatureKey.of(path, encoders, cues=[Cue(0.0, 1.5, "hello")]),
            FeatureKey("x", {}, decoder="av 1, media 1"),
            FeatureKey("x", {}, decoder="av 2, media 1"),
        ]
        assert len({key.digest for key in keys}) == len(keys)

    def test_is_stable(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_bytes(b"one")
        (tmp_path / "b.mp4").write_bytes(b"one")
        a, b = (FeatureKey.of(tmp_path / f"{n}.mp4", {"x": "1", "y": "2"}, {"p": 1.0, "q": None}) for n in "ab")
        assert a.digest == b.digest  # the name does not matter
        said = b'{"content":"00","cues":"","decoder":"av 18, media 1",'
        said += b'"encoders":{"audio":"1"},"reading":{},"schema":2}'
        key = FeatureKey("00", {"audio": "1"}, {}, "", "av 18, media 1")
        assert key.digest == hashlib.sha256(said).hexdigest()
