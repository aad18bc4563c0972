"""The digits experiment: what is drawn, where the keypoints land, that it trains, and what its table says."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from models.nets.vit_kprpe import POSITIONS
from training.studies.digits import (
    BOX,
    CONTROL,
    REACH,
    TEST_SETS,
    TRAINED,
    Recipe,
    accuracy,
    box_points,
    draw_transforms,
    load,
    place,
    run,
    tabulate,
    train,
    upright,
)

TINY = Recipe(dim=16, depth=2, heads=2, epochs=2, test=100)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_digits() -> None:
    digits = load()
    assert digits.image.shape == (1797, 1, 8, 8)
    assert digits.image.min() == 0 and digits.image.max() == 1
    assert digits.label.unique().tolist() == list(range(10))


def test_a_still_digit_is_the_enlarged_digit_in_the_middle() -> None:
    digits, recipe = load(), Recipe(canvas=32, digit=20)
    image, keypoints = place(digits.image[:3], draw_transforms("still", 3, recipe, generator()), recipe.canvas)
    enlarged = F.interpolate(digits.image[:3], size=(20, 20), mode="bilinear")
    # one pixel from the box's edge on, where the digit's border and not the black around it is repeated
    torch.testing.assert_close(image[:, :1, 8:24, 8:24], enlarged[:, :, 2:18, 2:18])
    assert not image[:, :, :4].any()
    corner = (32 - 20) / 2 / 32
    expected = [[corner, corner], [1 - corner, corner], [0.5, 0.5], [corner, 1 - corner], [1 - corner, 1 - corner]]
    torch.testing.assert_close(keypoints, torch.tensor(expected).expand(3, -1, -1))


@pytest.mark.parametrize("kind", TEST_SETS)
def test_keypoints_land_where_the_picture_went(kind: str) -> None:
    """One bright pixel in the top left corner: the brightest place lies a little inside keypoint 0."""
    recipe, n = Recipe(canvas=128, digit=80), 16
    dot = torch.zeros(n, 1, 8, 8)
    dot[:, 0, 0, 0] = 1
    image, keypoints = place(dot, draw_transforms(kind, n, recipe, generator()), recipe.canvas)
    at = image[:, 0].flatten(1).argmax(1)
    brightest = (torch.stack([at % 128, at // 128], 1) + 0.5) / 128
    inside = keypoints[:, 0] + (keypoints[:, 2] - keypoints[:, 0]) / 8  # centre of the first of 8 pixels
    assert (brightest - inside).abs().max() < 1.5 / 128


@pytest.mark.parametrize(("kind", "k"), REACH.items())
def test_ranges_of_the_transforms(kind: str, k: float) -> None:
    recipe = Recipe()
    linear = draw_transforms(kind, 4000, recipe, generator())[:, :, :2] * recipe.canvas / recipe.digit
    angle = torch.atan2(linear[:, 1, 0], linear[:, 0, 0])
    back = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()], 1).view(-1, 2, 2) @ linear
    assert 0.98 * math.radians(20 * k) < angle.abs().max() <= math.radians(20 * k) + 1e-6
    assert 0.19 * k < back[:, 0, 1].abs().max() <= 0.2 * k + 1e-6
    assert 1 - 0.2 * k - 1e-6 <= back[:, [0, 1], [0, 1]].min() < 1 - 0.19 * k
    assert 1 + 0.19 * k < back[:, [0, 1], [0, 1]].max() <= 1 + 0.2 * k + 1e-6
    assert back[:, 1, 0].abs().max() < 1e-6


def test_shifts_keep_the_box_inside() -> None:
    recipe = Recipe(canvas=32, digit=20)
    transform = draw_transforms("shifted", 500, recipe, generator())
    assert torch.equal(transform[:, :, :2], (torch.eye(2) * 20 / 32).expand(500, 2, 2))
    corners = torch.tensor(BOX) @ transform[:, :, :2].mT + transform[:, :, 2:].mT
    assert corners.abs().max() <= 1 + 1e-6
    assert transform[:, :, 2].std(0).min() > 0.15


def test_the_controls_keypoints_follow_the_shift_alone() -> None:
    recipe = Recipe()
    transform = draw_transforms("affine", 50, recipe, generator())
    points, control = box_points(transform), box_points(upright(transform, recipe))
    torch.testing.assert_close(points[:, 2], control[:, 2])  # the centre
    expected = torch.tensor(BOX) * recipe.digit / recipe.canvas / 2
    torch.testing.assert_close(control - control[:, 2:3], expected.expand(50, -1, -1))
    assert (points - control).abs().max() > 0.05
    still = draw_transforms("shifted", 50, recipe, generator())
    torch.testing.assert_close(box_points(upright(still, recipe)), box_points(still))


def test_all_networks_of_a_seed_start_as_one() -> None:
    digits, recipe = load(), Recipe()
    batch = place(digits.image[:4], draw_transforms("affine", 4, recipe, generator()), recipe.canvas)
    logits = []
    for position in POSITIONS:
        torch.manual_seed(3)
        with torch.no_grad():
            logits.append(recipe.network(position).eval()(*batch))
    assert torch.equal(logits[0], logits[1]) and torch.equal(logits[0], logits[2])


def test_a_run_repeats_and_position_matters() -> None:
    digits = load()[torch.arange(300)]
    first = run("kprpe", digits, TINY, 0)
    assert first == run("kprpe", digits, TINY, 0)
    assert set(first) == {*TEST_SETS, CONTROL} and all(0 <= v <= 1 for v in first.values())
    assert first != {**run("abs", digits, TINY, 0), CONTROL: first[CONTROL]}


def test_it_learns() -> None:
    """A few epochs on few digits, tried on those digits: far above one in ten."""
    digits, recipe = load()[torch.arange(400)], dataclasses.replace(TINY, epochs=12, lr=4e-3, batch=50)
    torch.manual_seed(0)
    net = recipe.network("kprpe")
    before = net.rpe.linear.weight.clone()
    train(net, digits, recipe, 0)
    assert accuracy(net, digits, TRAINED, recipe, 1) > 0.25
    assert not torch.equal(net.rpe.linear.weight, before)  # the keypoints are used


def test_the_table() -> None:
    figures = {"abs": [0.5, 0.6], "irpe": [0.6, 0.8], "kprpe": [0.8, 0.9]}
    rest = {"still": 1.0, "shifted": 0.9, "near": 0.9, "far": 0.5, CONTROL: 0.7}
    results = {p: [{**rest, "affine": v} for v in values] for p, values in figures.items()}
    table = tabulate(results, Recipe())
    assert [r["position"] for r in table["rows"]] == ["abs", "irpe", "kprpe"]
    kprpe = table["rows"][2]
    assert kprpe["affine"]["mean"] == pytest.approx(0.85)
    assert kprpe["affine"]["ci95"] == pytest.approx(
        [0.85 - 12.706 * 0.05, 1], abs=1e-3
    )  # 12.706: Student's t, one degree
    assert kprpe["published"] == 0.981 and table["rows"][1]["published"] is None
    gap = next(g for g in table["gaps"] if (g["better"], g["worse"]) == ("kprpe", "abs"))
    np.testing.assert_allclose(gap["affine"]["per_seed"], [0.3, 0.3])
    assert gap["far"]["mean"] == 0
    np.testing.assert_allclose(table["gaps"][-1]["affine"]["per_seed"], [0.1, 0.2])  # against its control
    assert gap["affine"]["ci95"] == pytest.approx([0.3, 0.3])
