from __future__ import annotations

from pathlib import Path

import pytest

from avtext.config import LossSettings, ModelSettings, TCNSettings, load, override, parse, read_yaml
from avtext.errors import ConfigError
from avtext.timeline import GRID_RATE

GOOD = {"labels": ["a"], "encoders": {"audio": {"name": "logmel"}}}


def test_a_misspelt_key_is_named_with_its_place_and_the_nearest_known() -> None:
    with pytest.raises(ConfigError, match=r"m.yaml: tcn.num_layer: unknown key; did you mean 'num_layers'"):
        parse(ModelSettings, {**GOOD, "tcn": {"num_layer": 3}}, "m.yaml")


def test_a_wrong_type_says_what_it_was() -> None:
    with pytest.raises(ConfigError, match=r"m.yaml: width: .*integer.*'wide'"):
        parse(ModelSettings, {**GOOD, "width": "wide"}, "m.yaml")
    with pytest.raises(ConfigError, match=r"m.yaml: labels: must be a list, such as \[a, b\], got 'goal'"):
        parse(ModelSettings, {"labels": "goal"}, "m.yaml")


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_numbers_that_are_not_finite_are_refused(number: str) -> None:
    with pytest.raises(ConfigError, match=r"m: loss\.crf: Input should be a finite number, got "):
        parse(ModelSettings, override(GOOD, [f"loss.crf={number}"]), "m")


def test_numbers_that_yaml_reads_as_text_become_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("dropout: 1e-3\n")
    assert load(TCNSettings, tmp_path / "a.yaml").dropout == 0.001


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"m: tcn\.kernel_size: .*must be odd.*, got 4"):
        parse(ModelSettings, {**GOOD, "tcn": {"kernel_size": 4}}, "m")


@pytest.mark.parametrize(
    ("rate", "shared"), [(25.0, 25.0), (12.5, 12.5), (20.0, 5.0), (30.0, 5.0), (24.0, 1.0), (1.0, 1.0)]
)
def test_a_grid_shares_steps_with_that_of_media(rate: float, shared: float) -> None:
    settings = parse(ModelSettings, {**GOOD, "grid_rate": rate}, "m")
    assert settings.shared_rate == shared
    assert (GRID_RATE / shared).is_integer()
    assert (rate / shared).is_integer()


@pytest.mark.parametrize("rate", [29.97, 30.0001, 0.001, 1e-9])
def test_a_grid_on_which_windows_would_not_meet_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"m: grid_rate: .*must begin a step together.* such as 1, .*, got "):
        parse(ModelSettings, {**GOOD, "grid_rate": rate}, "m")


def test_every_fault_has_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(ModelSettings, {"labels": [], "encoders": {}, "width": 1}, "m.yaml")
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(("text", "word"), [("a: [1", "not valid YAML"), ("- 1", "key: value"), ("", "key: value")])
def test_broken_yaml_is_refused_with_the_file(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"a\.yaml.*{word}"):
        read_yaml(tmp_path / "a.yaml")


def test_a_key_that_is_there_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("steps: 5\nmodel: {width: 8}\nsteps: 9\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:3: .*the key 'steps' is there twice: keep one"):
        read_yaml(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="the key 'width' is there twice"):
        override({}, ["model={width: 8, width: 16}"])
    merged = "a: &a {x: 1, y: 1}\nb: &b {x: 2, z: 2}\nc: {<<: *a, <<: *b, x: 3}\nd: {<<: [*a, *b], z: 4}\n"
    (tmp_path / "a.yaml").write_text(merged)  # what is merged gives way, and is no second key
    assert read_yaml(tmp_path / "a.yaml")["c"]["x"] == 3


def test_a_missing_config_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        read_yaml(tmp_path / "none.yaml")


def test_environment_variables_have_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("a: {b: ['${AVTEXT_X:-here}/x', '${AVTEXT_Y}']}\n")
    monkeypatch.setenv("AVTEXT_Y", "there")
    monkeypatch.delenv("AVTEXT_X", raising=False)
    assert read_yaml(tmp_path / "a.yaml") == {"a": {"b": ["here/x", "there"]}}


@pytest.mark.parametrize("text", ["${OUT:-${HOME}/runs}", "${OUT-runs}", "${my out}", "a ${OUT", "${OUT:?gone}"])
def test_a_variable_written_in_another_way_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"out: '{text}'\n")
    with pytest.raises(ConfigError, match=r"a variable is \$\{NAME\} or \$\{NAME:-default\}, none inside another"):
        read_yaml(tmp_path / "a.yaml")


def test_overrides_reach_inside_and_leave_the_argument_alone() -> None:
    values = {"a": {"b": 1}}
    assert override(values, ["a.b=2", "a.c=[1, 2]", "d=null"]) == {"a": {"b": 2, "c": [1, 2]}, "d": None}
    assert values == {"a": {"b": 1}}


def test_an_override_below_a_null_makes_the_mapping() -> None:
    assert override({"a": None, "b": {"c": None}}, ["a.b=2", "b.c.d=3"]) == {"a": {"b": 2}, "b": {"c": {"d": 3}}}


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("a", "is written key.sub=value"),
        ("=1", "is written key.sub=value"),
        ("a.b.c=1", "'b' is a single value"),
        ("a=[1", "not valid YAML"),
    ],
)
def test_a_bad_override_is_refused(word: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        override({"a": {"b": 1}}, [word])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2024-02-30", "not valid YAML: day is out of range for month: put texts in quotes"),
        ("2020-13-45", "not valid YAML: month must be in"),
        ("0x_", "not valid YAML: "),
        ("!!int x", "not valid YAML: "),
        ("!!int ''", "not valid YAML: "),
        ("!!bool x", "not valid YAML: "),
        ("!!timestamp x", "not valid YAML: "),
        ("1" * 5000, "not valid YAML: "),
        ("[" * 2000, "is nested too deeply"),
    ],
)
def test_values_that_yaml_cannot_make_are_refused_in_a_file_and_in_a_word(
    tmp_path: Path, value: str, words: str
) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {value}\n")
    with pytest.raises(ConfigError, match=rf"a\.yaml: {words}"):
        read_yaml(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match=rf"^.a=.*: {words}"):
        override({}, [f"a={value}"])


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of"):
        parse(ModelSettings, {**GOOD, "width": 30}, "m")
    with pytest.raises(ConfigError, match="differ"):
        parse(ModelSettings, {**GOOD, "labels": ["a", "a"]}, "m")
    with pytest.raises(ConfigError, match=r"m: labels must be whole characters.*got \('a', '\\ud800'\)"):
        parse(ModelSettings, {**GOOD, "labels": ["a", "\ud800"]}, "m")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)),
            "more than",
        ),
        ("a: &a [*a]\n", "nested too deeply, or in itself"),
        ("a: " + "[" * 5000, "nested too deeply"),
    ],
    ids=["aliases of aliases", "in itself", "deep"],
)
def test_yaml_that_would_never_end_is_refused(tmp_path: Path, text: str, hint: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=hint):
        read_yaml(tmp_path / "a.yaml")


def test_later_settings_are_not_written_at_their_defaults() -> None:
    plain = LossSettings()
    assert not {"presence", "focus"} & set(plain.model_dump())
    changed = LossSettings(presence=0.0, focus=2.0)
    assert LossSettings.model_validate(changed.model_dump(mode="json")) == changed
    assert LossSettings.model_validate(plain.model_dump(mode="json")) == plain
