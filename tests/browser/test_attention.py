"""The Attention tab: a mask is picked, the slider moved, a zip taken."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import open_tab_named, unfold
from tests.browser.reach import expect_accessible, height

pytestmark = pytest.mark.browser
CUT = "() => getComputedStyle(document.querySelectorAll('#arms-slider img')[1]).clipPath"


def open_tab(page: Any) -> None:
    """The tab with its example, finished."""
    open_tab_named(page, "Attention")
    page.wait_for_selector("#arms-maps img")


def cosines(page: Any) -> list[str]:
    return [c.get_attribute("data-similarity") for c in page.locator("#arms-answer td").all()]


def right_edge(page: Any, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    return float(box["x"] + box["width"])


def test_mask_slider_and_download(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page()
    open_tab(page)
    expect_accessible(page)
    assert height(page) <= 2200  # everything folded
    assert right_edge(page, "#arms-opacity") <= right_edge(page, "#arms-maps")  # the pickers fit side by side
    before = cosines(page)
    assert len(before) == 9 and page.locator("#arms-maps img").count() == 6
    page.locator("#arms-occluder label", has_text="Sunglasses").click()
    page.wait_for_function("() => document.querySelector('#arms-worn').innerText.includes('sunglasses')")
    page.wait_for_function("old => document.querySelector('#arms-answer td').dataset.similarity !== old", arg=before[0])
    page.locator("#arms-another").click()
    page.wait_for_function("() => document.querySelector('#arms-worn').innerText.includes('make no. 2')")
    unfold(page, "arms-two")
    page.wait_for_selector("#arms-slider img")
    page.locator("#arms-slider").scroll_into_view_if_needed()
    assert moved(page)
    assert "Not tested yet" in page.locator("#arms-verdict").inner_text()  # nothing is tested before it is asked for
    unfold(page, "arms-tested")
    page.wait_for_selector("#arms-verdict .ks-readings")
    cut = page.evaluate(CUT)
    page.locator("#arms-cut input[type=range]").press("End")
    page.wait_for_function(f"old => ({CUT})() !== old", arg=cut)  # by keyboard too
    with page.expect_download() as download:
        page.locator("#arms-report").click()
    path = tmp_path / "report.zip"
    download.value.save_as(path)
    assert {"comparison.json", "arrays.npz", "edgeface_cbam_gates_a.png"} <= set(zipfile.ZipFile(path).namelist())


def moved(page: Any) -> bool:
    """Drag the slider's handle to the left: does the upper picture's cut follow?"""
    handle, before = page.locator("#arms-slider .inner").first.bounding_box(), page.evaluate(CUT)
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 80, y, steps=4)
    page.mouse.up()
    return bool(page.evaluate(CUT) != before)


def test_looking_keeps_the_answer(open_page: Callable[..., Any]) -> None:
    page = open_page(width=390, height=844, theme="dark")
    open_tab(page)
    said, drawn = cosines(page), page.locator("#arms-maps img").first.get_attribute("src")
    assert page.locator(".ks-arms td").evaluate_all("cells => cells.every(c => c.getBoundingClientRect().right <= 390)")
    page.locator("#arms-scale input").click()
    page.get_by_role("option", name="own mean").click()
    page.wait_for_function("old => document.querySelector('#arms-maps img').src !== old", arg=drawn)
    assert cosines(page) == said
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 and height(page) <= 4500
    expect_accessible(page)  # tables that scroll sideways have a Tab stop
