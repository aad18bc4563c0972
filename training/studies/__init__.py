"""Studies: questions about several weights or recipes, answered by a command each."""
