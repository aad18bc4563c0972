"""The zip of a report holds what was written, and nothing that lay in the folder before."""

from __future__ import annotations

import zipfile
from pathlib import Path

from explain.report.staging import Staging


def test_files_that_lay_there_stay_and_are_not_packed(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "diary.txt").write_text("private")
    (tmp_path / "report" / "report.json").write_text("old")
    stage = Staging(tmp_path / "report")
    (stage.folder / "report.json").write_text("new")
    (stage.folder / "father").mkdir()
    (stage.folder / "father" / "map.png").write_text("a picture")
    path = stage.finish(archive=True)
    assert path == tmp_path / "report.zip"
    with zipfile.ZipFile(path) as archive:
        assert {n for n in archive.namelist() if not n.endswith("/")} == {"report.json", "father/map.png"}
        assert archive.read("report.json") == b"new"
    assert (tmp_path / "report" / "diary.txt").read_text() == "private"
    assert (tmp_path / "report" / "report.json").read_text() == "new"
    assert (tmp_path / "report" / "father" / "map.png").exists() and not stage.folder.exists()


def test_without_a_zip_the_folder_is_the_report(tmp_path: Path) -> None:
    stage = Staging(tmp_path / "new" / "report")
    (stage.folder / "report.json").write_text("{}")
    assert stage.finish(archive=False) == tmp_path / "new" / "report"
    assert [p.name for p in tmp_path.rglob("*.*")] == ["report.json"]
