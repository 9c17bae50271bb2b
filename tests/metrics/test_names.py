"""Files that two formats name differently."""

from __future__ import annotations

from avtext.metrics.names import align_names


def test_equal_names_stay():
    found = align_names({"a.wav": [], "b.wav": []}, {"b.wav": [], "a.wav": []})
    assert (list(found.estimate), found.notes) == (["b.wav", "a.wav"], ())


def test_stems_match_across_folders_and_suffixes():
    found = align_names({"x/a.wav": [], "b.wav": []}, {"a.mp4": [], "C:\\clips\\b.events": []})
    assert list(found.estimate) == ["x/a.wav", "b.wav"]
    assert found.notes == ("2 files matched by name, whatever the folder and ending",)
    assert found.names == {"a.mp4": "x/a.wav", "C:\\clips\\b.events": "b.wav"}


def test_one_file_each_is_the_same_file():
    found = align_names({"truth": []}, {"guess": []})
    assert list(found.estimate) == ["truth"]
    assert found.notes == ("guess was taken for truth: each side has one file, but their names differ",)
    assert align_names({"a.wav": []}, {"a.mp4": []}).notes == (
        "1 file matched by name, whatever the folder and ending",
    )


def test_stems_that_two_files_share_are_left_alone_and_noted():
    found = align_names({"a.wav": [], "b.wav": []}, {"x/a.mp4": [], "y/a.mp4": []})
    assert list(found.estimate) == ["x/a.mp4", "y/a.mp4"]
    assert found.notes == (
        "2 files not in the reference: x/a.mp4, y/a.mp4",
        "2 files not in the estimate: a.wav, b.wav",
    )


def test_stems_that_two_folders_share_match_within_each():
    truth = {"train/0001.wav": [], "test/0001.wav": []}
    found = align_names(truth, {"test\\0001.mp4": [], "train/0001": []})
    assert list(found.estimate) == ["test/0001.wav", "train/0001.wav"]


def test_stems_that_two_folders_share_match_wherever_the_paths_begin():
    truth = {"clips/dog/1.wav": [], "clips/cat/1.wav": [], "more/cat/1.wav": []}
    found = align_names(truth, {"/d/clips/cat/1.mp4": [], "../clips/dog/1.mp4": [], "more\\cat\\1.mp4": []})
    assert list(found.estimate) == ["clips/cat/1.wav", "clips/dog/1.wav", "more/cat/1.wav"]
    apart = align_names({"dog/1": [], "x/cat/1": []}, {"y/cow/1": [], "/x/cat/1": []})
    assert list(apart.estimate) == ["y/cow/1", "x/cat/1"]


def test_names_without_a_suffix_are_not_cut_at_their_last_dot():
    truth = {"c/film.2024.hd.mp4": [], "c/film.2024.sd.mp4": []}
    found = align_names(truth, {"film.2024.hd": [], "film.2024.sd.wav": []})
    assert list(found.estimate) == [*truth]
    back = align_names({"film.2024.hd": [], "film.2024.sd": []}, {name: [] for name in truth})
    assert list(back.estimate) == ["film.2024.hd", "film.2024.sd"]


def test_files_of_activitynet_have_more_in_their_names_than_its_lists():
    truth = {"-abc": [], "v_def": [], "def": []}
    found = align_names(truth, {"clips/v_-abc.mp4": [], "clips/v_def.mp4": [], "def.mp4": []})
    assert list(found.estimate) == ["-abc", "v_def", "def"]
    assert list(align_names({"clips/v_-abc.mp4": [], "b": []}, {"-abc": [], "c": []}).estimate) == [
        "clips/v_-abc.mp4",
        "c",
    ]


def test_an_umlaut_is_one_however_many_characters_write_it():
    found = align_names({"mo\u0308w.wav": [], "b": []}, {"x/m\u00f6w.mp4": [], "c": []})
    assert list(found.estimate) == ["mo\u0308w.wav", "c"]


def test_empty():
    assert align_names({}, {}).notes == ()
