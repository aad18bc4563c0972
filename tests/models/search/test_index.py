"""An index of faces: what goes in comes out once, whatever happens in between, ranked in the exact order."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.errors import UserError
from models.faces import files
from models.faces.files import GalleryError
from models.faces.photo import open_photo
from models.search import build as building
from models.search import store as storing
from models.search import vectors
from models.search.build import build
from models.search.finish import refresh
from models.search.index import Index
from models.search.rows import FaceIndexError
from models.search.store import FILE, Store
from tests.models.search import tiny

COLOURS = {"red": (220, 40, 40), "brick": (200, 60, 30), "blue": (30, 40, 220), "green": (100, 200, 60)}


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.stand_in(monkeypatch)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, colour in COLOURS.items():
        tiny.paint(tmp_path / "photos" / "family" / name, colour)
    tiny.paint(tmp_path / "photos" / "nobody", (0, 0, 0))
    (tmp_path / "photos" / "notes.txt").write_text("no photo")
    return tmp_path / "photos"


def made(photos: Path, name: str = "faces.index") -> Path:
    build([photos], photos.parent / name, "kin", "who")
    return photos.parent / name


def contents(folder: Path) -> list[tuple[bytes, int, bytes, int]]:
    """All faces, without the number that tells in which order they came."""
    with Store.open(folder) as store:
        ids = [int(i) for part, _ in store.vectors("code") for i in part]
        return [(r.digest, r.number, r.code.tobytes(), r.person) for r in store.rows(ids)]


def probe(photos: Path, name: str) -> list:
    return tiny.one_face(open_photo(photos / "family" / f"{name}.png"))


def ranked(folder: Path, faces: list, **options: object) -> tuple[list[str], list[str]]:
    with Index.open(folder) as index:
        answer = index.search(faces, **options)  # type: ignore[arg-type]
        return [index.file(m) for m in answer.matches], [index.file(m) for m in answer.own]


def test_the_order_is_that_of_the_pairs_and_the_probe_is_told_apart(photos: Path) -> None:
    folder = made(photos)
    tiny.paint(photos / "family" / "red2", COLOURS["red"])
    made(photos)
    names, own = ranked(folder, probe(photos, "red"))
    assert own == ["family/red.png", "family/red2.png"] or own == ["family/red2.png", "family/red.png"]
    assert names == ["family/brick.png", "family/green.png", "family/blue.png"]
    with Index.open(folder) as index:
        answer = index.search([*probe(photos, "red"), *probe(photos, "blue")], top=2)
        model, codes = index.model, [building.encode(index.model, probe(photos, n)) for n in ("red", "blue", "green")]
    logits = [model.compare(c, codes[2]).logit[0].mean().item() for c in codes[:2]]
    best = {m.row.digest: m for m in answer.matches}
    green = next(m for m in best.values() if np.allclose(m.row.code, codes[2][0], atol=1e-3))
    assert green.score == pytest.approx(1 / (1 + np.exp(-np.mean(logits))), abs=1e-4) and len(answer.own) == 3


def test_people_are_ranked_by_all_their_faces(photos: Path) -> None:
    tiny.paint(photos / "family" / "green2", COLOURS["green"])
    folder = made(photos)
    with Index.open(folder) as index:
        answer = index.search(probe(photos, "red"), by_person=True)
        assert [m.faces for m in answer.matches] == [1, 2, 1]
        assert len({m.row.person for m in answer.matches}) == 3


def test_a_later_run_looks_only_at_what_is_new_and_drops_what_is_gone(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, looked = made(photos), []
    before = contents(folder)
    monkeypatch.setattr(building, "detect_faces", lambda photo: looked.append(1) or tiny.one_face(photo))
    (photos / "family" / "red.png").rename(photos / "moved.png")
    (photos / "copy.png").write_bytes((photos / "family" / "blue.png").read_bytes())
    assert build([photos], folder, "kin", "who").new == 0 and not looked and contents(folder) == before
    (photos / "family" / "green.png").unlink()
    tiny.paint(photos / "yellow", (220, 220, 30))
    built = build([photos], folder, "kin", "who")
    assert (built.new, built.dropped, len(looked)) == (1, 1, 1) and len(contents(folder)) == 4
    with Store.open(folder) as store:
        assert ("nobody.png", building.NO_FACE) in store.notes() and store.counts()["photos"] == 6


def test_another_source_leaves_the_first_alone_and_zips_are_read(photos: Path, tmp_path: Path) -> None:
    folder = made(photos)
    tiny.paint(tmp_path / "yellow", (220, 220, 30))
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "yellow.png", "in/yellow.png")
    built = build([tmp_path / "more.zip"], folder, "kin", "who")
    assert (built.new, built.dropped) == (1, 0) and len(contents(folder)) == 5
    assert not [p for p in folder.iterdir() if p.is_dir()], "nothing that was unpacked stays"
    with pytest.raises(GalleryError, match="There is no"):
        build([tmp_path / "nothing"], folder, "kin", "who")


def test_what_cannot_be_read_this_time_is_not_dropped(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = photos.parent / "more.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name in COLOURS:
            zipped.write(photos / "family" / f"{name}.png", f"in/{name}.png")
    folder, whole = photos.parent / "zip.index", archive.read_bytes()
    build([archive], folder, "kin", "who")
    before = contents(folder)
    archive.write_bytes(whole[:300])
    built = build([archive], folder, "kin", "who")
    assert built.dropped == 0 and built.skipped[0].name == "more.zip" and contents(folder) == before
    archive.write_bytes(whole)
    with monkeypatch.context() as full:
        full.setattr(files, "_write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(FaceIndexError, match="no room left"):
            build([archive], folder, "kin", "who")
    assert contents(folder) == before

    folder = made(photos)
    before, listed = contents(folder), os.scandir
    (photos / "nobody.png").unlink()
    with monkeypatch.context() as closed:  # as a drive that fails, or a folder that is not ours
        denied = PermissionError(13, "Permission denied", str(photos / "family"))
        closed.setattr(os, "scandir", lambda p: (_ for _ in ()).throw(denied) if "family" in str(p) else listed(p))
        built = build([photos], folder, "kin", "who")
    assert built.dropped == 0 and ("family", True) in [(s.name, s.unread) for s in built.skipped]
    assert contents(folder) == before and build([photos], folder, "kin", "who").dropped == 1


def test_only_the_owner_reads_it_and_nothing_of_the_photos_is_in_it(photos: Path) -> None:
    old = os.umask(0)
    (photos.parent / "faces.index").mkdir()  # as the command does, to try whether it can be written
    try:
        folder = made(photos)
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600} and len(list(folder.iterdir())) == 2
    assert str(photos).encode() not in (folder / FILE).read_bytes(), "paths are relative"


def test_a_person_who_was_removed_stays_removed(photos: Path) -> None:
    folder = made(photos)
    with Store.open(folder) as store:
        (row,) = [r for r in store.rows(range(1, 9)) if store.places(r.digest)[0][1].endswith("red.png")]
        code = row.code.astype(np.float16).tobytes()
        assert code in (folder / FILE).read_bytes() and store.remove_person(row.person) == 1
        assert store.remove_photo("family/blue.png") == 1 and store.remove_photo("family/pink.png") == 0
        refresh(store)
    assert code not in (folder / FILE).read_bytes(), "what was removed is overwritten"
    made(photos)
    names, own = ranked(folder, probe(photos, "red"))
    assert names == ["family/brick.png", "family/green.png"] and not own


def test_another_weight_is_refused_in_words(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(photos)
    monkeypatch.setitem(tiny.SHA256, "kin", "x" * 64)
    with pytest.raises(FaceIndexError, match=r"made with kin .sha256 kkkkkkkkkkkk"):
        Index.open(folder)
    with pytest.raises(FaceIndexError, match=r"made with kin .sha256 kkkkkkkkkkkk.*name another"):
        made(photos)


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-600] + bytes(600))


def test_damaged_foreign_and_unfinished_indexes_are_refused_in_words(photos: Path, tmp_path: Path) -> None:
    folder = made(photos)
    with pytest.raises(FaceIndexError, match="There is no index"):
        Index.open(photos)
    (found,) = folder.glob("vectors-*")
    spoil(found)
    with pytest.raises(FaceIndexError, match=r"vectors of the index .* Give the command"):
        Index.open(folder)
    assert made(photos) == folder and ranked(folder, probe(photos, "red"))[1] == ["family/red.png"], "made again"
    whole = (folder / FILE).read_bytes()
    for bytes_, words in (
        (b"SQLite format 3\0" + b"?" * 4000, "damaged"),
        (whole[:-8192], "damaged"),
        (b"hello", "dama"),
    ):
        (folder / FILE).write_bytes(bytes_)
        with pytest.raises(UserError, match=words):
            ranked(folder, probe(photos, "red"))
    (folder / FILE).write_bytes(whole)
    with Store.open(folder) as store:
        (row,) = [r for r in store.rows(range(1, 9)) if store.places(r.digest)[0][1] == "family/blue.png"]
    for part in (row.code.astype(np.float16), row.keypoints):
        at = whole.index(part.tobytes()) + 1
        (folder / FILE).write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        for ask in (lambda: ranked(folder, probe(photos, "red")), lambda: contents(folder)):
            with pytest.raises(FaceIndexError, match="not as it was written"):
                ask()
    Store.create(tmp_path / "new", {"model": "kin", "model_sha256": "", "people": ""}).close()
    with pytest.raises(FaceIndexError, match="never finished"):
        Index.open(tmp_path / "new")


def test_a_full_disk_loses_nothing(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(photos)
    before, connected = contents(folder), storing.sqlite3.connect

    class Full(storing.sqlite3.Connection):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            self.execute(f"PRAGMA max_page_count = {self.execute('PRAGMA page_count').fetchone()[0]}")

    for i in range(200):
        tiny.paint(photos / f"more{i}", (i, 90, 90))
    with monkeypatch.context() as full:
        full.setattr(storing.sqlite3, "connect", lambda *a, **o: connected(*a, factory=Full, **o))
        with pytest.raises(FaceIndexError, match="no room left"):
            made(photos)
    kept = contents(folder)
    assert {row[0] for row in before} <= {row[0] for row in kept} and len(kept) < 204
    with monkeypatch.context() as full:
        full.setattr(vectors.Vectors, "save", lambda self, path: path.write_bytes(b"half") and None)
        full.setattr(vectors.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(FaceIndexError, match="no room left"):
            made(photos)
    assert len(ranked(folder, probe(photos, "red"), top=300)[0]) > 2, "the former vectors still answer"
    made(photos)
    assert len(contents(folder)) == 204 and not list(folder.glob("*.part"))


def test_many_faces_are_found_as_the_exact_search_finds_them(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6000, 24)).astype(np.float32) * np.linspace(2, 0.1, 24, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    monkeypatch.setattr(vectors, "EXACT", 1000)
    found = vectors.made(iter([(np.arange(6000) * 3, rows)]), 6000)
    assert not found.exact and "SQ8" in vectors.kind_of(6000, 24) and vectors.kind_of(900, 24) == "Flat"
    recall = []
    for query in rows[:20] + 0.05 * rng.normal(size=(20, 24)).astype(np.float32):
        near = found.candidates(query, 400) // 3
        best = near[np.argsort(-(rows[near] @ query))][:20]
        recall.append(len(set(best) & set(np.argsort(-(rows @ query))[:20])) / 20)
    assert np.mean(recall) > 0.97
