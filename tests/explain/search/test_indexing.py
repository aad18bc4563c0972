"""An index from the command line: made, asked, emptied; what cannot be used is one line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from explain import command
from explain.search.indexing import COLUMNS, OWN, main
from tests.models.search import tiny


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.stand_in(monkeypatch)
    monkeypatch.setattr(command, "detect_faces", tiny.one_face)
    for name, colour in {"red": (220, 40, 40), "=brick": (200, 60, 30), "blue": (30, 40, 220)}.items():
        tiny.paint(tmp_path / "photos" / name, colour)
    tiny.paint(tmp_path / "red again", (220, 40, 40))
    return tmp_path / "photos"


def test_an_index_is_made_asked_and_emptied(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, table, probe = photos.parent / "faces.index", photos.parent / "kin.csv", photos.parent / "red again.png"
    make = ["index", str(photos), "--out", str(folder), "--model", "kin", "--people", "who"]
    assert main(make) == 0
    told = capsys.readouterr()
    assert "3 new photos" in told.out and "3 faces of 3 people" in told.out and "biometric" in told.err
    ask = ["query", str(probe), str(photos / "red.png"), "--index", str(folder), "--csv", str(table)]
    for by in ("photo", "person"):
        assert main([*ask, "--by", by]) == 0
        rows = list(csv.DictReader(table.read_text().splitlines()))
        assert tuple(rows[0]) == COLUMNS and [r["rank"] for r in rows] == ["1", "2", ""]
        assert [r["file"] for r in rows] == ["'=brick.png", "blue.png", "red.png"] and rows[2]["note"] == OWN
        assert float(rows[0]["score"]) > float(rows[1]["score"]) and rows[2]["score"] == ""
    assert main(["remove", str(folder), "--person", rows[0]["person"]]) == 0 and main(make) == 0 and main(ask) == 0
    assert "brick" not in table.read_text()
    assert main(["remove", str(folder), "--all"]) == 0 and not folder.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["index", "nothing", "--out", "new", "--model", "kin", "--people", "none"], "There is no nothing"),
        (["query", "red again.png", "--index", "photos"], "There is no index of faces"),
        (["query", "red again.png", "--index", "photos", "--top", "0"], "--top"),
        (["query", "red again.png", "gone.png", "--index", "photos"], "error: gone.png: There is no file"),
        (["remove", "photos", "--all"], "There is no index of faces"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(photos.parent)
    assert main(words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and said in lines[0]
