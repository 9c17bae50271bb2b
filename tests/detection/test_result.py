from __future__ import annotations

from avtext.clip import Event
from avtext.detection import Result


def test_a_result_is_counted_as_its_events_and_true_without_any() -> None:
    quiet, loud = Result("a.mp4"), Result("b.mp4", events=(Event(1.0, 2.0, "bell"),))
    assert [len(one) for one in (quiet, loud)] == [0, 1]
    assert [one for one in (quiet, loud) if one] == [quiet, loud]
