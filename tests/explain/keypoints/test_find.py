"""Offsets: they are the tensor the network added, they follow the published equation, and zero is zero."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from explain.keypoints.find import SWEEPS, follow, shared_limit, sweep, sweep_values
from explain.keypoints.findings import Offsets, Sweep
from models import Face, FaceBatch, detect_faces, open_photo
from models.faces.affine import Move, moved
from models.nets.vit_kprpe import VitConfig, VitKprpe

TINY = {"dim": 24, "depth": 4, "heads": 3, "embed_dim": 16}


def build(position: str, std: float = 0.5) -> VitKprpe:
    torch.manual_seed(0)
    model = VitKprpe(VitConfig(position, **TINY)).eval().requires_grad_(False)  # type: ignore[arg-type]
    for name, parameter in model.net.named_parameters():
        if "rpe" in name:
            parameter.normal_(std=std, generator=torch.Generator().manual_seed(1))
    return model


@pytest.fixture(scope="module")
def face(photos: Path) -> Face:
    return detect_faces(open_photo(photos / "obama.jpg"))[0]


@pytest.fixture(scope="module")
def crops(face: Face) -> tuple[FaceBatch, FaceBatch]:
    spec = build("abs").spec
    return moved(face, spec, Move()), moved(face, spec, Move(rotation=25, scale=0.9))


def steps(distance: np.ndarray) -> np.ndarray:
    """iRPE Eq. 18 (alpha 1.9, beta 3.8, gamma 15.2), by hand: 0, 1, 2, 2, 3, 3..."""
    size = np.abs(distance)
    return (np.sign(distance) * np.select([size <= 1, size <= 3], [size, 2], 3)).astype(int)


def test_kprpe_equals_the_published_equation(crops: tuple[FaceBatch, FaceBatch]) -> None:
    model = build("kprpe")
    found = follow(model, *crops)
    weight, bias = (p.double().numpy() for p in model.net.rpe.linear.parameters())  # type: ignore[union-attr]
    y, x = (v.ravel() for v in np.mgrid[:14, :14].astype(float))
    bucket = (steps(y[:, None] - y) + 3) * 7 + steps(x[:, None] - x) + 3
    for row, crop in enumerate(crops):
        points = crop.keypoints[0].double().numpy()
        tokens = (np.stack([x, y], 1) + 0.5) / 14
        seen = (tokens[:, None] - points).reshape(196, 10)
        for d in range(4):
            offsets = found.offsets[f"block{d}.rpe_bias"][row]
            for h in range(3):
                rows = slice((d * 3 + h) * 49, (d * 3 + h + 1) * 49)
                table = seen @ weight[rows].T + bias[rows]
                expected = np.take_along_axis(table, bucket, 1)
                np.testing.assert_allclose(offsets.values[h], expected, atol=1e-5)


@pytest.mark.parametrize("position", ["irpe", "kprpe"])
def test_the_offsets_are_what_turned_the_attention(position: str, crops: tuple[FaceBatch, FaceBatch]) -> None:
    """In the first block the tokens do not depend on offsets: attention with them = softmax(log without + offset)."""
    model = build(position)
    found, off = follow(model, *crops), follow(model.without_offsets(), *crops)
    plain = off.attention["block0.attn"].weights.astype(np.float64)
    logits = np.log(plain) + found.offsets["block0.rpe_bias"][1].values
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(found.attention["block0.attn"].weights, expected, atol=1e-6)
    assert np.abs(expected - plain).max() > 1e-3
    assert off.offsets == {}


@pytest.mark.parametrize("position", ["irpe", "kprpe"])
@pytest.mark.parametrize("block", [0, 3])
def test_a_change_at_the_tap_changes_the_answer(
    position: str, block: int, crops: tuple[FaceBatch, FaceBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(position)
    before = follow(model, *crops)
    tap = model.net.blocks[block].attn.offset_tap
    real: Callable[[torch.Tensor], torch.Tensor] = tap.forward
    change = torch.randn(196, 196, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(tap, "forward", lambda bias: real(bias + 3 * change))
    after = follow(model, *crops)
    name = f"block{block}.rpe_bias"
    changed = before.offsets[name][1].values + 3 * change.numpy()
    np.testing.assert_allclose(after.offsets[name][1].values, changed, atol=1e-5)
    assert abs(after.similarity - before.similarity) > 1e-5


@pytest.mark.parametrize("position", ["irpe", "kprpe"])
def test_zero_initialised_offsets_are_zero(position: str, crops: tuple[FaceBatch, FaceBatch]) -> None:
    found, plain = follow(build(position, std=0), *crops), follow(build("abs"), *crops)
    assert len(found.offsets) == 4
    assert all(not o.values.any() for pair in found.offsets.values() for o in pair)
    assert found.similarity == plain.similarity
    assert shared_limit([o.mean() for pair in found.offsets.values() for o in pair]) == 1e-6


def test_kprpe_follows_moved_keypoints_over_the_same_pixels(crops: tuple[FaceBatch, FaceBatch]) -> None:
    still, _ = crops
    elsewhere = dataclasses.replace(still, keypoints=still.keypoints + 0.1)
    found = follow(build("kprpe"), still, elsewhere).offsets["block2.rpe_bias"]
    assert not np.array_equal(found[0].values, found[1].values)
    irpe = follow(build("irpe"), still, elsewhere)
    np.testing.assert_array_equal(*(o.values for o in irpe.offsets["block2.rpe_bias"]))
    assert irpe.similarity == pytest.approx(1, abs=1e-6)


def test_reading_one_query() -> None:
    values = np.arange(2 * 4 * 4, dtype=np.float32).reshape(2, 4, 4)
    offsets = Offsets(values, (2, 2), "block0.rpe_bias")
    np.testing.assert_array_equal(offsets.from_query(1, 0, 1), [[24, 25], [26, 27]])
    np.testing.assert_array_equal(offsets.from_query(0, 1), (values[0, 1] + values[1, 1]).reshape(2, 2) / 2)
    for bad in ((2, 0, None), (0, -1, None), (0, 0, 2)):
        with pytest.raises(ValueError, match=r"outside|head"):
            offsets.from_query(*bad)
    for broken in (values.astype(np.float64), values[0], np.full_like(values, np.nan)):
        with pytest.raises(ValueError, match="offsets"):
            Offsets(broken, (2, 2), "block0.rpe_bias")


@pytest.mark.parametrize("what", SWEEPS)
def test_a_sweep_passes_through_the_aligned_face(what: str, face: Face) -> None:
    models = {"kprpe": build("kprpe"), "abs": build("abs")}
    found = sweep(models, face, what, steps=5)
    assert found.values[0] == np.float32(SWEEPS[what][0]) and found.values[-1] == np.float32(SWEEPS[what][1])
    for name, model in models.items():
        assert found.similarity[name][2] == pytest.approx(1, abs=1e-5) and found.similarity[name][0] < 1 - 1e-6
        move = dataclasses.replace(Move(), **{what: float(found.values[0])})
        alone = follow(model, moved(face, model.spec, Move()), moved(face, model.spec, move)).similarity
        assert found.similarity[name][0] == pytest.approx(alone, abs=1e-5)


def test_sweeps_that_make_no_sense() -> None:
    assert sweep_values("scale", 13)[6] == 1 and sweep_values("scale")[4] == 1 and len(sweep_values("scale")) == 9
    with pytest.raises(ValueError, match="no sweep"):
        sweep_values("shear")
    with pytest.raises(ValueError, match="ascend"):
        Sweep("scale", np.array([1, 1], np.float32), {})
    with pytest.raises(ValueError, match="similarities"):
        Sweep("scale", np.array([1, 2], np.float32), {"a": np.zeros(3, np.float32)})


def test_one_face_at_a_time(crops: tuple[FaceBatch, FaceBatch]) -> None:
    with pytest.raises(ValueError, match="batches of one"):
        follow(build("abs"), FaceBatch.cat(list(crops)), crops[0])
