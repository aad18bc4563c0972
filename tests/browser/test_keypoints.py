"""A face is turned, a patch is asked, a keypoint is moved, and the animation comes down."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import SLOW, open_tab_named, unfold
from tests.browser.reach import expect_accessible, height
from tests.browser.test_kinship import settle

pytestmark = pytest.mark.browser


def open_tab(page: Any) -> None:
    """The tab with its finished example, as long as a page should be."""
    open_tab_named(page, "Keypoints")
    page.wait_for_selector("#kp-note .ks-scale", timeout=2 * SLOW)
    assert height(page) <= (4500 if page.viewport_size["width"] < 640 else 2200)  # everything folded
    unfold(page, "kp-far")
    page.wait_for_selector("#kp-curve-shift_y .js-plotly-plot .legend", timeout=2 * SLOW)


def similarity(page: Any, model: str) -> float:
    return float(page.locator(f"#kp-answer tr[data-model={model}]").get_attribute("data-similarity"))


def source(page: Any, picture: str) -> str:
    return str(page.locator(f"{picture} img").first.get_attribute("src"))


def expect_changed(page: Any, picture: str, old: str) -> None:
    page.wait_for_function("([s, old]) => document.querySelector(s).src !== old", arg=[f"{picture} img", old])


def click(page: Any, picture: str, x: float, y: float) -> None:
    image = page.locator(f"{picture} img").first
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    image.click(position={"x": x * box["width"], "y": y * box["height"]})  # waits until nothing moves it


def test_turn_ask_move_and_download(open_page: Callable[..., Any]) -> None:
    page = open_page()
    open_tab(page)
    assert "+20 °" in page.locator("#kp-answer").inner_text()
    expect_accessible(page)
    reached = page.locator("#kp-curve-rotation .modebar-btn:visible")
    assert reached.count() == 4 and page.locator("#kp-far a[href]").first.is_hidden()  # no link to Plotly
    before, old = similarity(page, "vit_kprpe"), source(page, "#kp-kprpe")
    angle = page.locator("#kp-rotation input[type=number]")
    angle.fill("500")  # beyond the slider's range: its end, and no error
    assert angle.input_value() == "60"
    page.wait_for_function("() => document.querySelector('#kp-answer').innerText.includes('+60 °')")
    angle.fill("-500")
    angle.press("Enter")
    page.wait_for_function("() => document.querySelector('#kp-answer').innerText.includes('-60 °')")
    assert angle.input_value() == "-60" and page.get_by_text("Error", exact=True).count() == 0
    expect_changed(page, "#kp-kprpe", old)
    old = source(page, "#kp-kprpe")
    angle.fill("-35")
    angle.press("Enter")
    page.wait_for_function("() => document.querySelector('#kp-answer').innerText.includes('-35 °')")
    expect_changed(page, "#kp-kprpe", old)
    turned = similarity(page, "vit_kprpe")
    assert turned != before

    old, other = source(page, "#kp-kprpe"), source(page, "#kp-irpe")
    click(page, "#kp-irpe", 0.9, 0.9)
    expect_changed(page, "#kp-kprpe", old)
    expect_changed(page, "#kp-irpe", other)
    page.wait_for_function("() => document.querySelector('#kp-row input[type=number]').value === '13'")
    assert similarity(page, "vit_kprpe") == turned  # looking elsewhere runs nothing

    page.locator("#kp-picked label").filter(has_text="nose").click()
    page.wait_for_function("() => document.querySelector('#kp-x input').value !== ''")
    plain = similarity(page, "vit_abs")
    settle(page)  # a picture that is drawn anew takes no click
    click(page, "#kp-fed", 0.1, 0.1)
    page.wait_for_function(
        "() => document.querySelector('#kp-answer').innerText.includes('not where they were detected')"
    )
    assert similarity(page, "vit_kprpe") != turned
    assert similarity(page, "vit_abs") == pytest.approx(plain, abs=1e-5)  # same pixels

    with page.expect_download(timeout=2 * SLOW) as download:
        page.locator("#kp-gif").click()
    gif = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert gif.format == "GIF" and gif.n_frames == 24


def test_the_tab_fits_a_phone(open_page: Callable[..., Any]) -> None:
    page = open_page(width=390, height=844, theme="dark")
    open_tab(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.locator("#kp-far .modebar-container").first.is_visible()  # it would lie on the plot
    page.locator("#kp-kprpe").scroll_into_view_if_needed()
    for model in ("kprpe", "irpe"):
        page.wait_for_function("s => document.querySelector(s)?.naturalWidth > 100", arg=f"#kp-{model} img")
    boxes = [page.locator(f"#kp-{m} img").first.bounding_box() for m in ("kprpe", "irpe")]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 2 and all(100 < b["width"] < 200 for b in boxes)  # side by side
