"""A face too poor to decide by: every way out withholds the decision, as the page does."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from explain.kinship.batch import Comparison
from explain.kinship.batch_files import Answered, each_kind, write_csv
from explain.kinship.matching import Pairing
from explain.report.command import in_words
from explain.report.pair import reasons, write_report
from models import detect_faces, load_model, load_pair, open_photo, predict, read_sidecar
from models.faces.photo import read_photo
from models.faces.quality import or_withheld, undecided
from ui.kinship import api
from ui.shared import doubts
from ui.shared.photos import take

KIN = "edgeface_kin"


@pytest.fixture(scope="module")
def poor(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo whose face is a few pixels large, enlarged again: found, tiny and blurred."""
    photo = Image.open(photos / "obama.jpg")
    small = photo.resize((photo.width * 16 // photo.height * 4, 64)).resize((photo.width // 4, photo.height // 4))
    path = tmp_path_factory.mktemp("poor") / "poor.jpg"
    small.save(path, quality=95)
    return path


def test_the_page_and_everything_else_use_one_rule(poor: Path, photos: Path) -> None:
    face = detect_faces(open_photo(poor))[0]
    found = reasons([face, detect_faces(open_photo(photos / "biden.jpg"))[0]])
    assert len(found) == 1 and found[0].endswith("in photo A")
    assert or_withheld("kin", found) == f"withheld: {found[0]}" and or_withheld("kin", ()) == "kin"
    assert undecided() == ()


def test_a_report_withholds(poor: Path, photos: Path, tmp_path: Path) -> None:
    model, sidecar = load_pair(KIN), read_sidecar(KIN)
    faces = [detect_faces(open_photo(path))[0] for path in (photos / "biden.jpg", poor)]
    result = predict(model, *faces)
    folder = write_report(tmp_path, result, faces, [], sidecar=sidecar)
    said = json.loads((folder / "report.json").read_text())
    assert said["decision"].startswith("withheld: ") and said["decision"].endswith("in photo B")
    assert said["withheld"] == list(reasons(faces)) and said["score"] == pytest.approx(result.score)
    assert f"Withheld: {said['withheld'][0]}: score" in (folder / "report.html").read_text()
    assert "withheld: " in in_words(result, sidecar, None, reasons(faces))


def test_a_report_of_an_expression_withholds(poor: Path, tmp_path: Path) -> None:
    model, sidecar = load_model("expression"), read_sidecar("expression")
    faces = [detect_faces(open_photo(poor))[0]]
    result = predict(model, *faces)
    folder = write_report(tmp_path, result, faces, [], sidecar=sidecar)
    said, page = json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text()
    assert said["answer"] == f"withheld: {said['withheld'][0]}" and said["answer"].endswith("in the photo")
    assert f"Withheld: {said['withheld'][0]}" in page and set(said["probabilities"]) == set(result.probabilities)
    assert in_words(result, sidecar, None, reasons(faces)).startswith("withheld: ")


def test_many_pairs_withhold(poor: Path, photos: Path) -> None:
    files = {"good": str(photos / "biden.jpg"), "poor": str(poor), "other": str(photos / "obama.jpg")}
    listed = [Pairing(2, "good", "poor", (files["good"], files["poor"]))]
    listed.append(Pairing(3, "good", "other", (files["good"], files["other"])))
    comparison = Comparison(load_pair(KIN), listed, read_photo)
    rows = [comparison.row(i) for i in range(2)]
    assert rows[0].score is not None and rows[0].withheld[0].endswith("in B") and rows[1].withheld == ()
    answered = Answered(rows, 2, read_sidecar(KIN), 0.5)
    assert sum(answered.counts()) == 2 and answered.counts()[2:] == (1, 0)
    assert each_kind(answered).endswith("1 without a decision")
    target = io.StringIO()
    write_csv(target, answered)
    first, second = csv.DictReader(io.StringIO(target.getvalue()))
    assert first["decision"].startswith("withheld: ") and not second["decision"].startswith("withheld")
    assert each_kind(replace(answered, rows=rows[1:])).count("without") == 0


def test_an_endpoint_withholds(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shots = {name: take(str(photos / f"{who}.jpg")) for name, who in (("a", "obama"), ("b", "biden"), ("c", "obama2"))}
    monkeypatch.setattr(api, "take", lambda name: shots[name])
    assert not api.kin_score("a", "b", KIN)["decision"].startswith("withheld")
    monkeypatch.setattr(doubts, "about", lambda *faces: doubts.Doubts(spoilt=(f"blurred face in {faces[-1][0]}",)))
    assert api.kin_score("a", "b", KIN)["decision"] == "withheld: blurred face in photo_b"
    assert api.tri_score("a", "b", "c", KIN)["decision"] == "withheld: blurred face in child"
