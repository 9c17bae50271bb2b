"""Model cards: what a model is and what it learnt from, as Markdown."""

from __future__ import annotations

from avtext.training.settings import TrainSettings


def draft_card(settings: TrainSettings, command: str) -> str:
    """The card that a training run leaves beside its weights; scores are added by whoever measures them.

    Args:
        settings: the run.
        command: what was typed.
    """
    source = settings.train
    if source is None:
        data = "clips that a program brought"
    elif source.scenes is not None:
        data = f"generated scenes {source.first} to {source.first + source.count - 1}"
    else:
        data = f"the videos of {source.manifest}"
    model, clips = settings.model, settings.batch_size * settings.devices  # each process takes a batch of its own
    parts = ", ".join(f"{stream}: {encoder.name}" for stream, encoder in model.encoders.items())
    return (
        f"# avtext event detector\n\n"
        f"Finds: {', '.join(model.labels)}.\n\n"
        f"Encoders: {parts}; fusion: {model.fusion.kind}; decoder: {model.decoder}; labels: {model.scheme}.\n\n"
        f"Trained on {data}, seed {settings.seed}, {settings.steps} steps of {clips} clips:\n\n"
        f"    {command}\n"
    )
