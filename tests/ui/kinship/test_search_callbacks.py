"""The Search page without a browser: what each callback hands to the page."""

from __future__ import annotations

import csv
import gc
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch

from models import read_sidecar
from models.faces.files import PASSWORD, Skipped
from models.faces.quality import Quality
from models.gallery import Gallery, Hit
from tests.ui.photos import EXAMPLES, bad_files
from ui.kinship import search_answers as collection
from ui.kinship import search_callbacks as do
from ui.kinship import search_cards
from ui.kinship.search_answers import Collection, Entry, Ranking, collect, rank, silent
from ui.shared import answering
from ui.shared.photos import Shot

KIN, SAME = "dlib_kin", "dlib_resnet"


@pytest.fixture(scope="module")
def gallery(six: Path, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Two portraits and a group of six in a zip, with files that give no face."""
    folder = tmp_path_factory.mktemp("gallery")
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        archive.write(six, "group/six.jpg")
        archive.write(EXAMPLES / "obama_2009.jpg", "=obama.jpg")
        for path in bad_files(folder).values():
            archive.write(path, path.name)
    return collect([folder / "photos.zip", EXAMPLES / "biden_2010.jpg"], silent)


@pytest.fixture(scope="module")
def ranking(gallery: Collection, obama: Shot) -> Ranking:
    return rank(gallery, obama, KIN, silent)


def test_every_face_is_an_entry_and_every_other_file_is_named(gallery: Collection) -> None:
    assert [e.name for e in gallery.entries] == ["=obama.jpg", *["group/six.jpg"] * 6, "biden_2010.jpg"]
    assert [e.named.face for e in gallery.entries] == [1, 1, 2, 3, 4, 5, 6, 1]
    reasons = {s.name: s.reason for s in gallery.skipped}
    assert set(reasons) == {"text.jpg", "cut.jpg", "tiny.png", "no_face.png"}
    assert reasons["no_face.png"] == "No face was found." and "only 9 x 9" in reasons["tiny.png"]
    note = search_cards.gallery_note(gallery)
    assert "8 faces in 3 photos" in note and "4 files were left out" in note and "cut.jpg" in note
    assert all(e.thumbnail.startswith(b"\xff\xd8") for e in gallery.entries)


def test_the_ranking_is_what_the_pairs_say(gallery: Collection, ranking: Ranking, obama: Shot) -> None:
    alone = [answering.answer(obama, e.shot, KIN) for e in gallery.entries]
    assert sorted(h.entry for h in ranking.hits) == list(range(8))
    for hit in ranking.hits:
        assert hit.score == pytest.approx(alone[hit.entry].score, abs=1e-5)
    scores = [alone[h.entry].score for h in ranking.hits]
    assert scores == sorted(scores, reverse=True)


def test_only_the_largest_faces(gallery: Collection, obama: Shot) -> None:
    hits = rank(gallery, obama, KIN, silent, every_face=False, top=1).hits
    assert sorted(gallery.entries[h.entry].named.file for h in hits) == [
        "=obama.jpg",
        "biden_2010.jpg",
        "group/six.jpg",
    ]
    assert all(gallery.entries[h.entry].named.face == 1 for h in hits)
    assert [h.score is None for h in hits] == [False, True, True]


def count_encodings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batch sizes of every call of an encoder from now on."""
    sizes: list[int] = []
    for weight in (KIN, SAME):
        model = answering.network(weight)
        encode = model.encode

        def counted(image: torch.Tensor, keypoints: torch.Tensor, encode: Any = encode) -> torch.Tensor:
            sizes.append(len(image))
            return encode(image, keypoints)

        monkeypatch.setattr(model, "encode", counted)
    return sizes


def test_a_probe_costs_one_encoding_and_a_model_no_detection(
    gallery: Collection, ranking: Ranking, biden: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("faces were looked for again")

    monkeypatch.setattr("ui.shared.photos.detect_faces", refuse)
    sizes = count_encodings(monkeypatch)
    rank(gallery, biden, KIN, silent)
    assert sizes == [1]
    rank(gallery, biden, SAME, silent)
    assert sum(sizes) == 1 + 8 + 1
    rank(gallery, biden, SAME, silent, every_face=False, top=2)
    assert sum(sizes) == 1 + 8 + 1 + 1


def test_further_photos_of_the_probe_count_and_go_with_a_new_probe(
    gallery: Collection, ranking: Ranking, obama: Shot, six: Path, tmp_path: Path
) -> None:
    other = str(EXAMPLES / "obama_2009.jpg")
    more, note = do.read_more([other, str(six), str(bad_files(tmp_path)["No face was found"])])
    assert [s.chosen for s in more] == [0, 0] and "2 more photos" in note and "no_face.png" in note
    several, card, *_ = do.find(obama, gallery, KIN, True, 50, 0.5, more[:1])
    assert several is not None and several.photos == 2 and "means over 2 photos of the probe" in card
    single = {h.entry: h for h in ranking.hits}
    second = {h.entry: h for h in rank(gallery, more[0], KIN, silent).hits}
    for hit in several.hits:
        mean = (single[hit.entry].similarity + second[hit.entry].similarity) / 2
        assert hit.similarity == pytest.approx(mean, abs=1e-4)
    assert len(do.read_more([other] * (do.MORE + 1))[0]) == do.MORE and do.read_more(None) == ((), "")
    assert do.take_probe((other, 1))[4:] == [None, (), ""]


@pytest.mark.usefixtures("no_model_runs")
def test_a_threshold_only_redraws(gallery: Collection, ranking: Ranking) -> None:
    for threshold in (0.0, 0.5, 1.0):
        card, hits = do.redraw(ranking, threshold)
        above = sum(h.score is not None and h.score >= threshold for h in ranking.hits)
        assert f"{above} of 8 scored" in card and hits.count("ks-above") == above
        far, tar = read_sidecar(KIN).rule.operating_points.at(threshold)
        assert f"FAR {search_cards.percent(far)}" in card and f"TAR {search_cards.percent(tar)}" in card


def test_the_card_says_how_many_strangers_pass_by_chance(gallery: Collection, obama: Shot) -> None:
    far, _ = read_sidecar(KIN).rule.operating_points.at(0.3)
    entries = gallery.entries * 125
    many = Ranking(
        KIN,
        obama,
        Collection(entries, (), 1),
        tuple(Hit(i, 0.1, 0.4, 0.6) if i < 50 else Hit(i, 0.0) for i in range(1000)),
        0.1,
    )
    card = search_cards.ranking_card(many, 0.3)
    assert f"of 1,000 unrelated people about {1000 * far:,.0f}" in card
    assert "ranks all 1,000; the 50 most similar" in card


def test_names_are_escaped(obama: Shot) -> None:
    evil = "<img src=x onerror=alert(1)>'\".jpg"
    one = Collection((Entry(obama, evil, b"\xff\xd8"),), (Skipped(evil, "why"),), 1)
    ranking = Ranking(KIN, obama, one, (Hit(0, 0.5, 0.5, 0.5),), 0.0)
    for page in (*do.redraw(ranking, 0.5), search_cards.gallery_note(one)):
        assert "<img src=x" not in page and "onerror=alert(1)>'" not in page


def test_a_long_list_is_folded(gallery: Collection, obama: Shot) -> None:
    entries = gallery.entries * 20
    hits = tuple(Hit(i, 0.1) for i in range(160))
    page = search_cards.hit_list(Ranking(KIN, obama, Collection(entries, (), 1), hits, 0.0), 0.5)
    assert page.count("data-entry") == search_cards.SHOWN and "<summary>Places 13 to 100</summary>" in page


def test_csv_download(gallery: Collection, ranking: Ranking) -> None:
    path, note = do.make_csv(ranking)
    assert path is not None and note == ""
    rows = list(csv.DictReader(io.StringIO(Path(path).read_text(encoding="utf-8"))))
    assert [r["rank"] for r in rows] == [*"12345678", "", "", "", ""]
    assert [int(r["face"]) for r in rows[:8]] == [gallery.entries[h.entry].named.face for h in ranking.hits]
    assert sum(r["file"] == "'=obama.jpg" for r in rows) == 1
    assert do.make_csv(None)[0] is None


def test_what_cannot_be_searched_is_said(tmp_path: Path, obama: Shot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert do.read_gallery(None)[0] is None and do.NO_GALLERY in do.read_gallery([])[1]
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no more")
    found, note = do.read_gallery([str(tmp_path / "broken.zip")])
    assert found is None and "damaged or incomplete" in note and "ks-error" in note
    with zipfile.ZipFile(tmp_path / "sealed.zip", "w") as archive:
        archive.writestr("a.jpg", "x")
    data = bytearray((tmp_path / "sealed.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "sealed.zip").write_bytes(data)
    assert PASSWORD in do.read_gallery([str(tmp_path / "sealed.zip")])[1]
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for i in range(10_000):
            archive.writestr(f"{i}.jpg", "x")
    assert "more than 2,000 photos" in do.read_gallery([str(tmp_path / "many.zip")])[1]
    assert do.GONE in do.read_gallery([str(tmp_path / "gone.jpg")])[1]
    monkeypatch.setattr(collection, "MAX_FACES", 0)
    assert "more than 0 faces" in do.read_gallery([str(EXAMPLES / "biden_2010.jpg")])[1]
    assert "appears here as soon as" in do.find(obama, None, KIN, True, 50, 0.5)[1]
    assert "untrained" in do.find(obama, Collection((), (), 0), "unheard_of", True, 50, 0.5)[1]


def test_a_result_opens_beside_the_probe(gallery: Collection, ranking: Ranking, obama: Shot) -> None:
    a, *_, b = (v for v in do.open_pair(ranking, 3) if isinstance(v, Shot))
    assert a.path == obama.path and (b.path, b.chosen) == (gallery.entries[3].shot.path, 2)
    for missing in (None, 8, -1):
        with pytest.raises(gr.Error, match="no longer there"):
            do.open_pair(ranking, missing)


def test_nothing_outlives_its_session(tmp_path: Path, obama: Shot) -> None:
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.write(EXAMPLES / "biden_2010.jpg", "b.jpg")
    root = tmp_path / "cache"
    root.mkdir()
    mine = collect([tmp_path / "g.zip"], silent, root)
    rank(mine, obama, KIN, silent)
    key, shot = (id(mine), KIN), mine.entries[0].shot
    assert isinstance(collection._ENCODED[key], Gallery)
    del mine
    gc.collect()
    assert key not in collection._ENCODED
    assert Path(shot.path).exists()  # a pair that was opened keeps its photo
    del shot
    gc.collect()
    assert list(root.iterdir()) == []


def test_the_example_is_a_finished_search() -> None:
    *probe, found, note = do.load_example()
    ranking, card, hits, rest = do.find(probe[0], found, KIN, True, 50, 0.5)
    assert ranking is not None and "obama_2009.jpg" in card and rest["visible"] is True
    assert hits.count("data-entry") == len(found.entries) == 3 and "3 faces" in note
    assert len(do.load_example()) == 9


def test_a_poor_face_is_warned_about_and_not_counted_as_found(ranking: Ranking) -> None:
    plain = search_cards.hit_list(ranking, 0.0)
    poor = [replace(entry, quality=Quality((18, 24), 8, 0.01, 2)) for entry in ranking.collection.entries]
    shown = search_cards.hit_list(replace(ranking, collection=Collection(tuple(poor), (), 1)), 0.0)
    assert "ks-above" in plain and "ks-above" not in shown and shown.count("ks-hit-warned") == len(ranking.hits)
    assert "tiny face, blurred" in shown and all(entry.quality for entry in ranking.collection.entries)


@pytest.mark.usefixtures("poor_faces")
def test_nobody_is_named_first_for_a_poor_probe(ranking: Ranking) -> None:
    card = search_cards.ranking_card(ranking, 0.5)
    assert "First place withheld" in card and "in the probe&#x27;s photo" in card and "First of" not in card
