"""A calibrated score is a probability where half of all pairs match: what it is where another share of them does."""

from __future__ import annotations

EVEN = 0.5
"""The share of matching pairs that every calibration here gives them (training/tools/calibration.py)."""


def posterior(score: float, prior: float) -> float:
    """The probability of a match by Bayes' rule: the odds of the score times those of the prior.

    Args:
        score: calibrated probability in [0, 1] where half of all pairs match.
        prior: the share of matching pairs, in [0, 1].

    Returns:
        Probability in [0, 1]: the score itself for a prior of one half; 0 for a prior of 0, 1 for a prior of 1.

    Raises:
        ValueError: a number outside [0, 1].
    """
    for name, value in (("score", score), ("prior", prior)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, not {value}")
    if prior in (0, 1):
        return float(prior)
    match, other = score * prior, (1 - score) * (1 - prior)
    return match / (match + other)
