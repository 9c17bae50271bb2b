"""How well estimated events agree with the truth: one metric family per file, pure functions on events.

Most take two mappings from a file's name to its events, so that a file without events counts, and return a frozen
value with named fields. Numpy only.
"""
