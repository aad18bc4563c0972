from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from models import create_model, load_model
from models.weights import OperatingPoints, Sidecar
from training.tools import checkpoint
from training.tools.calibration import Calibration
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
    assert hide_data_folder(["--seed", "1", "--export-only"]) == ["--seed", "1"]


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
