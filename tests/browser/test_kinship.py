"""The walk through the Kinship tab as a person takes it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explain import EXPLAINERS
from models import read_sidecar
from tests.browser.conftest import unfold
from tests.browser.reach import expect_accessible
from tests.ui.photos import EXAMPLES, bad_files, montage
from ui.shared import answering, offering, picker
from ui.shared.examples import EXAMPLES as PAIRS
from ui.shared.photos import take

pytestmark = pytest.mark.browser

KIN = str(answering.default_weight())
"""The weight the page opens with."""


def upload(page: Any, photo: str, path: Path) -> None:
    """Give photo "a" or "b" a file and wait until the page has said something about it."""
    page.evaluate(
        "p => { const n = document.querySelector(`#note-${p}`); n.removeAttribute('data-new');"
        "new MutationObserver((_, o) => { n.setAttribute('data-new', ''); o.disconnect(); })"
        ".observe(n, {childList: true, subtree: true, characterData: true}); }",
        photo,
    )
    page.locator(f"#photo-{photo} input[type=file]").set_input_files(str(path))
    page.wait_for_selector(f"#note-{photo}[data-new] .ks-quality, #note-{photo}[data-new] .ks-error")


def score(page: Any) -> float:
    return float(page.locator(".ks-answer").get_attribute("data-score"))


def expect_score(page: Any, wanted: float) -> None:
    """Wait until the card shows a score (the same bit pattern is not asked of another process)."""
    page.wait_for_function("w => Math.abs(document.querySelector('.ks-answer')?.dataset.score - w) < 1e-5", arg=wanted)


def settle(page: Any) -> None:
    """Wait until no step of the chain is at work any more."""
    page.wait_for_function(
        "() => ![...document.querySelectorAll('[data-testid=status-tracker]')]"
        ".some(e => e.classList.contains('generating') || /processing|queue/.test(e.innerText))"
    )
    page.wait_for_timeout(700)


def wanted(a: Path, b: Path, weight: str, face_b: int = 0) -> float:
    return answering.answer(take(str(a)), take(str(b)).pick(face_b), weight).score


BEHIND = """s => { let e = document.querySelector(s), c;
  while (e && /^rgba\\(.*, 0\\)$/.test(c = getComputedStyle(e).backgroundColor)) e = e.parentElement;
  return e ? c : 'rgb(255, 255, 255)'; }"""
"""The colour behind an element: of its nearest ancestor that is not transparent, else the browser's white."""


def luminance(css: str) -> float:
    """Relative luminance of "rgb(r, g, b)" (WCAG 2)."""
    linear = [
        (v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4)
        for v in (float(n) for n in re.findall(r"[\d.]+", css)[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def expect_legible(page: Any, theme: str) -> None:
    """Contrast as WCAG 2 wants it, on the ground of a theme."""
    ground = luminance(page.evaluate(BEHIND, "h1"))
    assert (ground < 0.1) if theme == "dark" else (ground > 0.8)
    unfold(page, "fold-numbers")
    page.wait_for_selector("#details .ks-protocol")
    for name in ("#answer .ks-big", "#answer .ks-sub", "#details .ks-protocol", "#details .ks-facts dt", ".ks-known"):
        card = luminance(page.evaluate(BEHIND, name))
        text = luminance(page.evaluate("s => getComputedStyle(document.querySelector(s)).color", name))
        contrast = (max(text, card) + 0.05) / (min(text, card) + 0.05)
        assert contrast >= 4.5, (name, contrast)


def test_first_page_shows_a_finished_example(open_page: Callable[..., Any]) -> None:
    page, example = open_page(), PAIRS[0]
    expect_score(page, wanted(EXAMPLES / example.a, EXAMPLES / example.b, KIN))
    assert page.locator("#maps img").count() == 6 and page.locator("#maps .ks-scale").count() == 1
    assert page.evaluate("[...document.querySelectorAll('#maps img')].every(i => i.naturalWidth > 50 && i.alt)")
    assert page.locator(".js-plotly-plot").count() == 0  # what is folded was not computed
    unfold(page, "fold-regions")
    page.wait_for_function("() => document.querySelectorAll('#region-table tbody tr').length === 5")
    unfold(page, "fold-curves")
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 3")
    assert page.locator("#curve-table tbody tr").count() == 2
    expect_accessible(page)
    expect_legible(page, "light")
    assert page.locator("#photo-a img").is_visible() and page.locator("#photo-b img").is_visible()
    assert "no proof of kinship" in page.locator(".ks-notice").inner_text()


def test_the_walk_of_a_researcher(open_page: Callable[..., Any]) -> None:
    """Two photos of their own, methods, a layer and another model, the curves, and the numbers as a file."""
    page = open_page()
    a, b = EXAMPLES / "biden_2010.jpg", EXAMPLES / "obama_2009.jpg"
    old = page.locator("#maps img").nth(3).get_attribute("src")
    upload(page, "b", b)
    upload(page, "a", a)
    expect_score(page, wanted(a, b, KIN))
    page.wait_for_function("old => document.querySelectorAll('#maps img')[3].src !== old", arg=old)
    settle(page)
    _switch(page, a, b)
    unfold(page, "fold-curves")
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 2")
    settle(page)
    page.locator("#report").click()
    page.wait_for_function("() => document.querySelector('#report').innerText.includes('Writing the report')")
    page.locator("#report-stop").click()
    page.wait_for_function("() => document.querySelector('#report-note').innerText.includes('Stopped')")
    page.wait_for_function("() => document.querySelector('#report').innerText.includes('Download')")
    settle(page)
    with page.expect_download() as download:
        page.locator("#report").click()
    assert download.value.suggested_filename == "kinsight-kinship-dlib_resnet-biden_2010-obama_2009.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        report = json.loads(archive.read("report.json"))
        raw = np.load(io.BytesIO(archive.read("maps.npz")))
        pictures = [n for n in archive.namelist() if n.endswith(".png")]
    assert report["score"] == pytest.approx(score(page), abs=1e-6)
    unfold(page, "fold-numbers")
    page.wait_for_function(
        "t => document.querySelector('#details').innerText.includes(t)", arg=f"{report['similarity']:+.4f}"
    )
    assert report["weight_sha256"] == read_sidecar("dlib_resnet").sha256
    (method,) = report["methods"]
    assert raw[f"{method}_a"].ndim == 2 and len(pictures) >= 7


def _switch(page: Any, a: Path, b: Path) -> None:
    """Each of the pickers changes what the page says."""

    def choose(name: str, words: str) -> None:
        page.locator(f"#{name} input").click()
        page.get_by_role("option", name=re.compile(f"^{re.escape(words)}")).click()

    choose("method", "Layer-CAM")
    choose("layer", "stage3.features")
    page.wait_for_function("() => document.querySelector('#maps .ks-caption').innerText.includes('stage3.features')")
    page.wait_for_function("() => location.search.includes('layer=stage3.features')")
    choose("method", "Eigen-CAM")
    page.wait_for_function("() => document.querySelector('#maps .ks-caption').innerText.startsWith('Eigen-CAM')")
    settle(page)
    choose("model", picker.title("dlib_resnet"))
    expect_score(page, wanted(a, b, "dlib_resnet"))
    above = score(page) >= read_sidecar("dlib_resnet").rule.threshold
    words = "the same person" if above else "different people"
    assert page.locator(".ks-decision").inner_text() == f"Decision: {words}"
    page.wait_for_function(
        "t => Math.abs(document.querySelector('#threshold input[type=number]').value - t) < 1e-3",
        arg=read_sidecar("dlib_resnet").rule.threshold,
    )
    first = EXPLAINERS[
        offering.default_method("dlib_resnet")
    ].title  # a method known to do badly there does not come along
    begins = "t => document.querySelector('#maps .ks-caption')?.innerText.startsWith(t)"
    page.wait_for_function(begins, arg=first)
    assert page.locator("#method input").input_value().startswith(first)
    choose("method", "HiRes-CAM")
    page.wait_for_function("() => document.querySelector('#maps .ks-caption')?.innerText.startsWith('HiRes-CAM')")


def test_several_faces_are_picked_by_number_and_by_click(open_page: Callable[..., Any], tmp_path: Path) -> None:
    six = tmp_path / "six.jpg"
    montage().save(six, quality=92)
    shot, page = take(str(six)), open_page()
    page.wait_for_selector("#face-b", state="hidden")
    upload(page, "b", six)
    assert page.locator("#face-b label").count() >= 6
    a = EXAMPLES / PAIRS[0].a
    expect_score(page, wanted(a, six, KIN))
    page.locator("#face-b").get_by_text("Face 3", exact=True).click()
    expect_score(page, wanted(a, six, KIN, 2))
    settle(page)
    place = page.locator("#photo-b img").first.bounding_box()
    left, top, right, bottom = (float(v) for v in shot.marks[4].box)
    x, y = (left + right) / 2 / 1080, (top + bottom) / 2 / 900
    page.mouse.click(place["x"] + x * place["width"], place["y"] + y * place["height"])
    expect_score(page, wanted(a, six, KIN, 4))


def test_bad_files_are_explained_and_the_other_photo_stays(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page()
    other = page.locator("#note-b").inner_text()
    bad = bad_files(tmp_path)
    first, *others = bad.items()
    for words, path in (first, others[0], first, *others):  # no image again, on a page that was updated since
        upload(page, "a", path)
        assert words in page.locator("#note-a .ks-error").inner_text()
        assert page.locator("#note-b").inner_text() == other and page.locator("#photo-b img").is_visible()
        page.wait_for_selector("#answer .ks-hint")
        page.wait_for_selector("#report", state="hidden")
        faceless = words == "No face was found"  # what can be seen stays, and a face can be placed in it
        assert page.locator("#photo-a img").count() == faceless
    _place_by_hand(page)
    upload(page, "a", EXAMPLES / "obama_2012.jpg")  # and it works again
    page.wait_for_selector("#answer .ks-big")
    page.wait_for_selector("#report", state="visible")


def _place_by_hand(page: Any) -> None:
    """Two clicks on the photo that stays; of a wall there is a score, and no decision."""
    page.locator("#photo-a-eyes").click()
    for place, words in ((0.4, "on the right"), (0.6, "Placed by hand")):
        photo = page.locator("#photo-a img").first.bounding_box()
        page.mouse.click(photo["x"] + place * photo["width"], photo["y"] + 0.4 * photo["height"])
        page.wait_for_function("t => document.querySelector('#note-a').innerText.includes(t)", arg=words)
    page.wait_for_selector("#answer .ks-withheld")
    assert "blurred face in photo A" in page.locator("#answer").inner_text()
    page.locator("#photo-a button[aria-label='Remove Image']").click()
    page.wait_for_selector("#photo-a-hand", state="hidden")


def test_threshold_and_opacity_only_redraw(open_page: Callable[..., Any]) -> None:
    page, points = open_page(), read_sidecar(KIN).rule.operating_points
    before = score(page)
    unfold(page, "fold-numbers")
    page.evaluate("document.querySelector('#maps img').dataset.mark = 'same'")
    for threshold in (0.05, 0.9):
        field = page.locator("#threshold input[type=number]")
        field.fill(str(threshold))
        field.press("Enter")
        far, tar = points.at(threshold)
        for name, share in (("FAR", far), ("TAR", tar)):
            text = f"{name} {100 * share:.1f} %"
            page.wait_for_function("t => document.querySelector('.ks-cost').innerText.includes(t)", arg=text)
        decision = page.locator(".ks-decision").inner_text()
        assert decision == ("Decision: blood relatives" if before >= threshold else "Decision: not blood relatives")
    assert score(page) == before
    assert page.evaluate("document.querySelector('#maps img').dataset.mark") == "same"  # the maps were left alone
    over = page.locator("#maps img").nth(1)
    old = over.get_attribute("src")
    opacity = page.locator("#opacity input[type=number]")
    opacity.fill("0.9")
    opacity.press("Enter")
    page.wait_for_function("old => document.querySelectorAll('#maps img')[1].src !== old", arg=old)
    assert score(page) == before


def test_an_example_by_keyboard_a_photo_that_is_cleared_and_a_snapshot(open_page: Callable[..., Any]) -> None:
    page, example = open_page(), PAIRS[-1]
    page.get_by_role("button", name=example.names).press("Enter")
    expect_score(page, wanted(EXAMPLES / example.a, EXAMPLES / example.b, example.weight()))
    assert "same person" in page.locator(".ks-answer .ks-sub").inner_text()
    page.locator("#photo-b button[aria-label='Remove Image']").click()
    page.wait_for_selector("#answer .ks-hint")
    page.wait_for_selector("#report", state="hidden")
    assert page.locator("#photo-a img").is_visible()
    page.locator("#photo-a button[aria-label='Remove Image']").click()
    page.wait_for_selector("#note-a .ks-hint")
    page.locator("#photo-a button[aria-label='Capture from camera']").click()
    page.locator("#photo-a").get_by_text("Click to Access Webcam").click()
    page.wait_for_function("() => document.querySelector('#photo-a video')?.videoWidth > 0")
    page.locator("#photo-a button[aria-label='capture photo']").click()
    page.wait_for_selector("#note-a .ks-error")  # Chromium's test camera shows no face
    assert "No face was found" in page.locator("#note-a").inner_text()


def test_sessions_do_not_mix(open_page: Callable[..., Any]) -> None:
    first, second = open_page(), open_page(theme="dark")
    expect_legible(second, "dark")
    kept = score(first)
    upload(second, "b", EXAMPLES / "obama_2009.jpg")
    expect_score(second, wanted(EXAMPLES / PAIRS[0].a, EXAMPLES / "obama_2009.jpg", KIN))
    unfold(first, "fold-numbers")
    field = first.locator("#threshold input[type=number]")
    field.fill("0.77")
    field.press("Enter")
    first.wait_for_function("() => document.querySelector('.ks-cost').innerText.includes('77.0 %')")
    assert score(first) == kept != score(second)
