from __future__ import annotations

import json
from pathlib import Path

import pytest

from avtext.clip import Cue
from avtext.errors import ConfigError
from avtext.report import Evidence, read_evidence, write_evidence
from avtext.report.evidence import evidence_beside
from tests.report.conftest import HOSTILE, evidence


def test_evidence_survives_the_disk(tmp_path: Path) -> None:
    given = evidence()
    told = Evidence(given.scores, given.gates, (*given.cues, Cue(4.0, 5.0, "two\nlines \U0001f514")))
    write_evidence(tmp_path / "a.evidence.json", told)
    found = read_evidence(tmp_path / "a.evidence.json")
    assert found.to_dict() == told.to_dict()
    assert found.cues == told.cues


def test_it_is_found_beside_the_results(tmp_path: Path) -> None:
    write_evidence(tmp_path / "a.evidence.json", evidence())
    assert evidence_beside(tmp_path / "a.events.json") is not None
    assert evidence_beside(tmp_path / "b.events.json") is None


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("{", "is not JSON"),
        ("[]", "must be an object with schema 'avtext.evidence/1'"),
        ('{"schema": "avtext.evidence/2"}', "must be an object with schema"),
        ('{"schema": "avtext.evidence/1", "cues": [[0, 1]]}', "cues must be a list"),
        ('{"schema": "avtext.evidence/1", "cues": [[2, 1, "a"]]}', "end must not be before start"),
        ('{"schema": "avtext.evidence/1", "cues": [[0, 1, 5]]}', "text must be a str"),
        ('{"schema": "avtext.evidence/1", "cues": []}', "curves: need"),
        (
            '{"schema": "avtext.evidence/1", "cues": [], "scores": {"start": 0, "step": 1, "curves": {}}, '
            '"gates": {"start": 0, "step": 1, "curves": {"audio": {"high": "AA=="}}}}',
            "gates must be of audio, video, text, got audio",
        ),
    ],
)
def test_malformed_evidence_names_the_file(tmp_path: Path, content: str, hint: str) -> None:
    path = tmp_path / "a.evidence.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=hint) as caught:
        read_evidence(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1


def test_hostile_cues_are_only_text(tmp_path: Path) -> None:
    given = evidence()
    cues = tuple(Cue(0.0, 1.0, text) for text in HOSTILE)
    write_evidence(tmp_path / "a.evidence.json", Evidence(given.scores, given.gates, cues))
    assert [cue[2] for cue in json.loads((tmp_path / "a.evidence.json").read_text())["cues"]] == list(HOSTILE)
