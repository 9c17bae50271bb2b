"""Offline analysis of a folder: ``python scripts/detect_events.py DIR -o results``; the same as ``avtext detect``.

Goes on past a bad file, lists failures at the end, exits with 1 where there were any.
"""

from __future__ import annotations

import sys

from avtext.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["detect"]
    main()
