"""An index of the server's on the Search page and at its endpoint: only by its name, and only with its weight."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from explain.search.indexing import COLUMNS, OWN
from models.search.build import build
from models.search.rows import FaceIndexError
from models.search.store import Store
from tests.ui.photos import EXAMPLES
from ui.kinship import api, search_cards, search_indexes
from ui.kinship import search_callbacks as do
from ui.kinship.search_answers import Collection, Ranking
from ui.kinship.search_indexes import blank, names, opened, rank
from ui.shared.photos import Shot, take

KIN = "edgeface_kin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of indexes with one of three portraits, two of them of one man."""
    root = tmp_path_factory.mktemp("server")
    (root / "photos").mkdir()
    for name in ("obama_2009", "obama_2012", "biden_2010"):
        shutil.copy(EXAMPLES / f"{name}.jpg", root / "photos")
    build([root / "photos"], root / "indexes" / "three", KIN)
    return root


@pytest.fixture(autouse=True)
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(search_indexes.VARIABLE, str(folder / "indexes"))


def search(probe: Shot, *, weight: str = KIN, **more: Any) -> tuple[Ranking | None, str, str]:
    return do.find(probe, None, weight, True, 50, 0.5, index="three", **more)[:3]


def test_an_index_is_ranked_as_a_gallery_and_every_face_opens_as_a_pair(obama: Shot, folder: Path) -> None:
    ranking, card, hits = search(obama)
    assert ranking is not None and [ranking.entry(h).name for h in ranking.hits] == ["biden_2010.jpg"]
    own = [ranking.entry(h).name for h in ranking.own]
    assert sorted(own) == ["obama_2009.jpg", "obama_2012.jpg"] and "First of 3 faces" in card
    assert "not ranked: 2 faces" in card and "not ranked: 2 faces" in hits and hits.count("data-entry") == 3
    assert hits.count("ks-rank") == 1, "the probe's own have no place"
    for hit in (*ranking.hits, *ranking.own):
        opened_pair = do.open_pair(ranking, hit.entry)
        assert ranking.entry(hit).thumbnail != blank() and opened_pair[-1] == KIN
        assert any(isinstance(v, Shot) and v.path.endswith(ranking.entry(hit).name) for v in opened_pair)
    (folder / "photos" / "biden_2010.jpg").rename(folder / "photos" / "away.jpg")
    try:
        lost = rank("three", [obama], KIN)
        assert lost.collection.entries[0].thumbnail == blank() and lost.hits == ranking.hits
        with pytest.raises(gr.Error, match="no longer kept"):
            do.open_pair(lost, 0)
    finally:
        (folder / "photos" / "away.jpg").rename(folder / "photos" / "biden_2010.jpg")


def test_people_are_ranked_beside_photos_and_the_csv_keeps_both(biden: Shot) -> None:
    by_face, by_person = search(biden)[0], search(biden, by_person=True)
    assert by_face is not None and len(by_face.hits) == 2 and by_face.people == 0
    ranking, card, hits = by_person
    assert ranking is not None and len(ranking.hits) == 1 and ranking.entry(ranking.hits[0]).faces == 2
    assert "First of 2 people" in card and "by the mean over all their faces" in card and ", 2 faces<" in hits
    said = np.mean([h.similarity for h in by_face.hits])
    assert ranking.hits[0].similarity == pytest.approx(said, abs=1e-3)
    for found, faces in ((by_face, ["1", "1", "1"]), (ranking, ["2", "1"])):
        rows = list(csv.DictReader(Path(str(do.make_csv(found)[0])).read_text(encoding="utf-8").splitlines()))
        assert tuple(rows[0]) == COLUMNS and [r["faces"] for r in rows] == faces
        assert rows[-1]["rank"] == "" and (rows[-1]["file"], rows[-1]["note"]) == ("biden_2010.jpg", OWN)
        assert [float(r["score"]) for r in rows[:-1]] == pytest.approx([h.score for h in found.hits], abs=1e-6)


def test_several_photos_of_the_probe_are_asked_as_in_python(obama: Shot) -> None:
    more = (take(str(EXAMPLES / "obama_2009.jpg")),)
    ranking, card, _ = search(obama, more=more)
    answer = opened("three").search([obama.face(), more[0].face()])
    assert ranking is not None and "means over 2 photos of the probe" in card
    assert ranking.hits[0].score == pytest.approx(answer.matches[0].score, abs=1e-6)
    assert search(obama)[0].hits[0].score != pytest.approx(answer.matches[0].score, abs=1e-6)


def test_an_index_brings_its_own_options_and_leaving_it_the_gallerys(monkeypatch: pytest.MonkeyPatch) -> None:
    note, weight, by, every, top = do.choose_index("three", "dlib_kin", None)
    assert "3 faces of 2 people" in note and weight == KIN and by["visible"]
    assert not every["visible"] and not top["visible"]
    for values in (do.choose_index("", KIN, None)[2:], do.leave_index()[1:]):
        assert [v["visible"] for v in values] == [False, True, True] and values[0]["value"] is False
    there = Collection((), (), 4)
    assert "4 photos" in do.choose_index("", KIN, there)[0], "the photos chosen before are still there"
    monkeypatch.setattr(Store, "counts", lambda self: {"faces": 3, "people": 0})
    assert not do.choose_index("three", KIN, None)[2]["visible"], "nobody is grouped"


@pytest.mark.parametrize("name", ["", "../photos", "none", "three/../three"])
def test_only_names_of_the_list_are_opened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names() == ["three"]
    with pytest.raises(FaceIndexError, match="no index"):
        opened(name)
    monkeypatch.delenv(search_indexes.VARIABLE)
    assert names() == []


def test_another_weight_is_refused_in_words(obama: Shot) -> None:
    said = search(obama, weight="dlib_kin")[1]
    assert "was made with edgeface_kin" in said and "ks-error" in said


def test_the_endpoint_ranks_by_person_and_refuses_what_it_cannot_use() -> None:
    probe = [str(EXAMPLES / "biden_2010.jpg")]
    found = api.index_search(probe, "three", by_person=True)
    assert [(r["rank"], r["faces"]) for r in found["ranking"]] == [(1, 2)] and found["faces"] == 3
    assert found["own"] == [{"file": "biden_2010.jpg", "face": 1}] and 0 < found["ranking"][0]["score"] < 1
    for arguments, words in (((probe, "other"), "no index"), (([], "three"), "list"), ((probe, "three", 0), "top")):
        with pytest.raises(gr.Error, match=words):
            api.index_search(*arguments)
    assert search_cards.index_note("<b>", 1, 1).count("<b>") == 1
