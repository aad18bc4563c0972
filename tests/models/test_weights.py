"""Shipped weights are what their sidecars say, and nothing else is ever loaded."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.operating_points import CHOSE
from models.registry import create_model, entry, list_models
from models.tasks import TASKS
from models.weights import (
    SHIPPED,
    Sidecar,
    WeightError,
    available_weights,
    file_sha256,
    find_weight,
    load_model,
    read_sidecar,
)

NAMES = sorted(p.stem for p in SHIPPED.glob("*.safetensors"))
DECIDING = [name for name in NAMES if TASKS[read_sidecar(name).task].answer == "decision"]


def test_all_weights_are_soon_fetched():
    """A clone is quick: 120 MB at most."""
    assert sum(file.stat().st_size for file in SHIPPED.glob("*.safetensors")) < 120e6


def test_the_first_two_weights_are_shipped():
    assert {"dlib_resnet", "dlib_kin"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_sidecar_describes_the_file(name: str):
    sidecar = read_sidecar(name)
    assert sidecar.name == name and sidecar.model in list_models()
    assert sidecar.sha256 == file_sha256(SHIPPED / f"{name}.safetensors")
    assert sidecar.task == entry(sidecar.model).task
    assert sidecar.command.startswith("python -m training.")
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", sidecar.git_commit)
    assert sidecar.licence and {"torch", "python"} <= sidecar.versions.keys()
    assert sidecar.data and (sidecar.decision is not None) == (name in DECIDING)
    for row in sidecar.data:
        assert row["name"] and row["size"] > 0 and re.fullmatch(r"[0-9a-f]{64}", row["hash"])


@pytest.mark.parametrize("name", DECIDING)
def test_operating_points_fall_with_the_threshold(name: str):
    sidecar = read_sidecar(name)
    points = sidecar.rule.operating_points
    assert sidecar.rule.threshold_protocol
    assert points.threshold == sorted(points.threshold) and len(points.threshold) >= 50
    assert points.far == sorted(points.far, reverse=True) and points.tar == sorted(points.tar, reverse=True)
    far, tar = points.at(sidecar.rule.threshold)
    assert far < tar and points.protocol


@pytest.mark.parametrize("name", DECIDING)
def test_stored_scores_give_the_stored_rates(name: str):
    sidecar = read_sidecar(name)
    for points in (sidecar.rule.operating_points, *([sidecar.rule.tri.points] if sidecar.rule.tri else [])):
        for threshold, *rates in zip(points.threshold, points.far, points.tar, strict=True):
            assert points.at(threshold) == pytest.approx(rates, abs=1e-6)
            assert points.measured_on(threshold) == f"{points.protocol}; {CHOSE}"


def test_a_loaded_model_knows_its_threshold():
    assert load_model("edgeface_kin", "cpu").threshold == read_sidecar("edgeface_kin").rule.threshold
    assert create_model("edgeface_kin").threshold is None


@pytest.mark.parametrize("name", NAMES)
def test_metrics_belong_to_this_very_file(name: str):
    sidecar = read_sidecar(name)
    for report in sidecar.metrics.values():
        assert report["weight_sha256"] == sidecar.sha256
        low, high = report["accuracy_ci95"]
        assert 0 <= low <= report["accuracy"] <= high <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_weight_is_ready_to_answer(name: str):
    model = load_model(name, "cpu")
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert all(torch.isfinite(v).all() for v in model.state_dict().values())


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_has_its_card(name: str):
    text = (SHIPPED.parent / "docs" / "cards" / f"{name}.md").read_text()
    assert read_sidecar(name).sha256 in text and f"cards/{name}.md" in (SHIPPED / "README.md").read_text()


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a weight in the user's own folder, which goes before the shipped ones."""
    for kind in ("safetensors", "json"):
        shutil.copy(SHIPPED / f"dlib_kin.{kind}", tmp_path)
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    return tmp_path / "dlib_kin.safetensors"


def rewrite(path: Path, **changes: object) -> None:
    sidecar = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**sidecar, **changes}))


def test_the_users_weights_go_first(own: Path):
    assert find_weight("dlib_kin") == own
    assert load_model("dlib_kin", "cpu").name == "dlib_kin"
    assert "dlib_resnet" in available_weights()


@pytest.mark.parametrize("position", [0.001, 0.5, 0.999])
def test_one_altered_byte_is_refused(own: Path, position: float):
    data = bytearray(own.read_bytes())
    data[int(position * len(data))] ^= 1
    own.write_bytes(bytes(data))
    with pytest.raises(WeightError, match="sha256"):
        load_model("dlib_kin", "cpu")


def test_a_cut_file_is_refused(own: Path):
    own.write_bytes(own.read_bytes()[:-10])
    with pytest.raises(WeightError, match="sha256"):
        load_model("dlib_kin", "cpu")


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_a_weight_that_does_not_fit_is_refused(own: Path, change: str):
    tensors = load_file(own)
    key = next(k for k, v in tensors.items() if v.ndim == 2)
    if change == "missing":
        del tensors[key]
    else:
        tensors[key if change == "shape" else "one.more"] = torch.zeros(3, 3)
    save_file(tensors, own)
    rewrite(own, sha256=file_sha256(own))
    with pytest.raises(WeightError, match="does not fit"):
        load_model("dlib_kin", "cpu")


def test_a_missing_weight_is_an_error_not_a_random_network():
    with pytest.raises(WeightError, match="untrained"):
        load_model("no_such_weight", "cpu")


def test_a_weight_without_sidecar_does_not_count(own: Path):
    own.with_suffix(".json").unlink()
    assert find_weight("dlib_kin").parent == SHIPPED


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}'])
def test_an_unreadable_sidecar_is_named(own: Path, text: str):
    own.with_suffix(".json").write_text(text)
    with pytest.raises(WeightError, match=r"dlib_kin\.json"):
        read_sidecar("dlib_kin")


def test_a_sidecar_survives_its_own_json():
    sidecar = read_sidecar("dlib_kin")
    assert Sidecar.from_json(sidecar.to_json()) == sidecar
