"""Clips to learn from and to test on: generated scenes, and one's own videos through a manifest."""
