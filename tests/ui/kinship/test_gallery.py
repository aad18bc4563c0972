"""The examples of the Kinship tab: their cards, what a press on one does, what is known of them."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from benchmarks.examples import record
from ui.kinship import callbacks as do
from ui.kinship import gallery
from ui.shared import answering
from ui.shared.examples import EXAMPLES, Example, example_of, recorded

KIN = "dlib_kin"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.names)
def test_examples_come_with_the_model_of_their_task(example: Example) -> None:
    weight = do.load_example(example)[-1]
    assert answering.sidecar(weight).task == example.task and example.task in example.truth


def test_a_press_on_the_gallery_loads_that_example_and_no_other() -> None:
    event = gr.EventData(None, {"example": 2})
    assert do.picked_example(None, event)[-1] == EXAMPLES[2].weight()
    for chosen in ("dlib_kin", "dlib_resnet"):  # what was chosen stays, where it is known what it should say
        assert do.picked_example(chosen, event)[-1] == chosen
    same = gr.EventData(None, {"example": len(EXAMPLES) - 1})
    assert do.picked_example("dlib_kin", same)[-1] == EXAMPLES[-1].weight() != "dlib_kin"
    for wrong in (-1, len(EXAMPLES), "2", None, 1.5):
        assert do.picked_example(None, gr.EventData(None, {"example": wrong})) == [gr.skip()] * 9


def test_the_recorded_answers_are_the_models_own() -> None:
    """The gallery calls an example right or wrong by this file: `python -m benchmarks.examples` renews it."""
    for example in (EXAMPLES[0], *EXAMPLES[4:]):
        kept, fresh = recorded(example), record(example)
        assert kept is not None and kept.sha256 == fresh.sha256 and kept.agrees == fresh.agrees
        assert kept.score == pytest.approx(fresh.score, abs=1e-3)  # another processor rounds otherwise
    assert all(recorded(e) for e in EXAMPLES)
    assert recorded(EXAMPLES[0]).agrees and not all(recorded(e).agrees for e in EXAMPLES)  # type: ignore[union-attr]


def test_the_card_says_whether_the_answer_agrees_with_what_is_known() -> None:
    for example in (EXAMPLES[0], EXAMPLES[4]):
        weight = str(example.weight())
        card = do.answer_pair(*example.shots(), weight, answering.sidecar(weight).rule.threshold)[1]
        right = recorded(example).agrees  # type: ignore[union-attr]
        assert f"Known: {example.known}" in card and f"data-agrees='{str(right).lower()}'" in card
        assert ("The model is wrong here" in card) != right
    a, b = EXAMPLES[0].shots()
    assert example_of(b, a) is EXAMPLES[0]
    assert example_of(a, replace(b, path="/other.jpg")) is None and example_of(a, None) is None
    assert gallery.known_line(EXAMPLES[-1], KIN, True).endswith(
        "no right answer here.</p>"
    )  # one person: are they kin?


def test_the_gallery_shows_every_example_with_its_truth() -> None:
    page = gallery.gallery()
    assert page.count("<button") == len(EXAMPLES) and page.count("<img") == 2 * len(EXAMPLES)
    for number, example in enumerate(EXAMPLES):
        card = page.split(f"data-example='{number}'")[1].split("</button>")[0]
        assert f"Known: {example.known}" in card and example.names in card
        right = recorded(example).agrees  # type: ignore[union-attr]
        assert (
            f">{example.weight()}<span class='ks-unseen'> {'agrees' if right else 'is wrong'}<" in card
        )  # another model may say otherwise
