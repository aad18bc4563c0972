"""Tasks "ferplus" and "fer2013": the expression that most of ten people name, and FER2013's own labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.nets.expression import Expression
from training.data.ferplus import fer2013 as read_labels
from training.data.ferplus import ferplus_crops, read_votes
from training.evaluate.class_answers import labelled_figures
from training.evaluate.class_figures import bootstrap, ece, kl, vote_ece
from training.tools.voted_faces import logits_of

VIEWS = "one view (both_views: the mean over the face and its mirror image)"
FERPLUS = (
    "FER+ test part; single votes dropped; accuracy, F1 and ECE on faces where one expression has more than half of "
    "the votes left, divergence from the votes (KL) and their ECE on all whose leading vote is for an expression; "
    f"{VIEWS}; ECE: 15 bins, of the leading class, as probability of the majority; intervals: bootstrap over faces"
)
FER2013 = (
    "FER2013 PrivateTest, its own labels, answered by the head that learned them (seven classes); pictures are FER+'s "
    f"copies, matched with the labelled copy by rank correlation; {VIEWS}; intervals: bootstrap over faces"
)


def ferplus(model: Expression, root: Path, part: str = "test") -> dict[str, Any]:
    """Accuracy on the majority, macro F1, confusion, KL to the votes, and how far probabilities may be believed.

    Args:
        part: another part of FER+ while one develops.

    Raises:
        DataError: the set is not there.
    """
    voted = read_votes(root, part)
    logits, _ = logits_of(model, ferplus_crops(root, part, voted.names))
    shares, sure = logits.softmax(1).double().numpy(), model.majority(logits)[voted.agreed].double().numpy()
    labels, predicted = voted.majority[voted.agreed], sure.argmax(1)
    right, top = predicted == labels, sure.max(1)
    mirrored, _ = logits_of(model, ferplus_crops(root, part, voted.names), mirror=True)
    both = (shares + mirrored.softmax(1).double().numpy())[voted.agreed].argmax(1) == labels
    votes = voted.shares.astype(np.float64)
    return {
        "protocol": FERPLUS,
        **labelled_figures(labels, predicted, model.classes),
        "both_views": two_views(both),
        "ece": ece(top, right),
        "ece_ci95": bootstrap(lambda r: ece(top[r], right[r]), len(top)),
        "voted_faces": len(votes),
        "kl": kl(votes, shares),
        "kl_ci95": bootstrap(lambda r: kl(votes[r], shares[r]), len(votes)),
        "ece_votes": vote_ece(votes, shares),
        "ece_votes_ci95": bootstrap(lambda r: vote_ece(votes[r], shares[r]), len(votes)),
    }


def two_views(right: np.ndarray) -> dict[str, Any]:
    """Accuracy where the answer is the mean over a face and its mirror image."""
    return {"accuracy": float(right.mean()), "accuracy_ci95": bootstrap(lambda r: float(right[r].mean()), len(right))}


def fer2013(model: Expression, root: Path, part: str = "test") -> dict[str, Any]:
    """Accuracy and macro F1 on FER2013's labels.

    Raises:
        DataError: the set is not there.  ValueError: the network has no head for these labels.
    """
    if not model.config.single:
        raise ValueError(f"{model.name} was trained without FER2013's own labels: it has no head for them")
    crops, labels = read_labels(root, part)
    views = [logits_of(model, crops, mirror=mirror)[1] for mirror in (False, True)]
    logits, both = views[0], sum(v.softmax(1) for v in views if v is not None)
    assert isinstance(logits, torch.Tensor) and isinstance(both, torch.Tensor)
    known = labels >= 0
    right = both.argmax(1).numpy()[known] == labels[known]
    found = labelled_figures(labels[known], logits.argmax(1).numpy()[known], model.classes[:-1])
    return {"protocol": FER2013, **found, "both_views": two_views(right), "unmatched": int((~known).sum())}
