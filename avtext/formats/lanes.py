"""Events of one label in lanes without overlap, as the tiers of ELAN and Praat need them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from avtext.clip import Event


def lanes_of(events: Iterable[Event], spelt: Callable[[str], str] = str) -> dict[str, list[Event]]:
    """Tier name to events in order; where events of a label overlap, the label has several tiers.

    A tier is named by its label as the format has it ``spelt``, further ones with a number, so that names differ.

    Example:
        >>> lanes = lanes_of([Event(0, 2, "dog"), Event(1, 3, "dog"), Event(2, 4, "dog")])
        >>> {name: [event.start for event in lane] for name, lane in lanes.items()}
        {'dog': [0.0, 2.0], 'dog (2)': [1.0]}
    """
    by_label: dict[str, list[list[Event]]] = {}
    for event in sorted(events):
        lanes = by_label.setdefault(event.label, [])
        free = next((lane for lane in lanes if lane[-1].end <= event.start), None)
        if free is None:
            free = []
            lanes.append(free)
        free.append(event)
    named: dict[str, list[Event]] = {}
    for label, lanes in by_label.items():
        for lane in lanes:
            name, k = spelt(label), 1
            while name in named:
                k += 1
                name = f"{spelt(label)} ({k})"
            named[name] = lane
    return named
