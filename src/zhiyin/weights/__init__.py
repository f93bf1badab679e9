"""Checkpoints in memory: make, load, merge."""
