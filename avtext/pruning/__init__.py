"""Structured pruning: a smaller model of the same kind from the strongest channels of a larger one."""

from avtext.pruning.slicing import prune, pruned_settings

__all__ = ["prune", "pruned_settings"]
