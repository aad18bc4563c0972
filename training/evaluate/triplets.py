"""The score of father, mother and child: calibrated mean of the log-odds of both parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from models.pair import PairModel
from models.tri import tri_log_odds
from models.weights import TriOperating
from training.data.triplets import Triplet
from training.evaluate.scoring import Scored, compare_all, sigmoid


def triplet_log_odds(
    model: PairModel, codes: Mapping[str, Tensor], triplets: Sequence[Triplet]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean log-odds of (father, child) and (mother, child), as models.tri, and their mean cosine: (T,), (T,)."""
    pairs = [(parent, t.child) for t in triplets for parent in (t.father, t.mother)]
    logit, cosine = compare_all(model, codes, pairs)
    father, mother = torch.from_numpy(logit).view(-1, 2, 2).unbind(1)  # (T, 2) each
    return tri_log_odds(father, mother).numpy(), cosine.reshape(-1, 2).mean(1)


def score_triplets(
    model: PairModel, codes: Mapping[str, Tensor], triplets: Sequence[Triplet], operating: TriOperating
) -> Scored:
    """The calibrated score of every triplet."""
    log_odds, cosine = triplet_log_odds(model, codes, triplets)
    score = sigmoid(operating.logit(torch.from_numpy(log_odds)).numpy())
    return Scored(score, cosine, np.array([t.kin for t in triplets]))
