"""What a run is made of and what it leaves: settings, clips, scores and the card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from avtext.clip import Clip, Event
from avtext.compression.ladder import LadderSettings
from avtext.config import LossSettings, ModelSettings, parse, read_yaml
from avtext.data.scenes import SceneRecipe
from avtext.data.sources import ClipSource, SceneSource
from avtext.data.videos import Video, VideoSource, open_videos
from avtext.errors import AvtextError, ConfigError, InvalidInput
from avtext.features import FeatureCache, FeatureKey
from avtext.model import EventDetector, collate, save_detector
from avtext.training import DataSettings, TrainSettings, fit, open_clips, read_settings, settings_of
from avtext.training.card import draft_card
from avtext.training.clips import check_clips, open_teacher
from avtext.training.evaluation import Found, find
from avtext.training.identity import check_same_run, identity_of
from tests.model.test_detector import ENCODERS, clip, make
from tests.tiny import talkative, write_video, write_wav

MODEL = {"labels": ["bell"], "encoders": {"audio": {"name": "logmel"}}}
RECIPE = SceneRecipe(duration=(4.0, 4.0), labels=("bell", "cut"))


def test_scenes_are_numbered_and_end() -> None:
    source = open_clips(
        DataSettings(scenes=RECIPE, first=7, count=2), ModelSettings(labels=("bell", "cut"), encoders=MODEL["encoders"])
    )  # type: ignore[arg-type]
    assert isinstance(source, SceneSource)
    assert len(source) == 2
    assert source[0].name != source[1].name
    for index in (-1, 2):
        with pytest.raises(IndexError):
            source[index]
    for first, again in zip(source, [source[0], source[1]], strict=True):  # the same each time
        assert first.events == again.events
        assert (first.audio.values == again.audio.values).all()  # type: ignore[union-attr]


def test_scenes_need_their_labels_in_the_model() -> None:
    model = ModelSettings.model_validate(MODEL)
    with pytest.raises(ConfigError, match="scenes: label 'cut' is not one of the model's"):
        open_clips(DataSettings(scenes=RECIPE), model)
    recorded = RECIPE.model_copy(update={"labels": ("bell", "rain")})  # rain cannot occur: no recordings are given
    assert len(open_clips(DataSettings(scenes=recorded, count=3), model)) == 3


def taught(folder: Path, teacher: dict, student: dict, train: dict, **distill: object) -> TrainSettings:
    """A run whose teacher and student have these encoders."""
    save_detector(folder / "teacher", make(5, encoders=teacher), "")
    return TrainSettings.model_validate(
        {
            "model": make(6, encoders=student).settings.model_dump(mode="json"),
            "train": {"cache": folder / "cache", **train},
            "distill": {"teacher": folder / "teacher", **distill},
            "accelerator": "cpu",
        }
    )


def write_unlabelled(folder: Path, *names: str) -> Path:
    (folder / "m.jsonl").write_text("".join(json.dumps({"path": name, "events": None}) + "\n" for name in names))
    return folder / "m.jsonl"


@pytest.mark.filterwarnings("ignore::avtext.data.videos.DegradedVideo")  # so much of its sound is missing
def test_a_teacher_that_reads_more_of_a_video_is_asked_about_the_students_part(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", 4.0, heard=2.0)  # to a student that hears it is one clip, to its teacher two
    write_video(tmp_path / "b.mkv", 4.0)
    manifest = write_unlabelled(tmp_path, "a.mkv", "b.mkv")
    encoders = {name: ENCODERS[name] for name in ("audio", "picture")}
    settings = taught(tmp_path, encoders, {"audio": ENCODERS["audio"]}, {"manifest": manifest, "window": 2.0})
    teacher = open_teacher(settings)
    assert settings.train is not None
    assert teacher is not None
    clips = list(open_clips(settings.train, settings.model))  # type: ignore[call-overload]
    assert len(clips) == 3
    built = dict(teacher.model.encoders.items())
    whole = {c.name: c for c in open_videos(manifest, settings.model.labels, 2.0, tmp_path / "cache", built)}  # type: ignore[attr-defined]
    assert len(whole) == 4
    with torch.no_grad():
        for index, one in enumerate(clips):
            said = teacher.targets(collate([one]), [index]).emissions
            torch.testing.assert_close(said, teacher.model(collate([whole[one.name]])).emissions)
    with pytest.raises(
        ConfigError, match=r"clip is '.*b.mkv at 2 s' of 50 grid steps, the teacher has '.*b.mkv at 0 s"
    ):
        teacher.targets(collate([clips[2]]), [1])


def test_a_teacher_takes_kept_scenes_by_its_own_encoders(tmp_path: Path) -> None:
    save_detector(tmp_path / "stored", make(7, encoders={"audio": ENCODERS["audio"]}), "")
    stored = {"name": "stored", "options": {"folder": str(tmp_path / "stored"), "stream": "audio"}}
    frozen = {"audio": {"name": "features", "options": {"size": 16, "rate": 25, "of": stored}}}
    recipe = {"duration": (4.0, 4.0), "labels": ["cut"], "missing_chance": 0.0}
    settings = taught(tmp_path, {"audio": ENCODERS["audio"]}, frozen, {"scenes": recipe, "count": 1})
    teacher = open_teacher(settings)
    assert settings.train is not None
    assert settings.train.scenes is not None
    assert teacher is not None
    said = teacher.targets(collate([open_clips(settings.train, settings.model)[0]]), [0])
    with torch.no_grad():
        want = teacher.model(collate([SceneSource(settings.train.scenes, 0, 1)[0]]))
    torch.testing.assert_close(said.emissions, want.emissions)


def test_the_shipped_configs_are_sound(root: Path) -> None:
    for path in sorted((root / "configs").glob("*.yaml")):
        if path.stem.endswith("-model"):
            ModelSettings.model_validate(yaml.safe_load(path.read_text()))
        elif path.stem == "compress":
            assert parse(LadderSettings, read_yaml(path), str(path)).finetune is not None
        elif path.stem == "scenes_bench":
            continue  # read in tests/benchmark/test_ablation.py
        else:
            settings = read_settings(path)
            assert settings.model.labels, path


def test_the_stages_follow_each_other_on_one_model(root: Path) -> None:
    names = ("stage1-self-supervised", "stage2-alone", "stage3-together")
    one, two, three = (read_settings(root / "configs" / f"{name}.yaml") for name in names)
    assert not one.model.supervised
    assert (two.init, three.init) == (one.out / "last", two.out / "last")
    losses = [stage.model.loss for stage in (one, two, three)]
    assert [(loss.crf, loss.alone) for loss in losses] == [(0, 0), (0, 1), (1, 0.3)]
    same = [stage.model.model_copy(update={"loss": LossSettings()}) for stage in (one, two, three)]
    assert same[0] == same[1] == same[2]


def test_a_model_file_is_beside_the_config_and_can_be_overridden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.yaml").write_text(yaml.safe_dump(MODEL))
    (tmp_path / "models" / "n.yaml").write_text(yaml.safe_dump({**MODEL, "labels": ["dog"]}))
    (tmp_path / "c.yaml").write_text("model: models/m.yaml\ntrain: {manifest: m.jsonl}\n")
    monkeypatch.chdir("/")
    settings = read_settings(tmp_path / "c.yaml", ["model.width=64", "learning_rate=1e-3"])
    assert (settings.model.labels, settings.model.width, settings.learning_rate) == (("bell",), 64, 0.001)
    other = read_settings(tmp_path / "c.yaml", ["model=models/n.yaml"])
    assert other.model.labels == ("dog",)
    for words in (["model.from=models/n.yaml", "model.width=64"], ["model.width=64", "model.from=models/n.yaml"]):
        from_other = read_settings(tmp_path / "c.yaml", words)
        assert (from_other.model.labels, from_other.model.width) == (("dog",), 64)
    mixed = read_settings(tmp_path / "c.yaml", ["model={from: models/n.yaml, width: 96}"])
    assert (mixed.model.labels, mixed.model.width) == (("dog",), 96)


def test_of_the_loss_only_what_is_named_differs_from_that_of_init(tmp_path: Path) -> None:
    loss = {"crf": 0.7, "frame": 0.2, "alone": 0.1, "alignment": 4.0}
    save_detector(tmp_path / "m", EventDetector(ModelSettings(**{**MODEL, "loss": loss})), "")
    init = {"init": str(tmp_path / "m"), "model": {"loss": {"alignment": 0.3}}}
    for how in ({}, {"prune": 0.5}, {"widen": 2}):
        found = settings_of({**init, **how, "train": {"manifest": "m.jsonl"}}, "here").model
        assert found.loss == LossSettings(**{**loss, "alignment": 0.3})
        assert found.labels == ("bell",)
    with pytest.raises(ConfigError, match=r"here: prune: .* leave model out, but for model\.loss"):
        settings_of({**init, "prune": 0.5, "model": {"width": 32, "loss": {}}}, "here")
    (tmp_path / "c.yaml").write_text("model: {from: m, loss: {frame: 0.0}}\ntrain: {manifest: m.jsonl}\n")
    assert read_settings(tmp_path / "c.yaml").model.loss == LossSettings(**{**loss, "frame": 0.0})


def test_the_card_says_what_was_done() -> None:
    model = {**MODEL, "labels": ["bell", "dog bark"]}
    scenes = {"scenes": RECIPE, "first": 10, "count": 5}
    settings = TrainSettings.model_validate(
        {"model": model, "seed": 5, "steps": 7, "devices": 2, "batch_size": 6, "train": scenes}
    )
    card = draft_card(settings, "avtext train -c c.yaml 'model.labels=[bell, dog bark]'")
    for word in (
        "bell, dog bark",
        "audio: logmel",
        "scenes 10 to 14",
        "seed 5",
        "7 steps of 12 clips",
        "    avtext train -c c.yaml 'model",
    ):
        assert word in card
    own = TrainSettings.model_validate({"model": model, "train": {"manifest": "my/videos.jsonl"}})
    assert "the videos of my/videos.jsonl" in draft_card(own, "")


def test_found_is_as_the_model_finds_it_clip_by_clip() -> None:
    model = talkative().train()
    clips = [clip(2.0 + 0.4 * seed, seed) for seed in range(5)]
    found = find(model, iter(clips), batch_size=2)
    assert model.training
    model.eval()
    for one in clips:
        assert found.reference[one.name] == one.events
        (alone,) = model.decode(model(collate([one])))
        assert [(e.start, e.end, e.label) for e in found.estimate[one.name]] == [
            (e.start, e.end, e.label) for e in alone
        ]
    assert sum(map(len, found.estimate.values())) > 0


def test_clips_that_share_a_name_are_all_scored() -> None:
    """Two videos of one name in two folders: neither takes the other's place."""
    model = talkative().eval()
    clips = [replace(clip(2.0, seed), name="a.mp4") for seed in range(3)]
    found = find(model, clips)
    assert len(found.reference) == len(found.estimate) == 3
    assert sum(map(len, found.reference.values())) == 6


def test_later_clips_keep_their_times_and_modalities_can_be_taken_away() -> None:
    model = talkative().eval()
    late = clip(2.0, 1, start=36.0)
    (events,) = find(model, [late]).estimate.values()
    assert events
    assert all(36.0 <= e.start < e.end <= 38.0 for e in events)
    nothing = find(model, [late], modalities=()).estimate
    silent = Clip(2.0, 36.0, events=late.events, name=late.name)
    with torch.no_grad():
        (want,) = model.decode(model(collate([silent])), [36.0])
    assert list(nothing.values()) == [want]


def test_scores_are_those_counted_by_hand() -> None:
    truth = {"a": [Event(1.0, 2.0, "bell"), Event(5.0, 6.0, "bell")], "b": []}
    found = {"a": [Event(1.19, 4.0, "bell"), Event(5.3, 6.0, "bell")], "b": [Event(0.0, 1.0, "bell")]}
    scores = Found(truth, found).scores()
    assert (scores.micro.precision, scores.micro.recall) == pytest.approx((1 / 3, 1 / 2))
    assert Found(truth, found).scores(onset_collar=0.5).micro.recall == 1.0
    assert Found(truth, found).scores(offsets=True).micro.num_correct == 0
    assert Found(truth, found).scores(onset_collar=0.5, offsets=True).micro.num_correct == 1
    never = {**truth, "c": [Event(1.0, 2.0, "dog")]}
    assert Found(never, found).scores().macro.f1 == scores.macro.f1 / 2


def test_a_seed_is_one_that_torch_takes(tmp_path: Path) -> None:
    torch.Generator().manual_seed(settings_for(tmp_path, seed=2**64 - 1).seed)
    with pytest.raises(ValueError, match=r"seed\n.*less than 18446744073709551616"):
        settings_for(tmp_path, seed=2**64)


def test_data_come_from_one_place() -> None:
    for values in ({}, {"scenes": {}, "manifest": "m.jsonl"}):
        with pytest.raises(ValueError, match="either scenes or manifest"):
            DataSettings.model_validate(json.loads(json.dumps(values)))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"manifest": "m.jsonl", "count": 50}, "here: train: count is for scenes: leave it out"),
        ({"manifest": "m.jsonl", "first": 7}, "here: train: first is for scenes: leave it out"),
        ({"scenes": {}, "window": 5.0}, "here: train: window is for a manifest: leave it out"),
    ],
)
def test_what_the_other_kind_of_data_takes_is_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        settings_of({"model": MODEL, "train": values}, "here")
    own = DataSettings(manifest=Path("m.jsonl"))
    assert DataSettings.model_validate_json(own.model_dump_json()) == own  # as states of runs keep it


def test_patience_needs_clips_to_lose_it_with(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, patience=2)
    with pytest.raises(ConfigError, match="patience: counts evaluations, of which there are none: give validation"):
        check_clips(settings, [clip(1.0)])
    check_clips(settings, [clip(1.0)], [clip(1.0)])


def test_clips_of_which_not_all_is_known_cannot_be_scored() -> None:
    for changes in ({"events": None, "present": ("dog",)}, {"events": (), "annotated": ("dog",)}, {"events": None}):
        with pytest.raises(InvalidInput, match="clip 'clip-0' cannot be scored"):
            find(talkative(), [clip(1.0, **changes)])


def settings_for(folder: Path, **changes: object) -> TrainSettings:
    return TrainSettings.model_validate({"model": MODEL, "out": folder / "out", "accelerator": "cpu", **changes})


def labelled(folder: Path, *lines: dict) -> ClipSource:
    """The same sound, of which each line of a manifest says something."""
    write_wav(folder / "a.wav", 1.0)
    (folder / "m.jsonl").write_text("\n".join(json.dumps({"path": "a.wav", **line}) for line in lines))
    data = DataSettings(manifest=folder / "m.jsonl", cache=folder / "cache")
    return open_clips(data, ModelSettings.model_validate(MODEL))


@pytest.mark.parametrize("known", [{"labels": ["bell"]}, {"events": [], "annotated": ["bell"]}, {"events": None}])
def test_videos_that_cannot_be_scored_are_refused_before_training(tmp_path: Path, known: dict) -> None:
    with pytest.raises(ConfigError, match=r"validation: .*a\.wav cannot be scored: .*leave it out"):
        check_clips(settings_for(tmp_path), [clip(1.0)], labelled(tmp_path, {"events": []}, known))
    check_clips(settings_for(tmp_path), [clip(1.0)], labelled(tmp_path, {"events": []}))


@pytest.mark.parametrize("known", [{"events": None}, {"events": [], "annotated": []}])
def test_videos_that_nobody_labelled_are_refused_before_training(tmp_path: Path, known: dict) -> None:
    videos = labelled(tmp_path, {"labels": []}, known)
    with pytest.raises(ConfigError, match=r"train: .*a\.wav is not labelled: .*or give distill\.teacher"):
        fit(settings_for(tmp_path), videos)
    check_clips(settings_for(tmp_path, distill={"teacher": tmp_path}), videos)
    check_clips(settings_for(tmp_path, model={**MODEL, "loss": {"crf": 0, "frame": 0, "alone": 0}}), videos)


def test_a_run_whose_videos_have_other_labels_by_now_is_not_mixed_in(tmp_path: Path) -> None:
    settings, key = settings_for(tmp_path), FeatureKey("", {})
    before, again, after = (
        identity_of(settings, VideoSource([Video("a.wav", key, 1.0, (), events)], FeatureCache(tmp_path), 20.0))
        for events in ((), (), (Event(0.1, 0.4, "bell"),))
    )
    check_same_run(settings, before, again)
    check_same_run(settings, {"run": before["run"]}, after)  # a version that did not keep them
    with pytest.raises(AvtextError, match=r"out: holds .* other videos, labels or words than train\.manifest has now"):
        check_same_run(settings, before, after)


def test_a_run_whose_videos_are_other_files_by_now_is_not_mixed_in(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    before, after = (
        identity_of(
            settings, VideoSource([Video("a.wav", FeatureKey(sha, {}), 1.0, (), ())], FeatureCache(tmp_path), 20.0)
        )
        for sha in ("00ff", "00fe")
    )
    with pytest.raises(AvtextError, match=r"out: holds .* other content of the videos than train\.manifest has now"):
        check_same_run(settings, before, after)


def test_a_run_on_scenes_of_another_version_is_not_mixed_in(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, train={"scenes": {}})
    own = identity_of(settings)
    check_same_run(settings, own, own)
    with pytest.raises(AvtextError, match=r"out: holds .* other scenes than this version makes for train\.scenes"):
        check_same_run(settings, {**own, "scenes": {"train": 1}}, own)


def test_nothing_to_learn_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train: has no clip"):
        fit(settings_for(tmp_path), [])


def test_a_loss_that_cannot_learn_from_the_clips_is_refused(tmp_path: Path) -> None:
    timeless = {"crf": 0, "frame": 0, "alone": 0, "matching": 1, "masked": 1}
    alone = settings_for(tmp_path, model={**MODEL, "loss": timeless})  # hears only: there is nothing to compare with
    for clips in (SceneSource(RECIPE, 0, 2), labelled(tmp_path, {"events": []})):
        with pytest.raises(ConfigError, match=r"model\.loss: no term that has a weight learns from these clips"):
            check_clips(alone, clips)
    check_clips(alone, labelled(tmp_path, {"events": None}, {"labels": []}))  # whose labels without times teach
    both = {**MODEL, "encoders": {**MODEL["encoders"], "picture": {"name": "picture"}}, "loss": timeless}
    check_clips(settings_for(tmp_path, model=both), SceneSource(RECIPE, 0, 2))
    silent = settings_for(tmp_path, model={**both, "loss": dict.fromkeys([*timeless, "alignment", "presence"], 0)})
    chainless = settings_for(
        tmp_path, model={**MODEL, "decoder": "softmax", "loss": {**timeless, "crf": 1, "presence": 0}}
    )
    for settings in (silent, chainless):
        with pytest.raises(ConfigError, match="no term that has a weight"):
            check_clips(settings, [clip(1.0)])
