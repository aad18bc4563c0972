"""The narrow head: the exact reduction where one exists, the best one else, and the least-squares answer."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.nets.vit_kprpe import VitConfig, VitKprpe
from models.operating_points import OperatingPoints
from models.registry import create_pair
from models.weights import tensors_in
from training import narrow
from training.narrow import NarrowError, least_squares, narrow_head, narrowed, reduction
from training.tools.calibration import Calibration
from training.tools.checkpoint import RESEARCH, Facts, export
from training.tools.student import Student

TINY = VitConfig("abs", dim=12, depth=1, heads=2, feature_taps=1, embed_dim=16)


def vit() -> VitKprpe:
    """Norms have seen something: their statistics are not those of a fresh network."""
    torch.manual_seed(0)
    model = VitKprpe(TINY).train()
    for _ in range(3):
        model.encode(torch.rand(16, 3, 112, 112), torch.rand(16, 5, 2))
    return model.eval().requires_grad_(False)


def tokens(n: int, places: int, channels: int) -> Tensor:
    """Correlated channels of different spread, with a mean of its own at every place."""
    rng = torch.Generator().manual_seed(1)
    mix = torch.randn(channels, channels, generator=rng) * torch.logspace(0, -1, channels)
    mean = torch.randn(places, channels, generator=rng)
    return torch.randn(n, places, channels, generator=rng) @ mix + mean


def change(weight: Tensor, of: Tensor, reduce: Tensor, row: Tensor) -> float:
    """Variance of what a reduction changes, place by place, as the docstring has it."""
    left = (of - of.mean(0)) @ reduce.T
    at_place, kept = weight.unflatten(1, of.shape[1:]), row.unflatten(1, (of.shape[1], -1))
    whole = torch.einsum("npc,dpc->npd", of - of.mean(0), at_place)
    return float((torch.einsum("npk,dpk->npd", left, kept) - whole).square().sum())


def test_a_reduction_that_loses_nothing_is_found() -> None:
    basis, rng = torch.randn(3, 8), torch.Generator().manual_seed(2)
    weight = torch.einsum("dpk,kc->dpc", torch.randn(5, 4, 3, generator=rng), basis).flatten(1)
    of = tokens(64, 4, 8)
    reduce, row = reduction(weight, of, 3)
    torch.testing.assert_close((of @ reduce.T).flatten(1) @ row.T, of.flatten(1) @ weight.T, rtol=1e-4, atol=1e-3)


def test_no_nearby_reduction_is_better() -> None:
    """Nor is the one that looks at the weight alone, or at the tokens alone."""
    weight = torch.randn(5, 4 * 8, generator=torch.Generator().manual_seed(3))
    rng = torch.Generator().manual_seed(4)
    mix = torch.randn(8, 8, generator=rng) * torch.logspace(0, -1.5, 8)
    of = torch.randn(20_000, 4, 8, generator=rng) @ mix  # places vary alike, as the rule assumes
    reduce, row = reduction(weight, of, 3)
    found = change(weight, of, reduce, row)
    for basis in (
        *(reduce + 0.05 * torch.randn(3, 8, generator=rng) * reduce.abs().mean() for _ in range(5)),
        torch.linalg.svd(weight.unflatten(1, (4, 8)).flatten(0, 1))[2][:3],
        torch.linalg.svd(of.flatten(0, 1), full_matrices=False)[2][:3],
    ):
        left = of.flatten(0, 1) @ basis.T
        whole = torch.einsum("npc,dpc->npd", of, weight.unflatten(1, (4, 8)))
        best = torch.cat([torch.linalg.lstsq(left.unflatten(0, (-1, 4))[:, p], whole[:, p])[0] for p in range(4)], 0)
        assert found < 1.01 * change(weight, of, basis, best.T)


def test_the_answer_is_the_least_squares_map() -> None:
    rng = torch.Generator().manual_seed(5)
    x, y = torch.randn(200, 6, generator=rng), torch.randn(200, 4, generator=rng)
    wanted = np.linalg.lstsq((x - x.mean(0)).numpy(), (y - y.mean(0)).numpy(), rcond=None)[0]
    np.testing.assert_allclose(least_squares(x, y, ridge=0), wanted.T, atol=1e-5)
    assert least_squares(x, y, ridge=10).norm() < least_squares(x, y).norm()


def test_all_channels_kept_but_one_that_is_silent_change_nothing() -> None:
    """With the network's own embedding as the teacher the narrow one answers alike."""
    model = vit()
    model.net.norm.weight[3], model.net.norm.bias[3] = 0, 0
    images, keypoints = torch.rand(80, 3, 112, 112), torch.rand(80, 5, 2)
    wanted, seen = model.encode(images, keypoints), model.net.tokens(images, keypoints)
    new = narrowed(model, narrow_head(model.net, seen, wanted, 11), 11, 16)
    found = new.encode(images, keypoints)
    assert new.net.feature[0].weight.shape == (12, 196 * 11)
    torch.testing.assert_close(found, wanted, rtol=1e-2, atol=2e-2 * float(wanted.std()))


@pytest.mark.parametrize("keep", [0, 12, 13])
def test_what_is_not_narrower_is_refused(keep: int) -> None:
    with pytest.raises(NarrowError, match="12 channels"):
        narrow_head(vit().net, torch.rand(4, 196, 12), torch.rand(4, 16), keep)


def test_a_narrow_head_is_not_made_narrow_again() -> None:
    model = VitKprpe(replace(TINY, token_dim=4)).eval()
    with pytest.raises(NarrowError, match="reduced already, to 4 channels"):
        narrow_head(model.net, torch.rand(4, 196, 12), torch.rand(4, 16), 3)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes what training.distill starts from, with the teacher's own length."""
    part = _lesson(monkeypatch)
    _wide_weight(tmp_path / "weights", monkeypatch)
    arguments = ["--weight", "vit_abs", "--token-dim", "6", "--data", str(tmp_path), "--out", str(tmp_path / "new")]
    monkeypatch.setattr(sys, "argv", ["narrow", *arguments])
    narrow.main()
    model = create_pair("vit_abs", token_dim=6, embed_dim=24)
    model.load_state_dict(tensors_in(tmp_path / "new" / "model.safetensors"))
    facts = json.loads((tmp_path / "new" / "model.json").read_text())
    assert facts["weight"] == "vit_abs" and len(facts["sha256"]) == 64
    faces = part.faces(np.arange(len(part)))
    with torch.no_grad():
        found = Student(model.eval(), 24)(faces.image, faces.keypoints)
    assert torch.cosine_similarity(found, part.targets(np.arange(len(part))), dim=1).mean() > 0.9  # learnt by heart


def test_another_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["narrow", "--weight", "edgeface", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="no ViT"):
        narrow.main()


def test_a_narrow_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the shipped one is."""
    _lesson(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["narrow", "--weight", "vit_abs", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="reduced already, to 48 channels"):
        narrow.main()


def _wide_weight(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained vit_abs whose tokens keep all channels, before the shipped one."""
    points = Calibration(0.5, "by hand", OperatingPoints([0.5], [0.1], [0.8], "by hand"))
    torch.manual_seed(0)
    export(create_pair("vit_abs"), "vit_abs", Facts(RESEARCH, [], points), folder=folder)
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder))


def _lesson(monkeypatch: pytest.MonkeyPatch) -> narrow.Lesson:
    from training.data.crops import Crops

    rng = np.random.default_rng(0)
    names = tuple(f"F{i:04d}/MID1/P0_face0.jpg" for i in range(12))
    image = rng.integers(0, 256, (12, 112, 112, 3), dtype=np.uint8)
    crops = Crops(names, image, rng.random((12, 5, 2)).astype(np.float32), np.ones(12, bool))
    target = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(12, 24))).float(), dim=1)
    part = narrow.Lesson((crops,), np.arange(12), target)
    monkeypatch.setattr(narrow, "lessons", lambda *_: (part, part))
    return part
