"""Events as columns and tables."""

from __future__ import annotations

import numpy as np
import pytest

from avtext.clip import Event
from avtext.errors import InvalidInput
from avtext.metrics.columns import (
    check_events,
    columns_of,
    file_names,
    labels_in,
    paired,
    table_of,
)
from avtext.metrics.detection import mean_average_precision
from avtext.metrics.psds import psds
from avtext.metrics.sound_events import event_based
from avtext.metrics.sound_segments import segment_based

EVENTS = {"b": [Event(1, 2, "dog", 0.5), Event(0, 1, "cat")], "a": []}


def test_columns_keep_the_order_given():
    columns = columns_of(EVENTS["b"], {"cat": 0, "dog": 1})
    assert columns.starts.tolist() == [1.0, 0.0]
    assert columns.labels.tolist() == [1, 0]
    assert columns.only(np.array([False, True])).scores.tolist() == [1.0]
    assert columns_of([], {}).labels.dtype == np.int64


def test_table_goes_file_by_file_and_leaves_out_other_labels():
    table = table_of(EVENTS, ["a", "b", "c"], ["dog"])
    assert table.files.tolist() == [1]
    assert table.durations.tolist() == [1.0]
    assert table.only(np.array([], dtype=int)).starts.tolist() == []
    assert len(table_of({}, [], []).files) == 0


def test_files_of_both_sides_in_order():
    assert file_names({"b": [], "a": []}, {"c": [], "a": []}) == ["b", "a", "c"]
    assert [file for file, _, _ in paired(EVENTS, {"z": []}, ["cat", "dog"])] == ["b", "a", "z"]
    assert labels_in(EVENTS, {"z": [Event(0, 1, "ant")]}) == ["ant", "cat", "dog"]


def test_what_is_not_events_is_refused():
    with pytest.raises(InvalidInput, match="reference: must map file names to events, got list"):
        check_events("reference", [])
    with pytest.raises(InvalidInput, match=r"estimate\['a'\]: must hold Event values, got str"):
        check_events("estimate", {"a": "dog"})
    for values in (None, iter([Event(0, 1, "dog")])):
        with pytest.raises(
            InvalidInput, match=r"estimate\['a'\]: must be a sequence of events, got (NoneType|list_iter)"
        ):
            check_events("estimate", {"a": values})


def _psds(reference, estimate, **options):
    return psds(reference, [estimate], {"a": 9.0}, **options)


@pytest.mark.parametrize("metric", [event_based, segment_based, mean_average_precision, _psds])
def test_labels_are_several_each_counted_once(metric):
    events = {"a": [Event(0, 1, "dog"), Event(2, 3, "cat")]}
    with pytest.raises(InvalidInput, match=r"labels: must be several labels, got 'dog': give \['dog'\]"):
        metric(events, events, labels="dog")
    found = {"a": [Event(0, 1, "dog")]}
    assert repr(metric(events, found, labels=["dog", "dog", "cat"])) == repr(
        metric(events, found, labels=["cat", "dog"])
    )
