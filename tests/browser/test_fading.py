"""In the browser: what a former model said is faded until the new one has spoken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import unfold
from tests.browser.test_kinship import expect_score, settle, wanted
from tests.ui.photos import EXAMPLES
from ui.shared import picker
from ui.shared.examples import EXAMPLES as PAIRS

pytestmark = pytest.mark.browser

FADED = """table => new MutationObserver(() => {
  if (document.querySelector('.ks-former #region-table')?.innerHTML === table) window.faded = true;
}).observe(document.body, {subtree: true, attributes: true, attributeFilter: ['class']})"""
"""Notes whether the table of regions was ever seen faded, with this content."""


def test_what_a_former_model_said_fades_until_the_new_one_has_spoken(open_page: Callable[..., Any]) -> None:
    page = open_page()
    assert page.locator(".ks-former").count() == 0
    unfold(page, "fold-regions")
    page.wait_for_selector("#region-table tbody tr")
    settle(page)
    table = page.locator("#region-table").inner_html()
    page.evaluate(FADED, table)
    for model in ("svit", "dlib_resnet"):  # the second while the first one answers
        page.locator("#model input").click()
        page.get_by_role("option", name=picker.title(model), exact=True).click()
    page.wait_for_function("() => window.faded")  # the former model's, and seen to be
    expect_score(page, wanted(EXAMPLES / PAIRS[0].a, EXAMPLES / PAIRS[0].b, "dlib_resnet"))
    page.wait_for_function("() => ![...document.querySelectorAll('.ks-former')].some(e => e.offsetParent)")
    assert page.locator("#region-table").inner_html() != table
    page.wait_for_selector("#report-file", state="hidden")
