"""A photo from another tab in the tabs without examples of their own in addresses, and how the page is wired for it."""

from __future__ import annotations

import json

import gradio as gr
import pytest

import app
from explain.attention.compare import METHODS
from ui.attention import callbacks as attention
from ui.kinship import arriving
from ui.kinship import callbacks as kinship
from ui.kinship import search_callbacks as search
from ui.kinship import tri_callbacks as tri
from ui.partial import callbacks as partial
from ui.shared import answering, offering
from ui.shared.addresses import Address, Asked, Offers, Place, read
from ui.shared.photos import Shot

ATTENTION = Place("attention", "Attention", Offers(methods=lambda _: METHODS))


def test_partial_face_takes_it_as_photo_1_and_alone_as_both(obama: Shot, biden: Shot) -> None:
    asked = Asked(Address("partial"), shot=obama)
    alone, beside = partial.visit(asked, None), partial.visit(asked, biden)
    assert alone[0].path == alone[4].path == obama.path and len(alone) == len(beside) == 9
    assert [row[0] for row in alone[8]] and beside[4:] == [gr.skip()] * 5
    assert partial.visit(None, None) == [gr.skip()] * 9


def test_attention_takes_it_as_photo_1_and_a_method(obama: Shot, biden: Shot) -> None:
    sent = attention.visit(Asked(shot=biden), obama)
    assert sent[0].path == biden.path and sent[4:] == [gr.skip()] * 5
    named = Asked(Address("attention", method=METHODS[-1]))
    assert attention.visit(named, obama) == [*[gr.skip()] * 8, METHODS[-1]]
    assert [attention.visit(named, None)[i].path for i in (0, 4)] == [attention.example()[i].path for i in (0, 4)]
    assert attention.visit(None, None) == [gr.skip()] * 9
    told = attention.compare_and_tell(ATTENTION, named, None, None, "surgical", 0, METHODS[0], None)[-1]
    assert told == f"tab=attention&method={METHODS[0]}#0#"


def test_parents_take_it_in_its_place_and_search_as_the_probe(obama: Shot, biden: Shot) -> None:
    sent = tri.visit(Asked(Address("parents"), shot=biden, slot=1), obama, None, None)
    assert sent[4].path == biden.path and sent[:4] == sent[8:12] == [gr.skip()] * 4 and len(sent) == 14
    probe = search.visit(Asked(Address("search"), shot=biden), obama, None)
    assert probe[0].path == biden.path and probe[4:7] == [None, (), ""] and probe[7:] == [gr.skip()] * 3
    assert tri.visit(None, None, None, None) == [gr.skip()] * 14


def test_a_named_layer_and_threshold_are_set_and_told_again(obama: Shot) -> None:
    weight, place = str(answering.default_weight()), Place("kinship", "Two faces", arriving.offers())
    method = next(
        label for _, label in offering.method_choices(weight) if len(offering.layer_choices(weight, label)) > 1
    )
    layer = next(n for n in offering.layer_choices(weight, method) if n != offering.default_layer(weight, method))
    query = f"tab=kinship&model={weight}&method={method}&layer={layer}&threshold=0.75"
    address, wrong = read(query, {"kinship": place})
    assert not wrong and arriving.own_threshold(Asked(address), weight) == 0.75
    offered = kinship.offer_methods(weight, method, Asked(address))
    assert (offered[0]["value"], offered[1]["value"]) == (method, layer)
    told = arriving.tell_pair(place, obama, obama, Asked(address), weight, method, layer, 0.75)[0]
    assert told.startswith(query + "#")
    shipped = arriving.tell_pair(
        place, obama, obama, None, weight, method, offering.default_layer(weight, method), kinship.own_threshold(weight)
    )[0]
    assert "layer" not in shipped and "threshold" not in shipped


@pytest.fixture(scope="module")
def config() -> dict:
    return app.build().config


def test_every_tab_has_an_address_and_every_menu_its_targets(config: dict) -> None:
    html = json.dumps([c["props"].get("value") for c in config["components"] if c["type"] == "html"])
    for place in ("kinship", "parents", "search", "partial", "attention", "keypoints", "expression"):
        assert f"data-to='{place}'" in html
    scripts = json.dumps([d.get("js") for d in config["dependencies"] if d.get("js")])
    every = (
        "kinship",
        "parents",
        "search",
        "batch",
        "partial",
        "attention",
        "keypoints",
        "expression",
        "live",
        "models",
    )
    for place in every:
        assert f"'{place}')" in scripts
    told = [c["props"]["elem_id"] for c in config["components"] if str(c["props"].get("elem_id")).startswith("told-")]
    assert set(told) >= {"told-kinship", "told-parents", "told-search", "told-attention", "told-expression"}


def test_opening_without_an_address_starts_no_more_than_before(config: dict) -> None:
    """The first view, and the thresholds of two inner tabs: an address is looked at by the browser first."""
    loads = [d for d in config["dependencies"] if any(event == "load" for _, event in d["targets"])]
    assert len(loads) == 3
