"""The expression recipe: it starts from an encoder, learns, goes on bit for bit, and ships calibrated shares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file

from models import create_model, load_model
from models.expressions import EXPRESSIONS
from models.nets.expression import Expression
from models.weights import SHIPPED, read_sidecar
from tests.training.voted import write_ferplus
from training.evaluate.ferplus import ferplus
from training.expression import AUGMENT, Settings, faces_of, fit
from training.studies import expression_arms
from training.tools import checkpoint
from training.tools.expression_export import calibrate, fit_factor, ship
from training.tools.expression_start import begin
from training.tools.loop import Run, make_accelerator, read_log
from training.tools.voted_faces import HIDDEN, draw_patches, labels_of, logits_of, patched
from training.tools.warm_start import StartError

HOW = Settings(epochs=2, batch=8, lr=1e-3, warmup=4, patience=9)
SMALL = {"trunk": "ir18"}


pytestmark = pytest.mark.usefixtures("own_cache")


def trained(root: Path, folder: Path, how: Settings, **facts: str) -> Expression:
    torch.manual_seed(0)
    model = create_model("expression", **SMALL)
    assert isinstance(model, Expression)
    train, held = (faces_of(root, part, False) for part in ("train", "valid"))
    fit(model, train, held, how, Run(folder, make_accelerator("no"), how.seed), facts)
    return model


def test_it_learns_and_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.expression.AUGMENT", replace(AUGMENT, shift=0, scale=1, degrees=0, flip=0, erase=0))
    monkeypatch.setattr("training.tools.expression_export.write_cards", lambda _: None)
    monkeypatch.setattr(checkpoint, "check_tree", lambda _: [])
    write_ferplus(tmp_path)
    run = tmp_path / "run"
    trained(tmp_path, run, replace(HOW, epochs=12, head_rate=1.0), config=json.dumps(SMALL))
    rows = [row for row in read_log(run / "log.jsonl") if "loss" in row]
    assert rows[-1]["votes"] < 0.5 * rows[0]["votes"]
    model = create_model("expression", **SMALL)
    assert isinstance(model, Expression)
    held = faces_of(tmp_path, "valid", False)
    path = ship(model, SMALL, run / "model.safetensors", held, tmp_path, 0, folder=tmp_path / "out")
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(path.parent))
    monkeypatch.setattr("models.weights.SHIPPED", tmp_path / "none")
    sidecar, loaded = read_sidecar("expression"), load_model("expression", "cpu")
    assert sidecar.decision is None and sidecar.task == "expression"
    assert [row["size"] for row in sidecar.data] == [16, 16]
    assert isinstance(loaded, Expression)
    report = ferplus(loaded, tmp_path)
    assert report["accuracy"] > 0.9 and report["faces"] == 16 and sum(map(sum, report["confusion"])) == 16
    assert 0 <= report["ece"] < 0.3 and report["kl"] < 0.5


def test_one_epoch_and_another_are_two(tmp_path: Path) -> None:
    write_ferplus(tmp_path)
    whole = trained(tmp_path, tmp_path / "whole", HOW)
    for epochs in (1, 2):
        AcceleratorState._reset_state(reset_partial_state=True)
        parts = trained(tmp_path, tmp_path / "parts", replace(HOW, epochs=epochs, decay=1e-9))
    AcceleratorState._reset_state(reset_partial_state=True)
    flat = trained(tmp_path, tmp_path / "flat", replace(HOW, decay=1e-9))
    for name, value in flat.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
    assert not torch.equal(whole.state_dict()["head.weight"], flat.state_dict()["head.weight"])


def test_an_encoder_is_the_start() -> None:
    state = load_file(SHIPPED / "edgeface.safetensors")
    model = create_model("expression")
    assert isinstance(model, Expression)
    begin(model, {k: v.float() for k, v in state.items()})
    own = model.state_dict()
    assert torch.equal(own["trunk.stem.0.weight"], state["trunk.stem.0.weight"].float())
    assert torch.equal(own["norm.weight"], state["trunk.head.norm.weight"].float())
    again = create_model("expression")
    assert isinstance(again, Expression)
    begin(again, {k: 2 * v for k, v in own.items()})
    assert torch.equal(again.state_dict()["head.weight"], 2 * own["head.weight"])
    other = create_model("expression", trunk="ir18")
    assert isinstance(other, Expression)
    with pytest.raises(StartError, match="do not fit the trunk ir18: missing"):
        begin(other, state)


def test_factors_are_those_of_the_least_cross_entropy() -> None:
    logits = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    assert fit_factor(logits, (1.7 * logits).softmax(1)) == pytest.approx(1.7, abs=1e-3)
    labels = torch.multinomial((2.5 * logits).softmax(1), 1, generator=torch.Generator().manual_seed(1))[:, 0]
    factors = np.linspace(1.5, 3.5, 201)
    losses = [float(torch.nn.functional.cross_entropy(f * logits, labels)) for f in factors]
    assert fit_factor(logits, labels) == pytest.approx(float(factors[int(np.argmin(losses))]), abs=0.02)


def test_calibration_sets_both_temperatures(tmp_path: Path) -> None:
    write_ferplus(tmp_path)
    torch.manual_seed(0)
    model = create_model("expression", **SMALL).eval()
    assert isinstance(model, Expression)
    held = faces_of(tmp_path, "valid", False)
    raw, _ = logits_of(model, held.crops)
    calibrate(model, held)
    after, _ = logits_of(model, held.crops)
    torch.testing.assert_close(after, raw / model.temperature)
    assert float(1 / model.temperature) == pytest.approx(fit_factor(raw, held.shares), rel=1e-4)
    assert float(model.sharpening) == pytest.approx(fit_factor(after, held.shares.argmax(1)), rel=1e-3)


def test_patches_hide_places_and_nothing_else() -> None:
    hidden = draw_patches(64, 0.5, torch.Generator().manual_seed(0))
    on = hidden.flatten(1).any(1)
    assert 0.3 < on.float().mean() < 0.7
    assert hidden[on].float().mean().item() == pytest.approx(HIDDEN, abs=0.04)
    image = torch.rand(64, 3, 96, 96)
    found = patched(image, hidden)
    covered = hidden.repeat_interleave(12, 2).repeat_interleave(12, 3).expand(-1, 3, -1, -1)
    assert torch.equal(found[~covered], image[~covered])
    mean = image.mean((1, 2, 3)).view(-1, 1, 1, 1).expand_as(image)
    torch.testing.assert_close(found[covered], mean[covered])
    assert len(EXPRESSIONS) == 8


def test_labels_are_votes_the_leading_class_or_drawn() -> None:
    shares = torch.tensor([[0.5, 0.3, 0.2, 0, 0, 0, 0, 0]]).expand(4000, -1)
    drawn = labels_of(shares, "drawn", torch.Generator().manual_seed(0))
    assert torch.equal(labels_of(shares, "votes", torch.Generator()), shares)
    assert (labels_of(shares, "majority", torch.Generator()).mean(0) == torch.eye(8)[0]).all()
    assert set(drawn.unique().tolist()) == {0, 1} and (drawn.sum(1) == 1).all()
    torch.testing.assert_close(drawn.mean(0), shares[0], atol=0.03, rtol=0)


def test_some_faces_keep_their_labels(tmp_path: Path) -> None:
    write_ferplus(tmp_path)
    faces = faces_of(tmp_path, "train", False)
    few = faces.some(5, 0)
    assert len(few.crops) == 5 and few.crops.names != faces.some(5, 1).crops.names
    for row, name in enumerate(few.crops.names):
        assert torch.equal(few.shares[row], faces.shares[faces.crops.row[name]])
        assert np.array_equal(few.crops.image[row], faces.crops.image[faces.crops.row[name]])


def test_arms_differ_in_one_thing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = [(dict(arm.config), dict(arm.how), arm.start) for arm in expression_arms.ARMS.values()]
    assert len({json.dumps(c) for c in changed}) == len(changed)
    for name, (config, how, start) in zip(expression_arms.ARMS, changed, strict=True):
        extra = {"head_rate": 1.0} if name == "graph over labels" else {}  # it diverges at the rate of the others
        assert bool(config) + (how != extra) + (start == "") <= 1, name
    calls = []

    def run(name: str, seed: int, *_: object) -> dict[str, float]:
        calls.append((name, seed))
        return dict.fromkeys(expression_arms.FIGURES, 0.5 + seed)

    monkeypatch.setattr(expression_arms, "run_arm", run)
    monkeypatch.setattr(expression_arms, "faces_of", lambda *_, **__: None)
    write_ferplus(tmp_path)
    names, target = ["votes (base)", "masked patches"], tmp_path / "arms.json"
    for seeds in (1, 2, 2):
        report = expression_arms.studied(names, seeds, tmp_path / "runs", tmp_path, target)
    assert calls == [(name, seed) for seed in (0, 1) for name in names]
    assert [row["mean"]["accuracy"] for row in report["rows"]] == [1, 1]
    assert json.loads(target.read_text()) == report
