"""Measure and write figures: ``python scripts/benchmark.py SUITE --json FILE``; the same as ``avtext benchmark``."""

from __future__ import annotations

import sys

from avtext.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["benchmark"]
    main()
