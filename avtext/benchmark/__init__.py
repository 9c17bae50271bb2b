"""Measurements: every suite writes its figures in one shape, with the limits they were to reach."""
