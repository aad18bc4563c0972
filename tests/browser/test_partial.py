"""A preset, a crop and a stroke in the editor, a bar, the report, a face placed by hand; on the shipped weights."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import SLOW, open_tab_named, unfold
from tests.browser.reach import expect_accessible, height
from tests.ui.photos import EXAMPLES

pytestmark = pytest.mark.browser
SLOW_FRAMES = (
    "(() => { const at = requestAnimationFrame; requestAnimationFrame = f => setTimeout(() => at(f), 150); })()"
)
"""Some six pictures a second: with a tool in hand the picture editor draws all the time, without a GPU on one core."""
VISIBLE = "() => Number(document.querySelector('#part-answer .ks-answer')?.dataset.visible)"


def open_tab(page: Any) -> None:
    """The tab with its finished example, the left eye of the second photo, as long as a page should be."""
    page.evaluate(SLOW_FRAMES)
    open_tab_named(page, "Partial face")
    page.wait_for_selector("#part-parts .ks-bar-pair")
    wait_for_visible(page, 0.089, 0.091)
    assert height(page) <= (4500 if page.viewport_size["width"] < 640 else 2200)  # everything folded


def wait_for_visible(page: Any, low: float, high: float) -> float:
    """Until the visible share of the face lies between two values."""
    page.wait_for_function(f"([a, b]) => {{ const v = ({VISIBLE})(); return a < v && v < b; }}", arg=[low, high])
    return float(page.evaluate(VISIBLE))


def pick_preset(page: Any, label: str) -> None:
    page.locator("#part-preset label").filter(has_text=label).first.click()


def tool(page: Any, label: str) -> Any:
    return page.locator(f"#part-editor button[aria-label='{label}']").first


def canvas(page: Any) -> dict[str, float]:
    """Where the face lies in the editor: a square in the middle of the drawing surface, at the zoom that is shown."""
    surface = page.locator("#part-editor canvas").first
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    zoom = float(page.locator("#part-editor").inner_text().split("%")[0].split()[-1]) / 100
    side = 480 * zoom
    return {"x": box["x"] + (box["width"] - side) / 2, "y": box["y"] + (box["height"] - side) / 2, "side": side}


def drag(page: Any, face: dict[str, float], start: tuple[float, float], end: tuple[float, float]) -> None:
    """Over the face in the editor, places in [0, 1] of it."""
    (x0, y0), (x1, y1) = ((face["x"] + x * face["side"], face["y"] + y * face["side"]) for x, y in (start, end))
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=8)
    page.mouse.up()


def test_presets_editor_bars_and_report(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page()
    open_tab(page)
    expect_accessible(page)
    uploads: list[str] = []
    page.on("request", lambda r: uploads.append(r.url) if r.method == "POST" and "/upload" in r.url else None)
    pick_preset(page, "Upper half")
    wait_for_visible(page, 0.499, 0.501)
    pick_preset(page, "Whole face")
    wait_for_visible(page, 0.999, 1.1)
    assert uploads == []  # nothing was drawn: ui/serve/steps.py

    tool(page, "Brush").click()
    face = canvas(page)  # while its zoom is shown: cropping shows none
    drag(page, face, (0.2, 0.4), (0.8, 0.4))
    painted = wait_for_visible(page, 0.5, 0.97)
    tool(page, "Undo").click()
    wait_for_visible(page, 0.999, 1.1)

    tool(page, "Image").click()
    tool(page, "Crop").click()
    drag(page, face, (0.005, 0.005), (0.4, 0.3))
    tool(page, "Confirm crop").click()
    cropped = wait_for_visible(page, 0.2, 0.7)
    assert cropped != painted
    unfold(page, "part-lost")
    page.wait_for_selector("#part-order h3", timeout=2 * SLOW)

    assert len(uploads) <= 18  # for a stroke, its undoing and a crop three pictures each, twice
    bar = page.locator("#part-parts .ks-bar-pair[data-part='6']")
    said = page.locator("#part-answer .ks-answer").get_attribute("data-score")
    bar.click()
    page.wait_for_selector("#part-large [data-shown='6']")
    bar.press("ArrowLeft")  # still focused: a key does not lose it
    page.locator("#part-parts .ks-bar-pair[data-part='2']").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#part-large [data-shown='2']")
    assert bar.get_attribute("aria-pressed") == "false"
    assert page.locator("#part-answer .ks-answer").get_attribute("data-score") == said

    with page.expect_download() as download:
        page.locator("#part-report").click()
    path = tmp_path / "report.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read("partial.json"))
        assert {"partial_b.png", "part_07.png", "arrays.npz"} <= set(archive.namelist())
    assert values["visible"] == pytest.approx(cropped) and values["edit"]["erased_by_hand"] > 0
    assert values["visible_area_curve"] and len(values["parts_that_can_go"]) == 3  # computed for it, seen or not


def test_a_photo_without_a_face_is_placed_by_hand(open_page: Callable[..., Any], tmp_path: Path) -> None:
    eye = tmp_path / "eye.png"  # so little of a face that none is found
    Image.open(EXAMPLES / "obama_2009.jpg").convert("RGB").crop((0, 0, 60, 60)).resize((300, 300)).save(eye)
    page = open_page()
    open_tab(page)
    page.locator("#photo-p2 input[type=file]").first.set_input_files(str(eye))
    page.wait_for_function("() => document.querySelector('#note-p2').innerText.includes('No face was found')")
    wait_for_visible(page, 0.999, 1.1)
    page.locator("#part-picked label").filter(has_text="nose").click()
    page.locator("#part-unseen").click()
    page.locator("#part-place").click()
    page.wait_for_function("() => document.querySelector('#note-p2').innerText.includes('Placed by hand')")
    page.locator("#part-other").click()
    wait_for_visible(page, 0.999, 1.1)


def test_the_tab_fits_a_phone(open_page: Callable[..., Any]) -> None:
    page = open_page(width=390, height=844, theme="dark")
    open_tab(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    bars = page.locator("#part-parts .ks-bar-pair")
    boxes = [bars.nth(i).bounding_box() for i in (0, 11)]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 2 and boxes[1]["x"] + boxes[1]["width"] <= 390
