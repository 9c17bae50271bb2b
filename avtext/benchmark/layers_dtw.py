"""DTW and soft-DTW against their peers: time, first call, memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_limits import LIMITS, row
from avtext.benchmark.timing import alternate, first_call, one_torch_thread, peak_extra_memory, require, take_turns
from avtext.layers.dtw import dtw, soft_dtw

PEERS = (
    ("dtw", "dtw-python"),
    ("tslearn", "tslearn"),
    ("dtaidistance", "dtaidistance"),
    ("pysdtw", "pysdtw"),
)
BAND = 0.1  # share of the longer sequence, to either side
GAMMA, SOFT_SIZE = 1.0, 16  # of soft-DTW: softness, and features of a step


@dataclass(frozen=True)
class DTWSizes:
    """How large the measurements are; the defaults are those of the limits.

    Args:
        length: steps of both sequences for time.
        size: features of a step for time.
        memory_length: steps for memory.
        memory_size: features for memory.
        soft_batch: pairs for soft-DTW.
        soft_length: steps of both for soft-DTW.
        first_rounds: new processes for the first call, of each.
        rounds: timed calls of each.
    """

    length: int = 2000
    size: int = 256
    memory_length: int = 5000
    memory_size: int = 64
    soft_batch: int = 16
    soft_length: int = 500
    first_rounds: int = 3
    rounds: int = 5


FULL = DTWSizes()


def measure(sizes: DTWSizes = FULL) -> list[Figure]:
    """The figures of DTW and soft-DTW.

    Raises:
        MissingExtra: a peer is not installed.
    """
    for module, package in PEERS:
        require(module, package)
    x, y = _warped_pair(sizes.length, sizes.size)
    with one_torch_thread():
        found = [_against(name, peer, x, y, sizes.rounds) for name, peer in EXACT.items()]
        found += [_band(x, y, sizes.rounds), *_first_calls(sizes.first_rounds)]
        found += [_memory(sizes.memory_length, sizes.memory_size), _soft(sizes)]
    return found


def _warped_pair(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Features that change smoothly, and the same at an uneven pace with noise: ``(length, size)`` float32."""
    rng = np.random.default_rng(0)
    sums = np.cumsum(rng.normal(size=(length + 10, size)), axis=0)
    x = (sums[10:] - sums[:-10]) / np.sqrt(10)
    pace = np.sort(rng.uniform(0, length, length)).astype(int)
    return x.astype(np.float32), (x[pace] + 0.5 * rng.normal(size=x.shape)).astype(np.float32)


# -- exact paths -------------------------------------------------------------------------------------------------------


def _ours(x: np.ndarray, y: np.ndarray, band: float | None = None) -> float:
    return float(dtw(torch.from_numpy(x), torch.from_numpy(y), metric="euclidean", band=band).cost)


def _librosa(x: np.ndarray, y: np.ndarray) -> float:
    import librosa

    sums, _ = librosa.sequence.dtw(x.T, y.T, metric="euclidean")
    return float(sums[-1, -1])


def _dtw_python(x: np.ndarray, y: np.ndarray) -> float:
    from dtw import dtw as peer

    return float(peer(x, y, dist_method="euclidean", step_pattern="symmetric1").distance)


def _tslearn(x: np.ndarray, y: np.ndarray) -> float:
    from tslearn.metrics import dtw_path_from_metric

    _, cost = dtw_path_from_metric(x, y, metric="euclidean")
    return float(cost)


def _dtaidistance(x: np.ndarray, y: np.ndarray) -> float:
    from dtaidistance import dtw as peer

    pair = x.astype(np.float64), y.astype(np.float64)
    cost, sums = peer.warping_paths_fast(*pair, use_ndim=True, inner_dist="euclidean")
    peer.best_path(sums)
    return float(cost)


class Peer(NamedTuple):
    """A function that finds the same path as ours and returns its cost, and the name of the figure."""

    call: Callable[[np.ndarray, np.ndarray], float]
    figure: str


EXACT = {
    "librosa": Peer(_librosa, "row01a_dtw_path_against_librosa"),
    "dtw-python": Peer(_dtw_python, "row01b_dtw_path_against_dtw_python"),
    "tslearn": Peer(_tslearn, "dtw_path_against_tslearn"),
    "dtaidistance": Peer(_dtaidistance, "dtw_path_against_dtaidistance"),
}


def _against(name: str, peer: Peer, x: np.ndarray, y: np.ndarray, rounds: int) -> Figure:
    turns = take_turns(lambda: _ours(x, y), lambda: peer.call(x, y), rounds)
    ours, theirs = _ours(x, y), peer.call(x, y)
    detail = (
        f"path and cost from {x.shape[0]} x {x.shape[1]} features, euclidean: {turns.describe(name)}; "
        f"costs differ by {abs(ours - theirs) / theirs:.1e}"
    )
    if peer.figure in LIMITS:
        return row(peer.figure, turns.speedup, detail)
    return Figure(peer.figure, turns.speedup, "x as fast", detail=detail)


def _band(x: np.ndarray, y: np.ndarray, rounds: int) -> Figure:
    turns = take_turns(lambda: _ours(x, y, BAND), lambda: _ours(x, y), rounds)
    detail = f"{BAND:.0%} of {len(x)} steps to either side: {turns.describe('full matrix', 'band')}"
    return row("row02_dtw_band_against_full", 1 / turns.speedup, detail)


# -- in processes of their own -----------------------------------------------------------------------------------------

_PAIR = """
import numpy as np
rng = np.random.default_rng(0)
x, y = rng.normal(size=(2, {length}, {size}))
"""
_FIRST = {
    "numpy": "from avtext.kernels.dtw import dtw\ndtw(x, y)",
    "torch": "import torch\nfrom avtext.layers.dtw import dtw\ndtw(torch.from_numpy(x), torch.from_numpy(y))",
    "tslearn": "from tslearn.metrics import dtw_path\ndtw_path(x, y)",
}
_HELD = {
    "ours": """
import torch
from avtext.layers.dtw import dtw
def call(pair):
    return dtw(*map(torch.from_numpy, pair), metric="euclidean")
""",
    "librosa": """
import librosa
def call(pair):
    return librosa.sequence.dtw(pair[0].T, pair[1].T, metric="euclidean")
""",
}


def _first_calls(rounds: int) -> list[Figure]:
    """Ours on arrays is the like of tslearn's; ours on tensors has torch to import, which alone takes seconds."""
    code = {name: _PAIR.format(length=200, size=8) + call for name, call in _FIRST.items()}
    first_call(code["tslearn"])  # so that no file is read from the disk for the first time
    theirs = partial(first_call, code["tslearn"])
    arrays = alternate(partial(first_call, code["numpy"]), theirs, rounds)
    tensors = alternate(partial(first_call, code["torch"]), theirs, 1)
    detail = "new process to first path, kernels compiled anew, {} input: {}".format
    return [
        row("row03_dtw_first_call_against_tslearn", 1 / arrays.speedup, detail("numpy", arrays.describe("tslearn"))),
        Figure(
            "dtw_first_call_on_tensors_against_tslearn",
            1 / tensors.speedup,
            "of the time",
            detail=detail("torch", tensors.describe("tslearn")),
        ),
    ]


def _memory(length: int, size: int) -> Figure:
    pair = _PAIR.format(length=length, size=size)
    pair += "large = np.stack([x, y]).astype(np.float32)\nsmall = large[:, :32].copy()\n"
    held = {name: peak_extra_memory(pair + call) for name, call in _HELD.items()}
    name, ours, theirs = "row04_dtw_memory_against_librosa", held["ours"], held["librosa"]
    if ours is None or theirs is None:
        return row(name, None, "needs /proc, which this system has not")
    detail = f"{length} x {size}, a new process each: ours {ours:.0f} MiB, librosa {theirs:.0f} MiB"
    return row(name, ours / theirs, detail)


# -- soft-DTW ----------------------------------------------------------------------------------------------------------


def _soft(sizes: DTWSizes) -> Figure:
    from pysdtw import SoftDTW

    generator = torch.Generator().manual_seed(0)
    shape = (sizes.soft_batch, sizes.soft_length, SOFT_SIZE)
    x, y = (torch.randn(shape, generator=generator, requires_grad=True) for _ in range(2))
    peer = SoftDTW(gamma=GAMMA, use_cuda=False)

    def ours() -> Tensor:
        return _backward(soft_dtw(_squared_distances(x, y), gamma=GAMMA), x, y)

    def theirs() -> Tensor:
        return _backward(peer(x, y), x, y)

    turns = take_turns(ours, theirs, sizes.rounds)
    mine, other = ours(), theirs()
    apart = float((mine - other).norm() / other.norm())
    detail = f"{'x'.join(map(str, shape))}, from features: {turns.describe('pysdtw')}; gradients differ by {apart:.1e}"
    return row("row05_soft_dtw_against_pysdtw", turns.speedup, detail)


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """What pysdtw computes by default."""
    norms = (x * x).sum(2)[:, :, None] + (y * y).sum(2)[:, None, :]
    return torch.baddbmm(norms, x, y.transpose(1, 2), alpha=-2).clamp(min=0)


def _backward(values: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of their sum by x."""
    return torch.autograd.grad(values.sum(), (x, y))[0]
