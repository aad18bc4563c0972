"""Outputs are tried before the work, results are shown in any case, and any file's name can be written."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
from pathlib import Path

import pytest

from explain.kinship.__main__ import main as kinship
from explain.search import ranking
from explain.search.ranking import main as search
from models.commands import printable

EXAMPLES = Path(__file__).parents[2] / "ui" / "examples"
A, B = EXAMPLES / "obama_2012.jpg", EXAMPLES / "obama_2009.jpg"


def searched(target: Path, gallery: Path = B) -> int:
    return search([str(A), "--gallery", str(gallery), "--model", "dlib_resnet", "--csv", str(target)])


def test_the_folder_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "no" / "such" / "x.csv"
    assert searched(target) == 0
    rows = list(csv.DictReader(target.open()))
    assert [row["file"] for row in rows] == [B.name] and B.name in capsys.readouterr().out


def test_what_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def too_late(*_: object) -> None:
        raise AssertionError("the work was begun")

    monkeypatch.setattr(ranking, "load_pair", too_late)
    (tmp_path / "file").touch()
    assert searched(tmp_path / "file" / "x.csv") == 2
    assert capsys.readouterr().err.startswith("error: --csv: ")
    assert searched(tmp_path) == 2
    assert "is a folder" in capsys.readouterr().err
    assert kinship([str(A), str(B), "--out", str(tmp_path / "file" / "report")]) == 2
    assert capsys.readouterr().err.startswith("error: --out: ")


def test_the_ranking_is_shown_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ranking, "write_csv", full)
    assert searched(tmp_path / "x.csv") == 2
    said = capsys.readouterr()
    assert B.name in said.out and said.err == f"error: --csv {tmp_path / 'x.csv'}: No space left on device\n"


@pytest.mark.skipif(sys.platform != "linux", reason="names there are always Unicode")
def test_a_name_that_is_not_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = tmp_path / "gallery"
    gallery.mkdir()
    shutil.copy(B, os.fsdecode(os.fsencode(gallery) + b"/caf\xe9.jpg"))
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    assert searched(tmp_path / "x.csv", gallery) == 0
    screen.flush()
    assert r"caf\udce9.jpg" in screen.buffer.getvalue().decode("ascii")
    assert [row["file"] for row in csv.DictReader((tmp_path / "x.csv").open())] == [r"caf\udce9.jpg"]


def test_only_what_does_not_fit_is_replaced() -> None:
    assert printable("é→ a", "ascii") == r"\xe9\u2192 a"
    assert printable("é→ a", "utf-8") == "é→ a"
    assert printable("caf\udce9", "utf-8") == r"caf\udce9"
