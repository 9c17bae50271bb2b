from __future__ import annotations

import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from avtext.errors import StorageError
from avtext.storage import (
    held,
    publish_bytes,
    publish_json,
    publish_text,
    publishing,
    sha256_of,
    system_error,
    temporary_beside,
)
from tests.processes import holder_of


def test_a_failure_while_writing_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    publish_text(target, "old")

    def stop_half_way() -> None:
        with publishing(target) as temporary:
            temporary.write_text("new, but ha")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half"):
        stop_half_way()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_folders_are_made_and_files_readable_by_others(tmp_path: Path) -> None:
    target = tmp_path / "x" / "y" / "a.txt"
    publish_text(target, "é\n")
    assert target.read_bytes() == "é\n".encode()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def test_numbers_that_are_not_finite_never_reach_a_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        publish_json(tmp_path / "a.json", {"x": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_a_path_through_a_file_is_one_typed_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"file.*choose another; what was") as caught:
        publish_text(tmp_path / "file" / "a.txt", "x")
    assert caught.value.code == "STORAGE"


@pytest.mark.parametrize("letter", ["x", "é", "日", "\U0001f514"])
def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path, letter: str) -> None:
    target = tmp_path / (letter * (255 // len(letter.encode())))
    publish_text(target, "whole")
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def test_bytes_are_published_as_they_are(tmp_path: Path) -> None:
    publish_bytes(tmp_path / "a.bin", b"123")
    assert sha256_of(tmp_path / "a.bin") == "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3"


def test_what_another_language_tells_of_a_full_disk_is_typed(tmp_path: Path) -> None:
    told = "Error while serializing: I/O error: No space left on device (os error 28)"
    with (
        pytest.raises(StorageError, match="the disk is full: free some space") as caught,
        publishing(tmp_path / "a.bin"),
    ):
        raise ValueError(told)
    assert caught.value.__cause__.args == (told,)
    assert list(tmp_path.iterdir()) == []
    assert system_error(OSError(errno.EACCES, "x")).errno == errno.EACCES
    assert system_error(ValueError("another")) is None


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_killed_writer_left_goes_when_the_next_one_comes(tmp_path: Path, folder: bool) -> None:
    target = tmp_path / "a.txt"
    child = os.fork()
    if not child:
        try:
            with temporary_beside(target, folder=folder):
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    publish_text(target, "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_living_writer_has_is_left_alone_and_so_is_what_is_no_leftover(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    (tmp_path / ".a.txt.mine.part").write_text("another program's")
    os.mkfifo(tmp_path / ".a.txt.abcdefgh.part")  # must not be waited for
    with publishing(target) as slow:
        slow.write_text("slow")
        publish_text(target, "quick")
        assert target.read_text() == "quick"
    assert target.read_text() == "slow"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".a.txt.mine.part", "a.txt"]


def test_a_folder_is_held_by_one_until_it_lets_go_or_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    refused = pytest.raises(StorageError, match=r"run: is in use by another run: wait until it ends")
    with holder_of(folder), refused, held(folder):
        pass
    for _ in range(2):  # the holder was killed; a worker of it lives on
        with held(folder):
            pass


def test_a_folder_that_cannot_be_held_is_one_typed_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"run: cannot be written, a part of the path is a file"):
        held(tmp_path / "file" / "run").__enter__()


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(StorageError, match=r"a\.txt: cannot be written, it is a folder: name a file"):
        publish_text(tmp_path / "a.txt", "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_many_writers_of_one_name_never_take_each_others_files(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    children = []
    for letter in "abcd":
        child = os.fork()
        if not child:
            try:
                for _ in range(50):
                    publish_text(target, letter * 1000)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    assert len(set(target.read_text())) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_pipe_is_no_file_to_replace(tmp_path: Path) -> None:
    target = tmp_path / "pipe"
    os.mkfifo(target)
    with pytest.raises(StorageError, match="a device or a pipe"):
        publish_text(target, "x")
    assert target.is_fifo()
    assert [p.name for p in tmp_path.iterdir()] == ["pipe"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "a.txt", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    publish_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert [p.name for p in (tmp_path / "far").iterdir()] == ["a.txt"]
