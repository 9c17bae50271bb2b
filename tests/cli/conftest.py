from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from avtext.cli import main
from tests.tiny import SRT, save_talkative, write_video


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder."""
    return save_talkative(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of videos: a.mp4 with a.srt beside it, b.mp4 without."""
    folder = tmp_path_factory.mktemp("made")
    write_video(folder / "a.mp4", 4.0)
    (folder / "a.srt").write_text(SRT)
    write_video(folder / "b.mp4", 2.0)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def avtext(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process; an error that the command does not handle fails the test."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["avtext", *map(str, words)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        logging.getLogger("avtext").setLevel(logging.NOTSET)  # what -v leaves behind
        return Said(code, *capsys.readouterr())

    return run
