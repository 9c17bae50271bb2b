"""In which precision a device computes best."""

from __future__ import annotations

import torch

PRODUCTS = ("avx512_bf16", "amx_bf16")  # what CPUs call their products of bfloat16


def prefers_bfloat16(device_type: str) -> bool:
    """Whether bfloat16 is faster than float32: on GPUs that have it, as NVIDIA's from Ampere on.

    Older ones only emulate it, and CPUs without products of it take several times as long.

    Example:
        >>> prefers_bfloat16("cpu")
        False
    """
    return device_type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def trains_in_bfloat16(device_type: str) -> bool:
    """Whether training is faster in bfloat16: also on CPUs that multiply it (AVX-512 BF16, AMX).

    Events are found in float32 on every CPU, so that they are the same on all.

    Example:
        >>> trains_in_bfloat16("cpu") == any(torch.cpu.get_capabilities().get(name) for name in PRODUCTS)
        True
    """
    if device_type == "cpu":
        return any(torch.cpu.get_capabilities().get(name) for name in PRODUCTS)
    return prefers_bfloat16(device_type)
