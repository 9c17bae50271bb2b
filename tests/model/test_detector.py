from __future__ import annotations

import numpy as np
import pytest
import torch

from avtext.clip import Clip, Cue, Event, Stream
from avtext.config import ModelSettings
from avtext.errors import InvalidInput
from avtext.kernels.picture import SIZE
from avtext.model import EventDetector, Output, collate
from avtext.timeline import ClockMap

ENCODERS = {
    "audio": {"name": "logmel", "options": {"size": 16, "channels": [4, 8]}},
    "video": {"name": "small_video", "options": {"size": 16, "channels": [4, 8]}},
    "picture": {"name": "picture", "options": {"size": 8}},
    "text": {"name": "hashed_text", "options": {"size": 8, "num_buckets": 64, "embedding": 8}},
}
LABELS = ["bell", "dog", "cut"]


def settings(**changes: object) -> ModelSettings:
    base = {
        "labels": LABELS, "width": 16, "encoders": ENCODERS, "tcn": {"num_layers": 2}, "head_layers": 1,
        "fusion": {"num_layers": 1, "num_heads": 2, "reach": 0.4}, "alignment": {"size": 8},
    }  # fmt: skip
    return ModelSettings.model_validate({**base, **changes})


def make(seed: int = 0, **changes: object) -> EventDetector:
    torch.manual_seed(seed)
    return EventDetector(settings(**changes)).eval()


def clip(seconds: float = 2.0, seed: int = 0, start: float = 0.0, **changes: object) -> Clip:
    rng = np.random.default_rng(seed)
    values: dict = {
        "audio": Stream(rng.normal(size=round(seconds * 16000)).astype(np.float32) * 0.1, 16000.0, start),
        "video": Stream(rng.integers(0, 256, (int(np.ceil(seconds * 8)), 64, 64, 3), dtype=np.uint8), 8.0, start),
        "picture": Stream(rng.random((round(seconds * 25), SIZE), dtype=np.float32), 25.0, start),
        "cues": (Cue(start + 0.2, start + 0.9, "[dog barks]"), Cue(start + 0.5, start + 1.5, "hello")),
        "events": (Event(start + 0.4, start + 1.0, "dog"), Event(start + 0.9, start + 1.1, "cut")),
        "name": f"clip-{seed}",
    }
    return Clip(seconds, start, **{**values, **changes})


@pytest.mark.parametrize("scheme", ["overlapping", "exclusive"])
@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_batch_goes_all_the_way_to_events_and_back(scheme: str, decoder: str) -> None:
    model = make(scheme=scheme, decoder=decoder)
    batch = collate([clip(2.0, 0), clip(1.2, 1)], model.scheme)
    losses = model.train().loss(batch)
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    output = model.eval()(batch)
    shape = (2, 3, 50, 3) if scheme == "overlapping" else (2, 50, 7)
    assert output.emissions.shape == shape
    active = Output(torch.randn_like(output.emissions) * 9, output.mask, output.gates)
    for events, seconds in zip(model.decode(active), (2.0, 1.2), strict=True):
        assert events
        assert all(0 <= e.start < e.end <= seconds + 1e-9 and e.label in LABELS for e in events)


@pytest.mark.parametrize("scheme", ["overlapping", "exclusive"])
def test_a_single_label_is_a_model_too(scheme: str) -> None:
    model = make(labels=["dog"], scheme=scheme)
    batch = collate([clip(2.0, 0, events=(Event(0.4, 1.0, "dog"),))], model.scheme)
    assert torch.isfinite(model.loss(batch).total)
    output = model(batch)
    (events,) = model.decode(Output(torch.randn_like(output.emissions) * 9, output.mask, output.gates))
    assert {e.label for e in events} == {"dog"}


def test_every_parameter_learns() -> None:
    model = make().train()
    model.loss(collate([clip(2.0, 0), clip(2.0, 1)], model.scheme)).total.backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not bool((p.grad != 0).any())]
    assert [n for n in still if not n.startswith("encoders.text.table")] == []


def test_a_clip_alone_equals_the_clip_in_a_batch_with_nan_padding() -> None:
    model = make()
    short, long = clip(1.2, 1), clip(2.4, 2)
    batch = collate([short, long], model.scheme)
    for name in ("audio", "picture"):
        values = batch.streams[name].values
        values[~batch.streams[name].mask] = float("nan")
    together = model(batch)
    alone = model(collate([short]))
    steps = 30
    torch.testing.assert_close(together.emissions[0, :, :steps], alone.emissions[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.gates[0, :steps], alone.gates[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "present", [(), ("audio",), ("video",), ("text",), ("audio", "video"), ("audio", "text"), ("video", "text")]
)
def test_any_subset_of_modalities_gives_finite_emissions(present: tuple[str, ...]) -> None:
    model = make()
    batch = collate([clip(2.0, 0)], model.scheme)
    output = model(batch.only(present))
    assert torch.isfinite(output.emissions).all()
    absent = [m for m in range(3) if ("audio", "video", "text")[m] not in present]
    assert (output.gates[..., absent] == 0).all()
    missing = {
        "audio": {"audio": None}, "video": {"video": None, "picture": None}, "text": {"cues": ()},
    }  # fmt: skip
    changes = {k: v for name, part in missing.items() if name not in present for k, v in part.items()}
    really = model(collate([clip(2.0, 0, **changes)], model.scheme))
    torch.testing.assert_close(output.emissions, really.emissions)


def test_the_same_clip_later_on_the_clock_gives_the_same_emissions() -> None:
    model = make()
    a, b = model(collate([clip(2.0, 0)])), model(collate([clip(2.0, 0, start=36.0)]))
    torch.testing.assert_close(a.emissions, b.emissions)


def test_a_known_clock_undoes_an_offset() -> None:
    model = make()
    plain = clip(8.0, 0)
    assert plain.audio is not None
    late = np.concatenate([np.zeros(16000, np.float32), plain.audio.values[:-16000]])  # one second late
    moved = clip(8.0, 0, audio=Stream(late, 16000.0), clocks={"audio": ClockMap.shift(-1.0)})
    want, got = model(collate([plain])), model(collate([moved]))
    inner = slice(70, 100)  # away from where the moved track begins and ends
    torch.testing.assert_close(got.emissions[0, :, inner], want.emissions[0, :, inner], atol=1e-4, rtol=1e-3)
    wrong = model(collate([clip(8.0, 0, audio=Stream(late, 16000.0))]))
    assert (wrong.emissions[0, :, inner] - want.emissions[0, :, inner]).abs().max() > 1e-2


def test_precomputed_text_is_a_stream() -> None:
    encoders = {**ENCODERS, "text": {"name": "features", "options": {"size": 8, "rate": 25}}}
    model = make(encoders=encoders)
    said = Stream(np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32), 25.0)
    a = model(collate([clip(2.0, 0, cues=(), text=said)]))
    b = model(collate([clip(2.0, 0, cues=())]))
    assert (a.gates[..., 2] > 0).all()
    assert (b.gates[..., 2] == 0).all()


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_streams_of_two_types_keep_their_values(order: list[int]) -> None:
    halves = np.full((16, 64, 64, 3), 0.5, np.float32)
    clips = [clip(2.0, 0), clip(2.0, 1, video=Stream(halves, 8.0))]
    values = collate([clips[i] for i in order]).streams["video"].values
    assert values.dtype == torch.float32
    for place, i in enumerate(order):
        assert np.array_equal(values[place].numpy(), clips[i].streams["video"].values)


def test_collate_refuses_what_does_not_fit_together() -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        collate([])
    other = Stream(np.zeros((10, 3), np.float32), 10.0)
    with pytest.raises(InvalidInput, match="picture of clip 'clip-1' has rate 10"):
        collate([clip(1.0, 0), clip(1.0, 1, picture=other)])


def test_a_loss_needs_labels() -> None:
    model = make()
    with pytest.raises(ValueError, match="not labelled"):
        model.loss(collate([clip(1.0, 0, events=None)], model.scheme))


def test_parameters_are_counted_by_part() -> None:
    model = make()
    counts = model.num_parameters()
    assert counts["total"] == sum(p.numel() for p in model.parameters()) == sum(counts.values()) - counts["total"]
