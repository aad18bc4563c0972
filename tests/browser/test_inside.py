"""A patch is clicked on a face and the page shows where it looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import unfold
from ui.shared import picker

pytestmark = pytest.mark.browser


def choose(page: Any, name: str, words: str) -> None:
    page.locator(f"#{name} input").click()
    page.get_by_role("option", name=words).click()


def answered_by(page: Any, weight: str, section: str) -> None:
    """Choose a model and wait until a section has both faces, in view."""
    choose(page, "model", picker.title(weight))
    page.wait_for_selector("#fold-inside")
    unfold(page, "fold-inside")
    page.wait_for_selector(section, state="visible")
    page.locator(section).scroll_into_view_if_needed()
    for face in "ab":
        page.wait_for_function("s => document.querySelector(s)?.naturalWidth > 100", arg=f"{section}-{face} img")


def click_patch(page: Any, picture: str, x: float, y: float) -> None:
    """Click at a place in [0, 1] of a crop."""
    image = page.locator(f"{picture} img").first
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    image.click(position={"x": x * box["width"], "y": y * box["height"]})  # waits until nothing moves it


def source(page: Any, picture: str) -> str:
    return str(page.locator(f"{picture} img").first.get_attribute("src"))


def expect_changed(page: Any, picture: str, old: str) -> None:
    page.wait_for_function("([s, old]) => document.querySelector(s).src !== old", arg=[f"{picture} img", old])


def expect_number(page: Any, slider: str, value: int) -> None:
    wanted = [f"#{slider} input[type=number]", str(value)]
    page.wait_for_function("([s, v]) => document.querySelector(s).value === v", arg=wanted)


def test_a_click_on_a_patch_shows_where_it_reads(open_page: Callable[..., Any]) -> None:
    page = open_page()
    choose(page, "model", picker.title("dlib_kin"))
    page.wait_for_selector("#attention", state="hidden")  # a model without attention
    answered_by(page, "svit", "#attention")
    page.wait_for_selector("#links", state="hidden")
    page.wait_for_selector("#shares", state="visible")
    score = page.locator(".ks-answer").get_attribute("data-score")
    a, b = source(page, "#attention-a"), source(page, "#attention-b")
    click_patch(page, "#attention-b", 0.9, 0.6)
    expect_number(page, "attention-row", 3)
    expect_number(page, "attention-column", 4)
    expect_changed(page, "#attention-a", a)
    expect_changed(page, "#attention-b", b)
    choose(page, "attention-layer", "Stage 1, block 0")
    page.wait_for_function("() => document.querySelector('#attention-note').innerText.includes('32 × 32 patches')")
    expect_number(page, "attention-row", 20)  # the same place on the finer grid
    page.wait_for_selector("#attention-head", state="hidden")  # one head only
    a = source(page, "#attention-a")
    field = page.locator("#attention-column input[type=number]")
    field.fill("1")
    field.press("Enter")
    expect_changed(page, "#attention-a", a)
    assert page.locator(".ks-answer").get_attribute("data-score") == score


def test_links_light_up_the_other_face(open_page: Callable[..., Any]) -> None:
    page = open_page()
    answered_by(page, "facor", "#links")
    page.wait_for_selector("#attention", state="hidden")
    assert "face A to face B" in page.locator("#links-note").inner_text()
    a, lines = source(page, "#links-a"), page.locator("#links-lines img").get_attribute("src")
    click_patch(page, "#links-b", 0.05, 0.95)
    page.wait_for_function("() => document.querySelector('#links-note').innerText.includes('face B to face A')")
    expect_number(page, "links-row", 7)
    expect_number(page, "links-column", 1)
    expect_changed(page, "#links-a", a)
    expect_changed(page, "#links-lines", str(lines))
    assert page.locator("#links-face input[value='1']").is_checked()
    field = page.locator("#links-count input[type=number]")
    field.fill("3")
    field.press("Enter")
    page.wait_for_function("() => document.querySelector('#links-lines').innerText.includes('The 3 strongest')")
    foot = page.locator("#shares-table tfoot td").all_inner_texts()
    assert len(foot) == 3


def test_evidence_fits_a_phone(open_page: Callable[..., Any]) -> None:
    page = open_page(width=390, height=844)
    answered_by(page, "svit", "#attention")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [page.locator(f"#attention-{face} img").first.bounding_box() for face in "ab"]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 2 and all(100 < b["width"] < 200 for b in boxes)  # side by side
