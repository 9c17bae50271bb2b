"""What this machine's processor can do that a graph made for it may count on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_EXACT = ("_vnni", "amx_int8", "asimddp")  # parts of the names of flags: x86 with VNNI or AMX, ARM with dot products


@cache
def weight_bits() -> int:
    """Bits that INT8 weights may use: 8 where products of bytes are summed in 32 bits, 7 where pairs are in 16.

    With eight bits such a pair can overflow. Where the processor does not say, it is 7.

    Example:
        >>> weight_bits() in (7, 8)
        True
    """
    try:
        return bits_for(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return 7


def bits_for(description: str) -> int:
    """:func:`weight_bits` for what Linux says of a processor.

    Example:
        >>> bits_for("flags : fpu avx2"), bits_for("flags : avx512f avx512_vnni"), bits_for("Features : fp asimddp")
        (7, 8, 8)
        >>> bits_for("flags : avx512f avx512_4vnniw")  # its products are of 16 bits
        7
    """
    return 8 if any(name in description for name in _EXACT) else 7
