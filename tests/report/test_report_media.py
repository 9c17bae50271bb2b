from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from avtext.errors import ConfigError
from avtext.report.media import EMBED_LIMIT, find_media, page_media


@pytest.mark.parametrize(
    "name",
    ["a b.mp4", "a#1?x=2&y.mp4", "50%41.mp4", "ünïcode.mp4", "javascript:alert(1).mp4", "a:b.mp4", "a\"b'<c>.mp4"],
)
def test_any_name_is_a_relative_address_of_itself(tmp_path: Path, name: str) -> None:
    address = page_media(tmp_path / "clips" / name, tmp_path / "out" / "page.html").address
    split = urlsplit(address)
    assert (split.scheme, split.netloc, split.query, split.fragment) == ("", "", "", "")
    assert unquote(address) == f"../clips/{name}"
    beside = page_media(tmp_path / name, tmp_path / "page.html").address
    assert urlsplit(beside).scheme == ""
    assert unquote(beside) == name
    parser = HTMLParser()
    parser.feed(f'<video src="{beside}">')
    assert parser.get_starttag_text() == f'<video src="{beside}">'


def test_sound_is_played_by_an_audio_element(tmp_path: Path) -> None:
    assert page_media(tmp_path / "a.FLAC", tmp_path / "p.html").kind == "audio"
    assert page_media(tmp_path / "a.mkv", tmp_path / "p.html").kind == "video"
    assert page_media(tmp_path / "a.html", tmp_path / "p.html").kind == "video"


def test_bytes_go_into_the_page_when_asked(tmp_path: Path) -> None:
    (tmp_path / "a.webm").write_bytes(b"\x00video")
    address = page_media(tmp_path / "a.webm", tmp_path / "p.html", embed=True).address
    assert address == "data:video/webm;base64," + base64.b64encode(b"\x00video").decode()


def test_what_cannot_be_embedded_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^embed: .*none\.mp4: cannot be read \(No such file or directory\)"):
        page_media(tmp_path / "none.mp4", tmp_path / "p.html", embed=True)
    with (tmp_path / "big.mp4").open("wb") as file:
        file.truncate(EMBED_LIMIT + 1)
    with pytest.raises(ConfigError, match="has 64 MiB, a page takes 64: leave embed out"):
        page_media(tmp_path / "big.mp4", tmp_path / "p.html", embed=True)


def test_the_video_is_looked_for_as_named_and_beside_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.mp4").write_bytes(b"")
    assert find_media("videos/a.mp4", Path("results")) == Path("results/a.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"")
    assert find_media("videos/a.mp4", Path("results")) == Path("videos/a.mp4")
    assert find_media("nowhere/b.mp4", Path("results")) == Path("results/b.mp4")
    assert find_media("x" * 5000, Path("results")) == Path("results", "x" * 5000)  # no file can have this name
