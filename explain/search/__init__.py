"""Search: a gallery of faces ranked for a probe."""
