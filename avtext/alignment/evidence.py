"""How well every block of a stream fits the video at every lag: what all of the alignment is decided on.

The stream is cut into blocks of about two seconds. ``scores[k, j]`` sums the inner products of block ``k``
with the video ``j - max_lag`` steps later. Summing a column gives the correlation at one constant offset;
summing along a slanted line gives it for an offset with drift.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from avtext.errors import InvalidInput


class Evidence(NamedTuple):
    """Similarity of blocks against lags.

    Attributes:
        scores: ``(blocks, lags)`` float32, summed inner products.
        energies: ``(blocks, lags)`` float32, the stream's energy that met real video steps: in proportion to
            the variance that ``scores`` has by chance.
        centres: ``(blocks,)`` stream step in the middle of each block, 0 for the centre of step 0; of a last block that
            is shorter where that of a whole one would be, but no later than the last step.
        max_lag: largest lag in steps; column ``j`` is lag ``j - max_lag``.
        size: steps per block.
    """

    scores: np.ndarray
    energies: np.ndarray
    centres: np.ndarray
    max_lag: int
    size: int


def prepare(name: str, values: np.ndarray, mask: np.ndarray | None, activity: np.ndarray | None) -> np.ndarray:
    """Embeddings as a correlation wants them: centred over the real steps, gated, zero where nothing is real.

    Args:
        name: of the argument, for messages.
        values: ``(time, size)`` embeddings; anything may stand in masked steps, NaN too.
        mask: boolean ``(time,)``, true where a step is real; None means all are.
        activity: ``(time,)`` not negative: how much a step counts, besides its distance from the mean.

    Returns:
        float32 ``(time, size)``, a new array, of mean energy 1 over the real steps (unless all is constant).

    Raises:
        InvalidInput: not two axes, a mask or activity of another length, or a value that is not finite.
    """
    values = np.asarray(values)
    if values.ndim != 2:
        raise InvalidInput(f"{name}: must have shape (time, size), got {values.shape}")
    real = np.ones(len(values), bool) if mask is None else np.asarray(mask)
    if real.dtype != bool or real.shape != (len(values),):
        raise InvalidInput(f"{name}_mask: must be boolean of shape ({len(values)},), got {real.dtype} {real.shape}")
    gate = np.ones(len(values)) if activity is None else np.asarray(activity, dtype=np.float64)
    if gate.shape != (len(values),):
        raise InvalidInput(f"{name}_activity: must have shape ({len(values)},), got {gate.shape}")
    out = np.zeros(values.shape, dtype=np.float32)
    if not real.any():
        return out
    chosen, gate = values[real].astype(np.float32), gate[real]
    if not (np.isfinite(chosen).all() and np.isfinite(gate).all() and (gate >= 0).all()):
        raise InvalidInput(
            f"{name}: a real step holds a value that is not finite, or {name}_activity is negative: "
            f"mask such steps with {name}_mask"
        )
    chosen -= chosen.mean(axis=0, dtype=np.float64).astype(np.float32)
    chosen *= gate.astype(np.float32)[:, None]
    energy = float(np.einsum("td,td->", chosen, chosen, dtype=np.float64)) / len(chosen)
    if energy > 1e-12:
        out[real] = chosen / np.sqrt(energy)
    return out


def gather(stream: np.ndarray, video: np.ndarray, video_real: np.ndarray, *, size: int, max_lag: int) -> Evidence:
    """Correlate every block of ``stream`` with the video at lags of up to ``max_lag`` steps either way.

    Args:
        stream: ``(time, size)`` from :func:`prepare`.
        video: ``(video_time, size)`` from :func:`prepare`.
        video_real: boolean ``(video_time,)``.
        size: steps per block.
        max_lag: steps.
    """
    blocks, lags = -(-len(stream) // size), 2 * max_lag + 1
    reach = size + 2 * max_lag  # video steps that a block can meet
    before, after = max_lag, max(0, blocks * size + max_lag - len(video))
    video = np.pad(video, ((before, after), (0, 0)))
    shown = np.pad(video_real.astype(np.float64), (before, after))
    scores, energies = np.zeros((2, blocks, lags), np.float32)
    for k in range(blocks):
        part = stream[k * size : (k + 1) * size]
        met = slice(k * size, k * size + reach)
        product = part @ video[met].T
        # row i holds step i against the video from lag -max_lag - i on: lag j stands at column i + j
        row, item = product.strides
        diagonals = as_strided(product, (len(part), lags), (row + item, item), writeable=False)
        scores[k] = diagonals.sum(axis=0)
        energy = np.einsum("td,td->t", part, part, dtype=np.float64)
        energies[k] = np.correlate(shown[met], energy, "valid")[:lags]
    centres = np.minimum(np.arange(blocks) * size + (size - 1) / 2, len(stream) - 1.0)
    return Evidence(scores, energies, centres, max_lag, size)


def along(table: np.ndarray, lags: np.ndarray, max_lag: int) -> np.ndarray:
    """Values of ``table`` at one lag for each block, linearly interpolated; zero beyond the lags it has.

    Args:
        table: ``(blocks, lags)``, scores or energies of an :class:`Evidence`.
        lags: ``(..., blocks)`` steps, fractions allowed.
        max_lag: of the evidence.

    Returns:
        ``(..., blocks)``.
    """
    column = lags + max_lag
    last = table.shape[1] - 1
    inside = (column >= 0) & (column <= last)
    low = np.clip(np.floor(column).astype(np.int64), 0, max(last - 1, 0))
    part = np.clip(column - low, 0.0, 1.0)
    block = np.arange(len(table))
    value = (1 - part) * table[block, low] + part * table[block, np.minimum(low + 1, last)]
    return np.where(inside, value, 0.0)


def curve(evidence: Evidence, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and energies summed along a path of lags and along its copies shifted by whole steps.

    Args:
        evidence: of ``blocks`` blocks.
        lags: ``(blocks,)`` steps, the path.

    Returns:
        Two arrays ``(2 * max_lag + 1,)``; their middle is the path itself, ``j`` steps to its right the path
        moved ``j`` steps later. A straight path of zeros gives the plain correlation.
    """
    wide = evidence.max_lag
    scores, energies = np.zeros(2 * wide + 1), np.zeros(2 * wide + 1)
    for k, lag in enumerate(lags):
        whole = int(np.floor(lag))
        part = lag - whole
        for shift, weight in ((whole, 1 - part), (whole + 1, part)):
            if weight > 0 and abs(shift) <= 2 * wide:
                to = slice(max(0, -shift), 2 * wide + 1 - max(0, shift))
                source = slice(max(0, shift), 2 * wide + 1 - max(0, -shift))
                scores[to] += weight * evidence.scores[k, source]
                energies[to] += weight * evidence.energies[k, source]
    return scores, energies
