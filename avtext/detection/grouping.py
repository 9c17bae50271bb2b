"""Which clips are encoded together: those of similar length, so that hardly anything is padding."""

from __future__ import annotations

from collections.abc import Sequence


def groups_by_length(lengths: Sequence[float], budget: float) -> list[list[int]]:
    """Indices of clips in groups, the shortest first, none padded to more than ``budget`` in all.

    Args:
        lengths: of the clips, such as seconds.
        budget: the most that a group's longest clip times their number may be; a longer clip is alone.

    Example:
        >>> groups_by_length([4.0, 1.0, 30.0, 5.0], budget=10.0)
        [[1], [0, 3], [2]]
    """
    groups: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True):  # a group's longest comes first
        if groups and lengths[groups[-1][0]] * (len(groups[-1]) + 1) <= budget:
            groups[-1].append(index)
        else:
            groups.append([index])
    return [sorted(group, key=lambda i: lengths[i]) for group in reversed(groups)]
