"""The inpainting game with donor swaps: levels by hand, and a map of the truth that flips before one of the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.evidence.game import flip_rates, play, swapped, within
from explain.core.findings import Heatmap
from models.faces.regions import region_masks
from tests.explain.tiny import COLUMNS, ROWS, Planted, noise_faces, planted_faces, ready


def heatmap(values: np.ndarray) -> Heatmap:
    return Heatmap(values.astype(np.float32), 0, "m", signed=True, unit="u", caption="c")


def test_the_last_level_within_the_rate_takes_the_fewest_pixels_that_hold_its_mass() -> None:
    values, part = np.zeros((10, 10)), np.zeros((10, 10), bool)
    part[0, 0] = True
    values[0, :8] = [60, 20, 10, 5, 2, 1, 1, 1]  # percent of the mass: 60 by one pixel, 80 by two, 90 by three ...
    values[5:] = -3
    few, more = within(values, part)
    assert few.sum() == 1 and few[0, 0]  # the second pixel would be 1 of 99 outside: more than 1 %
    assert more.sum() == 5 and more[0, :5].all()  # 4 of 99; the sixth would make it more than 5 %
    flat = within(np.ones((10, 10)), np.zeros((10, 10), bool))
    assert flat.sum((1, 2)).tolist() == [1, 5]


def test_flips_are_counted_part_by_part() -> None:
    def record(part: str, few: bool, more: bool) -> dict:
        return {"part": part, "method": "m", "flips": {"0.01": few, "0.05": more}}

    records = [record("nose", True, True), record("nose", False, True), record("eyes", False, False)]
    assert flip_rates(records) == {"m": {"0.01": pytest.approx(0.25), "0.05": pytest.approx(0.5)}}


def test_a_swap_changes_its_part_alone() -> None:
    model = ready(Planted())
    face, donor = noise_faces(model, 0), noise_faces(model, 1)
    part = region_masks(face.keypoints[0].numpy(), 64)["mouth"]
    image = swapped(face, donor, part).image
    rows, columns = np.nonzero(part)
    middle = (slice(None), slice(None), int(rows.mean()), int(columns.mean()))
    assert (image[middle] - donor.image[middle]).abs().max() < (
        face.image[middle] - donor.image[middle]
    ).abs().max() / 4
    assert torch.equal(image[:, :, :10], face.image[:, :, :10])


def test_the_true_map_flips_and_one_of_other_places_does_not() -> None:
    model = ready(Planted())
    probe, mate = planted_faces(model)
    donor = noise_faces(model, 7)
    donor.image[:, :, ROWS, COLUMNS] = 0
    donor.image[:, 2, ROWS, COLUMNS] = 0.9  # blue where both faces share red
    true, other = np.zeros((64, 64)), np.zeros((64, 64))
    true[ROWS, COLUMNS], other[48:, :16] = 1, 1
    records = play(model, (probe, mate), donor, {"true": heatmap(true), "other": heatmap(other)})
    assert {r["part"] for r in records} == {"eyes"}  # the only part that the planted square lies in
    rates = flip_rates(records)
    assert rates["true"]["0.05"] == 1 and rates["other"]["0.05"] == 0
