"""Attacks and load on the running app in the long form, and their figures: python -m benchmarks.hostile."""
