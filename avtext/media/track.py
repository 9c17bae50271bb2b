"""A stream being filled in along the presentation clock: blocks in memory, from which windows are cut.

Indices count steps of the stream's rate from presentation time 0. Blocks exist only where something was
written, so a gap costs nothing, and they are dropped as soon as no later window needs them.
"""

from __future__ import annotations

import numpy as np


class Track:
    """Steps of one stream that are not yet given out.

    Args:
        shape: of one step, such as ``()`` for samples or ``(height, width, 3)`` for frames.
        dtype: of the values.
        block: steps per block.
        first: no step before this one is ever wanted.

    Example:
        >>> track = Track((), np.float32, block=4)
        >>> track.write(3, np.array([1.0, 2.0], np.float32))
        >>> values, mask = track.cut(2, 6)
        >>> values.tolist(), mask.tolist()
        ([0.0, 1.0, 2.0, 0.0], [False, True, True, False])
    """

    def __init__(self, shape: tuple[int, ...], dtype: type | np.dtype, block: int, first: int = 0) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._block = block
        self._blocks: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._first = self.floor = first  # steps before the floor are gone

    def nbytes_from(self, step: int) -> int:
        """Bytes held in blocks that begin at ``step`` or later."""
        found = (block for number, block in self._blocks.items() if number * self._block >= step)
        return sum(values.nbytes + mask.nbytes for values, mask in found)

    def write(self, start: int, values: np.ndarray) -> None:
        """Put ``values`` at steps from ``start`` on; steps before the floor are left out."""
        stop = start + len(values)
        position = min(max(self.floor, start), stop)
        while position < stop:
            number = position // self._block
            begin = number * self._block
            end = min(stop, begin + self._block)
            block, mask = self._at(number)
            block[position - begin : end - begin] = values[position - start : end - start]
            mask[position - begin : end - begin] = True
            position = end

    def num_late(self, start: int, stop: int) -> int:
        """How many steps of ``[start, stop)`` were given out already, so that writing them comes too late."""
        return max(0, min(self.floor, stop) - max(start, self._first))

    def cut(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies of values and mask of the steps ``[start, stop)``; zero and false where nothing is."""
        count = max(stop - start, 0)
        values, mask = np.zeros((count, *self._shape), self._dtype), np.zeros(count, bool)
        for number in range(start // self._block, -(-stop // self._block)):
            if number not in self._blocks:
                continue
            begin = number * self._block
            low, high = max(start, begin), min(stop, begin + self._block)
            block, real = self._blocks[number]
            values[low - start : high - start] = block[low - begin : high - begin]
            mask[low - start : high - start] = real[low - begin : high - begin]
        return values, mask

    def forget(self, before: int) -> None:
        """Drop what lies before the step ``before``; it cannot be written any more."""
        self.floor = max(self.floor, before)
        for number in [n for n in self._blocks if (n + 1) * self._block <= self.floor]:
            del self._blocks[number]

    def _at(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        if number not in self._blocks:
            values = np.zeros((self._block, *self._shape), self._dtype)
            self._blocks[number] = (values, np.zeros(self._block, bool))
        return self._blocks[number]
