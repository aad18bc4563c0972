"""KP-RPE that starts as windows on the face."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models import create_model
from models.faces.align import ARCFACE_112
from models.layers.kprpe import KeypointRPE, bucket_table, look_up
from training.tools.windows import bucket_distances, open_windows, place_on_face, spread, window_layer

TEMPLATE = ARCFACE_112.points() / 112
PLACES = np.array([[0.3, 0.4], [0.5, 0.7], [0.72, 0.86]])


def turned(points: np.ndarray) -> np.ndarray:
    """Points of [0, 1] turned by 20 degrees, shrunk to 3/4 and shifted."""
    c, s = 0.75 * np.cos(np.deg2rad(20)), 0.75 * np.sin(np.deg2rad(20))
    return (points - 0.5) @ np.array([[c, s], [-s, c]]) + 0.5 + np.array([0.06, -0.04])


def layer(sharpness: float) -> KeypointRPE:
    rpe = KeypointRPE(depth=1, heads=len(PLACES), side=14)
    weight, bias = window_layer(PLACES, TEMPLATE, 14, sharpness)
    rpe.load_state_dict({"linear.weight": weight, "linear.bias": bias})
    return rpe


def test_a_place_moves_as_the_face_does() -> None:
    weights = place_on_face(PLACES, TEMPLATE)
    assert np.allclose(weights.sum(1), 1)
    assert np.allclose(weights @ TEMPLATE, PLACES)
    assert np.allclose(weights @ turned(TEMPLATE), turned(PLACES))


def test_offsets_are_the_square_of_the_distance_to_the_place() -> None:
    keypoints = turned(TEMPLATE)
    (table,) = layer(0.3)(torch.from_numpy(keypoints).float()[None])  # (1, heads, N, BUCKETS)
    places, d = turned(PLACES), bucket_distances()
    for head in range(len(PLACES)):
        for token in (0, 77, 195):
            row, column = divmod(token, 14)
            apart = 14 * places[head] - np.array([column + 0.5, row + 0.5])
            expected = -0.15 * ((d - apart) ** 2).sum(1) + 0.15 * (apart**2).sum()
            assert np.allclose(table[0, head, token].detach(), expected, atol=1e-4)


def test_distances_point_from_the_query_to_the_key() -> None:
    buckets, d = bucket_table(14), bucket_distances()
    assert d[buckets[0, 1]].tolist() == [1, 0]  # one to the right
    assert d[buckets[14, 0]].tolist() == [0, -1]  # one up
    assert d[buckets[0, 3 * 14]].tolist() == [0, 2.5]


def test_a_head_looks_at_its_place_on_the_moved_face() -> None:
    with torch.no_grad():
        (table,) = layer(1.0)(torch.from_numpy(turned(TEMPLATE)).float()[None])
    seen = look_up(table, bucket_table(14)).softmax(3)[0]  # (heads, N, N)
    y, x = (torch.cartesian_prod(torch.arange(14), torch.arange(14)).T + 0.5) / 14
    for head, place in enumerate(turned(PLACES)):
        nearest = int(((x - place[0]) ** 2 + (y - place[1]) ** 2).argmin())
        centre = [float((seen[head, nearest] * axis).sum()) for axis in (x, y)]
        assert np.allclose(centre, place, atol=0.5 / 14)


def test_every_head_of_a_model_gets_another_place() -> None:
    tiny = {"dim": 24, "depth": 4, "embed_dim": 16}
    model = create_model("vit_kprpe", **tiny)
    open_windows(model)
    weight = model.get_parameter("net.rpe.linear.weight").view(12, -1)
    assert len(torch.unique(weight.round(decimals=4), dim=0)) == 12
    assert len(np.unique(spread(48), axis=0)) == 48
    with pytest.raises(ValueError, match="KP-RPE"):
        open_windows(create_model("vit_irpe", **tiny))
