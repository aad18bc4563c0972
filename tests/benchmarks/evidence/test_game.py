"""The inpainting game with donor swaps: levels by hand, and a map of the truth that flips before one of the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.evidence.game import flip_rates, levels, play, swapped
from explain.core.findings import Heatmap
from models.faces.regions import region_masks
from tests.explain.tiny import COLUMNS, ROWS, Planted, noise_faces, planted_faces, ready


def heatmap(values: np.ndarray) -> Heatmap:
    return Heatmap(values.astype(np.float32), 0, "m", signed=True, unit="u", caption="c")


def test_levels_take_the_fewest_pixels_that_hold_the_mass() -> None:
    values = np.array([[6.0, 3.0], [1.0, -5.0]])
    part = np.array([[True, False], [False, False]])
    replaced, rates = levels(np.pad(values, ((0, 0), (0, 8))), np.pad(part, ((0, 0), (0, 8))))
    # 60 % of the mass is one pixel, 90 % two, all three; of the 19 outside: 0, 0, 1, 2
    assert replaced.sum((1, 2)).tolist() == [0, 1, 2, 3]
    assert rates == pytest.approx([0, 0, 1 / 19, 2 / 19])
    assert replaced[1, 0, 0] and replaced[2, 0, 1] and not replaced[:, 1, 1].any()


def test_levels_beyond_the_highest_rate_are_not_played() -> None:
    _, rates = levels(np.ones((10, 10)), np.zeros((10, 10), bool))
    assert rates.max() == pytest.approx(0.2) and rates[0] == 0


def test_a_flip_counts_at_the_last_level_within_the_rate() -> None:
    def record(part: str, fpr: list[float], flip: list[bool]) -> dict:
        return {"part": part, "method": "m", "fpr": fpr, "flip": flip}

    records = [
        record("nose", [0, 0.01, 0.03], [False, True, True]),
        record("nose", [0, 0.02, 0.05], [False, False, True]),
        record("eyes", [0, 0.04, 0.06], [False, False, True]),
    ]
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
