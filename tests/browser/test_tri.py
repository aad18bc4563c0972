"""The walk through parents and child as a person takes it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.reach import expect_accessible, height
from tests.browser.test_kinship import KIN, expect_score, settle, upload
from tests.ui.photos import EXAMPLES
from ui.kinship import tri_answers as triplet
from ui.kinship.tri_callbacks import EXAMPLE
from ui.shared.photos import take

pytestmark = pytest.mark.browser


def visit(page: Any) -> None:
    """Open the sub-tab and wait for the maps of its example."""
    page.get_by_role("tab", name="Parents and child").click()
    page.wait_for_selector("#tri-maps img")


def expect_tri(page: Any, wanted: float) -> None:
    page.wait_for_function(
        "w => Math.abs(document.querySelector('#tri-answer .ks-answer')?.dataset.score - w) < 1e-5", arg=wanted
    )


def wanted(*names: str) -> triplet.TriAnswer:
    return triplet.answer(triplet.Family(*(take(str(EXAMPLES / n)) for n in names)), KIN)


def test_three_photos_give_answer_shares_maps_and_report(open_page: Callable[..., Any]) -> None:
    page = open_page()
    visit(page)
    expect_tri(page, wanted(*EXAMPLE).score)
    names = ("biden_2010.jpg", "obama_2009.jpg", "obama_2012.jpg")
    upload(page, "mother", EXAMPLES / names[1])
    given = wanted(*names)
    expect_tri(page, given.score)
    for share in (given.father, given.mother):
        page.wait_for_function(
            "t => document.querySelector('#tri-shares').innerText.includes(t)", arg=f"{share.added:+.3f}"
        )
    settle(page)
    page.wait_for_function("() => document.querySelectorAll('#tri-curves tbody tr').length === 4")
    assert page.locator("#tri-maps img").count() == 8 and height(page) <= 2200
    assert page.evaluate("[...document.querySelectorAll('#tri-maps img')].every(i => i.naturalWidth > 50 && i.alt)")
    with page.expect_download() as download:
        page.locator("#tri-report").click()
    assert download.value.suggested_filename.startswith("kinsight-parents-")
    with zipfile.ZipFile(download.value.path()) as archive:
        said = json.loads(archive.read("triplet.json"))
    assert said["score"] == pytest.approx(given.score, abs=1e-5)
    expect_accessible(page)
    page.get_by_role("button", name="Open mother and child as two faces").click()
    expect_score(page, given.mother.pair.score)
    assert page.locator("#photo-a img").is_visible() and not page.locator("#photo-child").is_visible()


def test_threshold_redraws_and_a_missing_face_takes_the_answer_away(open_page: Callable[..., Any]) -> None:
    page = open_page(width=390, height=844)
    visit(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_selector("#tri-file", state="hidden")
    own = triplet.own_threshold(KIN)
    assert float(page.locator("#tri-threshold input[type=number]").input_value()) == pytest.approx(own, abs=1e-3)
    field, before = page.locator("#tri-threshold input[type=number]"), wanted(*EXAMPLE).score
    for threshold, words in ((before - 0.1, "their child"), (before + 0.1, "not their child")):
        field.fill(f"{threshold:.3f}")
        field.press("Enter")
        page.wait_for_function(
            "t => document.querySelector('#tri-answer .ks-decision').innerText === t", arg=f"Decision: {words}"
        )
    page.locator("#photo-child button[aria-label='Remove Image']").click()
    page.wait_for_selector("#tri-answer .ks-hint")
    assert not page.locator("#tri-report").is_visible() and page.locator("#photo-father img").is_visible()
