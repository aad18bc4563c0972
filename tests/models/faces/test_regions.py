from __future__ import annotations

import numpy as np
import pytest

from models.faces.align import ARCFACE_112, DLIB_150
from models.faces.regions import PARTS, REGIONS, face_parts, region_masks

TEMPLATES = {"dlib": DLIB_150, "arcface": ARCFACE_112}


@pytest.fixture(params=TEMPLATES)
def points(request: pytest.FixtureRequest) -> np.ndarray:
    spec = TEMPLATES[request.param]
    return (spec.points() + 0.5) / spec.size


def at(mask: np.ndarray, point: np.ndarray) -> bool:
    x, y = (point * len(mask)).astype(int)
    return bool(mask[y, x])


def test_each_keypoint_lies_in_its_region(points: np.ndarray):
    masks = region_masks(points, 150)
    assert tuple(masks) == REGIONS
    for index, region in enumerate(("eyes", "eyes", "nose", "mouth", "mouth")):
        assert [r for r in REGIONS if at(masks[r], points[index])] == [region]


def test_regions_do_not_overlap_and_none_is_empty(points: np.ndarray):
    masks = region_masks(points, 112)
    assert np.sum(list(masks.values()), axis=0).max() == 1
    assert all(m.sum() > 50 for m in masks.values())


def test_regions_stand_in_the_order_of_a_face(points: np.ndarray):
    middle = {r: np.nonzero(m)[0].mean() for r, m in region_masks(points, 150).items()}
    assert middle["forehead"] < middle["eyes"] < middle["nose"] < middle["mouth"] < middle["jaw"]


def test_regions_turn_with_the_face(points: np.ndarray):
    centre = points.mean(0)
    turned = (points - centre) @ np.array([[0, 1], [-1, 0]]) + 0.5  # a quarter turn about the middle of the face
    upright = points - centre + 0.5
    for region, mask in region_masks(upright, 200).items():
        quarter = np.rot90(mask, -1)
        other = region_masks(turned, 200)[region]
        assert (quarter & other).sum() > 0.95 * (quarter | other).sum()


def test_regions_scale_with_the_face(points: np.ndarray):
    small = (points - 0.5) * 0.5 + 0.5
    big = region_masks(points, 300)["mouth"].sum()
    assert region_masks(small, 300)["mouth"].sum() == pytest.approx(big / 4, rel=0.08)


def test_parts_fill_the_crop_without_a_gap(points: np.ndarray):
    parts, regions = face_parts(points, 112), region_masks(points, 112)
    assert tuple(parts) == PARTS and len(PARTS) == 8
    assert (np.sum(list(parts.values()), axis=0) == 1).all()
    assert all(m.sum() > 50 for m in parts.values())
    assert (parts["left eye"] | parts["right eye"] == regions["eyes"]).all()
    for region in ("nose", "mouth", "forehead", "jaw"):
        assert (parts[region] == regions[region]).all()


def test_parts_lie_where_their_names_say(points: np.ndarray):
    parts = face_parts(points, 150)
    for index, part in enumerate(("left eye", "right eye", "nose", "mouth", "mouth")):
        assert [p for p in PARTS if at(parts[p], points[index])] == [part]
    below_the_eyes = points[:2] + np.array([[-0.02, 0.12], [0.02, 0.12]])
    assert all(at(parts["cheeks"], point) for point in below_the_eyes)
    assert parts["outside"][0, 0] and parts["outside"][0, -1] and not parts["outside"][75, 75]


def test_parts_fill_the_crop_for_any_keypoints():
    for seed in range(20):
        odd = np.random.default_rng(seed).uniform(-0.3, 1.3, (5, 2))
        assert (np.sum(list(face_parts(odd, 40).values()), axis=0) == 1).all()
