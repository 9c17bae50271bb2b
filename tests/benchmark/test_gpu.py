"""The GPU's figures: their code at tiny sizes on the CPU, and that a machine without a GPU skips them with a reason."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from avtext.benchmark import gpu, gpu_device, gpu_equality, gpu_training
from avtext.benchmark.gpu_device import GPUSizes
from avtext.cli import main
from avtext.encoders.slowfast import SlowFastEncoder

WAV2VEC2 = {
    "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16, "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
TINY = GPUSizes(
    device="cpu", side=64, rounds=1, cases=4, scenes=1, seconds=6, height=72, windows=1, clip_seconds=4.0, clips=2, batch=2,
    cached_steps=3, whole_steps=2, student_steps=2, student_batch=1, workers=0, audio=WAV2VEC2,
    video={"model_depth": 18, "stem_dim_outs": [8, 1]},
    text={"model_type": "bert", "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
          "intermediate_size": 16},
)  # fmt: skip


@pytest.fixture(scope="module")
def figures(data_dir: Path) -> dict[str, gpu.Figure]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SlowFastEncoder, "frame_size", 64)
        return {figure.name: figure for figure in gpu.run(data_dir, TINY)}


def test_every_part_is_measured(figures: dict[str, gpu.Figure]) -> None:
    assert all(figure.value is not None for figure in figures.values())
    for name in ("wav2vec2", "slowfast"):
        assert figures[f"{name}_bf16_real_time"].value > 0
        assert 0.95 < figures[f"{name}_bf16_cosine"].value < 1.0  # it was computed in another precision
    for name in ("teacher_from_features", "teacher_end_to_end", "student_on_scenes"):
        assert figures[f"{name}_clips_per_second"].value > 0
    assert figures["teacher_end_to_end_share_of_peak"].value > 0
    assert {figure.name for figure in figures.values() if figure.limit == 0} == {"dtw_other_paths"}


def test_a_device_equals_itself(figures: dict[str, gpu.Figure]) -> None:
    assert figures["dtw_other_paths"].value == 0
    assert all(figures[f"{name}_difference"].value == 0 for name in ("soft_dtw", "crf", "fusion"))
    assert figures["event_f1_float32_less_than_cpu"].value == 0


@pytest.mark.parametrize("make", [gpu_equality._soft_dtw, gpu_equality._crf, gpu_equality._fusion])
def test_no_part_is_too_small_to_differ(make: Callable[[], gpu_equality.Parts]) -> None:
    torch.manual_seed(0)
    assert all(float(part.abs().max()) > 0.1 for part in make()("cpu"))


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_difference_is_in_units_of_the_largest_value_of_its_part(size: float) -> None:
    sizes = iter((0.0, size))  # what is computed first, on the CPU, and what is computed then
    found = next(gpu_equality._layer("any", lambda _: (torch.ones(2), size + torch.full((2,), next(sizes))), TINY))
    assert found.value == pytest.approx(1.0)
    assert found.met is False


def test_soft_dtw_of_a_device_is_computed_there_and_not_on_the_cpu() -> None:
    torch.manual_seed(0)
    compute = gpu_equality._soft_dtw()
    for here, there in zip(compute("cpu"), compute("cpu:0"), strict=True):  # a device by another name
        assert not torch.equal(here, there)  # a kernel that equals itself to the last bit was compared with itself
        torch.testing.assert_close(here, there, rtol=0, atol=1e-4 * float(here.abs().max()))


def test_a_gradient_that_is_no_number_misses_the_limit() -> None:
    gradients = iter((torch.ones(2), torch.tensor([1.0, math.nan])))
    found = next(gpu_equality._layer("any", lambda _: (torch.ones(2), next(gradients)), TINY))
    assert found.met is False


def test_only_the_last_blocks_of_the_teacher_learn(figures: dict[str, gpu.Figure]) -> None:
    detail = figures["teacher_end_to_end_clips_per_second"].detail
    every, learning = (float(detail.split(" M")[k].split()[-1]) for k in (0, 1))
    assert 0 < learning < every


def test_operations_are_those_of_the_forward_and_the_backward_pass() -> None:
    layer = torch.nn.Linear(3, 5, bias=False)
    values = torch.ones(7, 3, requires_grad=True)
    assert gpu_device.operations_of(lambda: layer(values).sum().backward()) == 3 * 2 * 7 * 3 * 5


def test_a_tokenizer_reads_what_scenes_say(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gpu_training._tokenizer(tmp_path, 300))
    assert tokenizer("[dog barks] one")["input_ids"]
    assert tokenizer.unk_token_id not in tokenizer("dog one")["input_ids"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there: the suite would be measured")
def test_without_a_gpu_the_suite_is_skipped_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["avtext", "benchmark", "gpu", "--json", str(tmp_path / "gpu.json"), "--data", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert "gpu: skipped: PyTorch finds no CUDA device" in capsys.readouterr().out
    assert not (tmp_path / "gpu.json").exists()
