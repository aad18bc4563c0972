from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models import create_model, load_model
from models.weights import OperatingPoints, Sidecar, TriOperating
from training.calibrate import Calibration
from training.cards import enter, write_cards
from training.tools import checkpoint
from training.tools.checkpoint import RESEARCH, DirtyTreeError, Facts, export, hide_data_folder

FACTS = Facts(
    RESEARCH,
    [{"name": "made up", "size": 3, "hash": "0" * 64}],
    Calibration(0.5, "by hand", OperatingPoints([0.5], [0.1], [0.8], "by hand")),
    config={"dim": 16},
    seed=7,
    notes=["a note"],
)


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["kinship_head.py", "--data", "/home/me/faces", "--seed", "7"])
    torch.manual_seed(7)
    model = create_model("dlib_kin", dim=16)
    model.logit.slope.fill_(12.345678)
    return export(model, "my_kin", FACTS, half=True, folder=tmp_path)


def test_what_is_exported_can_be_loaded(exported: Path):
    torch.manual_seed(7)
    original, loaded = create_model("dlib_kin", dim=16).state_dict(), load_model("my_kin", "cpu").state_dict()
    for key, value in original.items():
        if key != "logit.slope":
            assert torch.allclose(loaded[key], value, rtol=1e-3, atol=1e-4), key
    assert float(loaded["logit.slope"]) == pytest.approx(12.345678, abs=1e-5)  # buffers keep full precision


def test_the_sidecar_is_complete_and_names_no_private_folder(exported: Path):
    sidecar = Sidecar.from_json(exported.with_suffix(".json").read_text())
    assert (sidecar.seed, sidecar.config, sidecar.licence, sidecar.task) == (7, {"dim": 16}, RESEARCH, "kinship")
    assert (
        sidecar.command.endswith("--data data --seed 7") and "/home/me" not in exported.with_suffix(".json").read_text()
    )
    assert sidecar.versions["torch"] == torch.__version__.split("+")[0]


def test_data_folders_are_hidden_in_both_spellings():
    assert hide_data_folder(["--data", "/a/b", "--x"]) == ["--data", "data", "--x"]
    assert hide_data_folder(["--data=/a/b"]) == ["--data=data"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one committed file a folder, whose weights/ is the shipped one."""
    root = tmp_path / "repository"
    for name in ("training/x.py", "models/y.py", "tests/z.py", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1\n")
    who = ["-c", "user.name=x", "-c", "user.email=x@x"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    monkeypatch.setattr(checkpoint, "REPOSITORY", root)
    monkeypatch.setattr(checkpoint, "SHIPPED", root / "weights")
    monkeypatch.delenv(checkpoint.OVERRIDE, raising=False)
    return root


def shipped(folder: Path) -> Sidecar:
    path = export(create_model("dlib_kin", dim=16), "my_kin", FACTS, folder=folder)
    return Sidecar.from_json(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("name", ["training/x.py", "models/y.py"])
def test_uncommitted_code_is_not_exported_into_weights(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    (repository / name).write_text("2\n")
    with pytest.raises(DirtyTreeError, match=name):
        shipped(repository / "weights")
    assert not (repository / "weights").exists()
    elsewhere = shipped(tmp_path / "elsewhere")
    assert elsewhere.git_commit.endswith("-dirty") and elsewhere.notes == FACTS.notes
    monkeypatch.setenv(checkpoint.OVERRIDE, "1")
    forced = shipped(repository / "weights")
    assert forced.git_commit.endswith("-dirty")
    assert "KINSIGHT_EXPORT_DIRTY=1" in forced.notes[-1] and name in forced.notes[-1]


def test_committed_code_is_exported(repository: Path):
    for name in ("tests/z.py", "README.md", "training/untracked.py"):  # the last one is imported by nobody
        (repository / name).write_text("2\n")
    clean = shipped(repository / "weights")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    assert clean.git_commit == head.stdout.strip() and clean.notes == FACTS.notes


def test_cards_are_made_of_sidecars(exported: Path):
    text = write_cards(exported.parent).read_text()
    assert "## my_kin" in text and "a note" in text and "FAR 0.1000, TAR 0.8000" in text and "seed 7" in text


def test_a_report_enters_only_the_weight_it_measured(exported: Path):
    sha = json.loads(exported.with_suffix(".json").read_text())["sha256"]
    report = {
        "task": "kinship",
        "weight": "my_kin",
        "weight_sha256": sha,
        "accuracy": 0.7,
        "accuracy_ci95": [0.6, 0.8],
        "auc": 0.75,
        "tar": {"0.01": 0.1},
        "protocol": "by hand",
        "undetected_images": ["a.jpg"],
    }
    enter(report, exported.parent)
    assert "accuracy 0.7000 (95 % 0.6000 to 0.8000)" in write_cards(exported.parent).read_text()
    assert "a.jpg" not in exported.with_suffix(".json").read_text()
    with pytest.raises(ValueError, match="another"):
        enter({**report, "weight_sha256": "0" * 64}, exported.parent)


def test_results_are_a_table_a_task_with_published_rows(exported: Path):
    sha = json.loads(exported.with_suffix(".json").read_text())["sha256"]
    report = {
        "task": "search",
        "weight": "my_kin",
        "weight_sha256": sha,
        "accuracy": 0.4,
        "accuracy_ci95": [0.3, 0.5],
        "map": 0.0812,
        "map_ci95": [0.07, 0.09],
        "rank5": 0.4,
        "rank5_ci95": [0.3, 0.5],
        "auc": 0.75,
        "tar": {"0.01": 0.1},
        "protocol": "by hand",
        "published": {"rows": {"somebody": {"mAP": 0.9}}},
        "breakdown": {"pair score": {"map": 0.0934, "rank5": 0.45}},
    }
    assert "## Results" not in write_cards(exported.parent).read_text()
    enter(report, exported.parent)
    text = write_cards(exported.parent).read_text()
    assert "## Results: search" in text and "somebody" not in text
    assert "|  | mAP | rank@5 | mAP, pair score | rank@5, pair score |" in text
    assert "| my_kin | 0.081 (0.070-0.090) | 0.400 (0.300-0.500) | 0.093 | 0.450 |" in text
    assert "| S-ViT (published) | 0.070 | 0.340 |  |  |" in text and "mAP 0.0812 (95 % 0.0700 to 0.0900)" in text


def test_triplets_stand_on_the_card(exported: Path):
    path = exported.with_suffix(".json")
    sidecar = Sidecar.from_json(path.read_text())
    operating = TriOperating(1.5, 0.1, 0.47, OperatingPoints([0.5], [0.2], [0.7], "by hand"), "how it was chosen")
    path.write_text(dataclasses.replace(sidecar, tri=operating).to_json())
    text = write_cards(exported.parent).read_text()
    assert "threshold 0.47 on the score of the three, there FAR 0.2000, TAR 0.7000: how it was chosen" in text
