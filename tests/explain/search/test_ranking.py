"""The ranking as a table, and the command that prints it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from explain.search.ranking import COLUMNS, Named, main, write_csv
from models import detect_faces, load_model, open_photo, predict
from models.faces.files import Skipped
from models.gallery import Hit

EXAMPLES = Path(__file__).parents[3] / "ui" / "examples"


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_every_face_and_every_file_left_out() -> None:
    target = io.StringIO()
    entries = [Named("a, b.jpg"), Named('quote".jpg', 3), Named("line\nbreak.jpg")]
    hits = [Hit(1, 0.5, 0.75, 0.25), Hit(0, 0.25), Hit(2, -0.125)]
    write_csv(target, hits, entries, [Skipped("notes.txt", "no, photo")], "some_weight")
    rows = rows_of(target.getvalue())
    assert tuple(rows[0]) == COLUMNS
    assert [(r["rank"], r["file"], r["face"]) for r in rows] == [
        ("1", 'quote".jpg', "3"),
        ("2", "a, b.jpg", "1"),
        ("3", "line\nbreak.jpg", "1"),
        ("", "notes.txt", ""),
    ]
    assert (float(rows[0]["score"]), float(rows[0]["similarity"]), rows[1]["score"]) == (0.5, 0.5, "")
    assert rows[3]["note"] == "no, photo" and {r["model"] for r in rows} == {"some_weight"}


@pytest.mark.parametrize("name", ["=1+1.jpg", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_no_name_is_a_formula(name: str) -> None:
    target = io.StringIO()
    write_csv(target, [Hit(0, 0.1)], [Named(name)], [Skipped(name, "reason")], "w")
    assert all(r["file"].startswith("'") for r in rows_of(target.getvalue()))


def test_the_command_ranks_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery, table = tmp_path / "gallery", tmp_path / "kin.csv"
    gallery.mkdir()
    for name in ("biden_2010.jpg", "obama_2009.jpg"):
        (gallery / name).write_bytes((EXAMPLES / name).read_bytes())
    (gallery / "notes.txt").write_text("no photo")
    probe = EXAMPLES / "obama_2012.jpg"
    assert main([str(probe), "--gallery", str(gallery), "--csv", str(table)]) == 0
    rows = rows_of(table.read_text())
    assert [r["file"] for r in rows] == ["obama_2009.jpg", "biden_2010.jpg", "notes.txt"]
    a, b = (detect_faces(open_photo(p))[0] for p in (probe, gallery / "obama_2009.jpg"))
    alone = predict(load_model(), a, b)
    assert float(rows[0]["score"]) == pytest.approx(alone.score, abs=1e-5)
    assert float(rows[0]["similarity"]) == pytest.approx(alone.similarity, abs=1e-5)
    assert "obama_2009.jpg" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gallery", "model", "words"),
    [
        ("nothing-here", "dlib_kin", "There is no"),
        (".", "dlib_kin", "no face in this gallery"),
        (".", "unheard_of", "untrained"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], gallery: str, model: str, words: str
) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    arguments = [str(EXAMPLES / "obama_2012.jpg"), "--gallery", str(tmp_path / gallery), "--model", model]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said and len(said.splitlines()) == 1


def test_a_damaged_probe_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((EXAMPLES / "obama_2012.jpg").read_bytes()[:300])
    assert main([str(broken), "--gallery", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {broken}: This image file is damaged")
