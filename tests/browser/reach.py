"""Whom the page keeps out: axe-core's findings in light and dark, the way by the Tab key alone, and how long it is."""

from __future__ import annotations

from typing import Any

EXCUSED: dict[tuple[str, str], str] = {
    ("nested-interactive", "button[aria-label='common.upload']"): (
        "gr.File lays its button for further files into another one, and names that by a key of its translations"
    ),
}
"""(rule of axe-core, CSS selector of what it names) -> why that is left: parts of Gradio that nothing here reaches."""
FONTS = 1.02
"""The page is set in the fonts of the reader's own system."""
FOCUSED = """s => { const e = document.activeElement;
  const outlined = [e, e.closest('label')].some(o => o && /solid [1-9]/.test(getComputedStyle(o).outline));
  const name = `${e.tagName} ${e.id} ${e.getAttribute('aria-label') || e.innerText}`;
  return [e.matches(s), outlined || e === document.body, name]; }"""
"""Does what has the focus match a selector, is it outlined, and what is it?"""
FADED = "() => [...document.querySelectorAll('.ks-former, .pending')].some(e => e.offsetParent)"
"""Does the page show a former answer, or wait for one?"""


def expect_accessible(page: Any) -> None:
    """Nothing serious or critical for axe-core in what the page shows, in light and in dark."""
    page.add_style_tag(content="* { transition: none !important; }")  # no colour on its way from theme to theme
    first = page.evaluate("document.body.classList.contains('dark')")
    for dark in (not first, first):  # ends as it began
        page.evaluate("d => document.body.classList.toggle('dark', d)", dark)
        only = {} if dark != first else {"runOnly": ["color-contrast"]}  # all else is the same in both
        for _ in range(3):  # a later step may have faded some of it
            if not (left := violations(page, only)):
                break
        assert not left, f"{'dark' if dark else 'light'}: {left}"


def violations(page: Any, only: dict[str, Any]) -> list[tuple[str, list[str], str]]:
    """Rule, place and what is wrong, as soon as nothing of the page is faded."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function(f"() => !({FADED})()")
    return [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if not excused(page, rule["id"], node["target"])
    ]


def excused(page: Any, rule: str, target: list[str]) -> bool:
    """Is a finding one of EXCUSED?"""
    element = page.locator(target[-1]).first
    return any(name == rule and element.evaluate("(e, s) => e.matches(s)", where) for name, where in EXCUSED)


def tab_to(page: Any, selector: str, most: int) -> int:
    """Press Tab until what has the focus matches a selector, and say how often; on the way all of it must be seen."""
    way = []
    for stops in range(1, most + 1):
        page.keyboard.press("Tab")
        there, outlined, name = page.evaluate(FOCUSED, selector)
        way.append(name)
        assert outlined, f"the focus cannot be seen: {way[-1]}"
        if there:
            return stops
    raise AssertionError(f"{selector} is not reached in {most} stops: {way}")


def height(page: Any) -> int:
    """Of the whole page, pixels, less what the fonts of another machine may add."""
    return int(page.evaluate("document.documentElement.scrollHeight") / FONTS)
