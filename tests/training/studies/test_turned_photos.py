"""The study of turned photos: what counts as found, said, or wrong in silence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models import Face, detect_faces, open_photo
from models.faces import turned
from training.studies import turned_photos as study

EXAMPLES = Path(__file__).parents[3] / "ui" / "examples"


@pytest.fixture(scope="module")
def face() -> Face:
    return detect_faces(open_photo(EXAMPLES / "hopper_1984.jpg"))[0]


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_same_face_in_the_turned_photo_is_right(face: Face, quarters: int):
    assert study.outcome(face, quarters)[0] == study.RIGHT


def moved(face: Face, photo: np.ndarray, confidence: float) -> Face:
    """An upright face in the middle of any photo: wrong in a turned one."""
    return Face(photo, face.keypoints, face.box, confidence)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [((), study.NOTHING), ((0.9,), study.WARNED), ((0.999,), study.SILENT)],
)
def test_a_wrong_face_is_silent_unless_something_is_said(
    face: Face, found: tuple[float, ...], wanted: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(study, "detect_faces", lambda photo: [moved(face, photo, c) for c in found])
    assert study.outcome(face, 2)[0] == wanted


def test_five_per_cent_of_the_eye_distance_is_near(face: Face, monkeypatch: pytest.MonkeyPatch):
    """The turned photo of half a turn, with keypoints turned by hand and moved."""
    height, width = face.photo.shape[:2]
    there = np.array([width - 1, height - 1]) - face.keypoints
    eyes = float(np.linalg.norm(face.keypoints[1] - face.keypoints[0]))
    for off, wanted in ((0.04, study.RIGHT), (0.06, study.WARNED)):  # upside down: "turned by about 180"
        points = (there + np.array([off * eyes, 0])).astype(np.float32)
        monkeypatch.setattr(study, "detect_faces", lambda p, points=points: [Face(p, points, face.box, 1.0)])
        assert study.outcome(face, 2)[0] == wanted


def test_a_stricter_warning_catches_more_and_alarms_more(face: Face):
    upright = [moved(face, face.photo, c) for c in (0.98, 0.992, 0.9999)]
    table = np.array([[study.SILENT, study.RIGHT, study.SILENT]])
    sure = np.array([[0.992, 0.992, 0.9999]])
    assert study.stricter(0.99, upright, table, sure) == {"upright warned": 1, study.SILENT: 2}
    assert study.stricter(0.995, upright, table, sure) == {"upright warned": 2, study.SILENT: 1}


def test_an_interval_of_a_share():
    assert study.wilson(0, 120) == pytest.approx([0, 0.031], abs=1e-3)
    assert study.wilson(60, 120) == pytest.approx([0.412, 0.588], abs=1e-3)


def test_the_draw_has_each_person_once_and_follows_the_seed(tmp_path: Path):
    for person in range(6):
        for photo in range(3):
            path = tmp_path / str(person) / f"{photo}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.touch()
    first = study.drawn(tmp_path, 4, 7)
    assert len({p.parent for p in first}) == 4 and first == study.drawn(tmp_path, 4, 7)
    assert first != study.drawn(tmp_path, 4, 8) and len(study.drawn(tmp_path, 50, 7)) == 6


def test_the_command_writes_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for folder, side in (("celeba/1", 160), ("fiw/train/F0001/MID1", 112)):
        (tmp_path / folder).mkdir(parents=True)
        portrait = Image.open(EXAMPLES / "hopper_1984.jpg").crop((100, 20, 460, 380)).resize((side, side))
        portrait.save(tmp_path / folder / "a.jpg", quality=95)
    study.main(["--data", str(tmp_path), "--json", str(tmp_path / "x.json"), "--photos", "2"])
    report = json.loads((tmp_path / "x.json").read_text())
    for row in report["sets"].values():
        assert row["photos"] == row["upright"]["found"] == 1 and sum(row["turned"].values()) == 3
        assert row["share_right"] == row["turned"][study.RIGHT] / 3
    assert report["seed"] == 7 and "CelebA" in capsys.readouterr().out


def test_the_detector_s_docstring_has_the_figures_of_the_file():
    sets = json.loads((EXAMPLES.parents[1] / "benchmarks" / "results" / "turned_photos.json").read_text())["sets"]
    text = " ".join((turned.__doc__ or "").split())
    for row in sets.values():
        low, high = row["share_right_ci95"]
        assert f"{3 * row['upright']['found']}" in text and f"{row['turned'][study.RIGHT]} (" in text
        assert f"{100 * low:.1f} to {100 * high:.1f} %" in text and row["photos_silent"] == 0
        assert row["upright"]["turned by mistake"] == 0 and row["share_of_photos_silent_ci95"][1] < 0.0315
        assert row["stricter"]["0.995"][study.SILENT] == 0
    alarms = [sum(r["stricter"]["0.995"]["upright warned"] for r in sets.values())]
    alarms.append(sum(r["upright"]["warned"] for r in sets.values()))
    assert f"called {alarms[0]} upright faces uncertain in place of {alarms[1]}" in text
