"""Dense SlowFast: a step per frame, in its place in time, equal in a batch and to the library."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from pytorchvideo.models.hub.slowfast import checkpoint_paths
from pytorchvideo.models.slowfast import create_slowfast
from safetensors.torch import save_file
from torch import Tensor, nn

from avtext.encoders.slowfast import SlowFastEncoder, StemConv
from avtext.errors import ConfigError, InvalidInput, ModelError
from avtext.features import reading_for

TINY = {"model_depth": 18, "stem_dim_outs": [8, 1]}


def network(seed: int = 0) -> nn.Module:
    """The library's own tiny network with a head, every BatchNorm with a life of its own."""
    torch.manual_seed(seed)
    net = create_slowfast(**TINY, model_num_class=5, head_pool_kernel_sizes=((8, 2, 2), (32, 2, 2)))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
    return net.eval()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as the hub's are: a pickle of tensors only, under ``model_state``."""
    path = tmp_path_factory.mktemp("slowfast") / "tiny.pyth"
    torch.save({"model_state": network().state_dict(), "cfg": "text"}, path)
    return path


@pytest.fixture(scope="module")
def encoder(weights: Path) -> SlowFastEncoder:
    return SlowFastEncoder(weights, TINY)


def film(frames: int, size: int = 64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, size, size, 3), generator=generator, dtype=torch.uint8)


def run(encoder: SlowFastEncoder, *rows: Tensor) -> tuple[Tensor, Tensor]:
    longest = max(len(row) for row in rows)
    values = torch.full((len(rows), longest, *rows[0].shape[1:]), 77, dtype=torch.uint8)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        values[index, : len(row)], mask[index, : len(row)] = row, True
    with torch.inference_mode():
        return encoder(values, mask)


def test_one_clip_equals_the_library(encoder: SlowFastEncoder) -> None:
    """The mean over time is what the library pools before its head, the slow frames being every fourth."""
    frames = film(32)
    features, _ = run(encoder, frames)
    pixels = (frames.permute(3, 0, 1, 2)[None].float() / 255 - 0.45) / 0.225
    with torch.inference_mode():
        pathways = [pixels[:, :, ::4].clone(), pixels]
        for block in network().blocks[:5]:
            pathways = block(pathways)
        pooled = network().blocks[5](list(pathways))[0, :, 0, 0, 0]
    slow, fast = features[0, :, :256], features[0, :, 256:]
    torch.testing.assert_close(fast.mean(0), pooled[256:], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(slow[::4].mean(0), pooled[:256], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(slow[2], (slow[0] + slow[4]) / 2, atol=1e-5, rtol=1e-4)
    assert slow[29].equal(slow[28])  # no slow step follows the last one


@pytest.mark.parametrize("frames", [1, 31, 32, 33, 70])
def test_a_step_per_frame(encoder: SlowFastEncoder, frames: int) -> None:
    features, real = run(encoder, film(frames))
    assert features.shape == (1, frames, encoder.size) == (1, frames, 288)
    assert real.all()
    assert (features.abs().sum(2) > 0).all()


def test_no_frames(encoder: SlowFastEncoder) -> None:
    features, real = encoder(torch.zeros(2, 0, 64, 64, 3, dtype=torch.uint8), torch.zeros(2, 0, dtype=torch.bool))
    assert features.shape == (2, 0, 288)
    assert real.shape == (2, 0)
    features, real = run(encoder, film(3), film(0))
    assert not features[1].any()
    assert not real[1].any()


@pytest.mark.parametrize("batch", [1, 3])
def test_alone_equals_batch_and_padding_is_inert(weights: Path, batch: int) -> None:
    encoder = SlowFastEncoder(weights, TINY, batch=batch)
    rows = [film(n, seed=n) for n in (40, 7, 33)]
    features, real = run(encoder, *rows)
    for index, row in enumerate(rows):
        alone, _ = run(encoder, row)
        tolerance = 0 if batch == 1 else 1e-5
        torch.testing.assert_close(features[index, : len(row)], alone[0], atol=tolerance, rtol=tolerance)
        assert int(real[index].sum()) == len(row)
        assert not features[index, len(row) :].any()


def test_clips_do_not_touch_each_other(encoder: SlowFastEncoder) -> None:
    frames = film(64)
    whole, _ = run(encoder, frames)
    first, second = run(encoder, frames[:32])[0], run(encoder, frames[32:])[0]
    assert whole[0].equal(torch.cat([first[0], second[0]]))


@pytest.mark.parametrize("at", [10, 17, 41, 50])
def test_flash_peaks_at_its_frame(encoder: SlowFastEncoder, at: int) -> None:
    """The features' change caused by one white frame is centred on that frame, on both pathways."""
    dark = torch.full((64, 64, 64, 3), 30, dtype=torch.uint8)
    flash = dark.clone()
    flash[at] = 250
    change = (run(encoder, flash)[0] - run(encoder, dark)[0])[0].abs()
    fast = change[:, 256:].sum(1)
    centre = float((torch.arange(64) * fast).sum() / fast.sum())
    assert centre == pytest.approx(at, abs=1.0)
    slow = change[:, :256].sum(1)
    assert float((torch.arange(64) * slow).sum() / slow.sum()) == pytest.approx(at, abs=2.5)
    assert encoder.start == 0.0
    assert encoder.rate == 15.0


def test_gap_is_held_and_inert(encoder: SlowFastEncoder) -> None:
    frames, mask = film(40), torch.ones(1, 40, dtype=torch.bool)
    mask[0, 0:2] = mask[0, 12:20] = False
    held = frames.clone()
    held[0:2], held[12:20] = frames[2], frames[11]
    with torch.inference_mode():
        features, real = encoder(torch.where(mask[0, :, None, None, None], frames, 0)[None], mask)
    expected = run(encoder, held)[0]
    assert features[0, mask[0]].equal(expected[0, mask[0]])
    assert not features[0, ~mask[0]].any()
    assert real.equal(mask)


def test_training_mode_keeps_the_statistics(weights: Path) -> None:
    encoder = SlowFastEncoder(weights, TINY)
    frames = film(32)
    expected, _ = run(encoder, frames)
    assert run(encoder.train(), frames)[0].equal(expected)
    assert encoder.training


def test_statistics_are_learnt_where_that_is_asked_for() -> None:
    encoder = SlowFastEncoder(config=TINY, clip_frames=8, batch=4, learn_statistics=True).train()
    before = {name: value.clone() for name, value in encoder.named_buffers() if "running" in name}
    encoder(film(32)[None], torch.ones(1, 32, dtype=torch.bool))
    assert before
    assert not any(torch.equal(value, before[name]) for name, value in encoder.named_buffers() if name in before)


def test_frames_of_files_come_as_large_as_asked_for() -> None:
    sizes = [{}, {"frame_size": 64}]
    assert [reading_for({"video": SlowFastEncoder(config=TINY, **size)}).frame_size for size in sizes] == [256, 64]


def test_safetensors_give_the_same(weights: Path, encoder: SlowFastEncoder, tmp_path: Path) -> None:
    save_file(network().state_dict(), tmp_path / "tiny.safetensors")
    frames = film(20)
    again = SlowFastEncoder(tmp_path / "tiny.safetensors", TINY)
    assert run(again, frames)[0].equal(run(encoder, frames)[0])


class _Trap:
    def __reduce__(self) -> tuple:
        return (sys.exit, ("a pickle ran",))


class TestRefusals:
    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="no such file; give a SlowFast checkpoint or the hub id 'slowfast_r50'"):
            SlowFastEncoder(tmp_path / "absent.pyth")

    def test_hub_offline(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        with pytest.raises(ModelError, match=r"slowfast_r50: .*HF_HUB_OFFLINE is set.*or put SLOWFAST_8x8_R50.pyth"):
            SlowFastEncoder("slowfast_r50")

    def test_a_download_that_was_cut_short_is_not_kept(
        self, weights: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        source, kept = tmp_path / "hub.pyth", tmp_path / "hub" / "checkpoints"
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        monkeypatch.setitem(checkpoint_paths, "slowfast_r50", source.as_uri())
        content = weights.read_bytes()
        source.write_bytes(content[: len(content) // 2])
        with pytest.raises(ModelError, match=r"damaged.*it was perhaps cut short, try again"):
            SlowFastEncoder("slowfast_r50", TINY)
        assert list(kept.iterdir()) == []
        source.write_bytes(content)
        SlowFastEncoder("slowfast_r50", TINY)
        assert [path.name for path in kept.iterdir()] == ["hub.pyth"]
        (kept / "hub.pyth").write_bytes(content[:1000])  # as an older version kept it
        with pytest.raises(ModelError, match=r"hub\.pyth: damaged.*; remove it, and it is fetched again"):
            SlowFastEncoder("slowfast_r50", TINY)

    def test_pickle_does_not_run(self, tmp_path: Path) -> None:
        torch.save({"model_state": _Trap()}, tmp_path / "trap.pyth")
        with pytest.raises(ModelError, match="not only weights"):
            SlowFastEncoder(tmp_path / "trap.pyth", TINY)

    @pytest.mark.parametrize("suffix", [".pyth", ".safetensors"])
    def test_not_a_checkpoint(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"text{suffix}"
        path.write_text("not a checkpoint")
        with pytest.raises(ModelError, match="damaged") as caught:
            SlowFastEncoder(path, TINY)
        assert "\n" not in str(caught.value)

    def test_another_network(self, weights: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"shape|lacks"):
            SlowFastEncoder(weights)  # R50 from a tiny checkpoint
        with pytest.raises(ModelError, match="shape"):
            SlowFastEncoder(weights, {**TINY, "stem_dim_outs": [16, 2]})
        torch.save({**network().state_dict(), "blocks.9.weight": torch.ones(1)}, tmp_path / "more.pt")
        with pytest.raises(ModelError, match=r"has .*9.weight"):
            SlowFastEncoder(tmp_path / "more.pt", TINY)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"config": {"depth": 18}}, "no setting 'depth'; known: model_depth"),
            ({"config": {"model_depth": 19}}, "cannot be built"),
            ({"config": {"stem_dim_outs": [8, 2]}}, r"slow = fast \* slowfast_channel_reduction_ratio"),
            ({"config": TINY, "clip_frames": 30}, "multiple of 4"),
            ({"config": TINY, "rate": 0.0}, "rate positive"),
            ({"config": TINY, "batch": 0}, "batch at least 1"),
            ({"config": TINY, "frame_size": 16}, "frame_size must be at least 32"),
        ],
    )
    def test_options(self, options: dict, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            SlowFastEncoder(**options)

    def test_shapes(self, encoder: SlowFastEncoder) -> None:
        with pytest.raises(InvalidInput, match="uint8 or floating"):
            encoder(torch.zeros(1, 4, 64, 64, 3, dtype=torch.int64), torch.ones(1, 4, dtype=torch.bool))
        with pytest.raises(InvalidInput, match="32 x 32"):
            encoder(torch.zeros(1, 4, 16, 64, 3, dtype=torch.uint8), torch.ones(1, 4, dtype=torch.bool))
        with pytest.raises(InvalidInput, match="mask"):
            encoder(torch.zeros(1, 4, 64, 64, 3, dtype=torch.uint8), torch.ones(1, 5, dtype=torch.bool))


def test_full_size_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        encoder = SlowFastEncoder()
    head = 2304 * 400 + 400  # 400 Kinetics classes
    assert sum(p.numel() for p in encoder.parameters()) + head == 34_566_488  # 34.57 M in the model zoo


def test_full_size_forward() -> None:
    features, real = run(SlowFastEncoder(), film(15, size=64))  # a second
    assert features.shape == (1, 15, 2304)
    assert real.all()
    assert torch.isfinite(features).all()


def test_transforms_are_never_imported() -> None:
    assert "pytorchvideo.transforms" not in sys.modules


def test_only_the_last_blocks_learn_and_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        encoder = SlowFastEncoder(config=TINY, trained_blocks=2, checkpointing=checkpointing).train()
        encoder(film(32)[None], torch.ones(1, 32, dtype=torch.bool))[0].square().sum().backward()
        learning = {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}
        assert {name.split(".")[1] for name in learning} == {"3", "4"}
        assert set(learning) == {name for name, p in encoder.named_parameters() if p.requires_grad}
        gradients.append(learning)
    assert all(gradients[0][name].equal(gradients[1][name]) for name in gradients[0])


def test_more_trained_blocks_than_there_are() -> None:
    with pytest.raises(ConfigError, match="trained_blocks must be 0 to 5"):
        SlowFastEncoder(config=TINY, trained_blocks=6)
    assert not any(p.requires_grad for p in SlowFastEncoder(config=TINY, trained_blocks=0).parameters())


def test_spare_channels_of_zeros_change_nothing() -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv3d(3, 8, (5, 7, 7), stride=(1, 2, 2), padding=(2, 3, 3), bias=False)
    values = torch.randn(1, 3, 8, 32, 32)
    stem = StemConv.like(conv)
    assert stem(values).equal(conv(values))
    torch.testing.assert_close(stem(torch.nn.functional.pad(values, (0, 0) * 3 + (0, 5))), conv(values))
