"""The Partial face tab."""
