"""In which precision a device computes best."""

from __future__ import annotations

import torch


def prefers_bfloat16(device_type: str) -> bool:
    """Whether bfloat16 is faster than float32: on GPUs that have it, as NVIDIA's from Ampere on.

    Older ones only emulate it, and most CPUs take several times as long.

    Example:
        >>> prefers_bfloat16("cpu")
        False
    """
    return device_type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
