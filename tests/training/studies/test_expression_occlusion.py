"""Covered faces: where patches lie, and a network whose losses are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.face_model import ClassModel
from models.faces.align import FER_48
from models.faces.face import FaceBatch
from models.taps import Tap
from tests.training.studies.faces68 import drawn_face
from training.data.crops import Crops
from training.studies.class_maps import grad_cam
from training.studies.expression_occlusion import (
    at_region,
    conditions,
    covered,
    figures,
    highest,
    of_another,
    squares,
    verdict,
    wearable,
    worn,
)
from training.studies.marked_faces import MarkedFaces

COUNT = 40


class Spot(ClassModel):
    """Is the upper left or the lower right corner brighter? It looks nowhere else."""

    classes = ("upper", "lower")
    cam_tap = "features"

    def __init__(self) -> None:
        super().__init__()
        self.spec, self.name = FER_48, "spot"
        self.weight = torch.nn.Parameter(torch.ones(()))
        self.tap = Tap("features")

    def encode(self, image: Tensor, keypoints: Tensor) -> Tensor:
        return self.tap(torch.nn.functional.avg_pool2d(image[:, :1], 12) * self.weight)  # (B, 1, 4, 4)

    def classify(self, code: Tensor) -> Tensor:
        return torch.stack([code[:, 0, 0, 0], code[:, 0, 3, 3]], 1)


@pytest.fixture
def faces() -> MarkedFaces:
    """Half of them bright in the upper left corner, half in the lower right one; the rest is darker."""
    labels = np.arange(COUNT) % 2
    image = np.full((COUNT, 48, 48, 3), 60, np.uint8)
    image[labels == 0, :12, :12] = 220
    image[labels == 1, 36:, 36:] = 220
    crops = Crops(tuple(map(str, range(COUNT))), image, np.zeros((COUNT, 5, 2), np.float32), np.ones(COUNT, bool))
    return MarkedFaces(crops, labels, np.repeat(drawn_face()[None], COUNT, 0))


def test_squares_and_the_highest_square():
    mask = squares(np.array([[0, 2], [1, 1]]), 2, 4)
    assert np.argwhere(mask[0]).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]
    maps = np.zeros((1, 6, 6), np.float32)
    maps[0, 4:, 1:3] = 1
    assert highest(maps, 2).tolist() == [[4, 1]]


def test_a_covered_place_has_the_mean_of_its_own_face():
    image = torch.zeros(2, 3, 4, 4)
    image[1, :, :2] = 1
    found = covered(FaceBatch(image, torch.zeros(2, 5, 2)), np.ones((2, 4, 4), bool)).image
    assert float(found[0].max()) == 0 and float(found[1].min()) == float(found[1].max()) == 0.5


def test_another_face_of_the_same_class_lends_its_corner():
    corners = np.array([[0, 0], [1, 1], [2, 2], [9, 9]])
    assert of_another(corners, np.array([0, 1, 0, 1])).tolist() == [[2, 2], [9, 9], [0, 0], [1, 1]]


def test_guided_patches_hit_what_the_network_reads(faces):
    found = conditions(Spot().eval(), faces, grad_cam, "test")
    assert found["plain"].mean() == 1
    assert found["guided, 1/4"].mean() == 1  # the mean of the face is still brighter than the other corner
    report = figures(found, faces.labels, Spot.classes)
    assert report["conditions"]["mouth"]["accuracy"]["mean"] == 1


class Needle(Spot):
    """Names "lower" unless the very corner is bright: a covered corner changes the answer."""

    def classify(self, code: Tensor) -> Tensor:
        return torch.stack([code[:, 0, 0, 0], torch.full((len(code),), 0.5) + 0 * code[:, 0, 3, 3]], 1)


def test_the_claim_is_confirmed_where_the_map_finds_the_only_place(faces):
    found = conditions(Needle().eval(), faces, grad_cam, "test")
    report = figures(found, faces.labels, Spot.classes)
    assert found["guided, 1/4"][faces.labels == 0].mean() == 0 and found["plain"].mean() == 1
    assert found["random, 1/4"].mean() > 0.8
    assert report["claim"]["1/4"] == "confirmed"
    assert report["differences"]["1/4"]["another's map less guided"]["mean"] == 0  # one place for all of a class
    assert report["conditions"]["guided, 1/4"]["recall"] == {"upper": 0.0, "lower": 1.0}
    assert report["conditions"]["guided, 1/4"]["loss"]["mean"] == 0.5


@pytest.mark.parametrize(("ci", "said"), [([0.1, 0.2], "confirmed"), ([-0.2, -0.1], "refuted"), ([-1, 1], "not seen")])
def test_verdicts(ci, said):
    assert verdict({"ci95": ci}) == said


def test_regions_and_worn_things_lie_on_the_face(faces):
    rows = np.arange(2)
    plain = faces.batch(rows).image
    mouth, eyes = (at_region(faces, r, rows).image != plain for r in ("mouth", "eyes"))
    assert mouth[:, :, 34:40, 20:28].all() and not mouth[:, :, :24].any()
    assert eyes[:, :, 18:20, 14:34].all() and not eyes[:, :, 30:].any()
    masked = worn(faces, "surgical", rows).image
    assert masked.shape == (2, 3, 96, 96)
    changed = (masked[0] - torch.nn.functional.interpolate(plain, (96, 96), mode="bilinear")[0]).abs().sum(0) > 0.1
    assert changed[60:84, 36:60].float().mean() > 0.8 and changed[:24].float().mean() < 0.05


def test_faces_on_which_nothing_can_be_worn_are_left_out(faces):
    landmarks = faces.landmarks.copy()
    landmarks[3] = landmarks[3, :1]  # all in one place
    kept = wearable(MarkedFaces(faces.crops, faces.labels, landmarks))
    assert kept.crops.names == tuple(str(i) for i in range(COUNT) if i != 3)
    assert kept.labels.tolist() == [i % 2 for i in range(COUNT) if i != 3] and len(kept.landmarks) == COUNT - 1
