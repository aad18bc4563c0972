"""Zips and other archives as galleries: a bad member costs only itself, and everything is bounded."""

from __future__ import annotations

import errno
import stat
import zipfile
from pathlib import Path

import pytest

from models.faces import files as photo_files
from models.faces import zips
from models.faces.files import gather

CASES = Path(__file__).parent / "cases"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


def two(path: Path, bad: str = "bad.jpg", method: int = zipfile.ZIP_STORED) -> Path:
    """A zip of a member that a test spoils, and a good one."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(bad, bytes(range(256)) * 40, method)
        archive.writestr("good.jpg", b"1")
    return path


def test_deflate64_is_named(folder: Path) -> None:
    files, skipped = gather([CASES / "08_deflate64.zip"], folder)
    assert files == [] and "deflate64" in skipped[0].reason and "in another way" in skipped[0].reason


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_any_method_costs_only_itself(tmp_path: Path, folder: Path, method: int) -> None:
    path = two(tmp_path / "g.zip", method=method)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("bad.jpg")
        start = 30 + len("bad.jpg") + (4 if method == zipfile.ZIP_LZMA else 0)
        data[start : start + member.compress_size // 2] = b"\xa7" * (member.compress_size // 2)
    path.write_bytes(data)
    files, skipped = gather([path], folder)
    assert [f.name for f in files] == ["good.jpg"]
    assert [(s.name, s.reason) for s in skipped] == [("bad.jpg", zips.BROKEN_MEMBER)]
    assert [p.name for p in folder.iterdir()] == [files[0].path.name]


def test_a_sealed_member_costs_only_itself(tmp_path: Path, folder: Path) -> None:
    path = two(tmp_path / "g.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the first member of the list
    path.write_bytes(data)
    files, skipped = gather([path], folder)
    assert [f.name for f in files] == ["good.jpg"]
    assert [(s.name, s.reason) for s in skipped] == [("bad.jpg", zips.PASSWORD_MEMBER)]


@pytest.mark.parametrize(("number", "reason"), [(errno.EINVAL, zips.BROKEN_MEMBER), (errno.ENOSPC, zips.NO_SPACE)])
def test_a_fault_of_the_system_costs_one_member(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    write = photo_files._write

    def failing(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, limit: int) -> int:
        if member.filename == "bad.jpg":
            raise OSError(number, "fault")
        return write(archive, member, path, limit)

    monkeypatch.setattr(photo_files, "_write", failing)
    files, skipped = gather([two(tmp_path / "g.zip")], folder)
    assert [f.name for f in files] == ["good.jpg"] and [s.reason for s in skipped] == [reason]


def test_a_link_is_not_followed(tmp_path: Path, folder: Path) -> None:
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    files, skipped = gather([tmp_path / "g.zip"], folder)
    assert files == [] and skipped[0].reason == zips.LINK and list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.tar.gz", (CASES / "09_family.tar.gz").read_bytes(), "tar.gz"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(30), "7z"),
        ("a.rar", b"Rar!\x1a\x07\x00" + bytes(30), "rar"),
        ("rar called.zip", b"Rar!\x1a\x07\x00" + bytes(30), "rar"),
        ("a.tar", bytes(257) + b"ustar" + bytes(250), "tar"),
    ],
)
def test_other_archives_are_named(tmp_path: Path, folder: Path, name: str, head: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(head)
    files, skipped = gather([tmp_path / name], folder)
    assert files == [] and skipped[0].name == name
    assert f"({kind}" in skipped[0].reason and "make a zip of its photos" in skipped[0].reason


def test_a_zip_that_swells_is_cut_off(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_files, "MAX_FILE_BYTES", 2_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(20):
            archive.writestr(f"{i:02}.bmp", bytes(1_900_000))
    files, skipped = gather([tmp_path / "bomb.zip"], folder)
    assert 1 <= len(files) < 8 and skipped[-1].reason == photo_files.DENSE


def test_a_zip_of_very_many_names_is_not_listed(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = two(tmp_path / "g.zip")
    with zipfile.ZipFile(path) as archive:
        listed = path.stat().st_size - 22 - archive.start_dir
    assert zips.directory_bytes(path) == listed
    monkeypatch.setattr(photo_files, "MAX_DIRECTORY_BYTES", listed - 1)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("read"))
    assert gather([path], folder)[1][0].reason == photo_files.LONG_LIST


def test_the_list_of_what_was_left_out_is_bounded(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for i in range(500):
            archive.writestr(f"{'n' * 900}{i:03}.jpg", b"")
    _, skipped = gather([tmp_path / "g.zip"], folder)
    assert len(skipped) == photo_files.MAX_SKIPPED + 1 and skipped[-1].name == "300 more"
    assert max(len(s.name) for s in skipped) <= photo_files.MAX_NAME and skipped[0].name.endswith("000.jpg")


def test_a_missing_source_is_named(tmp_path: Path, folder: Path) -> None:
    files, skipped = gather([tmp_path / "gone.jpg"], folder)
    assert files == [] and "no such file" in skipped[0].reason
