"""Loops in numpy and numba, which torch is never needed for."""
