"""Tensors that a weight reads from another one: left out when written, there when loaded, refused when they changed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models import create_model
from models.nets.ir_resnet import IRResNet
from models.nets.svit_guide import PREFIX, with_guide
from models.pair import PairModel
from models.weights import (
    SHIPPED,
    WeightError,
    available_weights,
    load_model,
    read_sidecar,
    read_tensors,
    unreadable_weights,
)
from training.tools.calibration import Calibration, operating_points
from training.tools.checkpoint import RESEARCH, Facts, borrowed, export

LENT = (f"{PREFIX}trunk.stem.", f"{PREFIX}trunk.stages.")
SMALL = {"guide": True, "depths": (1, 1, 1, 1), "dims": (16, 16, 16, 16), "heads": (1, 1, 1, 1)}


def guided() -> PairModel:
    """A small S-ViT with the guide's encoder as it is shipped."""
    torch.manual_seed(0)
    model = create_model("svit", **SMALL)
    model.load_state_dict(with_guide(model.state_dict(), read_tensors(SHIPPED / "edgeface_kin.safetensors")))
    return model.eval()


def facts() -> Facts:
    scores, same = torch.linspace(0, 1, 200).numpy(), torch.arange(200).numpy() >= 100
    return Facts(RESEARCH, [], Calibration(0.5, "test", operating_points(scores, same, "test")), config=SMALL)


def write(model: PairModel, folder: Path) -> Path:
    return export(model, "svit", facts(), folder=folder)


def test_what_another_weight_has_is_not_stored_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = guided()
    path = write(model, tmp_path)
    assert not any(name.startswith(LENT) for name in load_file(path))
    loans = read_sidecar_in(tmp_path, monkeypatch).loans
    assert [(loan.prefix, loan.weight) for loan in loans] == [(prefix, "edgeface_kin") for prefix in LENT]
    again = load_model("svit", "cpu").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in model.state_dict().items())


def test_a_tensor_that_was_trained_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = guided()
    with torch.no_grad():
        next(p for n, p in model.named_parameters() if n.startswith(LENT[0])).add_(1e-3)
    path = write(model, tmp_path)
    assert {n for n in load_file(path) if n.startswith(LENT)} == {
        n for n in model.state_dict() if n.startswith(LENT[0])
    }
    assert [loan.prefix for loan in read_sidecar_in(tmp_path, monkeypatch).loans] == [LENT[1]]


def test_a_weight_never_reads_from_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(IRResNet, "lenders", {"trunk.fc.": ("ir18_none", "trunk.fc.")})
    model = create_model("ir18_none", width=16, dim=8)
    for _ in range(2):  # the second time its own former file has the same fc
        assert export(model, "ir18_none", replace(facts(), config={"width": 16, "dim": 8}), folder=tmp_path)
        assert not read_sidecar("ir18_none").loans
    assert [loan.prefix for loan in borrowed(model, "siamese_ir")] == ["trunk.fc."]


def test_the_lender_must_be_the_file_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(guided(), tmp_path)
    text, lender = path.with_suffix(".json").read_text(), read_sidecar("edgeface_kin").sha256
    path.with_suffix(".json").write_text(text.replace(lender, "0" * 64))
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightError, match="from edgeface_kin"):
        load_model("svit", "cpu")


def test_a_users_own_lender_does_not_hide_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(guided(), tmp_path)
    for kind in ("safetensors", "json"):  # another weight under the lender's name
        shutil.copy(SHIPPED / f"dlib_kin.{kind}", tmp_path / f"edgeface_kin.{kind}")
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    assert load_model("svit", "cpu").name == "svit"


def read_sidecar_in(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder))
    return read_sidecar("svit")


def test_what_cannot_borrow_is_passed_over_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shelf = tmp_path / "weights"
    shelf.mkdir()
    for name in ("dlib_kin", "edgeface_kin", "kin_joined"):
        for kind in ("safetensors", "json"):
            shutil.copy(SHIPPED / f"{name}.{kind}", shelf / f"{name}.{kind}")
    monkeypatch.setattr("models.weights.SHIPPED", shelf)
    assert available_weights() == ["edgeface_kin"]
    whys = {path.stem: why for path, why in unreadable_weights()}
    assert "reads trunk.* from dlib_resnet" in whys["dlib_kin"] and "not found" in whys["kin_joined"]
    for name in ("dlib_resnet", "edgeface"):  # they come back while the app runs
        for kind in ("safetensors", "json"):
            shutil.copy(SHIPPED / f"{name}.{kind}", shelf / f"{name}.{kind}")
    assert len(available_weights()) == 5 and not unreadable_weights()
