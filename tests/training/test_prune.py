"""Hidden units taken off an S-ViT: those that others can stand for go without a change, else the best ones stay."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from timm.layers import Mlp
from torch import Tensor, nn

from models.nets.dlib_kin import DlibKin, DlibKinConfig
from models.nets.svit import Svit, SvitConfig
from models.weights import file_sha256, find_weight, read_sidecar, tensors_in
from training import prune
from training.data.crops import Crops
from training.prune import MLP, Moments, PruneError, chosen_units, layers, pruned

TINY = SvitConfig(64, (1, 1, 2, 1), (8, 16, 20, 32), (1, 2, 5, 4), embed_dim=12)


def moments(hidden: Tensor) -> tuple[Tensor, Tensor]:
    mean = hidden.mean(0)
    return mean, (hidden - mean).T @ (hidden - mean) / len(hidden)


def left_over(hidden: Tensor, weight: Tensor, units: list[int]) -> float:
    """Mean squared change of the output when it is refitted to these units by least squares."""
    centred = hidden - hidden.mean(0)
    output, kept = centred @ weight.T, centred[:, units]
    fitted = torch.linalg.lstsq(kept, output).solution
    return float((output - kept @ fitted).square().sum(1).mean())


def some_hidden(units: int = 7, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    mix = torch.randn(units, units, generator=rng, dtype=torch.float64)
    hidden = torch.randn(400, units, generator=rng, dtype=torch.float64) @ mix + 3
    return hidden, torch.randn(3, units, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(4))
def test_every_unit_is_the_one_that_leaves_least(seed: int) -> None:
    hidden, weight = some_hidden(seed=seed)
    found = chosen_units(moments(hidden)[1], weight, 4).tolist()
    for count in range(1, 5):
        others = [[*found[: count - 1], j] for j in range(7) if j not in found[: count - 1]]
        assert found[count - 1] == min(others, key=lambda units: left_over(hidden, weight, units))[-1]


def test_the_output_is_refitted_by_least_squares() -> None:
    hidden, weight = some_hidden()
    mlp = Mlp(5, 7, 3)
    mlp.requires_grad_(False)
    mlp.fc2.weight.data, mlp.fc2.bias.data = weight.float(), torch.tensor([1.0, -2, 3])
    first, last = pruned(mlp, *moments(hidden), 4)
    units = chosen_units(moments(hidden)[1], weight, 4)
    assert torch.equal(first.weight, mlp.fc1.weight[units]) and torch.equal(first.bias, mlp.fc1.bias[units])
    output = hidden @ weight.T + mlp.fc2.bias.double()
    found = hidden[:, units] @ last.weight.double().T + last.bias.double()
    torch.testing.assert_close(found.mean(0), output.mean(0), rtol=1e-4, atol=1e-4)
    least = left_over(hidden, weight, units.tolist())
    assert float((found - output).square().sum(1).mean()) == pytest.approx(least, rel=1e-3)
    worst = max(itertools.combinations(range(7), 4), key=lambda u: left_over(hidden, weight, list(u)))
    assert least < left_over(hidden, weight, list(worst))


def network() -> Svit:
    torch.manual_seed(0)
    return Svit(TINY).eval().requires_grad_(False)


def crops(n: int = 12) -> Crops:
    rng = np.random.default_rng(0)
    names = tuple(f"F{i:04d}/MID1/P0_face0.jpg" for i in range(n))
    image = rng.integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)
    return Crops(names, image, rng.random((n, 5, 2)).astype(np.float32), np.ones(n, bool))


@pytest.mark.parametrize("mlp", [Mlp(5, 7, 3), nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))])
def test_activations_are_gathered_as_they_flow(mlp: MLP) -> None:
    seen, x = Moments(mlp), torch.randn(6, 10, 5)
    for part in x.split(4):
        mlp(part)
    act = mlp.act if isinstance(mlp, Mlp) else torch.relu
    wanted = moments(act(layers(mlp)[0](x)).flatten(0, 1).double())
    for found, value in zip(seen.found(), wanted, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-7)


def smaller(*ratios: float, **config: Any) -> Svit:
    return Svit(replace(TINY, mlp_ratios=ratios, **config)).eval()


def test_units_that_others_stand_for_go_unnoticed() -> None:
    """Every second unit of stages 3 and 4 is the same as the one before it."""
    model, new, faces = network(), smaller(8, 8, 2, 2), crops()
    for stage in model.backbone.stages[2:]:
        for block in stage.blocks:
            for tensor in (block.mlp.fc1.weight, block.mlp.fc1.bias):
                tensor[1::2] = tensor[::2]
    prune.prune(model, new, faces, np.arange(12))
    batch = faces.batch(range(12))
    assert new.backbone.stages[2].blocks[1].mlp.fc1.out_features == 40
    torch.testing.assert_close(
        new.encode(batch.image, batch.keypoints), model.encode(batch.image, batch.keypoints), rtol=1e-3, atol=1e-3
    )
    assert not any(module._forward_hooks for module in model.modules())


@torch.no_grad()
def test_heads_are_pruned_as_blocks_are() -> None:
    torch.manual_seed(0)
    model, fewer = (DlibKin(DlibKinConfig(2, hidden, 8)).eval().requires_grad_(False) for hidden in (12, 6))
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (16, 150, 150, 3), dtype=np.uint8)
    names = tuple(f"F{i:04d}/MID1/P0_face0.jpg" for i in range(16))
    faces = Crops(names, image, rng.random((16, 5, 2)).astype(np.float32), np.ones(16, bool))
    for head in model.heads:
        for tensor in (head.correction[0].weight, head.correction[0].bias):
            tensor[1::2] = tensor[::2]
    prune.prune(model, fewer, faces, np.arange(16))
    batch = faces.batch(range(16))
    assert fewer.heads[1].correction[2].in_features == 6
    torch.testing.assert_close(
        fewer.encode(batch.image, batch.keypoints), model.encode(batch.image, batch.keypoints), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (smaller(8, 8, 4, 4), "no MLP"),
        (smaller(8, 8, 4, 5), "no MLP"),
        (smaller(8, 8, 2, 4, depths=(1, 1, 1, 1)), "no MLP"),
        (smaller(8, 8, 2, 4, embed_dim=13), "more than the hidden units"),
    ],
)
def test_other_networks_are_refused(wanted: Svit, words: str) -> None:
    with pytest.raises(PruneError, match=words):
        prune.prune(network(), wanted, crops(), np.arange(2))


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a run to a run, which says what it was."""
    config = {k: v for k, v in asdict(TINY).items() if k != "mlp_ratios"}
    state, out = tmp_path / "run" / "model.safetensors", tmp_path / "out"
    state.parent.mkdir()
    save_file({k: v.contiguous() for k, v in network().state_dict().items()}, state)
    facts = {"model": "svit", "held_out": 0.1, "command": "python -m training.kinship --model svit"}
    state.with_suffix(".json").write_text(json.dumps(facts))
    monkeypatch.setattr(prune, "fiw_crops", lambda *_: crops())
    given = ["--model", "svit", "--config", json.dumps(config | {"mlp_ratios": [8, 8, 2, 1]}), "--state", str(state)]
    monkeypatch.setattr(sys, "argv", ["prune", *given, "--data", str(tmp_path), "--out", str(out), "--no-export"])
    prune.main()
    assert tensors_in(out / "model.safetensors")["backbone.stages.3.blocks.0.mlp.fc2.weight"].shape == (32, 32)
    said = json.loads((out / "model.json").read_text())
    assert (
        said["held_out"] == 0.1
        and "training.kinship" in said["pruned from"]
        and file_sha256(state) in said["pruned from"]
    )


def test_a_shipped_weight_is_named_by_its_note() -> None:
    sidecar = read_sidecar("svit")
    words = prune.lineage(find_weight("svit"))
    assert words == f"{sidecar.notes[0].removeprefix('Training: ').rstrip('.')}, sha256 {sidecar.sha256}"
