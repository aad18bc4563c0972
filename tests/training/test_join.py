"""Joining three trained networks: what each says alone, the best shares, and a weight that stores next to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.weights import load_model, read_sidecar
from training.data.sets import Pair
from training.evaluate.metrics import auc
from training.join import by_shares, cosines, joined
from training.tools.calibration import Calibration, operating_points
from training.tools.checkpoint import RESEARCH, Facts, export

SHARED = (0.5, 0.3, 0.2)


def test_the_joined_embedding_gives_every_cosine_back():
    model = joined(SHARED)
    torch.manual_seed(0)
    parts = [F.normalize(torch.randn(4, n), dim=1) for n in model.lengths]
    whole = torch.cat([p * w**0.5 for p, w in zip(parts, SHARED, strict=True)], 1)
    found = cosines(
        model, dict(zip("abcd", whole, strict=True)), [Pair("a", "b", True, "fs"), Pair("c", "d", False, "fs")]
    )
    wanted = [[float(p[0] @ p[1]), float(p[2] @ p[3])] for p in parts]
    assert found == pytest.approx(np.array(wanted), abs=1e-5)


def test_networks_that_err_on_different_pairs_are_best_together():
    draw, same = np.random.default_rng(0), np.arange(4000) % 2 == 0
    cosine = np.stack([same + draw.normal(size=same.size) for _ in range(3)])
    found = by_shares(cosine, same)
    best = max(found, key=found.__getitem__)
    assert min(best) >= 0.2 and all(found[best] > auc(c, same) for c in cosine)


def test_the_weight_is_lent_and_answers_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = joined(SHARED)
    scores, same = np.linspace(0, 1, 200), np.arange(200) >= 100
    calibration = Calibration(0.5, "test", operating_points(scores, same, "test"))
    config = {"shares": list(SHARED)}
    path = export(model, "kin_joined", Facts(RESEARCH, [], calibration, config=config), half=True, folder=tmp_path)
    assert path.stat().st_size < 1e5
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    assert {loan.weight for loan in read_sidecar("kin_joined").loans} == {"edgeface_kin", "dlib_kin", "dlib_tuned"}
    image, keypoints = torch.rand(2, 3, 168, 168), torch.zeros(2, 5, 2)
    found, wanted = (net.encode(image, keypoints) for net in (load_model("kin_joined", "cpu"), model))
    assert torch.allclose(found, wanted, atol=1e-5)  # the same numbers in another order of memory
