"""Timed text: what is said, captions as subtitles for the deaf have them, and lines that say nothing.

Of the captions of a class the first is used everywhere, the others in training or testing in turn.
"""

from __future__ import annotations

from avtext.clip import Cue
from avtext.data.scenes.chance import Random, between, happens

CAPTIONS: dict[str, tuple[str, ...]] = {
    "dog_bark": ("dog barks", "dog barking", "barking", "dog woofs", "a dog is barking nearby"),
    "rain": ("rain", "rain falling", "rain pattering", "heavy rain", "rain on the roof"),
    "sea_waves": ("waves", "waves crashing", "ocean waves", "sea waves", "surf rolling in"),
    "crying_baby": ("baby crying", "baby cries", "infant crying", "baby wails", "crying"),
    "clock_tick": ("clock ticking", "ticking", "clock ticks", "tick tock", "a clock ticks steadily"),
    "sneeze": ("sneezes", "man sneezes", "sneezing", "achoo", "woman sneezes loudly"),
    "helicopter": (
        "helicopter",
        "helicopter whirring",
        "chopper overhead",
        "helicopter flying by",
        "rotor blades",
    ),
    "chainsaw": ("chainsaw", "chainsaw buzzing", "chainsaw revving", "saw whirring", "chain saw roars"),
    "rooster": ("rooster crows", "rooster crowing", "cock-a-doodle-doo", "cock crows", "crowing"),
    "fire_crackling": ("fire crackling", "crackling", "fire crackles", "flames crackling", "campfire"),
    "bell": ("bell rings", "bell ringing", "bell tolls", "bell chimes", "ding"),
    "siren": ("siren", "sirens wailing", "police siren", "siren blaring", "ambulance siren"),
    "beep": ("beep", "beeping", "beeps", "electronic beep", "device beeping"),
    "knock": ("knocking", "knock on door", "knocks", "knocking at the door", "rapping on wood"),
    "engine": ("engine revving", "engine running", "car engine", "motor humming", "engine rumbles"),
    "whoosh": ("whoosh", "whooshing", "swoosh", "wind whooshes", "something rushes past"),
    "impact": ("thud", "crash", "loud thud", "bang", "heavy impact"),
}
FILLERS = (
    "I don't think so.", "Where are we going?", "Wait a minute.", "You know what I mean.",
    "It's getting late.",
    "Come over here.", "That was yesterday.", "Not again.", "Thank you very much.", "We should leave.",
    "Did you see that?", "Maybe tomorrow.", "I told you before.", "Look at this.", "How long will it take?",
    "Nobody knows.", "Let me think.", "It doesn't matter.", "Hold on.", "What a day.", "- Really?\n- Yes.",
)  # fmt: skip
_MUSIC = ("♪", "♪ ♪", "[music playing]", "(upbeat music)", "[indistinct chatter]", "[silence]")


def caption(rng: Random, label: str, split: str) -> str:
    """A caption of a sound in one of the usual brackets.

    Example:
        >>> from avtext.data.scenes.chance import generator
        >>> "bell" in caption(generator(1, "x"), "bell", "train").lower()
        True
    """
    phrases = CAPTIONS[label]
    own = [phrases[0], *phrases[1 + (split == "test") :: 2]]
    text = own[int(rng.integers(len(own)))]
    text = (text, text.capitalize(), text.upper())[int(rng.choice(3, p=(0.5, 0.4, 0.1)))]
    return ("[{}]", "({})", "[ {} ]", "*{}*", "- [{}]")[int(rng.choice(5, p=(0.55, 0.25, 0.1, 0.05, 0.05)))].format(
        text
    )


def filler(rng: Random) -> str:
    """A line of dialogue, or music, that no event of the scene stands for."""
    lines = FILLERS if happens(rng, 0.8) else _MUSIC
    return lines[int(rng.integers(len(lines)))]


def timed(rng: Random, start: float, end: float, text: str, duration: float) -> Cue | None:
    """A cue as loosely timed as subtitles are: start ±0.15 s, shown for 1-3 s; None where it is outside.

    Args:
        rng: where the looseness comes from.
        start: of what it tells, seconds.
        end: of what it tells.
        text: the cue's text.
        duration: of the scene, seconds.
    """
    begin = max(0.0, start + between(rng, -0.15, 0.15))
    length = min(max(between(rng, 1.0, 3.0), 0.8 * (end - start)), 5.0)
    finish = min(duration, begin + length)
    return Cue(round(begin, 3), round(finish, 3), text) if finish - begin > 0.1 else None
