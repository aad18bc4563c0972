"""In the browser: a map that samples grows while one looks; it and methods side by side can be stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from explain import EXPLAINERS
from tests.browser.conftest import unfold

pytestmark = pytest.mark.browser

WATCH = """() => { window.captions = []; const maps = document.querySelector('#maps');
  new MutationObserver(() => { const said = maps.querySelector('.ks-caption')?.innerText;
    if (said && said !== window.captions.at(-1)) window.captions.push(said); })
    .observe(maps, { childList: true, subtree: true, characterData: true }); }"""
PRESS = """selector => { const wait = setInterval(() => { const stop = document.querySelector(selector);
  if (stop) { stop.click(); clearInterval(wait); } }, 20); }"""
"""Presses a button as soon as it is there."""


def test_a_map_that_samples_grows_while_one_looks(open_page: Callable[..., Any]) -> None:
    page, title = open_page(), EXPLAINERS["corr_rise"].title
    page.evaluate(WATCH)
    page.locator("#method input").click()
    page.get_by_role("option", name=re.compile(f"^{re.escape(title)}")).click()
    page.wait_for_function("() => window.captions.some(said => said.includes(' 500 masks of'))")
    found = [
        re.search(r"(\d+) masks of .*standard error (\d+\.\d+)", said) for said in page.evaluate("window.captions")
    ]
    counts, errors = zip(*((int(m[1]), float(m[2])) for m in found if m), strict=True)
    assert len(set(counts)) >= 2 and list(counts) == sorted(counts) and counts[-1] == 500
    assert errors[-1] < errors[0]


def test_a_map_that_samples_can_be_stopped(open_page: Callable[..., Any]) -> None:
    page, title = open_page(), EXPLAINERS["corr_rise"].title
    page.evaluate(WATCH)
    page.evaluate(PRESS, "#map-stop")
    page.locator("#method input").click()
    page.get_by_role("option", name=re.compile(f"^{re.escape(title)}")).click()
    page.wait_for_function("() => window.captions.some(said => said.includes(' masks of'))")
    page.wait_for_selector("#map-stop", state="hidden")
    page.wait_for_selector("#map-verdict:not(.ks-former) :text('Face A')")
    shown = page.locator("#maps .ks-caption").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator("#maps .ks-caption").inner_text() == shown and " 500 masks of" not in shown
    assert page.locator("#map-verdict").inner_text().strip()


def test_another_method_does_not_wait_for_the_refining(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.evaluate(WATCH)
    for method, words in (("corr_rise", " masks of"), ("hires_cam", "HiRes-CAM")):
        page.locator("#method input").click()
        page.get_by_role("option", name=re.compile(f"^{re.escape(EXPLAINERS[method].title)}")).click()
        page.wait_for_function(f"() => window.captions.some(said => said.includes({words!r}))")
    page.wait_for_selector("#map-verdict:not(.ks-former) :text('Face A')")
    said = page.evaluate("window.captions")
    assert "HiRes-CAM" in said[-1] and not any(" 500 masks of" in one for one in said)


def test_methods_side_by_side_can_be_stopped(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.evaluate(PRESS, "#side-stop")
    unfold(page, "fold-methods")
    page.wait_for_selector("#side-stop", state="hidden")
    page.wait_for_timeout(1500)
    some = page.locator("#side-by-side [data-method] .ks-readings").count()
    assert some < 3
    page.wait_for_timeout(1500)
    assert page.locator("#side-by-side [data-method] .ks-readings").count() == some  # nothing goes on
