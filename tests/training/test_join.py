"""Joining three trained networks: what each says alone, the best shares, and a weight that stores next to nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.nets.kin_joined import KinJoinedConfig, resized
from models.weights import load_model, read_sidecar
from training.data.crops import Crops
from training.data.sets import Pair
from training.evaluate.metrics import auc
from training.join import by_shares, cosines, crowd_of, crowds, heads, joined, people
from training.tools.calibration import Calibration, operating_points
from training.tools.checkpoint import RESEARCH, Facts, export

SHARED = (0.5, 0.3, 0.2)
CONFIG = KinJoinedConfig(SHARED, crowd_share=0.1)


def test_the_joined_embedding_gives_every_cosine_back():
    model = joined(CONFIG)
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
    found = by_shares(cosine, np.zeros(same.size), same)
    best, _ = max(found, key=found.__getitem__)
    assert min(best) >= 0.2 and all(found[best, 0.0] > auc(c, same) for c in cosine)


def test_a_crowd_that_raises_the_cosine_is_taken_off_in_full():
    draw, same = np.random.default_rng(0), np.arange(4000) % 2 == 0
    crowd = draw.normal(size=same.size)
    cosine = np.stack([same + 0.3 * crowd + 0.2 * draw.normal(size=same.size) for _ in range(3)])
    found = by_shares(cosine, crowd, same)
    _, off = max(found, key=found.__getitem__)
    assert off == pytest.approx(0.3, abs=0.051)


@torch.no_grad()
def test_every_person_is_one_mean_embedding():
    model = joined(KinJoinedConfig(centres=2, nearest=1))
    photos = np.random.default_rng(0).integers(0, 256, (3, 168, 168, 3), np.uint8)
    names = ("F1/MID1/a.jpg", "F1/MID2/b.jpg", "F1/MID1/c.jpg")
    crops = Crops(names, photos, np.zeros((3, 5, 2), np.float32), np.ones(3, bool))
    codes = F.normalize(model.edgeface(resized(crops.batch([0, 1, 2]).image)), dim=1)
    wanted = F.normalize(torch.stack([codes[0] + codes[2], codes[1]]), dim=1)
    torch.testing.assert_close(people(model, crops, names).clone(), wanted, atol=1e-5, rtol=0)


def test_no_centre_is_of_fewer_than_five_people():
    draw = torch.Generator().manual_seed(0)
    groups = [torch.eye(8)[i] + 0.01 * torch.randn(n, 8, generator=draw) for i, n in enumerate((5, 4, 1, 9))]
    found = crowd_of(F.normalize(torch.cat(groups), dim=1), 4, 0)
    assert sorted(found.argmax(1).tolist()) == [0, 3]
    assert found.norm(dim=1).tolist() == pytest.approx([1, 1])


@torch.no_grad()
def test_crowds_of_a_pair_are_both_faces():
    model = joined(CONFIG)
    codes = {name: F.normalize(torch.randn(sum(model.lengths)), dim=0) for name in "ab"}
    each = model.crowds(torch.stack(list(codes.values())))
    assert crowds(model, codes, [Pair("a", "b", True, "fs")]) == pytest.approx([float(each.sum())], abs=1e-6)


def test_the_weight_is_lent_and_answers_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = joined(CONFIG)
    scores, same = np.linspace(0, 1, 200), np.arange(200) >= 100
    calibration = Calibration(0.5, "test", operating_points(scores, same, "test"))
    config = {"shares": list(SHARED), "crowd_share": 0.1, **heads()}
    path = export(model, "kin_joined", Facts(RESEARCH, [], calibration, config=config), half=True, folder=tmp_path)
    assert path.stat().st_size < 1e6
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    assert {loan.weight for loan in read_sidecar("kin_joined").loans} == {"edgeface_kin", "edgeface", "dlib_kin"}
    image, keypoints = torch.rand(2, 3, 168, 168), torch.zeros(2, 5, 2)
    found, wanted = (net.encode(image, keypoints) for net in (load_model("kin_joined", "cpu"), model))
    assert torch.allclose(found, wanted, atol=1e-5)  # the same numbers in another order of memory
