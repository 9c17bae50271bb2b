"""Arrays that grow on disk, so that memory does not grow with a video's length."""

from __future__ import annotations

import tempfile

import numpy as np

from avtext.errors import StorageError


class Spool:
    """Rows appended to an unnamed temporary file and read back by range.

    Args:
        shape: of one row.
        dtype: of its values.

    Raises:
        StorageError: the temporary folder is full.

    Example:
        >>> with Spool((2,), np.float32) as spool:
        ...     spool.append(np.arange(6, dtype=np.float32).reshape(3, 2))
        ...     len(spool), spool.read(1, 9).tolist()
        (3, [[2.0, 3.0], [4.0, 5.0]])
    """

    def __init__(self, shape: tuple[int, ...], dtype: type) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._row = self._dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        try:
            self._file = tempfile.TemporaryFile(prefix="avtext-", buffering=0)  # noqa: SIM115 (closed by close)
        except OSError as error:
            raise _full(error) from error
        self._rows = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: np.ndarray) -> None:
        """Add ``rows`` (n, *shape) at the end."""
        content = np.ascontiguousarray(rows, self._dtype).reshape(-1).view(np.uint8).data
        try:
            self._file.seek(self._rows * self._row)
            while content:  # a disk that is nearly full takes a part, and refuses the rest
                content = content[self._file.write(content) :]
        except OSError as error:
            raise _full(error) from error
        self._rows += len(rows)

    def read(self, first: int = 0, last: int | None = None) -> np.ndarray:
        """Rows of the range ``[first, last)``, cut to what there is."""
        last = self._rows if last is None else min(last, self._rows)
        first = min(max(first, 0), last)
        self._file.seek(first * self._row)
        data = self._file.read((last - first) * self._row)
        return np.frombuffer(data, self._dtype).reshape(last - first, *self._shape)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()


def _full(error: OSError) -> StorageError:
    return StorageError(f"temporary folder: {error.strerror}: free some space, or set TMPDIR to a larger disk")
