"""``avtext align`` and ``avtext evaluate``."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from avtext.clip import Cue, Event
from avtext.detection import EventFinder
from avtext.formats.json_events import file_record
from avtext.media import read_cues
from tests.cli.conftest import Run
from tests.tiny import write_video


def test_align_says_how_far_each_stream_is_off(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("align", made / "a.mp4", "-m", model)
    assert (said.code, said.err) == (0, "")
    assert [line.split(":")[0] for line in said.out.splitlines()] == ["audio", "text"]
    alone = avtext("align", made / "b.mp4", "-m", model)
    assert alone.out.startswith("audio: ")
    assert list(here.iterdir()) == []


def test_json_of_a_name_that_is_not_utf8(avtext: Run, here: Path, made: Path, model: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(made / "b.mp4", here / name)
    said = avtext("align", name, made / "a.srt", "-m", model, "--json")
    assert json.loads(said.out)["file"] == "caf?.mp4"  # a surrogate alone is no JSON to most readers


def test_align_writes_corrected_subtitles_and_json_stays_json(avtext: Run, here: Path, made: Path, model: Path) -> None:
    said = avtext("align", made / "a.mp4", made / "a.srt", "-m", model, "-o", "fixed.vtt", "--json")
    assert said.code == 0
    found = json.loads(said.out)["alignment"]
    assert said.err == "wrote fixed.vtt\n"
    assert (
        avtext("align", made / "a.mp4", made / "a.srt", "-m", model, "-o", "fixed.vtt").err == "fixed.vtt: replaced\n"
    )
    shift = found["text"]["offset"]
    given = read_cues(made / "a.srt")
    moved = [Cue(max(0.0, c.start + shift), c.end + shift, c.text) for c in given if c.end + shift > 0]
    got = read_cues(here / "fixed.vtt")
    assert [c.text for c in got] == [c.text for c in moved]
    for a, b in zip(got, moved, strict=True):
        assert (a.start, a.end) == pytest.approx((b.start, b.end), abs=2e-3)


@pytest.mark.parametrize("out", ["fixed.srt", "fixed.vtt"])  # rewritten, and written anew
def test_cues_are_moved_by_the_clock_and_those_without_a_place_are_counted(
    avtext: Run, here: Path, made: Path, model: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (here / "long.srt").write_text("1\n00:00:00,100 --> 00:00:01,000\nkept\n\n2\n00:00:02,100 --> 00:00:03,000\ncut\n")
    clock = {"starts": [0.0, 2.0], "offsets": [0.5, -2.0], "rates": [1.0, 1.0]}
    text = {"offset": 0.0, "drift_ppm": 0.0, "breaks": [[2.0, -2.0]], "confidence": 1.0, "abstained": False}
    monkeypatch.setattr(EventFinder, "clocks", lambda *_: {"text": {**text, "clock": clock}})
    said = avtext("align", made / "b.mp4", "long.srt", "-m", model, "-o", out)
    assert said.out.endswith(f"wrote {out}, without 1 of 2 cues, which have no place in the video\n")
    assert read_cues(here / out) == (Cue(0.6, 1.5, "kept"),)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["none.mp4"], 1, "none.mp4: no such file"),
        (["b.mp4", "none.srt"], 1, "none.srt: no such file"),
        (["b.mp4", "-o", "fixed.ass"], 2, "--out: fixed.ass: corrected subtitles are written as .srt or .vtt"),
        (["b.mp4", "a.ass", "-o", "b.ssa"], 2, "corrected subtitles are written as .srt or .vtt or .ass"),
        (["b.mp4", "-o", "fixed.srt"], 2, "b.mp4: has no subtitles to correct: name a subtitle file"),
        (["b.mp4", "-o", "b.mp4/fixed.srt"], 2, "--out: b.mp4: cannot be written: choose another folder"),
    ],
)
def test_align_refuses_in_one_line(
    avtext: Run, here: Path, made: Path, model: Path, words: list[str], code: int, hint: str
) -> None:
    shutil.copy(made / "b.mp4", here)
    said = avtext("align", *words, "-m", model)
    assert said.code == code
    assert hint in said.err
    assert said.err.count("\n") == 1
    assert [p.name for p in here.iterdir()] == ["b.mp4"]


@pytest.mark.parametrize("named", [True, False])
def test_corrected_subtitles_keep_their_markup(avtext: Run, here: Path, made: Path, model: Path, named: bool) -> None:
    shutil.copy(made / "b.mp4", here)
    said = "[Events]\nFormat: Layer, Start, End, Text\nDialogue: 0,0:00:01.00,0:00:02.00,{\\i1}hello\n"
    (here / "b.ass").write_text(said)
    for out in ("fixed.ass", "fixed.srt"):
        assert avtext("align", "b.mp4", *["b.ass"] * named, "-m", model, "-o", out).code == 0
    ((cue,), (plain,)) = (read_cues(here / name) for name in ("fixed.ass", "fixed.srt"))
    assert (plain.text, plain.start) == ("hello", pytest.approx(cue.start, abs=0.006))  # ASS counts hundredths
    moved = said.replace("0:00:01.00,0:00:02.00", f"0:00:{cue.start:05.2f},0:00:{cue.end:05.2f}")
    assert (here / "fixed.ass").read_text() == moved


def test_subtitles_without_a_cue_are_named(avtext: Run, here: Path, made: Path, model: Path) -> None:
    (here / "bad.srt").write_text("no cue")
    said = avtext("align", made / "b.mp4", "bad.srt", "-m", model, "-o", "fixed.srt")
    assert (said.code, said.err) == (2, "avtext: bad.srt: has no cue to correct: name another subtitle file\n")


def test_subtitles_inside_a_video_can_be_written_out(avtext: Run, here: Path, model: Path) -> None:
    write_video(here / "a.mkv", 4.0, subtitles=True)
    assert avtext("align", "a.mkv", "-m", model, "-o", "out.srt").code == 0
    assert [c.text for c in read_cues(here / "out.srt")] == ["[dog barks]", "hello"]


# -- evaluate -----------------------------------------------------------------------------------------------------------


TRUTH = "file,start,end,label\na.mp4,1.0,2.0,dog\na.mp4,3.0,4.0,bell\n"


def test_evaluate_scores_as_by_hand(avtext: Run, here: Path) -> None:
    (here / "truth.csv").write_text(TRUTH)
    (here / "found.csv").write_text("file,start,end,label\na.mp4,1.15,2.0,dog\na.mp4,3.4,4.0,bell\na.mp4,8,9,cat\n")
    said = avtext("evaluate", "found.csv", "truth.csv")
    assert said.code == 0
    assert "F1 of starts within 0.2 s: 40.00 micro, 50.00 macro" in said.out  # 1 of 2 true, 1 of 3 found; dog 1, bell 0
    assert "event_f1.micro   f1=0.4000  precision=0.3333  recall=0.5000" in said.out
    assert "cat" in said.err
    said = avtext("evaluate", "found.csv", "truth.csv", "--collar", "0.5")
    assert "F1 of starts within 0.5 s: 80.00 micro, 100.00 macro" in said.out
    assert "onset_f1.micro   f1=0.4000" in said.out  # the collar is that of the table and of the line below it alone
    wide = avtext("evaluate", "found.csv", "truth.csv", "--collar", "0.5", "--json")
    micro = json.loads(wide.out)["onsets"]["micro"]
    assert (micro["precision"], micro["recall"]) == pytest.approx((2 / 3, 1.0))


def test_evaluate_knows_how_long_a_file_is_that_was_matched_by_its_stem(avtext: Run, here: Path) -> None:
    """PSDS, which needs durations, is among the metrics."""
    truth = "a,1.0,2.0,dog\nb,1.0,2.0,dog\n"
    found = [file_record(f"{stem}.mp4", [Event(0.0, 2.0, "dog", 0.9)], duration=9.0) for stem in "ab"]
    (here / "found.json").write_text(json.dumps(found))
    (here / "truth.csv").write_text(f"file,start,end,label\n{truth}")
    (here / "same.csv").write_text("file,start,end,label\n" + truth.replace(",1.0", ".mp4,1.0"))
    words = ("-m", "all", "--json")
    matched, same = (
        json.loads(avtext("evaluate", "found.json", name, *words).out) for name in ("truth.csv", "same.csv")
    )
    assert matched == same


def test_evaluate_what_detect_wrote_against_itself(avtext: Run, here: Path, made: Path, model: Path) -> None:
    avtext("detect", made / "a.mp4", made / "b.mp4", "-m", model, "-o", "found")
    said = avtext("evaluate", "found", "found")
    assert (said.code, said.err) == (0, "")
    assert "F1 of starts within 0.2 s: 100.00 micro" in said.out
    assert "2 files" in said.out


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["none.csv", "truth.csv"], 1, "none.csv: there is no such file"),
        (["truth.csv", "none.csv"], 1, "none.csv: there is no such file"),
        (["bad.csv", "truth.csv"], 1, "bad.csv: line 2: "),
        (["broken.json", "truth.csv"], 1, "broken.json: line 1: is not JSON"),
        (["truth.csv", "video.mp4"], 1, "video.mp4: no format of events has this suffix"),
        (["truth.csv", "truth.csv", "-m", "f7"], 2, "metrics: f7 not known"),
    ],
)
def test_evaluate_refuses_in_one_line(avtext: Run, here: Path, words: list[str], code: int, hint: str) -> None:
    (here / "truth.csv").write_text(TRUTH)
    (here / "bad.csv").write_text("file,start,end,label\na.mp4,2,1,dog\n")
    (here / "broken.json").write_text("{")
    (here / "video.mp4").write_bytes(b"\0\0")
    said = avtext("evaluate", *words)
    assert (said.code, said.out) == (code, "")
    assert hint in said.err
    assert said.err.count("\n") == 1


def test_labels_are_shown_as_plain_text(avtext: Run, here: Path) -> None:
    (here / "a.csv").write_text("file,start,end,label\na.mp4,1,2,[/red]\x1b[31m\n")
    (here / "b.csv").write_text("file,start,end,label\na.mp4,1,2,dog\n")
    said = avtext("evaluate", "a.csv", "b.csv")
    assert said.code == 0
    assert "\x1b" not in said.out + said.err
    assert "[/red]?[31m" in said.out
    assert "[/red]?[31m" in said.err
