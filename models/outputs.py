"""What models answer about faces."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PairOutput:
    """What a model answers about B pairs.

    Attributes:
        logit: (B, 2) calibrated log-odds, column 0 for (a, b) and column 1 for (b, a).
        similarity: (B,) cosine of the two embeddings, in [-1, 1].
        embedding_a, embedding_b: (B, D) unit vectors.
    """

    logit: Tensor
    similarity: Tensor
    embedding_a: Tensor
    embedding_b: Tensor

    @property
    def score(self) -> Tensor:
        """(B,) calibrated probability: the mean over both orders of the pair."""
        return self.logit.sigmoid().mean(1)
