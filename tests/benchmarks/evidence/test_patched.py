"""Patches in faces: where they lie, what is restored first, and the figures by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.evidence.curves import RANDOM
from benchmarks.evidence.page import PAGE, found_patches
from benchmarks.evidence.patched import (
    PATCHES,
    RESULTS,
    SHARES,
    figures,
    order_of,
    pair_record,
    patched,
    patches,
    scores,
)
from explain.core.findings import Heatmap
from models.predict import predict
from tests.explain.tiny import Planted, noise_faces, planted_faces, ready
from training.docs.text import put


class Two:
    """A pair as benchmarks.evidence.pairs.Drawn gives it."""

    def __init__(self, faces: Any, donor: Any) -> None:
        self._faces, self._donor = faces, donor

    def faces(self, _number: int) -> Any:
        return self._faces

    def same(self, _number: int) -> bool:
        return self._donor is not None

    def donor(self, _number: int) -> Any:
        return self._donor


def test_patches_lie_inside_and_are_a_seventh_of_the_side() -> None:
    mask = patches(112, np.random.default_rng(0))
    assert 16 * 16 <= mask.sum() <= PATCHES * 16 * 16 and mask.sum() > 4000
    assert patches(150, np.random.default_rng(0)).sum() > mask.sum()


def test_only_the_patches_change() -> None:
    model = ready(Planted())
    a, b = planted_faces(model)
    mask = patches(model.spec.size, np.random.default_rng(1))
    changed = patched(a, b, mask).image
    inside = torch.from_numpy(mask)
    assert torch.equal(changed[..., inside], b.image[..., inside])
    assert torch.equal(changed[..., ~inside], a.image[..., ~inside])


def heatmap(values: list[list[float]], signed: bool) -> Heatmap:
    return Heatmap(np.array(values, np.float32), 0, "m", signed, "", "")


def test_what_speaks_for_the_wrong_answer_is_restored_first() -> None:
    values = [[3.0, -5.0], [1.0, 0.0]]
    assert order_of(heatmap(values, True), 2, same=False).tolist() == [[0.0, 0.75], [0.25, 0.5]]
    assert order_of(heatmap(values, True), 2, same=True).tolist() == [[0.75, 0.0], [0.5, 0.25]]
    unsigned = [[3.0, 0.5], [1.0, 0.0]]
    assert order_of(heatmap(unsigned, False), 2, same=True).tolist() == [[0.0, 0.5], [0.25, 0.75]]


def test_scores_go_from_the_patched_face_to_its_own() -> None:
    model = ready(Planted())
    a, b = planted_faces(model)
    changed = patched(a, noise_faces(model, 2), patches(model.spec.size, np.random.default_rng(1)))
    order = np.arange(model.spec.size**2).reshape(model.spec.size, -1) / model.spec.size**2
    (found,) = scores(model, a, changed, b, [order])
    assert len(found) == len(SHARES) == 20 and SHARES[1] == pytest.approx(0.05)
    assert found[0] == pytest.approx(predict(model, changed, b).score, abs=1e-6)
    half = a.with_image(torch.where(torch.from_numpy(order < SHARES[10]), a.image, changed.image))
    assert found[10] == pytest.approx(predict(model, half, b).score, abs=1e-6)


def test_a_record_has_every_method_and_the_random_orders() -> None:
    model = ready(Planted())
    record = pair_record(model, Two(planted_faces(model), noise_faces(model, 2)), 0, ["occlusion"])  # type: ignore[arg-type]
    assert record["same"] and record["occlusion"].shape == (20,) and record[RANDOM].shape == (5, 20)


def test_areas_by_hand() -> None:
    quick = np.where(np.arange(20) < 5, 0.9, 0.1)  # a false match until a quarter is restored
    slow = np.where(np.arange(20) < 10, 0.9, 0.1)
    different = {"same": False, "m": quick, RANDOM: np.stack([slow, slow])}
    same = {"same": True, "m": 1 - quick, RANDOM: np.stack([1 - slow, 1 - slow])}
    found = figures([different, different, same, same], ["m"], 0.5)
    for rate in ("fmr", "fnmr"):
        # 5 wrong points of 20: four whole intervals and the half of one, of 19
        assert found["m"][rate]["area"] == pytest.approx(4.5 / 19)
        assert found[RANDOM][rate] == {"area": pytest.approx(9.5 / 19), "start": 1.0, "pairs": 2}
        assert found["m"][rate]["sooner"]["mean"] == pytest.approx(5 / 19)


def test_the_page_says_what_the_file_says() -> None:
    page, found = PAGE.read_text(), json.loads(RESULTS.read_text())
    assert put(page, "patched", found_patches(found)) == page, "python -m benchmarks.evidence.patched"
