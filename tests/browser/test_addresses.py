"""Addresses, the history of the browser, the swap, and photos sent from tab to tab, as a person uses them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import open_tab_named, patient
from tests.browser.test_kinship import KIN, expect_score, upload, wanted
from tests.ui.photos import EXAMPLES

pytestmark = pytest.mark.browser

FIRST, LEVINS, SWAPPED = "sanchez_linda-sanchez_loretta", "levin_carl-levin_sander", "levin_sander-levin_carl"


TELL_AGAIN = """before => { const [address, , own] = before.split("#");
  for (let turn = 1; turn < 50; turn++) kinsight.tell(`${address}#${turn}#${own}`); }"""
"""What the page said before a move comes once more after it, as from a step that was still at work."""


def at(page: Any, **names: str | None) -> None:
    """Wait until the address has these values; None: it has no such key."""
    page.wait_for_function(
        "names => { const has = new URLSearchParams(location.search);"
        " return Object.entries(names).every(([key, value]) => has.get(key) === value); }",
        arg=names,
    )


def score_of(name: str) -> float:
    return wanted(*(EXAMPLES / f"{part}.jpg" for part in name.split("-")), KIN)


def copied(page: Any) -> dict[str, list[str]]:
    """What the button puts on the clipboard."""
    page.locator("#copy-address").click()
    page.locator(".ks-address [role=status]").get_by_text("Copied").wait_for()
    return parse_qs(urlsplit(page.evaluate("navigator.clipboard.readText()")).query)


def told(page: Any, name: str) -> None:
    """Wait until the page of two faces shows what has this in its address."""
    page.wait_for_function("n => document.querySelector('#told-kinship').textContent.includes(n)", arg=name)


def test_the_walk_of_a_teacher_then_history_own_photos_and_sending(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.context.grant_permissions(["camera", "clipboard-read", "clipboard-write"])
    opened = page.url
    _teach(page)
    _history(page, opened)
    _own_photos(page)
    _sent(page)
    _reloaded(page)


def _teach(page: Any) -> None:
    """The walk of a teacher: an example of known truth, both faces side by side, the evidence, an address to share."""
    first = copied(page)
    assert first["example"] == [FIRST] and first["tab"] == ["kinship"] and first["model"] == [KIN] and len(first) == 4
    page.locator("[data-example='2']").click()
    at(page, tab="kinship", model=KIN, example=LEVINS, __theme="light")
    expect_score(page, score_of(LEVINS))
    assert "Known: brothers" in page.locator(".ks-known").inner_text()
    tops = [page.locator(f"#photo-{face} img").first.bounding_box()["y"] for face in "ab"]
    assert abs(tops[0] - tops[1]) < 60 and page.locator("#maps img").count() == 6
    assert copied(page)["example"] == [LEVINS]


def _history(page: Any, opened: str) -> None:
    """What is done is a step; back and forward, faster than the page answers too, bring it again."""
    page.locator("#swap").click()
    at(page, example=SWAPPED)
    expect_score(page, score_of(LEVINS))  # the mean of both orders
    open_tab_named(page, "Models")
    at(page, tab="models", example=None)
    page.go_back()
    at(page, tab="kinship", example=SWAPPED)
    page.locator("#answer .ks-answer").wait_for()
    for go in (page.go_back, page.go_back):
        go()
    told(page, FIRST)
    expect_score(page, score_of(FIRST))
    assert page.url == opened
    page.go_forward()
    told(page, LEVINS)
    expect_score(page, score_of(LEVINS))
    at(page, example=LEVINS)


def _own_photos(page: Any) -> None:
    """They come back within the session, and are in no address."""
    upload(page, "a", EXAMPLES / "hopper_1984.jpg")
    own = wanted(EXAMPLES / "hopper_1984.jpg", EXAMPLES / "levin_sander.jpg", KIN)
    expect_score(page, own)
    at(page, tab="kinship", model=KIN, example=None)
    assert "example" not in copied(page) and "photos are not part" in page.locator(".ks-address").inner_text()
    before = page.locator("#told-kinship").text_content().strip()
    page.go_back()
    at(page, example=LEVINS)
    page.evaluate(TELL_AGAIN, before)
    expect_score(page, score_of(LEVINS))
    page.go_forward()
    expect_score(page, own)


def _sent(page: Any) -> None:
    """A photo goes to another tab without an upload."""
    uploads: list[str] = []
    page.on("request", lambda r: uploads.append(r.url) if "/upload" in r.url else None)
    page.locator("#send-kinship summary").click()
    page.locator("#send-kinship [data-to=expression][data-photo='0']").click()
    at(page, tab="expression", model="expression", example=None)
    page.wait_for_selector("#expression-verdict .ks-verdict")
    assert page.locator("#photo-e img").is_visible() and uploads == []
    assert "hopper" not in page.url and "gradio" not in page.url
    page.go_back()
    at(page, tab="kinship", example=None)


def _reloaded(page: Any) -> None:
    """Own photos are gone after a reload; back to them shows and tells what is there, and an example is told again.

    In a page of its own: what a reload cuts off is logged as an error.
    """
    again = patient(page.context.new_page())
    again.goto(page.url.split("?")[0])
    expect_score(again, score_of(FIRST))
    upload(again, "a", EXAMPLES / "hopper_1984.jpg")
    at(again, tab="kinship", model=KIN, example=None)
    again.locator("[data-example='0']").click()
    at(again, example=FIRST)
    again.reload()
    expect_score(again, score_of(FIRST))
    again.go_back()
    at(again, tab="kinship", example=FIRST)
    again.locator("[data-example='2']").click()
    at(again, example=LEVINS)


@pytest.mark.skipif(not os.environ.get("KINSIGHT_FUZZ"), reason="the long form: make hostile")
def test_two_windows_open_what_their_addresses_name(browser: Any, app_url: str) -> None:
    context = browser.new_context()
    one, other = patient(context.new_page()), patient(context.new_page())
    one.goto(f"{app_url}?tab=expression&method=eigen_cam&example=hopper_1984")
    other.goto(f"{app_url}?tab=kinship&model=dlib_resnet&method=eigen_cam&example=obama_2012-obama_2009")
    expect_score(other, wanted(EXAMPLES / "obama_2012.jpg", EXAMPLES / "obama_2009.jpg", "dlib_resnet"))
    other.wait_for_selector("#map-verdict:not(.ks-former) .ks-readings")
    assert "Eigen-CAM" in other.locator("#method input").input_value()
    assert other.locator("#address-note").count() == 0
    one.wait_for_selector("#expression-verdict .ks-verdict")
    at(one, tab="expression", method="eigen_cam", example="hopper_1984")
    at(other, tab="kinship", method="eigen_cam", example="obama_2012-obama_2009")
    assert one.locator(".ks-answer[data-score]").count() == 0  # nothing ran for a tab that is not shown
    open_tab_named(one, "Kinship")
    expect_score(one, score_of(FIRST))
    other.goto(f"{app_url}?tab=partial&model=<img src=x onerror=alert(1)>&example=none")
    note = other.locator("#address-note")
    note.get_by_text("In “Partial face” there is no model “<img src=x onerror=alert(1)>”.").wait_for()
    assert note.locator("img").count() == 0 and other.locator("#part-preset").is_visible()
    other.reload()
    other.locator("#part-preset").wait_for()
    assert other.locator(".ks-answer[data-score]").count() == 0
    context.close()
