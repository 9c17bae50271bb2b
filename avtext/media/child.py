"""The decoding child process: reads a request, decodes within its limits, answers over a pipe.

Nothing here trusts the file: a crash, a hang or a flood ends this process and nothing else.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from avtext.errors import Code, MediaError
from avtext.media.options import Limits, MediaOptions
from avtext.media.wire import send

_MAX_LOG = 16 << 20  # bytes of complaints; FFmpeg's log is the only file that this process writes
_MOST = 1 << 62  # that the operating system takes as a limit
_MOST_SECONDS = 1 << 33  # of CPU time, which it counts in nanoseconds: more would overflow, and end a process at once


def main() -> None:
    """Answer the one request on standard input; standard output carries nothing but messages."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business, which ends this process
    import avtext.media.container
    import avtext.media.decoding  # noqa: F401  (what takes long is done before there is a request)

    line = sys.stdin.buffer.readline()
    if not line:  # a spare one whose parent has ended
        return
    request = json.loads(line)
    limits = Limits(**request["limits"])
    restrict(limits.memory_bytes, limits.cpu(None, os.stat(request["path"]).st_size))  # noqa: PTH116
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)  # whatever a library prints goes to the log
    try:
        _answer(request, limits, answers)
    except MediaError as error:
        failure = {"code": error.code.value, "stage": error.stage, "message": error.message}
        send(answers, {"kind": "error", **failure})
    except MemoryError:
        message = f"{request['name']}: needs more memory than allowed; raise Limits.memory_bytes"
        send(answers, {"kind": "error", "code": Code.TOO_LARGE.value, "stage": "decode", "message": message})
    except BrokenPipeError:
        os._exit(0)  # the parent has enough
    answers.close()
    os._exit(0)  # a damaged file may have left memory that cannot be torn down in order


def restrict(memory_bytes: int, cpu_seconds: float) -> None:
    """Limit this process; the operating system ends it beyond that."""
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _MAX_LOG),
    ):
        _, hard = resource.getrlimit(kind)
        most = min(most, _MOST if hard == resource.RLIM_INFINITY else hard)  # a lower one of the user's stays
        resource.setrlimit(kind, (most, most))
    limit_cpu(cpu_seconds)


def limit_cpu(seconds: float) -> None:
    """Let this process use so many CPU seconds in all."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = max(1, int(min(seconds, _MOST_SECONDS)))
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _answer(request: dict[str, Any], limits: Limits, answers: BinaryIO) -> None:
    import av  # after the limits are set

    from avtext.media.container import opened
    from avtext.media.decoding import Decoding, SoughtTooFar, packets_sha256

    av.logging.restore_default_callback()  # FFmpeg's complaints go to the log, where their number is evidence
    av.logging.set_libav_level(av.logging.ERROR)
    send(answers, {"kind": "alive"})  # starting is done; a busy machine may take long for it
    options = MediaOptions.from_dict(request["options"])
    path, name, kind = request["path"], request["name"], request["kind"]

    def reply(message: dict[str, Any], arrays: dict[str, Any]) -> None:
        send(answers, message, arrays)

    with opened(path, name, options, limits) as source:
        reply({"kind": "info", "info": source.info.to_dict()}, {})
        limit_cpu(limits.cpu(source.info.duration, os.stat(path).st_size))  # noqa: PTH116
        if kind == "cues":
            from avtext.media.subtitles import subtitle_cues

            reply({"kind": "cues", "cues": subtitle_cues(source, reply)}, {})
        if kind == "content":
            reply({"kind": "content", "sha256": packets_sha256(source, reply)}, {})
        try:
            if kind == "decode":
                Decoding(source, options, limits, reply).run(seek=True)
            return
        except SoughtTooFar:
            pass
    with opened(path, name, options, limits) as source:
        Decoding(source, options, limits, reply).run()


if __name__ == "__main__":
    main()
