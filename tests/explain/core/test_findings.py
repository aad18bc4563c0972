"""Findings refuse what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explain.core.findings import AttentionMaps, Curve, Heatmap, RegionDrops
from explain.core.shares import Shares


def heatmap(values: np.ndarray, **changes: Any) -> Heatmap:
    return Heatmap(
        **{"values": values, "face": 0, "method": "m", "signed": True, "unit": "u", "caption": "c", **changes}
    )


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(4, np.float32),
        np.zeros((1, 4, 4), np.float32),
        np.zeros((0, 4), np.float32),
        np.zeros((4, 4)),
        np.full((4, 4), np.nan, np.float32),
        np.full((4, 4), np.inf, np.float32),
    ],
)
def test_heatmap_refuses(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="values"):
        heatmap(values)


def test_heatmap_refuses_wrong_words() -> None:
    with pytest.raises(ValueError, match="face"):
        heatmap(np.zeros((2, 2), np.float32), face="c")
    with pytest.raises(ValueError, match="signed"):
        heatmap(np.full((2, 2), -1, np.float32), signed=False)
    with pytest.raises(ValueError, match="floor"):
        heatmap(np.zeros((2, 2), np.float32), floor=0.0)


def test_heatmap_is_stretched_over_the_crop() -> None:
    values = np.array([[0, 1], [0, 1]], np.float32)
    wide = heatmap(values).resized(4, 6)
    assert wide.shape == (4, 6)
    assert wide.dtype == np.float32
    np.testing.assert_allclose(wide[0], [0, 0, 1 / 3, 2 / 3, 1, 1], atol=1e-6)
    assert np.array_equal(heatmap(values).resized(2, 2), values)


def attention(shape: tuple[int, ...] = (2, 4, 6), **changes: Any) -> AttentionMaps:
    weights = np.full(shape, 1 / shape[-1], np.float32)
    return AttentionMaps(
        **{"weights": weights, "grid_q": (2, 2), "grid_k": (2, 3), "face": 1, "name": "x.attn", **changes}
    )


def test_attention_refuses() -> None:
    assert attention().received().shape == (2, 3)
    with pytest.raises(ValueError, match="grid_q"):
        attention(grid_q=(2, 3))
    with pytest.raises(ValueError, match="grid_k"):
        attention(grid_k=(2, 2))
    with pytest.raises(ValueError, match="sum to 1"):
        attention(weights=np.ones((2, 4, 6), np.float32))
    with pytest.raises(ValueError, match="dimensions"):
        attention((4, 6))
    with pytest.raises(ValueError, match="outside"):
        attention().from_query(2, 0)


def test_attention_of_one_query() -> None:
    weights = np.zeros((2, 4, 6), np.float32)
    weights[..., 0] = 1
    weights[1, 3] = [0, 0, 0, 0, 0, 1]  # head 1, query (1, 1) looks at key (1, 2)
    maps = attention(weights=weights).from_query(1, 1)
    assert maps.shape == (2, 2, 3)
    assert maps[0, 0, 0] == maps[1, 1, 2] == 1


def test_region_drops_refuse() -> None:
    assert RegionDrops(("eyes",), np.zeros(1, np.float32), 0, "grey", 0.5).fill == "grey"
    with pytest.raises(ValueError, match="2 regions but 1"):
        RegionDrops(("eyes", "nose"), np.zeros(1, np.float32), 0, "grey", 0.5)


def curve(**changes: Any) -> Curve:
    x = np.array([0, 0.5, 1], np.float32)
    values = {"x": x, "deletion": 1 - x, "insertion": x, "random_deletion": x * 0 + 0.5, "random_insertion": x * 0 + 1}
    return Curve(**{**values, "fill": "blur", "face": 0, "method": "m", **changes})


def test_areas_by_the_trapezoid_rule() -> None:
    areas = curve(deletion=np.array([1, 0.25, 0], np.float32))
    assert areas.deletion_auc == pytest.approx((1 + 0.25) / 4 + 0.25 / 4)
    assert areas.insertion_auc == pytest.approx(0.5)
    assert areas.random_deletion_auc == pytest.approx(0.5)
    assert areas.random_insertion_auc == pytest.approx(1)


def test_curve_refuses() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        curve(deletion=np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="ascend"):
        curve(x=np.array([0, 0.5, 0.9], np.float32))
    with pytest.raises(ValueError, match="ascend"):
        curve(x=np.array([0, 0, 1], np.float32))


def shares(**changes: Any) -> Shares:
    orders = np.array([[1.0, 2.0], [1.5, 2.5]], np.float32)
    values = {"names": ("x", "y"), "orders": orders, "totals": (3.0, 4.0), "unit": "log-odds", "caption": "c"}
    return Shares(**{**values, **changes})


def test_shares_are_a_sum() -> None:
    assert shares().values.tolist() == [1.25, 2.25] and shares().total == 3.5
    with pytest.raises(ValueError, match="do not add up"):
        shares(totals=(3.0, 4.1))
    with pytest.raises(ValueError, match="3 names"):
        shares(names=("x", "y", "z"))
