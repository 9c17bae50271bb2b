"""What must not be opened is refused before anything is decoded."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from avtext.errors import Code, MediaError
from avtext.media.opening import check_head, media_file, shown, spooled


def _refused(path: Path | str) -> MediaError:
    with pytest.raises(MediaError) as caught:
        media_file(path)
    assert caught.value.stage == "open"
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_missing_file(tmp_path: Path) -> None:
    error = _refused(tmp_path / "none.mp4")
    assert str(error) == f"{tmp_path / 'none.mp4'}: no such file"
    assert error.code == Code.NOT_MEDIA


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    (tmp_path / "dangling.mp4").symlink_to(tmp_path / "nothing")
    for path, word in (
        (tmp_path, "folder"),
        (tmp_path / "pipe.mp4", "pipe"),
        ("/dev/zero", "device"),
        (tmp_path / "empty.mp4", "empty"),
        (tmp_path / "loop.mp4", "opened"),
        (tmp_path / "dangling.mp4", "no such file"),
        ("a\0b.mp4", "opened"),
        (tmp_path / ("x" * 300), "opened"),
        ("http://127.0.0.1/a.mp4", "no such file"),
        ("pipe:0", "no such file"),
    ):
        error = _refused(path)
        assert word in str(error), path
        assert error.code == Code.NOT_MEDIA


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"ffconcat version 1.0\nfile a.mp4\n", Code.UNSAFE),
        (b"\xef\xbb\xbf#EXTM3U\n#EXT-X-TARGETDURATION:1\n", Code.UNSAFE),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", Code.UNSAFE),
        (b"<?xml version='1.0'?><MPD></MPD>", Code.UNSAFE),
        (b"<asx version='3.0'>", Code.UNSAFE),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Code.UNSUPPORTED),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Code.UNSUPPORTED),
        (b"RIFF\0\0\0\0WEBPVP8 ", Code.UNSUPPORTED),
        (b"\0\0\0\x1cftypavif", Code.UNSUPPORTED),
        (b"just some text\n", Code.NOT_MEDIA),
        ("ein Text mit Umlauten: äöü".encode(), Code.NOT_MEDIA),
        ("text".encode("utf-16"), Code.NOT_MEDIA),
        ("ä".encode() * 3000, Code.NOT_MEDIA),
    ],
)
def test_heads_that_are_refused(content: bytes, code: Code) -> None:
    with pytest.raises(MediaError) as caught:
        check_head("a.mp4", content[:4096])
    assert caught.value.code == code


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x18ftypisom",
        b"\0\0\1\0ftypisom",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"ID3\x04",
        b"\xff\xfb\x90\0",
        b"\x47" + b"\0" * 187,
    ],
)
def test_heads_that_pass(head: bytes) -> None:
    check_head("a.mp4", head)


def test_links_are_followed_and_the_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt ")
    (tmp_path / "link.wav").symlink_to("real.wav")
    monkeypatch.chdir(tmp_path)
    assert media_file("link.wav") == str((tmp_path / "real.wav").resolve())


def test_names_cannot_reach_the_terminal(tmp_path: Path) -> None:
    assert shown("a\x1b]0;x\x07\r\n\u202e.mp4") == "a?]0;x???" + "?.mp4"
    assert "\x1b" not in str(_refused(tmp_path / "a\x1b[2J.mp4"))


def test_file_objects_are_copied_privately() -> None:
    content = bytes(range(256)) * 10_000
    stream = io.BytesIO(b"before" + content)
    stream.seek(6)
    with spooled(stream, 1 << 30) as path:
        assert Path(path).read_bytes() == content
        assert Path(path).stat().st_mode & 0o077 == 0 or Path(path).parent.stat().st_mode & 0o077 == 0
    assert not Path(path).exists()


def test_file_objects_have_limits() -> None:
    with pytest.raises(MediaError, match="more than 10 bytes") as caught, spooled(io.BytesIO(b"x" * 11), 10):
        pass
    assert caught.value.code == Code.TOO_LARGE


def test_file_objects_that_fail() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with (
        pytest.raises(MediaError, match=r"^file object: cannot be read \(Input/output error\)$"),
        spooled(Broken(), 10),
    ):
        pass


def test_a_member_of_a_damaged_archive_is_a_file_that_cannot_be_read() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)
    for damaged, words in ((packed[:-20], "ended before"), (packed[:-8] + bytes(8), "CRC check failed")):
        stream = gzip.GzipFile(fileobj=io.BytesIO(damaged))
        with pytest.raises(MediaError, match=f"cannot be read .*{words}") as caught, spooled(stream, 1 << 20):  # type: ignore[arg-type]
            pass
        assert caught.value.code == Code.CORRUPT


def test_a_file_object_that_does_not_wait_is_not_taken_for_a_short_one() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"the beginning")
    os.set_blocking(ours, False)
    with (
        os.fdopen(ours, "rb", buffering=0) as stream,
        os.fdopen(theirs, "wb"),
        pytest.raises(MediaError, match="does not wait for what is still to come"),
        spooled(stream, 1 << 20),
    ):
        pass


def test_file_objects_that_give_text() -> None:
    for stream in (io.StringIO("text"), io.TextIOWrapper(io.BytesIO(b"\xff\xfb"), encoding="utf-8")):
        with pytest.raises(MediaError, match="file object: gives str; open it in binary mode"), spooled(stream, 10):  # type: ignore[arg-type]
            pass
