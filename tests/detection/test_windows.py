from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Stream
from avtext.data.windows import cut
from avtext.detection import EventFinder, finder, windows
from avtext.detection.network import Emitted, Track
from avtext.detection.spool import Spool
from avtext.detection.windows import EncodedVideo, decode_chunks
from avtext.model import EventDetector, collate
from avtext.pipeline.network import TorchNetwork, encoding_halo, fusion_halo
from avtext.timeline import ClockMap
from tests.model.test_detector import ENCODERS, clip, make

SECONDS = 24.0


def parts(whole: Clip, window: float, hop: float) -> list[Clip]:
    """The windows that a reader would give."""
    found = []
    start = whole.start
    while True:
        end = min(start + window, whole.end)
        streams = {n: cut(s, start, end) for n in ("audio", "video", "picture") if (s := getattr(whole, n)) is not None}
        cues = tuple(c for c in whole.cues if c.end > start and c.start < end)
        found.append(replace(whole, duration=end - start, start=start, cues=cues, events=None, **streams))
        if end >= whole.end:
            return found
        start += hop


def encode(model: EventDetector, clips: list[Clip]) -> EncodedVideo:
    video = EncodedVideo(TorchNetwork(model))
    assert list(video.fill(clips)) == [one.end for one in clips]
    return video


def test_a_window_is_encoded_before_the_next_is_asked_for() -> None:
    """What decodes the next one works meanwhile."""
    told: list[str] = []

    class Telling(TorchNetwork):
        def encode(self, clip: Clip) -> list[Track]:
            told.append(f"encode {clip.start:g}")
            return super().encode(clip)

    def asked() -> Iterator[Clip]:
        for one in parts(clip(SECONDS, 5), 16.0, 8.0):
            told.append(f"give {one.start:g}")
            yield one

    with EncodedVideo(Telling(make())) as video:
        assert list(video.fill(asked())) == [16.0, 24.0]
        assert len(video) == 600
    assert told == ["give 0", "encode 0", "give 8", "encode 8"]


def emissions(video: EncodedVideo, clocks: dict[str, ClockMap]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate([chunk.emissions for chunk in video.emissions(clocks)], -2))[None]


def test_windows_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CHUNK", 5.2)
    model = make()
    whole = clip(SECONDS, 5)
    halo = 2 * (encoding_halo(model) + 1) / 25
    with encode(model, parts(whole, 8.0, 8.0 - round(halo * 25) / 25)) as video, encode(model, [whole]) as at_once:
        assert len(video) == len(at_once) == 600
        torch.testing.assert_close(emissions(video, {}), emissions(at_once, {}), atol=2e-5, rtol=1e-4)
        direct = model(collate([whole])).emissions
        torch.testing.assert_close(emissions(at_once, {}), direct, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("rate", [1.0, 12.5, 20.0, 24.0, 30.0])
@pytest.mark.parametrize("start", [0.0, 0.12])
def test_windows_equal_the_whole_on_any_grid(monkeypatch: pytest.MonkeyPatch, rate: float, start: float) -> None:
    """Also where a window begins between two steps of the grid that begins at 0."""
    monkeypatch.setattr(finder, "WINDOW", 7.0)
    model = make(grid_rate=rate, encoders={"audio": ENCODERS["audio"]})
    whole = clip(70.0, 5, start, video=None, picture=None, cues=())
    options = EventFinder(TorchNetwork(model))._options(None, None)
    pieces = parts(whole, options.window, options.hop)
    assert len(pieces) > 1
    with encode(model, pieces) as video, encode(model, [whole]) as at_once:
        assert len(video) == len(at_once) == 70 * rate
        assert video.start == at_once.start == start
        torch.testing.assert_close(emissions(video, {}), emissions(at_once, {}), atol=2e-5, rtol=1e-4)


def test_a_clock_moves_audio_as_the_model_itself_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CHUNK", 5.2)
    model = make()
    clock = ClockMap((0.0, 10.0), (-1.0, 1.5), (1.0, 1.0))
    whole = clip(SECONDS, 5, clocks={"audio": clock})
    with encode(model, [whole]) as video:
        got = emissions(video, {"audio": clock})
    torch.testing.assert_close(got, model(collate([whole])).emissions, atol=2e-5, rtol=1e-4)


def test_a_video_that_starts_late_keeps_its_place() -> None:
    model = make()
    later = clip(4.0, 1, start=8.0)
    with encode(model, [later]) as video:
        assert (video.start, len(video)) == (8.0, 100)
        assert video.modalities_present() == ("audio", "video", "text")


def test_chunks_decode_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TorchNetwork(make())
    torch.manual_seed(0)
    smooth = torch.nn.functional.avg_pool1d(torch.randn(9, 2000), 25, 1, 12) * 8.0
    emitted = smooth.reshape(3, 3, 2000).transpose(1, 2).numpy()
    everything = Emitted(emitted, torch.rand(2000, 3).numpy())

    def chunks(size: int) -> list[Emitted]:
        edges = range(0, 2000, size)
        return [Emitted(everything.emissions[:, a : a + size], everything.gates[a : a + size]) for a in edges]

    whole = decode_chunks(model, iter([everything]))
    assert (whole.tags > 0).any()
    assert whole.tags.dtype == np.int8
    np.testing.assert_array_equal(whole.tags, model.decode(emitted)[0])
    for size in (700, 333, 90):
        got = decode_chunks(model, iter(chunks(size)), overlap=8.0)
        assert got.tags.shape == whole.tags.shape
        assert (got.tags == whole.tags).mean() > 0.999
        np.testing.assert_allclose(got.activity, whole.activity, atol=1e-3)
        np.testing.assert_array_equal(got.gates, whole.gates)


def test_nothing_decodes_to_nothing() -> None:
    got = decode_chunks(TorchNetwork(make()), iter([]))
    assert got.tags.shape == (3, 0)
    assert got.activity.shape == (0, 3)


def test_halos_cover_what_the_network_sees() -> None:
    """A change at one step moves nothing farther away than the halos say."""
    model = make(7)
    whole = clip(12.0, 3)
    assert whole.audio is not None
    loud = whole.audio.values.copy()
    loud[6 * 16000 : 6 * 16000 + 640] += 1.0
    a = model(collate([whole])).emissions
    b = model(collate([replace(whole, audio=Stream(loud, 16000.0))])).emissions
    changed = ((a - b).abs().amax((0, 1, 3)) > 1e-6).nonzero().flatten()
    reach = encoding_halo(model) + fusion_halo(model)
    assert 150 - reach <= int(changed.min()) <= 150 <= int(changed.max()) <= 150 + reach


def test_a_spool_reads_what_was_appended_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = np.arange(30, dtype=np.float32).reshape(10, 3)
    with Spool((3,), np.float32) as spool:
        spool.append(rows[:4])
        spool.append(rows[4:])
        np.testing.assert_array_equal(spool.read(), rows)
        np.testing.assert_array_equal(spool.read(3, 5), rows[3:5])
        assert spool.read(8, 99).shape == (2, 3)
        assert spool.read(99).shape == (0, 3)
        assert list(tmp_path.iterdir()) == []
