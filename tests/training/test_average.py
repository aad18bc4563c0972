"""The mean of runs' weights, with layers that have no common start left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.kin_worker import lesson, tiny
from training.average import held_out_aucs, mean_weights
from training.evaluate.metrics import auc
from training.evaluate.scoring import encode_crops, score_pairs, unique_images


def test_the_mean_leaves_out_what_each_began_anew():
    states = [{"a": torch.full((2,), v), "head.b": torch.full((3,), v), "n": torch.tensor(int(v))} for v in (1.0, 4.0)]
    mean = mean_weights(states, "head.")
    assert mean["a"].tolist() == [2.5, 2.5] and mean["head.b"].tolist() == [1.0] * 3 and int(mean["n"]) == 1
    assert mean_weights(states, "")["head.b"].tolist() == [2.5] * 3


@pytest.mark.parametrize("other", [{"b": torch.zeros(2)}, {"a": torch.zeros(3)}])
def test_other_networks_are_refused(other: dict[str, torch.Tensor]):
    with pytest.raises(ValueError, match="one network"):
        mean_weights([{"a": torch.zeros(2)}, other], "")


def test_runs_their_cosines_and_their_weights_are_compared() -> None:
    one, other = tiny("siamese_ir"), tiny("siamese_ir")
    torch.nn.init.normal_(other.trunk.fc.weight)
    part = lesson(one)
    states = [one.state_dict(), other.state_dict()]
    found = held_out_aucs(tiny("siamese_ir"), states, "", part.crops, part.held)
    same, names = np.array([p.same for p in part.held]), unique_images(part.held)
    alone = [score_pairs(m, encode_crops(m.eval(), part.crops, names), part.held).similarity for m in (one, other)]
    assert found["held-out AUC of each"] == " ".join(f"{auc(c, same):.4f}" for c in alone)
    assert found["of the mean of their cosines"] == f"{auc(alone[0] + alone[1], same):.4f}"
    mean = tiny("siamese_ir").eval()
    mean.load_state_dict(mean_weights(states, ""))
    cosine = score_pairs(mean, encode_crops(mean, part.crops, names), part.held).similarity
    assert found["of the mean of their weights"] == f"{auc(cosine, same):.4f}"
