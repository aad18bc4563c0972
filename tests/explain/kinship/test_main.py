"""The command line, end to end on two public-domain portraits and on everything a user may get wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explain import methods_for
from explain.core.measured import default_method
from explain.kinship.__main__ import main
from models.weights import available_weights, load_pair, read_sidecar

ROOT = Path(__file__).parents[3]
MODEL = "edgeface"


def run(*arguments: str | Path) -> int:
    return main([str(a) for a in arguments])


def report(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return values


@pytest.fixture(scope="module")
def same_person(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on two photos of one person, made as a user makes it: in a process of its own."""
    folder = tmp_path_factory.mktemp("cli") / "report"
    command = [sys.executable, "-m", "explain.kinship", photos / "obama.jpg", photos / "obama2.jpg", "--model", MODEL]
    done = subprocess.run([*command, "--out", folder], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(folder) in done.stdout
    return folder


def test_two_photos_in_a_report_out(same_person: Path) -> None:
    values = report(same_person)
    assert values["weight_sha256"] == read_sidecar(MODEL).sha256
    method = default_method(MODEL, methods_for(load_pair(MODEL, "cpu")))
    assert list(values["methods"]) == [method]
    raw = np.load(same_person / "maps.npz")
    assert set(raw) == {f"{method}_a", f"{method}_b"}
    assert max(raw[key].std() for key in raw) > 0
    assert Image.open(same_person / f"{method}_photo_a.png").size == (480, 600)


@pytest.mark.usefixtures("three_parts")
def test_another_person_is_less_alike(same_person: Path, photos: Path, tmp_path: Path) -> None:
    pair = (photos / "obama.jpg", photos / "biden.jpg")
    assert run(*pair, "--model", MODEL, "--method", "eigen_cam", "--out", tmp_path, "--zip") == 0
    assert tmp_path.with_suffix(".zip").exists()
    assert report(tmp_path)["score"] < report(same_person)["score"]
    assert report(tmp_path)["similarity"] < 0.3 < report(same_person)["similarity"]


def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str | Path) -> str:
    """The one line the user reads; nothing else is printed or written."""
    assert run(*arguments, "--out", tmp_path / "out") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    return printed.err


def test_bad_photos(capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path) -> None:
    good, bad = photos / "obama.jpg", tmp_path / "bad.jpg"
    assert "no file" in refused(capsys, tmp_path, good, tmp_path / "nowhere.jpg", "--model", MODEL)
    bad.write_text("not a picture")
    assert "not an image" in refused(capsys, tmp_path, good, bad, "--model", MODEL)
    bad.write_bytes(good.read_bytes()[:9000])
    assert "bad.jpg" in refused(capsys, tmp_path, good, bad, "--model", MODEL)
    Image.new("RGB", (300, 300), "teal").save(bad)
    assert "no face was found" in refused(capsys, tmp_path, bad, good, "--model", MODEL)


def test_bad_requests(capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path) -> None:
    a, b = photos / "obama.jpg", photos / "biden.jpg"
    unknown = refused(capsys, tmp_path, a, b, "--model", "nobody")
    assert "'nobody'" in unknown and ", ".join(available_weights()) in unknown
    assert "there are: grad_cam" in refused(capsys, tmp_path, a, b, "--model", MODEL, "--method", "magic")
    assert "--face-a 2 does not exist; 1 found, numbered 1." in refused(
        capsys, tmp_path, a, b, "--model", MODEL, "--face-a", "2"
    )
    assert "--face-b 0" in refused(capsys, tmp_path, a, b, "--model", MODEL, "--face-b", "0")
    layer = ("--method", "grad_cam", "--layer", "stage9.features")
    assert "stage3.features" in refused(capsys, tmp_path, a, b, "--model", MODEL, *layer)
    none = refused(capsys, tmp_path, a, b, "--model", MODEL, "--attention", "stage1.block0.attn")
    assert "no attention layer 'stage1.block0.attn'; there are: none" in none
    assert "--head 2 does not exist" in refused(capsys, tmp_path, a, b, "--model", MODEL, "--head", "2")
    assert "--query lies in [0, 1]" in refused(capsys, tmp_path, a, b, "--model", MODEL, "--query", "0.5", "2")
    assert "--threshold" in refused(capsys, tmp_path, a, b, "--model", MODEL, "--threshold", "2")


def test_a_report_that_cannot_be_written(capsys: pytest.CaptureFixture[str], photos: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file, not a folder")
    code = run(photos / "obama.jpg", photos / "biden.jpg", "--model", MODEL, "--method", "eigen_cam", "--out", taken)
    assert code == 2
    assert "taken" in capsys.readouterr().err
