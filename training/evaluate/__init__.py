"""Evaluation of two-face models: python -m training.evaluate TASK --model NAME [--data DIR] [--json FILE]."""
