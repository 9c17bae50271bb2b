"""A model of the same kind with the strongest channels of a larger one, or with copies of a smaller one's."""

from avtext.pruning.slicing import prune, pruned_settings
from avtext.pruning.widening import widen, widened_settings

__all__ = ["prune", "pruned_settings", "widen", "widened_settings"]
