"""Texts as bucket numbers of their sub-words (Weinberger et al. 2009; Joulin et al. 2017): no vocabulary."""

from __future__ import annotations

import unicodedata
import zlib


def subword_ids(text: str, num_buckets: int) -> list[int]:
    """Bucket numbers of a text's words and of their character 3- to 5-grams.

    The text is lower-cased and normalised (NFKC); ``<`` and ``>`` mark a word's ends; CRC-32 is the hash, so that
    every machine agrees. Brackets and notes count as words: ``[dog barks]`` is a sound caption, not speech.

    Example:
        >>> subword_ids("", 64), len(subword_ids("dog", 64))
        ([], 7)
    """
    text = unicodedata.normalize("NFKC", text).lower()
    spaced = "".join(c if c.isalnum() or c == "'" else f" {c} " for c in text)
    pieces = []
    for word in spaced.split():
        marked = f"<{word}>"
        pieces.append(marked)
        pieces += [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]
    return [zlib.crc32(piece.encode()) % num_buckets for piece in pieces]
