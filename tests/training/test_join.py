"""Joining two trained networks: what each says alone, which share is best, and a weight that stores next to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.weights import load_model, read_sidecar
from training.calibrate import Calibration, operating_points
from training.checkpoint import RESEARCH, Facts, export
from training.data import Pair
from training.join import best_share, cosines, joined


def test_the_joined_embedding_gives_both_cosines_back():
    model = joined(0.3)
    torch.manual_seed(0)
    width = 256 * len(model.heads)
    u, v = (F.normalize(torch.randn(4, n), dim=1) for n in (width, model.embed.out_features))
    codes = dict(zip("abcd", torch.cat([u * 0.7**0.5, v * 0.3**0.5], 1), strict=True))
    encoder, vit = cosines(model, codes, [Pair("a", "b", True, "fs"), Pair("c", "d", False, "fs")])
    assert encoder == pytest.approx([float(u[0] @ u[1]), float(u[2] @ u[3])], abs=1e-5)
    assert vit == pytest.approx([float(v[0] @ v[1]), float(v[2] @ v[3])], abs=1e-5)


def test_two_networks_that_err_on_different_pairs_are_best_together():
    draw, same = np.random.default_rng(0), np.arange(4000) % 2 == 0
    first, second = (same + draw.normal(size=same.size) for _ in range(2))
    by_share = best_share(first, second, same)
    best = max(by_share, key=by_share.__getitem__)
    assert 0.35 <= best <= 0.65 and by_share[best] > max(by_share[0.05], by_share[0.95])


def test_the_weight_is_lent_and_answers_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = joined(0.35)
    scores, same = np.linspace(0, 1, 200), np.arange(200) >= 100
    calibration = Calibration(0.5, "test", operating_points(scores, same, "test"))
    config = {"share": 0.35, "guide": model.config.guide}
    path = export(model, "kin_duo", Facts(RESEARCH, [], calibration, config=config), half=True, folder=tmp_path)
    assert path.stat().st_size < 1e5
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    assert {loan.weight for loan in read_sidecar("kin_duo").loans} == {"dlib_kin", "svit"}
    image, keypoints = torch.rand(2, 3, 168, 168), torch.zeros(2, 5, 2)
    assert torch.equal(load_model("kin_duo", "cpu").encode(image, keypoints), model.encode(image, keypoints))
