"""The first screen, what is folded, and the comparisons: on a desktop, a small one and a phone, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from explain import EXPLAINERS
from explain.report.parts import words_of
from tests.browser.conftest import open_tab_named, patient, unfold
from tests.browser.reach import expect_accessible, height, tab_to
from tests.browser.test_kinship import KIN, expect_score, settle, wanted
from tests.ui.photos import EXAMPLES
from ui.shared import answering, evidence
from ui.shared.examples import EXAMPLES as PAIRS

pytestmark = pytest.mark.browser


STOP = """() => { const wait = setInterval(() => { const stop = document.querySelector('#all-stop');
  if (stop) { stop.click(); clearInterval(wait); } }, 20); }"""
"""Presses the stop button as soon as it is there: on a fast machine all models have answered in two seconds."""


def edges(page: Any, selector: str) -> tuple[float, float]:
    """Top and bottom of an element, pixels of the document."""
    box = page.evaluate(
        "s => { const r = document.querySelector(s).getBoundingClientRect();"
        " return [r.top + scrollY, r.bottom + scrollY]; }",
        selector,
    )
    return float(box[0]), float(box[1])


@pytest.mark.parametrize(
    ("width", "tall", "theme", "screens", "most"),
    [(1440, 900, "light", 1, 2200), (1024, 768, "dark", 1, 2400)],
)
def test_the_first_screen(
    open_page: Callable[..., Any], width: int, tall: int, theme: str, screens: float, most: int
) -> None:
    page = open_page(width=width, height=tall, theme=theme)
    assert page.evaluate("window.gradio_config.dependencies.constructor.name") == "Steps"  # ui/serve/steps.py
    expect_first_screen(page, width, tall, screens, most)


def test_the_walk_of_a_student_on_a_phone(open_page: Callable[..., Any]) -> None:
    """The answer within a thumb's reach, another example, the two photos swapped, and what a face shows.

    The camera has a walk of its own in test_expression.py.
    """
    page = open_page(width=390, height=844, theme="dark")
    expect_first_screen(page, 390, 844, 1.2, 4500)
    example = PAIRS[2]
    page.locator("[data-example='2']").click()
    expect_score(page, wanted(EXAMPLES / example.a, EXAMPLES / example.b, KIN))
    page.wait_for_selector("#answer .ks-known")
    expect_words(page, 2)
    swap, photos = edges(page, "#swap"), edges(page, "#photos")
    assert photos[0] < swap[0] and swap[1] < photos[1]  # by the photos, in reach
    page.locator("#swap").click()
    page.wait_for_function("() => location.search.includes('example=levin_sander-levin_carl')")
    open_tab_named(page, "Expression")
    page.wait_for_selector("#expression-answer .ks-decision")
    assert edges(page, "#expression-answer .ks-decision")[1] <= 1.2 * 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def expect_words(page: Any, number: int) -> None:
    """The words above the map are the exact ones of an example."""
    shots = PAIRS[number].shots()
    said = "\n".join(words_of(evidence.parts(*shots, KIN), answering.sidecar(KIN).rule.threshold))
    page.wait_for_function(
        "t => { const e = document.querySelector('#words'); return e.innerText.trim().replace(/\\n+/g, '\\n') === t"
        " && !e.closest('.ks-former') && e.getBoundingClientRect().bottom <="
        " document.querySelector('#maps').getBoundingClientRect().top; }",
        arg=said,
    )


def expect_first_screen(page: Any, width: int, tall: int, screens: float, most: int) -> None:
    """The answer can be read on the first `screens`, all else is folded, and the photos are at hand."""
    expect_words(page, 0)
    assert edges(page, "#answer .ks-answer")[1] <= screens * tall and height(page) <= most
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".ks-known").get_attribute("data-agrees") == "true"  # it opens with a right answer
    assert page.locator(".ks-fold > button.open").count() == 0
    phone = width < 720
    assert page.locator("#to-photos").is_visible() == phone
    if phone:
        assert 0 <= edges(page, "#answer")[0] - edges(page, "#photos")[1] <= 40  # the answer follows at once
        page.evaluate("window.scrollTo(0, 1500)")
        page.locator("#to-photos").click()
    else:
        page.evaluate("window.scrollTo(0, 600)")
    page.wait_for_function("() => Math.abs(document.querySelector('#photos').getBoundingClientRect().top) < 60")


def test_from_an_example_and_a_photo_to_the_report_by_keyboard_alone(open_page: Callable[..., Any]) -> None:
    page, example, own = open_page(), PAIRS[4], EXAMPLES / "obama_2012.jpg"
    page.on("filechooser", lambda _: None)  # Playwright takes the dialog over some time after it is first asked to
    stops = tab_to(page, ".ks-skip", 1) + tab_to(page, "[data-example='0']", 4)  # tabs are a stop, so are examples
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert "is wrong" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    expect_score(page, wanted(EXAMPLES / example.a, EXAMPLES / example.b, KIN))
    assert "The model is wrong here" in page.locator(".ks-known").inner_text()
    stops += tab_to(page, "#photo-a [aria-label='Remove Image']", 3)
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer .ks-hint")
    stops += tab_to(page, "#photo-a button:has(input[type=file])", 3)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(own)
    expect_score(page, wanted(own, EXAMPLES / example.b, KIN))
    page.wait_for_function("() => ![...document.querySelectorAll('.ks-former')].some(e => e.offsetParent)")
    settle(page)
    stops += tab_to(page, "#report", 15)
    assert stops <= 25
    with page.expect_download():
        page.keyboard.press("Enter")
    page.locator(".ks-skip").press("Enter")
    assert page.evaluate("document.activeElement.id") == "answer"
    move_the_prior(page)


def move_the_prior(page: Any) -> None:
    """It moves the probability, and a press puts it back."""
    before = page.locator("#answer .ks-big").inner_text()
    prior = page.locator("#prior input[type=number]")
    prior.fill("0.1")
    prior.press("Enter")
    page.wait_for_function("t => document.querySelector('#answer .ks-big').innerText !== t", arg=before)
    assert "if 10.0 % of all pairs were kin" in page.locator("#answer .ks-sub").inner_text()
    unfold(page, "fold-place")
    page.locator("#reset").click()
    page.wait_for_function("t => document.querySelector('#answer .ks-big').innerText === t", arg=before)


def test_what_was_open_is_open_again_and_filled(open_page: Callable[..., Any]) -> None:
    page = open_page()
    assert page.locator("#place-bars .js-plotly-plot").count() == 0
    unfold(page, "fold-place")
    for plot in ("#place-bars", "#place-roc"):
        page.wait_for_selector(f"{plot} .js-plotly-plot")
    points = answering.sidecar(KIN).rule.operating_points
    far, tar = points.at(float(page.locator(".ks-answer").get_attribute("data-score")))
    words = page.locator("#place-words").inner_text()
    assert f"{100 * far:.1f} %" in words and f"{100 * tar:.1f} %" in words
    again = patient(page.context.new_page())
    again.goto(page.url)
    again.wait_for_selector("#place-roc .js-plotly-plot")
    assert again.locator(".ks-fold > button.open").count() == 1
    again.locator("#fold-place > button").click()
    third = patient(page.context.new_page())
    third.goto(page.url)
    third.wait_for_selector("#map-verdict .ks-readings")
    third.wait_for_timeout(1500)
    assert third.locator(".ks-fold > button.open").count() == 0


def test_all_models_answer_one_after_another_and_can_be_stopped(open_page: Callable[..., Any]) -> None:
    page, names = open_page(), answering.pair_weights()
    page.evaluate(STOP)
    unfold(page, "fold-all")
    page.wait_for_selector("#all-note .ks-hint")
    page.wait_for_timeout(1500)
    some = page.locator("#all-models tr[data-weight]").count()
    assert some < len(names) and "models have answered" in page.locator("#all-models").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator("#all-models tr[data-weight]").count() == some  # nothing goes on
    page.locator("#all-again").click()
    page.wait_for_function("n => document.querySelectorAll('#all-models tr[data-weight]').length === n", arg=len(names))
    given = page.locator(f"#all-models tr[data-weight='{KIN}']").get_attribute("data-score")
    assert float(given) == pytest.approx(float(page.locator(".ks-answer").get_attribute("data-score")), abs=1e-5)
    assert page.locator(".ks-agreement li").count() == 2
    page.wait_for_selector("#all-stop", state="hidden")
    compare_methods(page)


def compare_methods(page: Any) -> None:
    """Three methods beside each other, then a fourth; the maps come with their test, and how far they agree."""
    shown = "n => document.querySelectorAll('#side-by-side [data-method] .ks-readings').length === n"
    unfold(page, "fold-methods")
    page.wait_for_function(shown, arg=3)
    page.locator("#side-methods input").click()
    page.locator("[role=option]").filter(has_text=EXPLAINERS["eigen_cam"].title).first.click()
    page.wait_for_function(shown, arg=4)
    assert page.locator("#side-by-side .ks-agree tbody tr").count() == 6
    page.wait_for_selector("#side-stop", state="hidden")
    page.keyboard.press("Escape")
    settle(page)
    expect_accessible(page)
