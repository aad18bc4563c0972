"""EdgeFace and two networks on the reference encoder, joined: cosines add up, maps lie on the crop."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from models import available_weights, load_model
from models.nets.kin_joined import EDGEFACE, KinJoined, KinJoinedConfig
from models.taps import tap_names

SHARES = (0.5, 0.3, 0.2)


def test_the_cosine_is_the_weighted_mean_of_all_three() -> None:
    torch.manual_seed(0)
    model = KinJoined(KinJoinedConfig(SHARES, heads=1)).eval()
    with torch.no_grad():
        x, y = model.encode(torch.rand(2, 3, 168, 168), torch.zeros(2, 5, 2))
    parts = zip(x.split(model.lengths), y.split(model.lengths), strict=True)
    wanted = sum(w * float(F.cosine_similarity(a, b, dim=0)) for w, (a, b) in zip(SHARES, parts, strict=True))
    assert float(x @ y) == pytest.approx(wanted, abs=1e-5)
    assert float(x.norm()) == pytest.approx(1, abs=1e-5)


def test_every_network_has_taps_of_its_own() -> None:
    names = tap_names(KinJoined())
    assert len(names) == len(set(names)) == 5 + 6 + 6 and KinJoined.cam_tap in names


def test_maps_are_laid_on_the_crop() -> None:
    model = KinJoined()
    edge = model.on_crop(EDGEFACE + "stage3.features", torch.ones(1, 7, 7))
    assert edge[:, :6, :6].all() and edge.sum() == 36
    encoder = model.on_crop("tuned.stage3.features", torch.ones(1, 8, 8))
    assert encoder.shape == (1, 16, 16) and float(encoder[0, 0].abs().sum()) == 0  # above dlib's frame
    assert float(encoder[0, 8, 8]) == pytest.approx(1)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.6, -0.1), (0.3, 0.3, 0.3)])
def test_shares_that_do_not_add_up_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        KinJoinedConfig(shares=shares)


@pytest.mark.skipif("kin_joined" not in available_weights(), reason="kin_joined is untrained")
@torch.no_grad()
def test_the_weight_holds_the_networks_it_names() -> None:
    joined, alone = load_model("kin_joined", "cpu"), load_model("edgeface_kin", "cpu")
    assert isinstance(joined, KinJoined)
    image = torch.rand(1, 3, 112, 112)
    torch.testing.assert_close(joined.edgeface(image), alone.encode(image, torch.zeros(1, 5, 2)))
