"""Cutting windows out of the tracks as soon as both streams have passed their ends.

::

    audio  =================================>             ready up to here
    video  ==========================>                    and up to here
           |------- window 0 -------|
                              |------- window 1 -------|  waits for the video
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from avtext.clip import AUDIO_RATE
from avtext.media.frames import Pictures
from avtext.media.options import MediaOptions
from avtext.media.waveform import Waveform
from avtext.timeline import GRID_RATE, num_steps


class Windows:
    """Gives out windows of what was placed on the tracks.

    Args:
        options: how long windows are and how they follow each other.
        audio, video: the streams, None where the file has none.
        send: takes a message and its arrays.
    """

    def __init__(
        self,
        options: MediaOptions,
        audio: Waveform | None,
        video: Pictures | None,
        send: Callable[[dict[str, Any], dict[str, np.ndarray]], None],
    ) -> None:
        self.gave_up: set[str] = set()  # streams that others did not wait for any longer
        self._options = options
        self._audio = audio
        self._video = video
        self._send = send
        self._step = options.first_step  # at which the next window begins
        self._stop = math.inf if options.end is None else options.end

    def give_out(self, buffer_bytes: int) -> bool:
        """Send the windows that are complete; whether the wanted end was reached.

        Args:
            buffer_bytes: if more than this lies beyond a window, which a stream that lags behind keeps from being
                sent, that stream is given up.
        """
        parts = [part for part in (self._audio, self._video) if part is not None]
        while True:
            end = min((self._step + self._options.steps_per_window) / GRID_RATE, self._stop)
            if end > max(part.ready for part in parts):
                return False
            if end > min(part.ready for part in parts):
                if self._bytes_beyond(end) <= buffer_bytes:
                    return False
                self._go_on_without(end)
            if end >= self._stop:
                return True
            self._send_window(end)

    def give_out_rest(self, end: float) -> None:
        """Send the last windows of a file that ends at ``end`` seconds; the last of them is shorter."""
        end = min(end, self._stop)
        first, window = self._options.first_step, self._options.steps_per_window / GRID_RATE
        while end > self._step / GRID_RATE + 1e-6:
            reached = (self._step - self._options.steps_per_hop) / GRID_RATE + window
            if self._step > first and reached >= end - 1e-6:
                return  # the window before reached the end
            self._send_window(min(end, self._step / GRID_RATE + window))

    def _bytes_beyond(self, end: float) -> int:
        """What waits: the window itself is held however well the streams lie together."""
        audio = self._audio.track.nbytes_from(round(end * AUDIO_RATE)) if self._audio is not None else 0
        video = self._video.track.nbytes_from(self._frame_after(end)) if self._video is not None else 0
        return audio + video

    def _frame_after(self, end: float) -> int:
        return math.ceil(end * self._options.frame_rate - 1e-6)

    def _go_on_without(self, end: float) -> None:
        if self._audio is not None and self._audio.ready < end:
            self._audio.ready = end
            self.gave_up.add("audio")
        if self._video is not None and self._video.ready < end:
            self._video.hold(end)
            self.gave_up.add("video")

    def _send_window(self, end: float) -> None:
        start = self._step / GRID_RATE
        message: dict[str, Any] = {"kind": "clip", "start": start, "duration": end - start}
        arrays: dict[str, np.ndarray] = {}
        if self._audio is not None:
            first = round(start * AUDIO_RATE)
            stop = first + num_steps(end - start, AUDIO_RATE)
            arrays["audio"], arrays["audio_mask"] = self._audio.track.cut(first, stop)
        if self._video is not None:
            rate = self._options.frame_rate
            first, stop = math.floor(start * rate + 1e-6), self._frame_after(end)
            arrays["video"], arrays["video_mask"] = self._video.track.cut(first, stop)
            message["video_start"] = first / rate
            if self._options.statistics:
                count = num_steps(end - start, GRID_RATE)
                arrays["picture"], arrays["picture_mask"] = self._video.statistics(start, count)
        self._send(message, arrays)
        self._step += self._options.steps_per_hop
        self._forget()

    def _forget(self) -> None:
        start = self._step / GRID_RATE
        if self._audio is not None:
            self._audio.track.forget(round(start * AUDIO_RATE))
        if self._video is not None:
            self._video.track.forget(math.floor(start * self._options.frame_rate + 1e-6))
            self._video.forget(start)
