"""The decoding child process as its parent sees it: started, listened to, and ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from typing import Any

import numpy as np

from avtext.errors import Code, MediaError, check_kind
from avtext.media.opening import shown
from avtext.media.options import Limits, MediaOptions
from avtext.media.spare import prepare, take
from avtext.media.wire import WireError, WireReader, WireTimeoutError

_START_SECONDS = 60.0  # that a child may take to start: a machine that is busy or short of memory delays that most


class DecoderProcess:
    """A child process that decodes one file.

    Args:
        path: a resolved absolute path.
        name: of the file in messages.
        kind: ``"decode"``, ``"probe"``, ``"cues"`` or ``"content"``.
        options: what to give.
        limits: what it may cost.
    """

    def __init__(self, path: str, name: str, kind: str, options: MediaOptions, limits: Limits) -> None:
        check_kind("options", options, MediaOptions, "avtext.media.MediaOptions")
        check_kind("limits", limits, Limits, "avtext.media.Limits")
        self._name = name
        self._limits = limits
        self._num_bytes = os.stat(path).st_size  # noqa: PTH116  (a path may hold bytes that are not UTF-8)
        asked = {"kind": kind, "path": path, "name": name, "options": options.to_dict(), "limits": limits.to_dict()}
        request = json.dumps(asked).encode("ascii") + b"\n"  # before there is a child that an error would leave behind
        try:
            self._child = take()
        except OSError as error:
            text = f"{name}: the decoder could not be started ({error.strerror}); free some memory or disk"
            raise MediaError(text, code=Code.STORAGE, stage="open") from error
        self._process, self._log = self._child.process, self._child.log
        assert self._process.stdin is not None  # as asked for
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # a child that is dead already is noticed when it is listened to
            self._process.stdin.write(request)
            self._process.stdin.close()
        self._reader = WireReader(self._process.stdout.fileno(), max(_START_SECONDS, limits.stall_seconds))
        self._reader.wall_seconds = limits.wall(None, self._num_bytes)
        if kind == "decode":
            prepare()

    def receive(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The next message that says something.

        Raises:
            MediaError: what the child refused, or TIMEOUT, TOO_LARGE or CORRUPT if it was silent or died.
        """
        while True:
            try:
                message, arrays = self._reader.receive()
            except WireTimeoutError as error:
                self.close()
                text = f"{self._name}: decoding took too long ({error}); it was stopped"
                raise MediaError(text, code=Code.TIMEOUT, stage="decode") from error
            except (WireError, OSError, ValueError) as error:
                raise self._post_mortem(error) from error
            self._reader.stall_seconds = self._limits.stall_seconds  # it has started
            if message.get("kind") == "info":
                self._reader.wall_seconds = self._limits.wall(message["info"]["duration"], self._num_bytes)
            if message.get("kind") == "error":
                self.close()
                raise MediaError(str(message["message"]), code=Code(message["code"]), stage=str(message["stage"]))
            if message.get("kind") != "alive":
                return message, arrays

    def kill(self) -> None:
        """End the child, whatever it is doing; who listens to it sees the pipe end."""
        if self._process.poll() is None:
            self._process.kill()

    def close(self) -> None:
        """End the child and give back what it held; more than once does no harm."""
        self._child.end()

    def _post_mortem(self, error: Exception) -> MediaError:
        """Why the child ended without a word."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)
        status = self._process.poll()
        log = self._last_words()
        self.close()
        if status is not None and status < 0:
            return self._killed(-status)
        text = f"{self._name}: the decoder failed ({log or error})"
        return MediaError(text, code=Code.CORRUPT, stage="decode")

    def _killed(self, number: int) -> MediaError:
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        if number == signal.SIGXCPU:
            text = f"{self._name}: decoding used up its CPU time; it was stopped"
            return MediaError(text, code=Code.TIMEOUT, stage="decode")
        if number == signal.SIGKILL:
            text = f"{self._name}: the decoder was killed, perhaps for its memory; try fewer jobs at a time"
            return MediaError(text, code=Code.TOO_LARGE, stage="decode")
        text = f"{self._name}: the decoder crashed on it ({name}); the file is damaged"
        return MediaError(text, code=Code.CORRUPT, stage="decode")

    def _last_words(self) -> str:
        """The last line of what the child wrote to its log, made safe to print."""
        self._log.seek(max(self._log.seek(0, os.SEEK_END) - 2000, 0))
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return shown(lines[-1])[:300] if lines else ""
