"""What is broken in the user's folder of weights is named, and everything goes on without it."""

from __future__ import annotations

import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

import pytest

import app
from models.weights import SHIPPED, WeightError, available_weights, find_weight, load_model, unreadable_weights
from ui.models.page import page
from ui.shared import answering

CASE = Path(__file__).parent / "cases" / "16_weights"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(answering, "sidecar", answering.sidecar.__wrapped__)
    return tmp_path


def own(folder: Path, **changes: Any) -> None:
    """A weight "mine" that is dlib_kin with fields of its sidecar changed."""
    shutil.copy(SHIPPED / "dlib_kin.safetensors", folder / "mine.safetensors")
    sidecar = json.loads((SHIPPED / "dlib_kin.json").read_text())
    (folder / "mine.json").write_text(json.dumps({**sidecar, "name": "mine", **changes}))


def passed_over(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One thing is named, in the list, on the page and in the log, and no shipped weight is lost."""
    ((_, why),) = unreadable_weights()
    assert words in why
    assert {p.stem for p in SHIPPED.glob("*.safetensors")} <= set(available_weights())
    assert "mine" not in available_weights() and "mine" not in answering.pair_weights()
    assert "Cannot be read" in page() and escape(words) in page()
    answering.log_unreadable()
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and words in said and said.startswith("warning: ")


def test_nothing_is_wrong_with_the_shipped_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(folder)
    assert unreadable_weights() == [] and "mine" in answering.pair_weights()
    answering.log_unreadable()
    assert capsys.readouterr().err == "" and "Cannot be read" not in page()


def test_a_sidecar_of_another_encoding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in CASE.iterdir():
        shutil.copy(file, folder)
    passed_over("mine.json cannot be read", capsys)
    app.build()  # the page is laid out all the same
    with pytest.raises(WeightError, match=r"mine\.json"):
        load_model("mine", "cpu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "future_net"}, "unknown model 'future_net'"),
        ({"task": "age"}, "unknown task 'age'"),
        ({"config": {"wings": 2}}, "wings"),
        ({"config": []}, "config is no dict"),
        ({"threshold": "high"}, "the threshold lies in [0, 1], found 'high'"),
        ({"notes": [1]}, "notes a list of texts"),
        ({"data": ["x"]}, "data is a list of objects"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_broken_field(folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str) -> None:
    if "threshold" in changes:
        decision = json.loads((SHIPPED / "dlib_kin.json").read_text())
        changes = {"decision": {**decision["decision"], **changes}} if "decision" in decision else changes
    own(folder, **changes)
    passed_over(words, capsys)


@pytest.mark.parametrize("keep", [0, 5, 100_000])
def test_a_file_cut_short(folder: Path, capsys: pytest.CaptureFixture[str], keep: int) -> None:
    own(folder)
    path = folder / "mine.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    passed_over("mine.safetensors is no readable .safetensors file", capsys)


def test_a_file_without_a_sidecar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(folder)
    (folder / "mine.json").unlink()
    passed_over("mine.safetensors has no sidecar mine.json", capsys)


def test_a_missing_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder / "nothing"))
    passed_over("nothing (KINSIGHT_WEIGHTS)", capsys)


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    """Nothing is written beside the weights, not even for a moment."""
    own(folder)
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path == folder else 0o444)
    before = folder.stat().st_mtime_ns
    assert unreadable_weights() == [] and "mine" in answering.pair_weights()
    assert load_model("mine", "cpu").name and "mine" in page()
    assert folder.stat().st_mtime_ns == before
    folder.chmod(0o755)


def test_a_mended_weight_is_found_again(folder: Path) -> None:
    own(folder, task="age")
    assert "mine" not in available_weights()
    own(folder)
    assert "mine" in available_weights() and find_weight("mine").parent == folder
