"""An index of the server's on the Search page and at its endpoint: only by its name, and only with its weight."""

from __future__ import annotations

import shutil
from pathlib import Path

import gradio as gr
import pytest

from models.search.build import build
from models.search.rows import FaceIndexError
from tests.ui.photos import EXAMPLES
from ui.kinship import api, search_cards, search_indexes
from ui.kinship import search_callbacks as do
from ui.kinship.search_indexes import ServerIndex, blank, chosen, names, opened, rank
from ui.shared.photos import Shot

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


def test_an_index_is_ranked_as_a_gallery_and_a_match_opens_as_a_pair(obama: Shot, folder: Path) -> None:
    given, note, weight = do.choose_index("three", "dlib_kin")
    assert given == ServerIndex("three", KIN) and weight == KIN and "3 faces of 2 people" in note
    ranking, card, hits, _ = do.find(obama, given, KIN, True, 50, 0.5)
    assert ranking is not None and [e.name for e in ranking.collection.entries] == ["biden_2010.jpg"]
    assert {n.file for n in ranking.own} == {"obama_2009.jpg", "obama_2012.jpg"} and "First of 3 faces" in card
    assert "not ranked: 2 faces" in card and "biden_2010.jpg" in hits
    entry = ranking.collection.entries[0]
    assert entry.thumbnail != blank() and do.open_pair(ranking, 0)[-1] == KIN
    (folder / "photos" / "biden_2010.jpg").rename(folder / "photos" / "away.jpg")
    try:
        lost = rank(given, obama, KIN, 50)
        assert lost.collection.entries[0].thumbnail == blank() and lost.hits == ranking.hits
        with pytest.raises(gr.Error, match="no longer kept"):
            do.open_pair(lost, 0)
    finally:
        (folder / "photos" / "away.jpg").rename(folder / "photos" / "biden_2010.jpg")


@pytest.mark.parametrize("name", ["", "../photos", "none", "three/../three"])
def test_only_names_of_the_list_are_opened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names() == ["three"]
    with pytest.raises(FaceIndexError, match="no index"):
        opened(name)
    monkeypatch.delenv(search_indexes.VARIABLE)
    assert names() == []


def test_another_weight_is_refused_in_words(obama: Shot) -> None:
    said = do.find(obama, chosen("three"), "dlib_kin", True, 50, 0.5)[1]
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
