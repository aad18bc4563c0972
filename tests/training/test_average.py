"""The mean of runs' weights, with layers that have no common start left out."""

from __future__ import annotations

import pytest
import torch

from training.average import mean_weights


def test_the_mean_leaves_out_what_each_began_anew():
    states = [{"a": torch.full((2,), v), "head.b": torch.full((3,), v), "n": torch.tensor(int(v))} for v in (1.0, 4.0)]
    mean = mean_weights(states, "head.")
    assert mean["a"].tolist() == [2.5, 2.5] and mean["head.b"].tolist() == [1.0] * 3 and int(mean["n"]) == 1
    assert mean_weights(states, "")["head.b"].tolist() == [2.5] * 3


@pytest.mark.parametrize("other", [{"b": torch.zeros(2)}, {"a": torch.zeros(3)}])
def test_other_networks_are_refused(other: dict[str, torch.Tensor]):
    with pytest.raises(ValueError, match="one network"):
        mean_weights([{"a": torch.zeros(2)}, other], "")
