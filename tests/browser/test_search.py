"""The walk through Search and Batch as a person takes it."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.reach import expect_accessible
from tests.browser.test_kinship import KIN, expect_score, settle, upload
from tests.browser.test_kinship import wanted as pair_score
from tests.ui.photos import EXAMPLES, montage
from ui.kinship.batch_answers import shot_of
from ui.kinship.search_callbacks import GALLERY
from ui.shared import answering
from ui.shared.photos import take

pytestmark = pytest.mark.browser


def visit(page: Any) -> None:
    """Open the sub-tab and wait for its finished example."""
    page.get_by_role("tab", name="Search").click()
    page.wait_for_function("n => document.querySelectorAll('#hits .ks-hit').length === n", arg=len(GALLERY))
    settle(page)


def give_gallery(page: Any, *paths: Path) -> None:
    page.locator("#gallery-files input[type=file]").set_input_files([str(p) for p in paths])


def test_a_probe_and_a_zip_give_a_ranking_to_export_and_open(open_page: Callable[..., Any], tmp_path: Path) -> None:
    montage().save(tmp_path / "six.jpg", quality=92)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(tmp_path / "six.jpg", "group/six.jpg")
        archive.write(EXAMPLES / "hopper_1984.jpg", "=hopper.jpg")
        archive.writestr("notes.txt", "no photo")
    page = open_page()
    visit(page)
    give_gallery(page, tmp_path / "photos.zip")
    page.wait_for_function("() => document.querySelectorAll('#hits .ks-hit').length === 7")
    assert "7 faces in 2 photos" in page.locator("#gallery-note").inner_text()
    page.locator("#gallery-note summary").click()
    expect_accessible(page)
    assert "notes.txt" in page.locator("#gallery-note li").inner_text()
    probe = EXAMPLES / "biden_2010.jpg"
    upload(page, "probe", probe)
    first = pair_score(probe, tmp_path / "six.jpg", KIN, 1)
    page.wait_for_function("w => document.querySelector('#search-answer .ks-answer')?.dataset.score > .9")
    settle(page)
    with page.expect_download() as download:
        page.locator("#search-csv").click()
    assert download.value.suggested_filename.startswith("kinsight-search-")
    rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
    assert [r["rank"] for r in rows] == [*"1234567", ""] and rows[-1]["file"] == "notes.txt"
    assert {r["file"] for r in rows[:2]} == {"group/six.jpg"} and "'=hopper.jpg" in {r["file"] for r in rows}
    best = pair_score(probe, tmp_path / "six.jpg", KIN, int(rows[0]["face"]) - 1)
    assert float(rows[0]["score"]) == pytest.approx(best, abs=1e-5) and best >= first - 1e-5
    page.locator("#hits .ks-hit").first.click()
    expect_score(page, best)
    assert page.locator("#photo-b img").is_visible() and not page.locator("#gallery-files").is_visible()
    compare_a_list(page, tmp_path)


def compare_a_list(page: Any, folder: Path) -> None:
    """Batch: pairs of the same zip, one of them without a photo -> a table, and a CSV to take away."""
    (folder / "list.csv").write_text("image_a;image_b;kin\nsix.jpg;=hopper.jpg;0\n=hopper.jpg;nobody.jpg;\n")
    page.get_by_role("tab", name="Batch").click()
    for name, given in (("list", "list.csv"), ("photos", "photos.zip")):
        page.locator(f"#batch-{name} input[type=file]").set_input_files(str(folder / given))
    page.wait_for_function("() => document.querySelector('#batch-note').innerText.includes('no photo nobody.jpg')")
    page.locator("#batch-run").click()
    page.wait_for_selector("#batch-answer [data-pairs='2']")
    settle(page)
    expect_accessible(page)
    with page.expect_download() as download:
        page.locator("#batch-csv").click()
    assert download.value.suggested_filename == "kinsight-pairs.csv"
    rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
    wanted = answering.answer(shot_of(str(folder / "six.jpg")), take(str(EXAMPLES / "hopper_1984.jpg")), KIN).score
    assert float(rows[0]["score"]) == pytest.approx(wanted, abs=1e-5) and rows[1]["score"] == ""
    assert page.locator("#batch-run").is_enabled() and page.locator("#batch-stop").is_hidden()


def test_a_bad_gallery_is_explained_and_a_phone_shows_it_all(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page(width=390, height=844)
    visit(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_selector("#search-file", state="hidden")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7 no photo")
    upload(page, "probe", tmp_path / "scan.pdf")  # what is wrong is said in words, and no error is left
    page.wait_for_selector("#note-probe .ks-error")
    assert "PDF" in page.locator("#note-probe").inner_text()
    give_gallery(page, tmp_path / "scan.pdf")
    page.wait_for_function("() => document.querySelector('#gallery-note').innerText.includes('scan.pdf')")
    assert page.get_by_text("Error", exact=True).count() == 0
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no more")
    give_gallery(page, tmp_path / "broken.zip")
    page.wait_for_function("() => document.querySelector('#gallery-note').innerText.includes('damaged or incomplete')")
    assert page.locator("#gallery-note .ks-error").count() == 1
    page.wait_for_selector("#search-answer .ks-hint")
    page.wait_for_selector("#search-csv", state="hidden")
