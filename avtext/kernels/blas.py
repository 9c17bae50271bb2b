"""Matrix products of numpy on one thread: small ones gain nothing from more, which wait for them in a loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock

from threadpoolctl import ThreadpoolController

_setting = RLock()  # aligning holds it, and so does the DTW within


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One thread for a matrix product; one caller at a time, as the setting is that of the process.

    Example:
        >>> import numpy as np
        >>> with one_blas_thread():
        ...     (np.ones((2, 3)) @ np.ones((3, 2))).tolist()
        [[3.0, 3.0], [3.0, 3.0]]
    """
    with _setting, controller().limit(limits=1, user_api="blas"):
        yield


@cache
def controller() -> ThreadpoolController:
    """Of the libraries that this process has loaded."""
    return ThreadpoolController()
