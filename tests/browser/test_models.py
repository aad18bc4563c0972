"""The table of models: sorted, filtered and unfolded in the browser, by mouse and by keyboard, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models import available_weights, read_sidecar
from tests.browser.conftest import open_tab_named

pytestmark = pytest.mark.browser
HEIGHT = "document.documentElement.scrollHeight"


def shown(page: Any, key: str) -> list[float]:
    """What the visible rows have to sort by, from above."""
    rows = page.locator(".ks-weight:visible").all()
    return [float(row.get_attribute(f"data-{key}")) for row in rows]


def test_the_table_sorts_filters_and_opens_one_card(open_page: Callable[..., Any]) -> None:
    page = open_page(width=1440)
    open_tab_named(page, "Models")
    page.wait_for_selector(".ks-weight", state="visible")
    names = available_weights()
    assert page.locator(".ks-card:visible").count() == 0 and len(shown(page, "figure")) == len(names)
    assert page.evaluate(HEIGHT) <= 1800

    for name in ("dlib_kin", "expression"):
        page.locator(f".ks-weight[data-weight={name}] .ks-c-fails").click()
        card, row = page.locator(".ks-card:visible"), read_sidecar(name)
        assert card.count() == 1 and card.get_attribute("id") == f"card-{name}"
        assert all(text in card.inner_text() for text in (row.sha256, row.command, row.licence))
        page.wait_for_function("n => new URLSearchParams(location.search).get('model') === n", arg=name)
    page.go_back()
    page.wait_for_selector("#card-dlib_kin", state="visible")
    page.go_forward()
    page.wait_for_selector("#card-expression", state="visible")
    page.locator(".ks-weight[data-weight=expression] button").press("Enter")
    assert page.locator(".ks-card:visible").count() == 0

    for direction in ("ascending", "descending"):
        page.locator(".ks-models [data-sort=size]").press("Enter")
        assert page.locator(f".ks-c-size[aria-sort={direction}]").count() == 1
    assert shown(page, "size") == sorted(shown(page, "size"), reverse=True)
    page.locator(".ks-filters select[data-filter=task]").select_option("kinship")
    kin = [name for name in names if read_sidecar(name).task == "kinship"]
    assert page.locator(".ks-count").inner_text() == f"{len(kin)} of {len(names)} models"
    assert len(shown(page, "size")) == len(kin)

    page.locator(".ks-boards > summary").click()
    page.locator(".ks-board [data-open=edgeface]").first.click()  # not of the question that is chosen: all are shown
    assert page.locator(".ks-card:visible").count() == 1 and page.locator("#card-edgeface").is_visible()
    page.locator(".ks-weight[data-weight=edgeface] button").press("Enter")
    page.locator(".ks-boards > summary").click()

    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(HEIGHT) <= 4500
    page.locator(".ks-filters select[data-order]").select_option("speed")
    measured = [float(v) for row in page.locator(".ks-weight").all() if (v := row.get_attribute("data-speed"))]
    assert measured == sorted(measured) and len(measured) > 10
