"""Buckets, keypoint offsets and look-up against transcriptions that share no code with the module."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.faces.face import FaceBatch
from models.layers.kprpe import (
    BUCKETS,
    ImageRPE,
    KeypointRPE,
    bucket_table,
    keypoint_offsets,
    look_up,
    piecewise,
)

SIDE = 14


def published_steps(distance: np.ndarray) -> np.ndarray:
    """iRPE Eq. 18 as numpy writes it, with alpha 1.9, beta 3.8, gamma 15.2; then the cast to int."""
    alpha, beta, gamma = 1.9, 3.8, 15.2
    with np.errstate(divide="ignore", invalid="ignore"):  # at 0, where the other branch holds
        far = alpha + np.log(np.abs(distance) / alpha) / np.log(gamma / alpha) * (beta - alpha)
        far = np.sign(distance) * np.minimum(np.round(far), beta)
    return np.trunc(np.where(np.abs(distance) <= alpha, np.round(distance), far)).astype(int)


def points(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 5, 2, generator=torch.Generator().manual_seed(seed))


def test_bucket_row() -> None:
    assert [piecewise(d) for d in range(9)] == [0, 1, 2, 2, 3, 3, 3, 3, 3]
    assert [piecewise(-d) for d in range(9)] == [0, -1, -2, -2, -3, -3, -3, -3, -3]
    assert [piecewise(d) for d in range(-13, 14)] == published_steps(np.arange(-13.0, 14)).tolist()


def test_bucket_table() -> None:
    """Query minus key, rows before columns."""
    y, x = (c.ravel().astype(float) for c in np.mgrid[:SIDE, :SIDE])
    rows, columns = published_steps(y[:, None] - y), published_steps(x[:, None] - x)
    assert (bucket_table(SIDE).numpy() == (rows + 3) * 7 + columns + 3).all()
    assert bucket_table(SIDE).unique().tolist() == list(range(49))
    assert BUCKETS == 49


def test_bucket_table_by_hand() -> None:
    table = bucket_table(SIDE)
    assert table[0, 0] == table[100, 100] == 24  # itself: the middle of 7 x 7
    assert table[0, 1] == 23  # the key one to the right: dx = -1
    assert table[0, SIDE] == 24 - 7  # the key one below: dy = -1
    assert table[-1, 0] == 48  # the key far up and left
    assert table[0, 2] == table[0, 3] == 22 and table[0, 4] == table[0, 13] == 21


def test_keypoint_offsets() -> None:
    keypoints = points(3)
    expected = np.empty((3, SIDE * SIDE, 10))
    for b in range(3):
        for n in range(SIDE * SIDE):
            row, column = divmod(n, SIDE)
            for k in range(5):
                expected[b, n, 2 * k] = (column + 0.5) / 14 - float(keypoints[b, k, 0])
                expected[b, n, 2 * k + 1] = (row + 0.5) / 14 - float(keypoints[b, k, 1])
    np.testing.assert_allclose(keypoint_offsets(keypoints, SIDE).numpy(), expected, atol=1e-6)


def test_look_up() -> None:
    table = torch.randn(2, 3, 9, BUCKETS)
    buckets = bucket_table(3)
    out = look_up(table, buckets)
    for i in range(9):
        for j in range(9):
            assert torch.equal(out[:, :, i, j], table[:, :, i, buckets[i, j]])


def test_one_linear_feeds_every_block_and_head() -> None:
    """Outputs are laid out block by block, head by head, bucket by bucket."""
    depth, heads = 3, 2
    layer = KeypointRPE(depth, heads, SIDE)
    with torch.no_grad():
        layer.linear.weight.normal_()
        layer.linear.bias.normal_()
    tables = layer(points(2))
    weight, bias = layer.linear.weight.detach().double(), layer.linear.bias.detach().double()
    offsets = keypoint_offsets(points(2), SIDE).double()
    assert len(tables) == depth
    for d in range(depth):
        for h in range(heads):
            rows = slice((d * heads + h) * 49, (d * heads + h + 1) * 49)
            expected = torch.einsum("bnc,kc->bnk", offsets, weight[rows]) + bias[rows]
            torch.testing.assert_close(tables[d][:, h].double(), expected, atol=1e-5, rtol=1e-5)


def test_both_encodings_start_at_zero() -> None:
    assert all(not table.any() for table in KeypointRPE(2, 3, SIDE)(points(1)))
    assert not ImageRPE(3, 8)(torch.randn(1, 3, SIDE * SIDE, 8)).any()


def test_image_rpe_is_a_matrix_a_head() -> None:
    layer = ImageRPE(3, 8)
    with torch.no_grad():
        layer.weight.normal_()
    q = torch.randn(2, 3, 5, 8)
    expected = torch.stack([q[:, h] @ layer.weight[h] for h in range(3)], 1)
    torch.testing.assert_close(layer(q), expected)


def test_a_flipped_face_has_mirrored_offsets() -> None:
    """A token sees the flipped face as its mirrored twin saw the face: x negated, left and right swapped."""
    keypoints = points(2)
    seen = keypoint_offsets(keypoints, SIDE).view(2, SIDE, SIDE, 5, 2)
    mirrored = keypoint_offsets(FaceBatch(torch.zeros(2, 3, 1, 1), keypoints).mirrored().keypoints, SIDE).view(
        2, SIDE, SIDE, 5, 2
    )
    expected = seen.flip(2)[:, :, :, [1, 0, 2, 4, 3]] * torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(mirrored, expected)


@pytest.mark.parametrize("shift", [(0.1, 0.0), (0.0, -0.2)])
def test_offsets_move_with_the_keypoints(shift: tuple[float, float]) -> None:
    moved = keypoint_offsets(points(1) + torch.tensor(shift), SIDE).view(-1, 5, 2)
    still = keypoint_offsets(points(1), SIDE).view(-1, 5, 2)
    torch.testing.assert_close(still - moved, torch.tensor(shift).expand_as(still), atol=1e-6, rtol=0)
