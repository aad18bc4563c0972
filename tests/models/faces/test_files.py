"""Galleries from anywhere: nothing leaves its folder, nothing is lost without a word."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from models.faces import files as photo_files
from models.faces.files import GalleryError, gather


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "unpacked"
    made.mkdir()
    return made


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_members_keep_their_bytes_and_names(tmp_path: Path, folder: Path) -> None:
    source = make_zip(tmp_path / "g.zip", {"b/é.jpg": b"two", "a.jpg": b"one", "sub/": b""})
    files, skipped = gather([source], folder)
    assert [(f.name, f.path.read_bytes()) for f in files] == [("a.jpg", b"one"), ("b/é.jpg", b"two")]
    assert skipped == []


def test_no_member_leaves_the_folder(tmp_path: Path, folder: Path) -> None:
    names = ["../outside.jpg", "/etc/absolute.jpg", "..\\windows.jpg", "C:/drive.jpg", "a/../../b.jpg"]
    files, _ = gather([make_zip(tmp_path / "evil.zip", dict.fromkeys(names, b"x"))], folder)
    assert len(files) == len(names)
    assert all(f.path.resolve().parent == folder.resolve() for f in files)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.zip", "unpacked"]


def test_names_that_come_twice_are_told_apart(tmp_path: Path, folder: Path) -> None:
    for sub in "xy":
        (tmp_path / sub).mkdir()
        (tmp_path / sub / "a.jpg").write_bytes(b"1")
    (tmp_path / "a.jpg (2)").write_bytes(b"1")
    files, _ = gather([tmp_path / "x" / "a.jpg", tmp_path / "a.jpg (2)", tmp_path / "y" / "a.jpg"], folder)
    assert [f.name for f in files] == ["a.jpg", "a.jpg (2)", "a.jpg (3)"]


def test_folders_are_read_to_the_bottom_and_litter_is_not(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "photos"
    for name in ("z.jpg", "deep/er/a.jpg", ".DS_Store", ".git/x.jpg", "__MACOSX/._a.jpg", "deep/Thumbs.db"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"1")
    files, skipped = gather([root], folder)
    assert [f.name for f in files] == ["deep/er/a.jpg", "z.jpg"] and skipped == []


def test_what_cannot_be_used_is_named(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_files, "MAX_FILE_BYTES", 100)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(make_zip(tmp_path / "whole.zip", {"a.jpg": b"1" * 99}).read_bytes()[:40])
    sealed = make_zip(tmp_path / "sealed.zip", {"a.jpg": b"1"})
    data = bytearray(sealed.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the "encrypted" bit in the central directory
    sealed.write_bytes(data)
    mixed = make_zip(tmp_path / "mixed.zip", {"in.zip": b"PK", "none.jpg": b"", "big.jpg": b"0" * 101, "ok.jpg": b"1"})
    (tmp_path / "empty.jpg").write_bytes(b"")
    sources = [broken, sealed, make_zip(tmp_path / "nothing.zip", {}), mixed, tmp_path / "empty.jpg"]
    files, skipped = gather(sources, folder)
    assert [f.name for f in files] == ["ok.jpg"]
    assert {s.name: s.reason for s in skipped} == {
        "broken.zip": photo_files.BROKEN,
        "sealed.zip": photo_files.PASSWORD,
        "nothing.zip": photo_files.EMPTY_ZIP,
        "in.zip": photo_files.NESTED,
        "none.jpg": photo_files.EMPTY,
        "big.jpg": photo_files.LARGE,
        "empty.jpg": photo_files.EMPTY,
    }
    assert [p.name for p in folder.iterdir()] == [files[0].path.name]


def test_a_damaged_member_does_not_take_the_others_along(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "g.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("bad.jpg", b"BROKEN-BYTES")
        archive.writestr("good.jpg", b"1")
    path.write_bytes(path.read_bytes().replace(b"BROKEN-BYTES", b"broken-bytes"))  # its checksum no longer fits
    files, skipped = gather([path], folder)
    assert [f.name for f in files] == ["good.jpg"] and [s.name for s in skipped] == ["bad.jpg"]


def test_limits_end_the_reading(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_zip(tmp_path / "g.zip", {f"{i}.jpg": b"0" * 50 for i in range(5)})
    monkeypatch.setattr(photo_files, "MAX_PHOTOS", 4)
    with pytest.raises(GalleryError, match="more than 4 photos"):
        gather([source], folder)
    monkeypatch.setattr(photo_files, "MAX_PHOTOS", 5)
    monkeypatch.setattr(photo_files, "MAX_BYTES", 120)
    fresh = folder / "fresh"
    fresh.mkdir()
    with pytest.raises(GalleryError, match="unpack to more than"):
        gather([source], fresh)
    assert len(list(fresh.iterdir())) == 3
