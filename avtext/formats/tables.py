"""Tables of events with a header: what CSV and DCASE TSV share."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from avtext.clip import Event
from avtext.formats.event_set import EventSet, single
from avtext.formats.lines import check_label, event, fail, read_text

COLUMNS: dict[str, tuple[str, ...]] = {
    "file": ("file", "filename", "file_name", "video", "video_id", "videoid", "audio", "name"),
    "start": ("start", "onset", "begin", "start_time", "starttime", "begin_time"),
    "end": ("end", "offset", "stop", "end_time", "endtime", "stop_time"),
    # AVVP writes event_labels; AVE writes Category&VideoID&Quality&StartTime&EndTime
    "label": ("label", "event_label", "event_labels", "class", "event", "event_class", "category"),
    "score": ("score", "confidence", "probability"),
}
_DELIMITERS = ",;\t"  # of tables without times
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # a spreadsheet would run a cell that begins with one of these
_NAME = re.compile(r"-[A-Za-z0-9_.-]+")  # as videos are called: it runs nothing, and other tools know no quote
_BEFORE = "' \t\n\v\f\r\u00a0\u3000\ufeff"  # what spreadsheets may leave out before it


def read_table(path: Path, delimiters: str) -> EventSet:
    """Events of a table whose header names its columns, in any order; other columns are left aside.

    A row with blank times and label is a file without events. Between semicolons a number may have a decimal comma, as
    spreadsheets of many languages write it.

    Args:
        path: the file.
        delimiters: which characters may separate its columns; the one most frequent in the header is taken.

    Raises:
        ConfigError: a missing column, or a malformed row; names the line and what is allowed.
    """
    where, rows = _rows(path, delimiters, ("start", "end", "label"))
    events: dict[str, list[Event]] = {}
    for line, cell in rows:
        values = events.setdefault(_file(path, line, cell), [])
        if cell["start"].strip() or cell["end"].strip() or cell["label"].strip():
            values.append(event(path, line, cell["start"], cell["end"], unguarded(cell["label"]), cell.get("score")))
    found = {name: tuple(values) for name, values in events.items()}
    if "file" not in where:
        return single(path, found.get("", ()))
    return EventSet(found)


def read_weak_labels(path: Path) -> dict[str, tuple[str, ...]] | None:
    """What occurs in each file, of a table that does not say when: DCASE's weak labels, the training table of AVVP.

    Labels are separated by commas, or have a row each; a file without any is one in which nothing occurs. Columns are
    separated by commas, semicolons or tabs.

    Args:
        path: the file.

    Returns:
        File to labels; None where the header has other columns than one of files and one of labels, in any order.

    Raises:
        ConfigError: a malformed row; names the line.

    Example:
        >>> import tempfile
        >>> table = Path(tempfile.mkdtemp(), "weak.tsv")
        >>> _ = table.write_text("filename\\tevent_labels\\na.wav\\tSpeech,Dog\\nb.wav\\t\\n")
        >>> read_weak_labels(table)
        {'a.wav': ('Speech', 'Dog'), 'b.wav': ()}
    """
    header = read_text(path).split("\n", 1)[0]
    names = next(csv.reader([header], delimiter=max(_DELIMITERS, key=header.count)), [])
    if len(names) != 2 or set(_columns(path, names, ())) != {"file", "label"}:
        return None
    labels: dict[str, list[str]] = {}
    for line, cell in _rows(path, _DELIMITERS, ())[1]:
        found = (unguarded(name.strip()) for name in cell["label"].split(","))
        labels.setdefault(_file(path, line, cell), []).extend(name for name in found if name)
    return {file: tuple(dict.fromkeys(found)) for file, found in labels.items()}


Cells = dict[str, str]  # of one row, by their key in COLUMNS


def _rows(path: Path, delimiters: str, needed: Sequence[str]) -> tuple[dict[str, int], list[tuple[int, Cells]]]:
    """Where each known column is, and the line and cells of every row that is not blank.

    Blanks behind delimiters are left out where the header has some there.
    """
    text = read_text(path)
    header = text.split("\n", 1)[0]
    delimiter = max(delimiters, key=header.count)
    spaced = f"{delimiter} " in header
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=spaced, strict=True)
    where: dict[str, int] | None = None
    width = 0
    rows = []
    before = 0
    try:
        for row in reader:
            line, before = before + 1, reader.line_num  # a quoted label may span lines
            if where is None:
                where, width = _columns(path, row, needed), len(row)
            elif any(row) and (len(row) > 1 or row[0].strip()):
                _check_width(path, line, row, width, delimiter)
                cells = _cells(path, line, row, where)
                rows.append((line, _with_points(cells) if delimiter == ";" else cells))
    except csv.Error as error:
        raise fail(path, reader.line_num, f"is not a table: {error}") from error
    if where is None:
        raise fail(path, 1, f"is empty; {_allowed()}")
    return where, rows


def _with_points(cells: Cells) -> Cells:
    """The cells of a row with points as decimal marks: where columns are between semicolons, they may be commas."""
    return {key: cell.replace(",", ".") if key in ("start", "end", "score") else cell for key, cell in cells.items()}


def _allowed() -> str:
    return "the first line must name the columns: " + "; ".join(
        f"{' or '.join(names[:3])}{' (optional)' if key in ('file', 'score') else ''}" for key, names in COLUMNS.items()
    )


def _columns(path: Path, header: Sequence[str], needed: Sequence[str]) -> dict[str, int]:
    """The position of every column that is known; the first of several that mean the same."""
    named = [name.strip().lower() for name in header]
    where = {}
    for key, names in COLUMNS.items():
        present = [name for name in names if name in named]
        if present:
            where[key] = named.index(present[0])
    missing = [key for key in needed if key not in where]
    if missing:
        raise fail(path, 1, f"no column for {', '.join(missing)} in {list(header)}; {_allowed()}")
    return where


def _cells(path: Path, line: int, row: Sequence[str], where: Mapping[str, int]) -> Cells:
    last = max(where.values())
    if len(row) <= last and any(cell for cell in row[1:]):
        raise fail(path, line, f"has {len(row)} columns, the header has at least {last + 1}")
    return {key: row[k] if k < len(row) else "" for key, k in where.items()}


def _check_width(path: Path, line: int, row: Sequence[str], width: int, delimiter: str) -> None:
    """Refuse what stands beyond the last column: most likely the rest of a label, which would be lost."""
    if any(cell.strip() for cell in row[width:]):
        raise fail(
            path, line, f"has {len(row)} columns, the header has {width}: put a cell that has a {delimiter!r} in quotes"
        )


def _file(path: Path, line: int, cell: Cells) -> str:
    """The file that a row is about; an empty name where the table has no column for it."""
    file = unguarded(cell.get("file", ""))
    if "file" in cell and not file:
        raise fail(path, line, "the file's name is blank; every row needs one")
    return file


def table_text(path: Path, name: str, rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """The rows, each with a file's name first, as text; quoted where a cell needs it.

    Raises:
        ConfigError: a cell holds a carriage return, which readers of tables take for the end of a row, or a NUL.
    """
    for file, *cells in rows:
        check_label(path, name, file, "\r\0", what="file")
        for cell in cells:
            check_label(path, name, cell, "\r\0")
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def guarded(text: str) -> str:
    """``text``, with a quote before it where a spreadsheet would take it for a formula that does something.

    Example:
        >>> guarded("=1+1"), guarded("dog"), guarded("-0dqw_30.mp4"), unguarded(guarded("'-x"))
        ("'=1+1", 'dog', '-0dqw_30.mp4', "'-x")
    """
    harmless = _NAME.fullmatch(text) or not text.lstrip(_BEFORE).startswith(_FORMULA)
    return text if harmless else f"'{text}"


def unguarded(text: str) -> str:
    """What :func:`guarded` was given."""
    return text[1:] if text.startswith("'") and text.lstrip(_BEFORE).startswith(_FORMULA) else text
