"""Blocks that two networks share, or that are a paper of their own."""
