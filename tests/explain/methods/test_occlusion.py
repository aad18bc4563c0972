"""Occlusion: patches, means, fills and regions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import explain, occlude_regions
from explain.core.fill import FILLS, cover_of, filled
from explain.methods.occlusion import mean_over_patches, patch_masks, sides
from models.faces.face import FaceBatch
from models.faces.regions import REGIONS, region_masks
from models.predict import predict
from tests.explain.tiny import SIZE, inside, noise_faces, planted_result, ready, seeded_result
from tests.one_face.mood import Mood


@pytest.mark.parametrize(("size", "patch", "stride"), [(12, 4, 4), (13, 4, 3), (10, 10, 1), (9, 1, 1), (150, 25, 10)])
def test_patches_cover_every_pixel(size: int, patch: int, stride: int) -> None:
    masks = patch_masks(size, patch, stride)
    assert masks.dtype == torch.bool
    assert (masks.sum((1, 2)) == patch * patch).all()
    assert masks.any(0).all()
    assert len(torch.unique(masks.flatten(1), dim=0)) == len(masks)


@pytest.mark.parametrize("size", [96, 112, 128, 150, 160, 168])
def test_patches_lie_evenly_from_border_to_border(size: int) -> None:
    for parts, count in ((5, 9), (4, 7)):
        patch, stride = sides(size, parts, count)
        masks = patch_masks(size, patch, stride).view(count, count, size, size)
        starts = [int(row.any(0).int().argmax()) for row in masks[0]]
        gaps = np.diff(starts)
        assert starts[0] == 0 and starts[-1] + patch == size
        assert gaps.max() - gaps.min() <= 1 and gaps.max() <= stride <= patch / 2 + 1


@pytest.mark.parametrize(("patch", "stride"), [(0, 1), (13, 1), (4, 0), (4, 5)])
def test_patches_that_leave_gaps_are_refused(patch: int, stride: int) -> None:
    with pytest.raises(ValueError, match=r"patch|stride"):
        patch_masks(12, patch, stride)


def test_mean_over_the_patches_that_cover_a_pixel() -> None:
    masks = patch_masks(3, 2, 1)  # four squares; the middle pixel lies in all of them
    mean = mean_over_patches(torch.tensor([1.0, 2.0, 3.0, 6.0]), masks)
    np.testing.assert_allclose(mean, [[1, 1.5, 2], [2, 3, 4], [3, 4.5, 6]])


@pytest.mark.parametrize("fill", list(FILLS))
def test_equals_one_patch_at_a_time(fill: str) -> None:
    """The batched map against a loop that answers the whole pair again for every patch."""
    result = seeded_result(grad=False)
    size, patch, stride = 64, 32, 16
    heatmaps = explain(result, "occlusion", patch=patch, stride=stride, fill=fill)
    for which, heatmap in enumerate(heatmaps):
        pair = [result.faces[0], result.faces[1]]
        total, count = np.zeros((size, size)), np.zeros((size, size))
        for y in range(0, size - patch + 1, stride):
            for x in range(0, size - patch + 1, stride):
                mask = torch.zeros(1, size, size, dtype=torch.bool)
                mask[:, y : y + patch, x : x + patch] = True
                image = cover_of(pair[which].image, fill)(mask)
                changed = list(pair)
                changed[which] = FaceBatch(image, pair[which].keypoints)
                total[y : y + patch, x : x + patch] += result.similarity - predict(result.model, *changed).similarity
                count[y : y + patch, x : x + patch] += 1
        np.testing.assert_allclose(heatmap.values, total / count, atol=1e-5)


def test_support_is_above_zero_and_opposition_below() -> None:
    """The planted square's left half is shared by both faces, its right half tells them apart."""
    for heatmap in explain(planted_result(), "occlusion", patch=4, stride=2, fill="grey"):
        assert heatmap.values[16:32, 32:38].mean() > 0.01
        assert heatmap.values[16:32, 42:48].mean() < -0.01


@pytest.mark.parametrize("fill", list(FILLS))
def test_regions_equal_one_answer_at_a_time(fill: str) -> None:
    result = seeded_result(grad=False)
    for which, drops in enumerate(occlude_regions(result, fill=fill)):
        face = (result.faces[0], result.faces[1])[which]
        for region, drop in zip(drops.regions, drops.drop, strict=True):
            mask = torch.from_numpy(region_masks(face.keypoints[0].numpy(), 64)[region])
            assert mask.any()
            changed = [result.faces[0], result.faces[1]]
            changed[which] = face.with_image(cover_of(face.image, fill)(mask[None]))
            assert drop == pytest.approx(result.score - predict(result.model, *changed).score, abs=1e-6)
        assert np.abs(drops.drop).max() > 1e-3
        assert (drops.face, drops.regions, drops.fill) == (which, REGIONS, fill)
        assert drops.baseline == pytest.approx(result.score)


def test_regions_away_from_the_planted_square_cost_nothing() -> None:
    result = planted_result()
    mask = region_masks(result.faces[0].keypoints[0].numpy(), 64)
    away = [i for i, r in enumerate(REGIONS) if not (torch.from_numpy(mask[r]) & inside()).any()]
    assert away
    for drops in occlude_regions(result):
        np.testing.assert_allclose(drops.drop[away], 0, atol=1e-6)


def test_fills() -> None:
    image = torch.rand(1, 3, 48, 48)
    assert (filled(image, "grey") == 0.5).all()
    blurred = filled(image, "blur")
    assert blurred.shape == image.shape
    assert blurred.std() < image.std() / 3
    assert blurred.mean() == pytest.approx(image.mean().item(), abs=0.02)
    with pytest.raises(ValueError, match="no fill 'white'; there are: blur, grey, black"):
        filled(image, "white")
    with pytest.raises(ValueError, match="no fill"):
        explain(planted_result(), "occlusion", fill="white")


def test_a_patch_is_a_fifth_of_the_side_for_a_pair_and_a_quarter_for_classes() -> None:
    torch.manual_seed(0)
    mood = ready(Mood())
    alone = predict(mood, noise_faces(mood))
    size = mood.spec.size
    for parts, count, side, result in ((5, 9, SIZE, seeded_result()), (4, 7, size, alone)):
        patch, stride = side // parts, -((side // parts - side) // (count - 1))
        assert f"Patch {patch} px, stride {stride} px of {side};" in explain(result, "occlusion")[0].caption
