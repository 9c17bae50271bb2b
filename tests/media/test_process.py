"""The child process is ended when it must be, and its end is told as a typed error."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from threading import Thread, Timer

import pytest
from media_files import steady, write

import avtext
from avtext.clip import Clip
from avtext.errors import Code, MediaError
from avtext.media import Limits, MediaOptions, MediaReader, probe, spare
from avtext.media.process import DecoderProcess
from avtext.media.spare import places
from tests.limits import file_size_limit
from tests.processes import wait_for_end


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("media") / "a.mp4", steady(600, size=128))


def _read(path: Path, **limits) -> None:
    with MediaReader(path, MediaOptions(window=1.0, overlap=0.0), Limits(**limits)) as reader:
        list(reader)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"stall_seconds": 0.01}, Code.TIMEOUT),
        ({"wall_seconds": 0.01, "wall_factor": 1e-6}, Code.TIMEOUT),
        ({"max_pixels": 1000}, Code.TOO_LARGE),
        ({"max_duration": 5.0}, Code.TOO_LARGE),
    ],
)
def test_limits_end_in_typed_errors(video: Path, limits: dict, code: Code) -> None:
    with pytest.raises(MediaError) as caught:
        _read(video, **limits)
    assert caught.value.code == code
    assert str(video) in str(caught.value)


@pytest.mark.parametrize(
    "limits",
    [
        {"stall_seconds": math.inf, "wall_seconds": math.inf},
        {"stall_seconds": 1e9, "wall_factor": 1e9},
        {"cpu_seconds": 1e30, "cpu_factor": 1e308},
        {"memory_bytes": 1 << 80},
    ],
)
def test_limits_beyond_those_of_the_system_are_none(video: Path, limits: dict) -> None:
    assert probe(video, Limits(**limits)).duration == pytest.approx(24.0, abs=0.1)


def test_frames_that_do_not_fit_into_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", steady(2, size=4096), video_options={"preset": "ultrafast"})
    with pytest.raises(MediaError, match=r"more memory than allowed; raise Limits\.memory_bytes") as caught:
        _read(path, memory_bytes=256 << 20)
    assert caught.value.code == Code.TOO_LARGE


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGSEGV, Code.CORRUPT),
        (signal.SIGABRT, Code.CORRUPT),
        (signal.SIGKILL, Code.TOO_LARGE),
        (signal.SIGXCPU, Code.TIMEOUT),
    ],
)
def test_a_child_that_dies_costs_its_file_only(video: Path, number: int, code: Code) -> None:
    with MediaReader(video, MediaOptions(window=0.2, overlap=0.0)) as reader:
        os.kill(reader._process._process.pid, number)
        with pytest.raises(MediaError) as caught:
            list(reader)
    assert caught.value.code == code
    assert caught.value.stage == "decode"
    assert str(video) in str(caught.value)


def test_a_child_that_stops_is_a_timeout(video: Path) -> None:
    with MediaReader(video, MediaOptions(window=0.2, overlap=0.0), Limits(stall_seconds=2.0)) as reader:
        os.kill(reader._process._process.pid, signal.SIGSTOP)
        with pytest.raises(MediaError) as caught:
            list(reader)
    assert caught.value.code == Code.TIMEOUT


def test_a_reader_that_was_closed_gives_an_error_and_never_waits(video: Path) -> None:
    options = MediaOptions(window=0.2, overlap=0.0)
    begun, unused = MediaReader(video, options), MediaReader(video, options)
    clips = iter(begun)
    next(clips)
    for reader, iterator in ((begun, clips), (unused, iter(unused))):
        reader.close()
        reader.close()
        told: list[str] = []
        asking = Thread(target=_ask, args=(iterator, told), daemon=True)
        asking.start()
        asking.join(timeout=60.0)
        assert told == [f"{video}: is closed; open it again"]


def test_who_waits_for_a_clip_when_a_reader_is_closed_gets_an_error(video: Path) -> None:
    reader = MediaReader(video, MediaOptions(window=0.2, overlap=0.0))
    os.kill(reader._process._process.pid, signal.SIGSTOP)
    told: list[str] = []
    waiting = Thread(target=_ask, args=(iter(reader), told), daemon=True)
    waiting.start()
    while reader._prefetch is None:  # it has not begun to wait
        waiting.join(timeout=0.01)
    reader.close()
    waiting.join(timeout=60.0)
    assert told == [f"{video}: is closed; open it again"]


def _ask(clips: Iterator[Clip], told: list[str]) -> None:
    """Read to the end, and note the error that came instead."""
    try:
        deque(clips, maxlen=0)
    except MediaError as error:
        told.append(error.message)


def test_a_child_that_starts_slowly_is_waited_for(video: Path) -> None:
    spare.take().end()  # a spare one, which has started
    process = DecoderProcess(str(video), "a.mp4", "probe", MediaOptions(), Limits(stall_seconds=2.0))
    os.kill(process._process.pid, signal.SIGSTOP)
    Timer(2.5, os.kill, (process._process.pid, signal.SIGCONT)).start()
    message, _ = process.receive()
    process.close()
    assert message["kind"] == "info"


def test_children_are_independent(video: Path) -> None:
    with MediaReader(video) as one, MediaReader(video) as other:
        os.kill(one._process._process.pid, signal.SIGKILL)
        assert len(list(other)) == 1


def test_the_child_does_not_depend_on_the_working_folder(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert probe(video).has_video


def test_a_package_that_was_found_by_a_relative_entry_is_found_by_the_child_too(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = str(Path(avtext.__file__).parents[1])
    there = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(own)]
    monkeypatch.setattr(sys, "path", [os.path.relpath(own), *there])
    assert probe(video).has_video
    assert places() == [own, *filter(os.path.isabs, there)]


@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile '{}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{}</BaseURL></MPD>",
    ],
)
def test_the_second_line_of_defence(video: Path, tmp_path: Path, content: str) -> None:
    """The child refuses playlists by itself, also where the first bytes were not recognised."""
    path = tmp_path / "a.mp4"
    path.write_text(content.format(video))
    process = DecoderProcess(str(path), "a.mp4", "probe", MediaOptions(), Limits())
    with pytest.raises(MediaError, match=r"container is not read|no media file") as caught:
        process.receive()
    assert caught.value.stage == "open"


def test_the_child_refuses_a_pipe_by_itself(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    process = DecoderProcess(str(tmp_path / "a.mp4"), "a.mp4", "probe", MediaOptions(), Limits())
    with pytest.raises(MediaError, match="not a regular file"):
        process.receive()


def test_where_file_sizes_are_limited_no_byte_code_is_cut_off() -> None:
    assert "-B" not in spare._how()[0]
    with file_size_limit(1000):
        assert "-B" in spare._how()[0]


def process_of(path: Path) -> int:
    """Number of the process that decodes a file; the file is read to its end."""
    with MediaReader(path, MediaOptions(window=10.0, overlap=0.0)) as reader:
        assert sum(clip.duration for clip in reader) == pytest.approx(24.0)
        return reader._process._process.pid


def waiting() -> int | None:
    child = spare._waiting.child
    return None if child is None else child.process.pid


def test_from_the_second_file_on_a_process_waits_for_the_next(video: Path) -> None:
    spare.discard()
    process_of(video)
    assert waiting() is None  # one file needs no second process
    process_of(video)
    for _ in range(2):
        before = waiting()
        assert process_of(video) == before != waiting()


def test_a_waiting_process_of_another_environment_or_that_died_is_not_taken(
    video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare.prepare()
    process_of(video)
    before = waiting()
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    assert process_of(video) != before
    assert not Path(f"/proc/{before}").exists()
    before = waiting()
    assert before is not None
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert process_of(video) != before


WHO = """
import os, sys
from avtext.media import spare
spare.prepare(); spare.prepare()
print(spare._waiting.child.process.pid, flush=True)
if sys.argv[1] == "fork" and not (child := os.fork()):
    os.read(0, 1)  # lives on, and must not hold the pipe
os.kill(os.getpid(), 9) if sys.argv[1] != "exit" else None
"""


@pytest.mark.parametrize("how", ["exit", "kill", "fork"])
def test_a_waiting_process_ends_with_its_parent(how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WHO, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        parent.wait()
        wait_for_end(number)
