"""The walk through an index of the server's on a phone: choose it, search by photo and by person, open a match."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from explain.search.indexing import OWN
from tests.browser.conftest import patient
from tests.browser.test_kinship import expect_score, upload, wanted
from tests.ui.photos import EXAMPLES

pytestmark = pytest.mark.browser
KIN = "edgeface_kin"


RANKED = "#hits .ks-hit:has(.ks-rank)"


def names_of(page: Any, which: str) -> list[str]:
    return [str(name) for name in page.locator(f"{which} .ks-hit-name").all_text_contents()]


def wait_for_words(page: Any, part: str, words: str) -> None:
    arguments = [part, words]
    page.wait_for_function("([p, w]) => document.querySelector(p)?.textContent.includes(w)", arg=arguments)


def test_an_index_is_chosen_searched_and_a_match_opened(app_with_indexes: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, accept_downloads=True)
    page = patient(context.new_page())
    page.goto(app_with_indexes)
    page.get_by_role("tab", name="Search").click()
    page.wait_for_selector("#hits .ks-hit")
    assert not page.locator("#by-person").is_visible()
    page.locator("#gallery-index input").click()
    page.get_by_role("option", name="archive").click()
    wait_for_words(page, "#gallery-note", "5 faces of 4 people")
    page.wait_for_selector("#by-person")
    assert not page.locator("#top").is_visible()
    upload(page, "probe", EXAMPLES / "meek_carrie.jpg")
    wait_for_words(page, "#search-answer", "not ranked: 1 face (meek_carrie.jpg)")
    assert "First of 5 faces: meek_kendrick.jpg" in page.locator("#search-answer").inner_text()
    assert len(names_of(page, RANKED)) == 4 and names_of(page, "#own") == ["meek_carrie.jpg"]

    page.get_by_label("Person", exact=True).check()
    wait_for_words(page, "#search-answer", "First of 4 people")
    names = names_of(page, RANKED)
    assert names[0] == "meek_kendrick.jpg" and len(names) == 3
    assert page.locator("#hits").get_by_text(", 2 faces", exact=False).count() == 1
    page.get_by_role("button", name="More photos of this person").click()
    page.locator("#probe-files input[type=file]").set_input_files([str(EXAMPLES / "meek_carrie.jpg")])
    wait_for_words(page, "#search-answer", "means over 2 photos of the probe")
    assert "1 more photo of the probe" in page.locator("#probe-more").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    with page.expect_download() as download:
        page.locator("#search-csv").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text(encoding="utf-8").splitlines()))
    assert [r["rank"] for r in rows] == ["1", "2", "3", ""] and [r["file"] for r in rows[:3]] == names
    assert rows[-1]["file"] == "meek_carrie.jpg" and rows[-1]["note"] == OWN
    page.locator("#own summary").click()
    assert page.locator("#own .ks-hit").is_visible()
    page.locator("#hits .ks-hit").first.click()
    page.wait_for_selector("#photo-b img")
    expect_score(page, wanted(EXAMPLES / "meek_carrie.jpg", EXAMPLES / "meek_kendrick.jpg", KIN))
    context.close()
