"""Tensors that a weight reads from another one: left out when written, there when loaded, refused when they changed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models import create_model
from models.nets.svit_guide import PREFIX
from models.pair import PairModel
from models.weights import SHIPPED, WeightError, load_model, read_sidecar, read_tensors
from training.calibrate import Calibration, operating_points
from training.tools.checkpoint import RESEARCH, Facts, borrowed, export

SMALL = {"guide": True, "depths": (1, 1, 1, 1), "dims": (16, 16, 16, 16), "heads": (1, 1, 1, 1)}


def guided() -> PairModel:
    """A small S-ViT with the guide's encoder as it is shipped."""
    torch.manual_seed(0)
    model = create_model("svit", **SMALL)
    encoder = read_tensors(SHIPPED / "dlib_resnet.safetensors")
    state = {PREFIX + k: v for k, v in encoder.items() if k.startswith("trunk.")}
    model.load_state_dict({**model.state_dict(), **state})
    return model.eval()


def facts() -> Facts:
    scores, same = torch.linspace(0, 1, 200).numpy(), torch.arange(200).numpy() >= 100
    return Facts(RESEARCH, [], Calibration(0.5, "test", operating_points(scores, same, "test")), config=SMALL)


def write(model: PairModel, folder: Path) -> Path:
    return export(model, "svit", facts(), folder=folder)


def test_what_another_weight_has_is_not_stored_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = guided()
    path = write(model, tmp_path)
    assert not any(name.startswith(PREFIX + "trunk.") for name in load_file(path))
    assert [loan.weight for loan in read_sidecar_in(tmp_path, monkeypatch).loans] == ["dlib_resnet"]
    again = load_model("svit", "cpu").state_dict()
    assert all(torch.equal(value, again[name]) for name, value in model.state_dict().items())


def test_a_tensor_that_was_trained_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = guided()
    with torch.no_grad():
        next(p for n, p in model.named_parameters() if n.startswith(PREFIX + "trunk.")).add_(1e-3)
    path = write(model, tmp_path)
    assert any(name.startswith(PREFIX + "trunk.") for name in load_file(path))
    assert not read_sidecar_in(tmp_path, monkeypatch).loans


def test_facor_reads_a_trunk_that_was_kept_and_stores_one_that_was_trained():
    siamese, model = load_model("siamese_ir", "cpu"), create_model("facor")
    model.load_state_dict({**model.state_dict(), **{k: v for k, v in siamese.state_dict().items() if "trunk" in k}})
    assert [(loan.prefix, loan.weight) for loan in borrowed(model, "facor")] == [("trunk.", "siamese_ir")]
    with torch.no_grad():
        model.get_buffer("trunk.bn1.running_mean").add_(1e-3)
    assert not borrowed(model, "facor")


def test_a_weight_never_reads_from_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    model = create_model("ir18_none", width=16, dim=8)
    for _ in range(2):  # the second time its own former file has the same fc
        assert export(model, "ir18_none", replace(facts(), config={"width": 16, "dim": 8}), folder=tmp_path)
        assert not read_sidecar("ir18_none").loans
    assert [loan.prefix for loan in borrowed(model, "siamese_ir")] == ["trunk.fc."]


def test_the_lender_must_be_the_file_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(guided(), tmp_path)
    text, lender = path.with_suffix(".json").read_text(), read_sidecar("dlib_resnet").sha256
    path.with_suffix(".json").write_text(text.replace(lender, "0" * 64))
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightError, match="from dlib_resnet"):
        load_model("svit", "cpu")


def test_a_users_own_lender_does_not_hide_the_right_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(guided(), tmp_path)
    for kind in ("safetensors", "json"):  # another weight under the lender's name
        shutil.copy(SHIPPED / f"dlib_kin.{kind}", tmp_path / f"dlib_resnet.{kind}")
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    assert load_model("svit", "cpu").name == "svit"


def read_sidecar_in(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder))
    return read_sidecar("svit")
