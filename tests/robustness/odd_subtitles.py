"""How many cues each odd subtitle file has, or the code of why it is refused; see ``zoo.py``."""

from __future__ import annotations

FOUND: dict[str, int | str] = {
    "empty.srt": 0,
    "empty.ssa": 0,
    "empty.vtt": 0,
    "invalid_layer.ssa": 3,
    "invalid_timecodes.ssa": 2,  # of 8
    "overlapping_cues_different_layers.ssa": 2,
    "positioning.ssa": 6,
    "style_bold_italic.ssa": 3,
    "style_outline_color.ssa": 2,
    "style_strikeout.ssa": 2,
    "typical.ssa": 3,
    "typical_bad_timestamps.srt": 3,  # four or two digits of a second are read
    "typical_format.ssa": 0,
    "typical_missing_sequence.srt": 3,
    "typical_negative_timestamps.srt": 2,  # of 3: one ends before 0
    "typical_unexpected_end.srt": 2,
    "typical_utf16be.ssa": 3,
    "typical_utf16le.srt": 3,
    "typical_with_bad_timestamps.vtt": 4,  # of 6
    "typical_with_identifiers.vtt": 2,
    "typical_with_tags.srt": 14,
    "with_bom.vtt": 2,
    "with_css_complex_selectors.vtt": 5,
    "with_css_text_combine_upright.vtt": 2,
    "with_overlapping_timestamps.vtt": 4,
    "with_rubies.vtt": 4,
    "with_vertical.vtt": 3,
    "with_x-timestamp-map_header.vtt": 2,
}
_CUE = "1\n00:00:01,000 --> 00:00:02,000\nGrüße\n"

WRITTEN: dict[str, tuple[bytes, int | str]] = {
    "utf16_with_mark.srt": (_CUE.encode("utf-16"), 1),
    "utf32_with_mark.srt": (b"\xff\xfe\0\0" + _CUE.encode("utf-32-le"), 1),
    "windows_1252.srt": (_CUE.encode("cp1252"), 1),
    "old_mac_line_ends.srt": (_CUE.replace("\n", "\r").encode(), 1),
    "only_blank_lines.srt": (b"\n" * 5000, 0),
    "huge_times.srt": (b"1\n" + b"9" * 400 + b":00:00,000 --> " + b"9" * 400 + b":00:01,000\nx\n", 0),
    "arrows_only.vtt": (b"WEBVTT\n\n" + b"-->\n" * 2000, 0),
    "binary.srt": (b"\x89PNG\0\0\x01\x02" * 50, "NOT_MEDIA"),
    "no_times.json": (b'[{"word": "a"}]', 0),
    "times_that_are_none.json": (b'[{"word": "a", "start": NaN, "end": Infinity}]', 0),
    "too_deep.json": (b"[" * 100_000, "NOT_MEDIA"),
    "not_words.json": (b'{"segments": 3}', "NOT_MEDIA"),
    "plain.txt": (b"just words", "UNSUPPORTED"),
}
