"""Train a detector: ``python scripts/train_av.py --config configs/smoke.yaml key.sub=value …``, as ``avtext train``."""

from __future__ import annotations

import sys

from avtext.cli import main

if __name__ == "__main__":
    if sys.argv[1:2] != ["train"]:  # processes of a run on several devices start with the words of the first
        sys.argv[1:1] = ["train"]
    main()
