"""Deletion and insertion tell a good map from a random one and from its reverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import EXPLAINERS, explain
from explain.core.faithfulness import faithfulness, order_curves, pixel_ranks, random_ranks, tile_noise
from explain.core.fill import filled
from explain.core.findings import Heatmap
from models.predict import predict
from tests.explain.tiny import planted_result, rectified_result, seeded_result


def perfect(sign: float = 1.0, face: int = 0) -> Heatmap:
    """What is true of the planted square: its left half supports the similarity, its right half opposes it."""
    values = np.zeros((64, 64), np.float32)
    values[16:32, 32:40], values[16:32, 40:48] = sign, -sign
    return Heatmap(values, face, "perfect", signed=True, unit="truth", caption="planted")


@pytest.mark.parametrize("face", [0, 1])
@pytest.mark.parametrize("fill", ["blur", "grey", "road"])
def test_a_perfect_map_beats_random_and_its_reverse_loses(face: str, fill: str) -> None:
    result = planted_result(grad=False)
    good = faithfulness(result, perfect(1, face), fill=fill, target="similarity")
    bad = faithfulness(result, perfect(-1, face), fill=fill, target="similarity")
    assert good.deletion_auc < good.random_deletion_auc - 0.1 < bad.deletion_auc - 0.2
    assert good.insertion_auc > good.random_insertion_auc + 0.1 > bad.insertion_auc + 0.2
    assert (good.face, good.fill, good.method, good.unit) == (face, fill, "perfect", "similarity")


def test_curves_start_and_end_where_they_must() -> None:
    result = seeded_result(grad=False)
    curve = faithfulness(result, explain(result, "occlusion")[1])
    emptied = predict(
        result.model, result.faces[0], result.faces[1].with_image(filled(result.faces[1].image, "blur"))
    ).score
    np.testing.assert_allclose(curve.x, np.linspace(0, 1, 6), atol=1e-6)
    for line in (curve.deletion, curve.random_deletion):
        np.testing.assert_allclose(line[[0, -1]], [result.score, emptied], atol=1e-5)
    for line in (curve.insertion, curve.random_insertion):
        np.testing.assert_allclose(line[[0, -1]], [emptied, result.score], atol=1e-5)


def test_each_step_takes_its_share_in_the_order_of_the_map() -> None:
    values = torch.linspace(0, 1, 64 * 64).reshape(64, 64).numpy()
    ranks = pixel_ranks(values, np.zeros_like(values))
    assert sorted(ranks.ravel()) == pytest.approx(np.arange(4096) / 4096)
    assert ranks[-1, -1] == 0
    assert ((ranks < 0.25) == (values > np.quantile(values, 0.75))).all()


def test_a_flat_map_is_a_random_order() -> None:
    noise = tile_noise(64, 3)
    assert np.array_equal(pixel_ranks(np.zeros((64, 64)), noise), pixel_ranks(-noise, noise))


def test_the_baseline_is_the_mean_over_random_orders_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: whole 9, empty 0; the means of two random orders between them are 7, 5, 3 and 2, 4, 7."""
    deletions, insertions = [[7, 7, 7], [6, 4, 2], [8, 6, 4]], [[70, 70, 70], [1, 3, 6], [3, 5, 8]]
    answers = np.array([9, 0, *np.concatenate(deletions + insertions)], np.float32)

    def said(_result: object, _face: object, masks: torch.Tensor, **_: object) -> torch.Tensor:
        assert len(masks) == len(answers)
        return torch.from_numpy(answers)[None]

    monkeypatch.setattr("explain.core.faithfulness.covered_scalars", said)
    curve = faithfulness(planted_result(grad=False), perfect(), steps=4, random_orders=2)
    assert curve.deletion.tolist() == [9, 7, 7, 7, 0] and curve.insertion.tolist() == [0, 70, 70, 70, 9]
    assert curve.random_deletion.tolist() == [9, 7, 4.5, 2.5, 0]  # 7 and 7, 5 and 4, 3 and 2
    assert curve.random_insertion.tolist() == [0, 2.5, 4.5, 7, 9]


def test_an_order_backwards_is_an_order() -> None:
    """What an order has left at x is what its reverse has brought back at 1 - x, but for a pixel."""
    result = seeded_result(grad=False)
    ranks = random_ranks(64, 1, seed=4)[0]
    backwards = 1 - 1 / ranks.size - ranks
    (deletion,), (insertion,) = order_curves(
        result, 0, [ranks, backwards], steps=4, fill="blur", targets=("similarity",)
    )
    np.testing.assert_allclose(deletion[0], insertion[1, ::-1], atol=1e-4)
    np.testing.assert_allclose(deletion[1], insertion[0, ::-1], atol=1e-4)


def test_random_orders_are_seeded() -> None:
    result = planted_result(grad=False)
    one, same, other = (faithfulness(result, perfect(), seed=seed).random_deletion for seed in (0, 0, 9))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("method", list(EXPLAINERS))
def test_any_heatmap_can_be_tested(method: str) -> None:
    result = rectified_result() if "rectified" in EXPLAINERS[method].needs else planted_result()
    curve = faithfulness(result, explain(result, method)[0], steps=4, random_orders=2)
    assert len(curve.x) == 5
    assert curve.method == method


def test_bad_requests_are_refused() -> None:
    result = planted_result(grad=False)
    with pytest.raises(ValueError, match="at least one"):
        faithfulness(result, perfect(), steps=0)
    with pytest.raises(ValueError, match="no answer"):
        faithfulness(result, perfect(), target="luck")
