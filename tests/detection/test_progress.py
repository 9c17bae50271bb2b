from __future__ import annotations

import os
import sys

import pytest

from avtext import ProgressHook


def test_it_draws_every_file_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with ProgressHook() as hook:
            for name in ("some/first.mp4", "second\x1b.mp4"):
                hook("read", file=name, total=None, completed=1.0)
                hook("decode", [], file=name, total=2.0, completed=2.0)
        monkeypatch.undo()
        terminal.write("\nend\n")
        terminal.flush()
        with os.fdopen(leader, "r", newline="") as screen:
            shown = "".join(iter(screen.readline, "end\r\n"))
    assert "first.mp4" in shown
    assert "second?.mp4" in shown
    assert "done" in shown
    assert "some/" not in shown


def test_files_of_one_name_in_two_folders_have_a_bar_each() -> None:
    with ProgressHook() as hook:
        hook("decode", [], file="monday/clip.mp4", total=2.0, completed=2.0)
        hook("read", file="tuesday/clip.mp4", total=4.0, completed=1.0)
    bars = hook._progress.tasks
    assert [(bar.description, bar.total, bar.completed) for bar in bars] == [("clip.mp4", 2, 2), ("clip.mp4", 4, 1)]


def test_of_many_files_the_last_are_drawn() -> None:
    with ProgressHook() as hook:
        for number in range(30):
            hook("read", file=f"{number}.mp4", total=2.0, completed=1.0)
            hook("decode", [], file=f"{number}.mp4", total=2.0, completed=2.0)
        hook("read", file="0.mp4", total=2.0, completed=1.0)  # once more
    bars = [(bar.description, bar.completed) for bar in hook._progress.tasks]
    assert bars == [*((f"{number}.mp4", 2.0) for number in range(21, 30)), ("0.mp4", 1.0)]


def test_it_is_silent_where_there_is_no_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with ProgressHook() as hook:
        hook("read", file="a.mp4", total=2.0, completed=1.0)
    assert capsys.readouterr() == ("", "")


def test_it_is_silent_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressHook() as hook:
        hook("read", file="a.mp4", total=2.0, completed=1.0)
    assert capsys.readouterr() == ("", "")
