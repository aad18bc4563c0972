"""The walk through an index of the server's: choose it, search, open the evidence of a match."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from models.search.build import build
from tests.browser.conftest import running_app
from tests.browser.test_kinship import expect_score, upload, wanted
from tests.ui.photos import EXAMPLES

pytestmark = pytest.mark.browser


def test_an_index_is_chosen_searched_and_a_match_opened(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> None:
    root: Path = tmp_path_factory.mktemp("server")
    (root / "photos").mkdir()
    for name in ("meek_kendrick", "hopper_1984", "meek_carrie"):
        shutil.copy(EXAMPLES / f"{name}.jpg", root / "photos")
    build([root / "photos"], root / "indexes" / "archive", "edgeface_kin")
    with running_app(tmp_path_factory, KINSIGHT_INDEXES=str(root / "indexes")) as url:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(url)
        page.get_by_role("tab", name="Search").click()
        page.wait_for_selector("#hits .ks-hit")
        page.locator("#gallery-index input").click()
        page.get_by_role("option", name="archive").click()
        page.wait_for_function("() => document.querySelector('#gallery-note').innerText.includes('archive')")
        assert "3 faces of 3 people" in page.locator("#gallery-note").inner_text()
        upload(page, "probe", EXAMPLES / "meek_carrie.jpg")
        page.wait_for_function("() => document.querySelector('#search-answer').innerText.includes('not ranked')")
        names = page.locator("#hits .ks-hit-name").all_inner_texts()
        assert names == ["meek_kendrick.jpg", "hopper_1984.jpg"]
        assert "First of 3 faces: meek_kendrick.jpg" in page.locator("#search-answer").inner_text()
        page.locator("#hits .ks-hit").first.click()
        page.wait_for_selector("#photo-b img")
        expect_score(page, wanted(EXAMPLES / "meek_carrie.jpg", EXAMPLES / "meek_kendrick.jpg", "edgeface_kin"))
        context.close()
