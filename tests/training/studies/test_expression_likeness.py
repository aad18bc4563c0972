"""Likeness of maps and masks, on maps whose likeness is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.studies.faces68 import drawn_face
from training.data.crops import Crops
from training.studies.action_units import EMOTIONS, emotion_mask
from training.studies.expression_likeness import SIZE, Shown, each_face, iou, likeness, maps_of, random_maps, top
from training.studies.marked_faces import MarkedFaces

FACE = drawn_face()
MASKS = {e: emotion_mask(e, FACE, SIZE) for e in EMOTIONS}


def shown(count: int) -> Shown:
    n = count * len(EMOTIONS)
    image = np.zeros((n, SIZE, SIZE, 3), np.uint8)
    crops = Crops(tuple(map(str, range(n))), image, np.zeros((n, 5, 2), np.float32), np.ones(n, bool))
    rows = {e: np.arange(i * count, (i + 1) * count) for i, e in enumerate(EMOTIONS)}
    faces = MarkedFaces(crops, np.zeros(n, int), np.repeat(FACE[None], n, 0))
    return Shown(faces, rows, {e: i for i, e in enumerate(EMOTIONS)})


def perfect(count: int) -> dict[str, np.ndarray]:
    return {e: np.repeat(m[None] / m.sum(), count, 0) for e, m in MASKS.items()}


def test_top_takes_the_highest_places():
    assert top(np.array([[[1.0, 3.0], [2.0, 0.0]]]), 2).tolist() == [[[False, True], [True, False]]]


def test_iou_by_hand():
    mask = np.array([[True, True], [False, False]])
    ranked = np.array([[[4.0, 1.0], [3.0, 2.0]]])
    assert iou(ranked, mask)[0] == pytest.approx(1 / 3)  # places 0 and 2 against 0 and 1
    assert iou(ranked, mask, 0.25)[0] == pytest.approx(1 / 2)
    assert iou(ranked, mask, 0.75)[0] == pytest.approx(1 / 4)


def test_maps_that_are_the_masks_fit_and_those_of_other_emotions_do_not():
    found = likeness(perfect(5), MASKS)
    assert found["own_area"]["mean"] == 1 and found["own_area"]["ci95"] == [1, 1]
    assert found["other_maps"]["mean"] < 0.6 and found["own_less_other_maps"]["ci95"][0] > 0.4
    assert found["emotions"]["happiness"]["faces"] == 5 and found["table"]["fear"]["fear"] == 1


def test_one_map_for_all_is_no_better_than_other_maps():
    one = perfect(4)["happiness"]
    found = likeness(dict.fromkeys(EMOTIONS, one), MASKS)
    assert found["own_less_other_maps"]["mean"] == pytest.approx(0)


def test_each_face_is_held_against_its_own_landmarks():
    faces = shown(3)
    assert each_face(perfect(3), faces)["mean"] == 1
    faces.faces.landmarks[:, :, 0] += 0.3
    assert each_face(perfect(3), faces)["mean"] < 0.3


def test_noise_of_single_pixels_has_the_expected_overlap():
    area = np.mean([m.mean() / (2 - m.mean()) for m in MASKS.values()])  # a a / (a + a - a a)
    fixed = np.mean([0.2 * m.mean() / (0.2 + m.mean() - 0.2 * m.mean()) for m in MASKS.values()])
    found = random_maps(MASKS, SIZE)
    assert found["own_area"]["mean"] == pytest.approx(area, abs=0.005)
    assert found["fixed_area"]["mean"] == pytest.approx(fixed, abs=0.005)
    coarse = random_maps(MASKS, 3)["own_area"]["ci95"]
    assert coarse[1] - coarse[0] > found["own_area"]["ci95"][1] - found["own_area"]["ci95"][0]


def test_maps_are_of_the_class_of_each_emotion_and_add_up_to_1():
    asked = []

    def method(model, faces, classes):
        asked.append(set(classes.tolist()))
        return torch.ones(len(faces), 3, 3)

    found = maps_of(None, shown(2), method, "test")
    assert asked == [{i} for i in range(len(EMOTIONS))]
    assert found["fear"].shape == (2, SIZE, SIZE) and found["fear"].sum((1, 2)) == pytest.approx([1, 1])
