"""Father, mother and child: is this child theirs? Two answered pairs and one score of the three.

    result = predict_tri(model, father, mother, child, read_sidecar("svit").rule.tri)
    result.score, result.father.score, result.mother.score

Task 2 of RFIW (tri-subject verification). A pair model answers (father, child) and (mother, child); the log-odds of
the triplet is the mean of the two, each over both orders (late fusion, our reading: S-ViT names no rule). Two
parents are more evidence than one, so the mean is no probability yet: slope and offset fitted on triplets
(training/triplets.py) make it one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.faces.face import Face, FaceBatch
from models.pair import PairModel
from models.predict import Result, aligned_for, predict
from models.weights import TriOperating

__all__ = ["TriOperating", "TriResult", "predict_tri", "tri_log_odds"]


@dataclass(frozen=True)
class TriResult:
    """One answered triplet.

    Attributes:
        father, mother: the answered pairs (parent, child), each with its own evidence.
        operating: calibration and threshold for triplets; None where the weight has none.
    """

    father: Result
    mother: Result
    operating: TriOperating | None = None

    @property
    def calibrated(self) -> bool:
        """Is the score a probability fitted on triplets? Otherwise it is the plain sigmoid of the log-odds."""
        return self.operating is not None

    @property
    def log_odds(self) -> float:
        """Mean log-odds of the two pairs over both orders."""
        return float(tri_log_odds(self.father.pair.logit.detach(), self.mother.pair.logit.detach())[0])

    @property
    def score(self) -> float:
        """In [0, 1]: that the child is theirs; at or above operating.threshold the answer is yes."""
        log_odds = torch.tensor(self.log_odds, dtype=torch.float64)
        return float((log_odds if self.operating is None else self.operating.logit(log_odds)).sigmoid())


def tri_log_odds(father_child: Tensor, mother_child: Tensor) -> Tensor:
    """(B, 2) and (B, 2) log-odds of the pairs, as in PairOutput.logit -> (B,), their mean."""
    return torch.cat([father_child, mother_child], 1).mean(1)


def predict_tri(
    model: PairModel,
    father: Face | FaceBatch,
    mother: Face | FaceBatch,
    child: Face | FaceBatch,
    operating: TriOperating | None,
    *,
    grad: bool = False,
) -> TriResult:
    """Answer a triplet and keep the evidence of both pairs.

    The child is encoded with each parent: an explainer then finds, for each pair, the tensors that flowed through
    the network in that pair's own pass, as after predict(); rows cut out of a shared pass would have no gradient.

    Args:
        model: from load_model, in eval mode.
        father, mother, child: faces, or aligned batches of one.
        operating: of the weight's sidecar; None answers uncalibrated.
        grad: keep the autograd graph of both pairs.

    Raises:
        ValueError: a batch that is not of one.
    """
    aligned = aligned_for(model, child)
    of_father, of_mother = (predict(model, parent, aligned, grad=grad) for parent in (father, mother))
    return TriResult(of_father, of_mother, operating)
