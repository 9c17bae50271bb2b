"""``avtext train``: configs and manifests that are wrong; that training works is tests/data/test_videos.py's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Run


@pytest.fixture
def config(root: Path, here: Path) -> Path:
    """The smoke configuration as c.yaml in the current folder."""
    (here / "c.yaml").write_text((root / "configs" / "smoke.yaml").read_text())
    return here / "c.yaml"


def change(config: Path, **values: object) -> None:
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **values}))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["stesp=3"], "c.yaml: stesp: unknown key; did you mean 'steps'?"),
        (["model.tcn.num_layer=3"], "c.yaml: model.tcn.num_layer: unknown key; did you mean 'num_layers'?"),
        (["steps=ten"], "c.yaml: steps: Input should be a valid integer"),
        (["steps=0"], "c.yaml: steps: Input should be greater than or equal to 1, got 0"),
        (["train.count=9" + 23 * "0"], "train.count: Input should be less than or equal to 1000000000, got 9000"),
        (["learning_rate=.nan"], "c.yaml: learning_rate: "),
        (["train.scenes.duration=[8, 4]"], "c.yaml: train.scenes.duration: "),
        (["steps"], "'steps': an override is written key.sub=value"),
        (["steps.x=1"], "'steps' is a single value, it has nothing inside to set"),
        (["model=none.yaml"], "none.yaml: no such config file"),
        (["model.encoders.audio.name=logmle"], "encoder 'logmle' is not known; known: logmel"),
        (["model.encoders.audio.options.sise=3"], "encoder 'logmel': "),
        (["model.labels=[bell]"], "scenes: label 'siren' is not one of the model's"),
        (["train.manifest=m.jsonl"], "c.yaml: train: give either scenes or manifest"),
        (["out=c.yaml/run"], "out: c.yaml/run: cannot be written"),
        (["init=nowhere"], "nowhere: no such model folder"),
        (["precision=bf16"], "c.yaml: precision: Input should be 'auto', '32-true' or 'bf16-mixed', got 'bf16'"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_2(
    avtext: Run, here: Path, config: Path, words: list[str], hint: str
) -> None:
    said = avtext("train", "-c", "c.yaml", *words)
    assert (said.code, said.out) == (2, "")
    assert hint in said.err
    assert said.err.count("\n") == 1
    assert [p.name for p in here.iterdir()] == ["c.yaml"]


def test_every_fault_of_a_config_has_its_line(avtext: Run, config: Path) -> None:
    change(config, sede=1, steps="ten")
    said = avtext("train", "-c", "c.yaml")
    assert said.code == 2
    assert sorted(line.split(": ")[2] for line in said.err.splitlines()) == ["sede", "steps"]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (None, "c.yaml: no such config file"),
        (b"a: [1,\n", "c.yaml:2: not valid YAML"),
        (b"- 1\n", "c.yaml: must hold key: value pairs, got list"),
        (b"", "c.yaml: must hold key: value pairs, got NoneType"),
        (b"\xff\xfe\x00", "c.yaml: cannot be read as UTF-8 text"),
    ],
)
def test_a_config_that_is_none(avtext: Run, config: Path, content: bytes | None, hint: str) -> None:
    config.unlink()
    if content is not None:
        config.write_bytes(content)
    said = avtext("train", "-c", "c.yaml")
    assert said.code == 2
    assert hint in said.err
    assert said.err.count("\n") == 1


def test_a_manifest_line_that_is_wrong_is_named(avtext: Run, here: Path, made: Path, config: Path) -> None:
    video = str(made / "b.mp4")
    good = {"path": video, "events": [{"start": 0.5, "end": 1.0, "label": "bell"}]}
    change(config, validation=None, train={"manifest": "m.jsonl"})
    for bad, code, hint in (
        ({**good, "events": [{"start": 2, "end": 1, "label": "bell"}]}, 2, "needs 0 <= start < end in seconds"),
        ({**good, "events": [{"start": 1, "end": 1, "label": "bell"}]}, 2, "got start=1, end=1"),
        ({**good, "events": [{"start": 1, "end": 2, "label": "bel"}]}, 2, "label 'bel' is not one of: bell"),
        ({"path": "none.mp4", "events": []}, 2, "path: none.mp4: no such file"),
        ({"path": "c.yaml", "events": []}, 1, "c.yaml: is a text file"),
        (
            {**good, "events": [{"start": 99.0, "end": 99.5, "label": "bell"}]},
            2,
            "starts at 99 s, but b.mp4 ends at 2.",
        ),
    ):
        (here / "m.jsonl").write_text(json.dumps(good) + "\n\n" + json.dumps(bad) + "\n")
        said = avtext("train", "-c", "c.yaml")
        assert said.code == code, bad
        lines = [line for line in said.err.splitlines() if not line.startswith("reading ")]
        assert len(lines) == 1
        assert lines[0].startswith("avtext: m.jsonl:3: ")
        assert hint in lines[0]
        assert not (here / "runs").exists()


def test_a_missing_extra_is_told_before_clips_are_read(
    avtext: Run, here: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightning", None)
    change(config, train={"manifest": "none.jsonl"})  # which is told next
    said = avtext("train", "-c", "c.yaml")
    assert (said.code, said.out) == (2, "")
    assert said.err == 'avtext: lightning is not installed: pip install "avtext[train]"\n'
    assert [path.name for path in here.iterdir()] == ["c.yaml"]


def test_a_model_of_a_config_may_be_another_file(avtext: Run, here: Path, config: Path) -> None:
    values = yaml.safe_load(config.read_text())
    (here / "m.yaml").write_text(yaml.safe_dump(values["model"]))
    change(config, model="m.yaml")
    said = avtext("train", "-c", "c.yaml", "model.width=31")
    assert "width 31 must be a multiple of fusion.num_heads 2" in said.err
    change(config, model=values["model"])
    (here / "m.yaml").write_text(yaml.safe_dump({**values["model"], "width": 31}))
    said = avtext("train", "-c", "c.yaml", "model=m.yaml")
    assert "width 31 must be a multiple of fusion.num_heads 2" in said.err


@pytest.mark.parametrize("words", [["init=nowhere"], ["distill={teacher: nowhere}"]])
def test_a_model_that_is_missing_is_said_before_videos_are_read(
    avtext: Run, here: Path, made: Path, config: Path, words: list[str]
) -> None:
    line = {"path": str(made / "b.mp4"), "events": [{"start": 0.5, "end": 1.0, "label": "bell"}]}
    (here / "m.jsonl").write_text(json.dumps(line) + "\n")
    change(config, validation=None, train={"manifest": "m.jsonl", "cache": "kept"})
    said = avtext("train", "-c", "c.yaml", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err == "avtext: nowhere: no such model folder; training leaves one as 'best' in its 'out'\n"
    assert not (here / "kept").exists()


def test_whose_patience_is_over_reads_why_there_are_no_more_steps(capsys: pytest.CaptureFixture[str]) -> None:
    from avtext.cli.train import _Bar

    with _Bar() as bar:
        bar("stale", 3, 50, {"evaluations": 2})
    said = "stopped at step 3 of 50: no better F1 in 2 evaluations, which is the patience of the settings\n"
    assert capsys.readouterr().err == said
