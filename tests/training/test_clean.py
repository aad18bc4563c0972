"""Cleaning drops turned faces and images without a face, and only lists them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.faces.detect import detect_faces
from models.faces.face import Face
from models.faces.photo import open_photo
from training import clean as recipe
from training.clean import COLUMNS, TILE, Judged, clean, contact_sheet, deviation, evenly, judge, main


def face(eyes: tuple[float, float], box: tuple[float, float, float, float], confidence: float = 0.99) -> Face:
    points = np.array([[eyes[0], 40], [eyes[1], 40], [50, 60], [40, 80], [60, 80]], np.float32)
    return Face(np.zeros((100, 100, 3), np.uint8), points, np.array(box, np.float32), confidence)


@pytest.mark.parametrize(
    ("eyes", "expected"), [((35, 65), 0.0), ((25, 55), 0.125), ((45, 75), 0.125), ((15, 25), 0.375), ((60, 90), 0.3125)]
)
def test_deviation_is_the_shift_of_the_eyes_in_widths_of_the_window(eyes: tuple[float, float], expected: float) -> None:
    assert deviation(face(eyes, (10, 0, 90, 100))) == pytest.approx(expected)


def test_deviation_does_not_depend_on_place_or_size() -> None:
    small = face((20, 40), (10, 0, 60, 80))
    large = Face(small.photo, small.keypoints * 3 + 7, small.box * 3 + 7, 0.9)
    assert deviation(small) == pytest.approx(deviation(large)) == pytest.approx(0.1)


def test_an_image_without_a_face_is_dropped_at_any_ratio() -> None:
    nobody = deviation(face((35, 65), (10, 0, 90, 100), confidence=0))
    assert math.isnan(nobody)
    assert not Judged("x", nobody).kept(math.inf)
    assert Judged("x", 0.2).kept(0.2)
    assert not Judged("x", 0.21).kept(0.2)


def save_shades(folder: Path, count: int) -> None:
    """Images whose grey tells what `by_shade` says of them."""
    for i in range(count):
        path = folder / f"person{i % 2}" / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 20, 3), 10 * i, np.uint8)).save(path)


def by_shade(photo: np.ndarray) -> Face:
    """Grey 10 i -> deviation i / 20; black: no face."""
    shift = float(photo[0, 0, 0]) / 10 / 20
    return face((50 + 100 * shift - 15, 50 + 100 * shift + 15), (0, 0, 100, 100), confidence=float(shift > 0))


def kept(path: Path) -> list[str]:
    """Names in a kept.csv."""
    with path.open(newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def test_clean_writes_lists_and_sheet_and_touches_no_image(tmp_path: Path) -> None:
    source, out = tmp_path / "faces", tmp_path / "out"
    save_shades(source, 12)
    before = {p: p.read_bytes() for p in source.rglob("*.png")}
    line = clean(source, out, 0.2, by_shade)
    assert kept(out / "kept.csv") == ["person0/02.png", "person0/04.png", "person1/01.png", "person1/03.png"]
    with (out / "dropped.csv").open(newline="") as file:
        dropped = {row["image"]: row["deviation"] for row in csv.DictReader(file)}
    assert dropped == {f"person{i % 2}/{i:02d}.png": f"{i / 20:.4f}" for i in range(5, 12)} | {"person0/00.png": ""}
    assert "kept 4 of 12" in line
    assert "7 turned faces" in line
    assert "1 images without a face" in line
    assert {p: p.read_bytes() for p in source.rglob("*.png")} == before
    assert Image.open(out / "contact_sheet.png").size == (COLUMNS * TILE, 2 * (24 + TILE))


def test_sheet_shows_the_images_in_order_of_deviation(tmp_path: Path) -> None:
    save_shades(tmp_path, 6)
    names = [f"person{i % 2}/{i:02d}.png" for i in range(6)]
    rows = judge(tmp_path, names, by_shade)
    sheet = np.asarray(contact_sheet(tmp_path, rows[1:3][::-1], [rows[0], *rows[3:]], 0.1))
    middle = TILE // 2
    shown = [[int(sheet[24 + middle, middle + TILE * i, 0]) for i in range(4)]]
    shown += [[int(sheet[2 * 24 + TILE + middle, middle + TILE * i, 0]) for i in range(4)]]
    assert shown == [[10, 20, 255, 255], [30, 40, 50, 0]]


def test_evenly_spreads_over_the_whole_range() -> None:
    rows = [Judged(str(i), i / 100) for i in range(100)][::-1]
    assert [r.name for r in evenly(rows, 4)] == ["0", "33", "66", "99"]
    assert evenly([], 4) == []


def test_a_frontal_portrait_is_kept_by_the_real_detector(photos: Path) -> None:
    portrait = sorted(photos.glob("*.jpg"))[0]
    assert deviation(detect_faces(open_photo(portrait))[0]) < 0.12


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    save_shades(tmp_path / "fiw" / "train", 4)
    monkeypatch.setattr(recipe.judge, "__defaults__", (by_shade,))
    monkeypatch.setattr(recipe.clean, "__defaults__", (by_shade,))
    main(["--data", str(tmp_path), "--set", "fiw", "--ratio", "0.1", "--out", str(tmp_path / "out")])
    assert kept(tmp_path / "out" / "kept.csv") == ["person0/02.png", "person1/01.png"]
    assert "kept 2 of 4" in capsys.readouterr().out
