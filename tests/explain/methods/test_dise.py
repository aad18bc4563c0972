"""DISE against a loop over masks and pixels; its prior against excitation written out in test_ebp."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from explain import explain, explain_step_by_step
from explain.methods.dise import GRID, mean_drops, prior, squares
from models.predict import predict
from tests.explain.methods.test_ebp import dense, excite, flow, from_deep
from tests.explain.tiny import SIZE, Rectified, ready, rectified_result


def mean_ebp(model: Rectified, image: Tensor) -> np.ndarray:
    """(16, 16): excitation from all dimensions of the code alike, layer by layer."""
    deep = flow(model, image)[-1]
    mean = deep.mean((2, 3))
    turned = model.fc.weight.numpy() * np.sign(model.fc(mean).numpy()).T
    down = excite(
        dense(lambda t: t.mean((2, 3)), tuple(deep.shape[1:])), deep, excite(turned, mean, np.ones(len(turned)))
    )
    return from_deep(model, image, down)


def test_the_prior_is_mean_excitation_above_its_median() -> None:
    result, model = rectified_result(), ready(Rectified(0)).double()
    for face, density in zip(result.faces, prior(result), strict=True):
        excited = torch.from_numpy(mean_ebp(model, face.image.double()))[None, None]
        cells = torch.nn.functional.interpolate(excited, (GRID, GRID), mode="area").flatten().numpy()
        wanted = np.where(cells < np.sort(cells)[GRID**2 // 2], 0, cells)
        np.testing.assert_allclose(density.flatten().numpy(), wanted / wanted.sum(), atol=1e-6)


def test_squares_are_cells_drawn_by_the_prior() -> None:
    density = torch.zeros(GRID, GRID)
    density[3, 15], density[9, 9] = 0.75, 0.25
    masks = squares(density, 152, 2000, seed=0)
    assert masks.shape == (2000, 152, 152) and set(masks.sum((1, 2)).tolist()) <= {49, 56, 64, 72, 81}
    high = masks[:, :44].any(dim=(1, 2))  # the upper cell is rows 24 to 32, moved by at most 4
    assert float(high.float().mean()) == pytest.approx(0.75, abs=0.03)
    rows, columns = (masks[high].any(dim).float().mean(0).nonzero().flatten() for dim in (2, 1))
    assert (rows.min(), rows.max()) == (20, 35) and (columns.min(), columns.max()) == (116, 131)
    assert torch.equal(masks, squares(density, 152, 2000, seed=0))
    assert not torch.equal(masks, squares(density, 152, 2000, seed=1))


def test_equals_a_loop_over_masks_and_pixels() -> None:
    result = rectified_result()
    masks = squares(prior(result)[0], SIZE, 60, 3)
    drops = []
    for mask in masks:
        image = torch.where(mask, 0.5, result.faces[0].image)
        drops.append(
            result.similarity - predict(result.model, result.faces[0].with_image(image), result.faces[1]).similarity
        )
    (found,) = explain(result, "dise", masks=60, seed=3, fill="grey", faces=[0])
    assert found.error is not None
    often = masks.sum(0)
    for y, x in ((often == n).nonzero()[0].tolist() for n in (0, 1, int(often.max()))):
        own = np.array([drop for drop, mask in zip(drops, masks, strict=True) if mask[y, x]])
        mean = own.mean() if len(own) else 0.0
        spread = own.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else len(own) * np.std(drops, ddof=1)
        assert found.values[y, x] == pytest.approx(max(0.0, mean), abs=1e-6)
        assert found.error[y, x] == pytest.approx(spread, abs=1e-6)
    assert int(often.max()) > 2 and found.values.max() > 0


def test_a_place_that_is_never_covered_is_zero() -> None:
    mean, error = mean_drops(torch.tensor([0.5, -0.1]).double(), torch.tensor([[1.0, 0.0], [1.0, 0.0]]).double())
    assert mean.tolist() == pytest.approx([0.2, 0]) and error.tolist() == pytest.approx([0.3, 0])


def test_it_grows_to_the_same_map_and_explains_the_similarity_alone() -> None:
    result = rectified_result()
    *early, last = explain_step_by_step(result, "dise", masks=70)
    assert len(early) == 2 and early[0][0].values.any()
    for grown, whole in zip(last, explain(result, "dise", masks=70), strict=True):
        np.testing.assert_allclose(grown.values, whole.values, atol=1e-6)
    with pytest.raises(ValueError, match="cannot explain 'logit'"):
        explain(result, "dise", target="logit")
    with pytest.raises(ValueError, match="at least two masks"):
        explain(result, "dise", masks=1)
