"""Torch modules and functions that know no files and no settings."""
