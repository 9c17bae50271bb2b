"""The ladder: pruned, folded, quantised and written for a runtime that needs no torch; every rung is measured."""
