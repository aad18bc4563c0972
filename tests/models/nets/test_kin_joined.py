"""Two EdgeFaces and kinship heads, joined: one crop cut to two frames, maps laid back on it, the crowd taken off."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models import available_weights, load_model
from models.faces.align import ARCFACE_112, DLIB_150
from models.layers.crowd import Crowd
from models.nets.kin_joined import EDGEFACE, SPEC, KinJoined, KinJoinedConfig, cut
from models.taps import tap_names
from training.data.crops import template_face

SHARES = (0.5, 0.3, 0.2)


def smooth_photo() -> np.ndarray:
    """(112, 112, 3) soft colours, so that two resamplings agree with one."""
    y, x = np.mgrid[0:112, 0:112] / 112
    waves = np.stack([np.sin(6 * x + 2 * y), np.cos(5 * y), np.sin(4 * (x + y))], -1)
    return (127 + 100 * waves).astype(np.uint8)


def test_the_cut_is_the_alignment_to_dlibs_frame() -> None:
    face = template_face(smooth_photo(), ARCFACE_112)
    outer, wanted = face.aligned(SPEC).image, face.aligned(DLIB_150).image
    grid = F.affine_grid(cut(SPEC, DLIB_150)[None], [1, 3, 150, 150], align_corners=False)
    found = F.grid_sample(outer, grid, align_corners=False)
    inside = (wanted.sum(1) > 0)[0, :135]  # the lowest rows lie outside the stored face
    assert float((found - wanted)[0, :, :135].abs()[:, inside].max()) < 0.05


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
    assert len(names) == len(set(names)) == 5 + 5 + 6 + 1 and KinJoined.cam_tap in names


def test_the_crowd_is_the_mean_of_the_nearest_centres_by_a_second_way() -> None:
    torch.manual_seed(0)
    crowd, faces = Crowd(7, 5, 3), torch.randn(4, 5)
    for face, found in zip(faces.numpy(), crowd(faces).tolist(), strict=True):
        cosine = [float(face @ c / np.linalg.norm(face) / np.linalg.norm(c)) for c in crowd.centres.numpy()]
        assert found == pytest.approx(sum(sorted(cosine)[-3:]) / 3, abs=1e-6)
    with pytest.raises(ValueError, match="from 1 to 7"):
        Crowd(7, 5, 8)


@torch.no_grad()
def test_what_both_share_with_the_crowd_is_taken_off_the_cosine() -> None:
    torch.manual_seed(0)
    model = KinJoined(KinJoinedConfig(SHARES, heads=1, crowd_share=0.3)).eval()
    model.logit.slope.fill_(4.0)
    model.logit.offset.fill_(-1.5)
    x, y = model.encode(torch.rand(4, 3, 168, 168), torch.zeros(4, 5, 2)).chunk(2)
    taken = model.crowd(x[:, :512]) + model.crowd(y[:, :512])
    wanted = 4 * (F.cosine_similarity(x, y) - 0.3 * taken) - 1.5
    torch.testing.assert_close(model.relate(x, y), wanted)
    torch.testing.assert_close(model.compare(x, y).logit, torch.stack([wanted, wanted], 1))
    assert not model.by_similarity and float(taken.abs().max()) > 0


def test_maps_are_laid_on_the_crop() -> None:
    model = KinJoined()
    edge = model.on_crop(EDGEFACE + "stage3.features", torch.ones(1, 7, 7))
    assert edge[:, :6, :6].all() and edge.sum() == 36
    assert torch.equal(model.on_crop("plain.stage3.features", torch.ones(1, 7, 7)), edge)
    encoder = model.on_crop("encoder.stage3.features", torch.ones(1, 8, 8))
    assert encoder.shape == (1, 168, 168) and float(encoder[0, 0].abs().sum()) == 0  # above dlib's frame
    assert float(encoder[0, 84, 84]) == pytest.approx(1)


def test_a_map_of_an_encoder_is_laid_back_where_it_came_from() -> None:
    model = KinJoined()
    row, column = 3, 5  # of stage 3: see dlib_resnet.PLACES
    values = torch.zeros(1, 8, 8)
    values[0, row, column] = 1
    back = model.on_crop("encoder.stage3.features", values)[0]
    y, x = divmod(int(back.argmax()), 168)
    seen = torch.tensor([14.5 + 16 * column, 14.5 + 16 * row, 75]) / 75 - torch.tensor([1.0, 1.0, 0.0])
    wanted = (model.frame @ seen + 1) * 84  # from dlib's frame to the crop's pixels
    assert abs(x + 0.5 - float(wanted[0])) <= 0.6 and abs(y + 0.5 - float(wanted[1])) <= 0.6
    assert float(back[0].abs().sum()) == 0  # above dlib's frame the encoder saw nothing


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.6, -0.1), (0.3, 0.3, 0.3)])
def test_shares_that_do_not_add_up_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        KinJoinedConfig(shares=shares)


@pytest.mark.skipif("kin_joined" not in available_weights(), reason="kin_joined is untrained")
@torch.no_grad()
def test_the_weight_holds_the_networks_it_names() -> None:
    joined = load_model("kin_joined", "cpu")
    assert isinstance(joined, KinJoined)
    image = torch.rand(1, 3, 112, 112)
    for part, weight in ((joined.edgeface, "edgeface_kin"), (joined.plain, "edgeface")):
        torch.testing.assert_close(part(image), load_model(weight, "cpu").encode(image, torch.zeros(1, 5, 2)))
