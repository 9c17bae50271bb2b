"""espeak-ng's voices: refused where the program is absent, driven through a script that stands for it."""

import shutil
import wave

import pytest

from avtext.clip import AUDIO_RATE
from avtext.data.scenes import SceneRecipe, make_scene
from avtext.data.scenes.chance import generator
from avtext.data.scenes.voices import PROGRAM, VOICES, _spoken, spoken_lines
from avtext.errors import ConfigError, MediaError


@pytest.fixture(autouse=True)
def _nothing_remembered():
    _spoken.cache_clear()
    yield
    _spoken.cache_clear()


def _program(folder, monkeypatch, body):
    """Put a shell script named as the program first on the path."""
    path = folder / PROGRAM
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_without_the_program_the_message_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt install espeak-ng brings it, or set voices to 0"):
        spoken_lines(generator(0, "v"), "train")


def test_a_program_that_fails_is_named(monkeypatch, tmp_path):
    _program(tmp_path, monkeypatch, "exit 3")
    with pytest.raises(MediaError, match="espeak-ng: cannot speak as en-"):
        spoken_lines(generator(0, "v"), "train")


def test_the_program_gets_the_words_and_its_sound_is_cut_to_the_voice(monkeypatch, tmp_path):
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((1, 2, AUDIO_RATE, 0, "NONE", ""))
        quiet, loud = b"\0\0" * 4000, b"\0\x40\0\xc0" * 4000
        file.writeframes(quiet + loud + quiet)
    _program(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/words\ncp {tmp_path}/said.wav "$8"')
    spoken = spoken_lines(generator(0, "v"), "test")
    words = (tmp_path / "words").read_text()
    assert spoken.text in words
    assert any(f"+{voice} " in words for voice in VOICES["test"])
    assert len(spoken.wave) / AUDIO_RATE == pytest.approx(0.5, abs=0.03)


def test_voices_of_training_and_testing_are_apart():
    assert not set(VOICES["train"]) & set(VOICES["test"])


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="the Debian package espeak-ng is not installed")
def test_the_real_program_speaks():
    recipe = SceneRecipe(voices=1.0, labels=("speech",), heard=(3, 4), no_cues_chance=0.0, cue_chance=1.0)
    assert {event.label for event in make_scene(recipe, 0).events} == {"speech"}
