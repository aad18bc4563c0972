"""The tab Expression: a photo, covers, classes, several faces, report, camera; on the shipped weight, or an untrained.

The tests share one page and follow each other.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models import available_weights
from tests.browser.conftest import open_tab_named, patient, running_app, unfold
from tests.browser.reach import expect_accessible
from tests.ui.expression.untrained import write_expression_weight
from tests.ui.photos import EXAMPLES, montage

pytestmark = pytest.mark.browser
SHARES = "a => [...document.querySelectorAll('#expression-answer tr')].map(r => Number(r.dataset[a]))"


CAMERA = """(() => {
  const devices = navigator.mediaDevices, device = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async wanted => {
    const video = document.createElement('video'), canvas = document.createElement('canvas');
    video.muted = true; video.srcObject = await device(wanted); await video.play();
    canvas.width = 640; canvas.height = 480;
    setInterval(() => canvas.getContext('2d').drawImage(window.portrait || video, 140, 0, 360, 480), 50);
    return canvas.captureStream(20);
  };
})()"""
"""Chromium's own fake device, until there is a portrait to be held before it."""
PORTRAIT = "async s => { const i = new Image(); i.src = s; await i.decode(); window.portrait = i; }"


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is shipped; while no weight is shipped, with an untrained one."""
    if "expression" in available_weights():
        yield request.getfixturevalue("app_url")
        return
    folder = write_expression_weight(tmp_path_factory.mktemp("weights"))
    with running_app(tmp_path_factory, KINSIGHT_WEIGHTS=str(folder)) as address:
        yield address


@pytest.fixture(scope="module")
def page(browser: Any, url: str) -> Iterator[Any]:
    """The tab with its finished example; afterwards nothing was asked for elsewhere, and no error logged."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, accept_downloads=True, permissions=["camera"]
    )
    requests, errors, found = [], [], patient(context.new_page())
    found.add_init_script(CAMERA)
    found.on("request", lambda r: requests.append(r.url))
    found.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    found.on("pageerror", lambda e: errors.append(str(e)))
    found.goto(url)
    open_tab_named(found, "Expression")
    found.wait_for_selector("#expression-verdict .ks-verdict")
    yield found
    context.close()
    assert requests and [r for r in requests if not r.startswith((url, "data:", "blob:"))] == []
    assert errors == []


def leading(page: Any) -> str:
    return str(page.locator("#expression-answer .ks-answer").get_attribute("data-leading"))


def choose(page: Any, picker: str, name: str) -> None:
    """An option of a dropdown, by its text."""
    page.locator(f"#{picker} input").click()
    page.get_by_role("option", name=name, exact=True).click()


def wait_for_target(page: Any, target: str) -> None:
    """The map of a target, and its verdict."""
    page.wait_for_selector(f"#expression-map [data-target='{target}']")
    page.wait_for_selector(f"#expression-verdict [data-unit='P({target})']")


def test_an_example_is_answered_and_covered(page: Any) -> None:
    shares = page.evaluate(SHARES, "share")
    assert len(shares) == 8 and sum(shares) == pytest.approx(1, abs=1e-4)
    names = page.locator("#expression-answer tr th").all_inner_texts()
    assert names[shares.index(max(shares))] == leading(page)
    assert "Most likely " + leading(page) in page.locator("#expression-answer").inner_text()
    assert "not a felt emotion" in page.locator(".ks-notice:visible").inner_text()
    page.locator("#expression-covers label").filter(has_text="Mouth").click()
    page.wait_for_selector("#expression-answer [data-covered='mouth']")
    now = page.evaluate(SHARES, "now")
    assert sum(now) == pytest.approx(1, abs=1e-4) and now != pytest.approx(shares, abs=1e-4)
    assert page.evaluate(SHARES, "share") == pytest.approx(shares, abs=1e-4)
    assert page.locator("#expression-answer figure").count() == 2
    expect_accessible(page)


def test_a_class_and_a_difference_are_explained(page: Any) -> None:
    wait_for_target(page, leading(page))
    choose(page, "expression-why", "fear")
    wait_for_target(page, "fear")
    choose(page, "expression-not", "anger")
    wait_for_target(page, "fear - anger")
    assert "among fear and anger" in page.locator("#expression-words").inner_text()
    unfold(page, "expression-regions")
    page.wait_for_selector("#expression-regions th:has-text('forehead')")
    with page.expect_download() as download:
        page.locator("#expression-report").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        values = json.loads(archive.read("expression.json"))
    assert values["target"] == "fear - anger" and set(values["covered"]) == {"the mouth"}
    assert list(values["shares"].values()) == pytest.approx(page.evaluate(SHARES, "share"), abs=1e-4)


def test_every_face_of_a_photo(page: Any, tmp_path: Path) -> None:
    path = tmp_path / "six.jpg"
    montage().save(path, quality=92)
    page.locator("#photo-e input[type=file]").first.set_input_files(str(path))
    faces = page.locator("#expression-faces button")
    page.wait_for_function("() => document.querySelectorAll('#expression-faces button').length === 6")
    faces.nth(3).click()
    page.wait_for_selector("#expression-faces button[data-face='3'][aria-pressed='true']")
    share = faces.nth(3).get_attribute("data-share")
    page.wait_for_function(
        "s => document.querySelector('#expression-answer .ks-answer').dataset.share === s", arg=share
    )
    assert leading(page) == faces.nth(3).get_attribute("data-leading")
    expect_accessible(page)


def test_the_camera_s_frames_are_answered_live(page: Any) -> None:
    page.get_by_role("tab", name="Live camera").click()
    choose(page, "expression-live-target", "sadness")
    page.locator("#expression-camera button:visible").first.click()  # access
    page.locator("#expression-camera button[aria-label='capture photo']:visible").click()
    page.wait_for_selector("#expression-live .ks-xlive")
    assert "No face in sight" in page.locator("#expression-live").inner_text()  # Chromium's camera shows a pattern
    portrait = base64.b64encode((EXAMPLES / "obama_2012.jpg").read_bytes()).decode()
    page.evaluate(PORTRAIT, f"data:image/jpeg;base64,{portrait}")
    page.wait_for_selector("#expression-live [data-target='sadness'] tr")
    page.wait_for_function("() => Number(document.querySelector('#expression-live .ks-xlive').dataset.pace) > 0")
    shares = page.evaluate(SHARES.replace("answer", "live"), "share")
    assert len(shares) == 8 and sum(shares) == pytest.approx(1, abs=1e-3)
    page.locator("#expression-camera button:has-text('Stop')").click()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
