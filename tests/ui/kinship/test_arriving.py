"""What the page of two faces makes of an address, of a photo that was sent, and of a swap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from models.registry import MODELS
from ui.kinship import arriving, tri_callbacks
from ui.kinship import callbacks as do
from ui.kinship import search_callbacks as searching
from ui.shared import answering, offering
from ui.shared.addresses import Address, Asked, Place, read
from ui.shared.examples import EXAMPLES
from ui.shared.photos import GONE, Shot

KIN = "dlib_kin"
PLACE = Place("kinship", "Two faces", arriving.offers())
SKIP = [gr.skip()] * 4
LEVINS = "levin_carl-levin_sander"


def files(values: list) -> tuple[str | None, ...]:
    """Of the two photos in what visit or swap returned; None where a photo stays."""
    return tuple(Path(v.path).name if isinstance(v, Shot) else None for v in (values[0], values[4]))


def test_every_example_has_one_name_in_either_order() -> None:
    assert len(arriving.named()) == 2 * len(EXAMPLES)
    first = EXAMPLES[0]
    assert arriving.named()[arriving.name_of(first.b, first.a)] == (first, True)


def test_an_address_brings_example_model_and_method() -> None:
    address, wrong = read(f"tab=kinship&model={KIN}&method=occlusion&example={LEVINS}", {"kinship": PLACE})
    assert not wrong
    values = arriving.visit(Asked(address), None, None, None)
    assert len(values) == 10 and files(values) == ("levin_carl.jpg", "levin_sander.jpg")
    assert values[8] == KIN and values[9]["value"] == "occlusion"
    assert [m for _, m in values[9]["choices"]] == [m for _, m in offering.method_choices(KIN)]
    swapped = arriving.visit(Asked(Address("kinship", example="levin_sander-levin_carl")), None, None, None)
    assert files(swapped) == ("levin_sander.jpg", "levin_carl.jpg")


def test_an_example_is_asked_of_the_model_that_answers_it() -> None:
    same = EXAMPLES[-1]
    address = Address("kinship", example=arriving.name_of(same.a, same.b))
    assert arriving.visit(Asked(address), None, None, None)[8] == same.weight() != answering.default_weight()
    other = offering.method_choices(same.weight() or "")[0][1]
    assert arriving.offers().kept(replace(address, method=other)).method == other


def test_what_is_not_named_stays(obama: Shot, biden: Shot) -> None:
    asked = Asked(Address("kinship", model=KIN))
    assert arriving.visit(asked, None, obama, biden)[:8] == SKIP * 2
    assert arriving.visit(asked, (biden, obama), obama, biden)[0].path == biden.path  # the visitor's own come back
    assert files(arriving.visit(asked, None, None, None)) == (EXAMPLES[0].a, EXAMPLES[0].b)
    assert arriving.visit(None, None, None, None) == [gr.skip()] * 10


def test_a_sent_photo_takes_its_place(obama: Shot, biden: Shot) -> None:
    values = arriving.visit(Asked(Address("kinship"), shot=obama, slot=1), None, biden, None)
    assert values[:4] == SKIP and values[4].path == obama.path and values[8:] == [gr.skip()] * 2
    alone = arriving.visit(Asked(Address("kinship"), shot=obama), None, None, None)
    assert alone[0].path == obama.path and alone[4:8] == SKIP


def test_a_swap(obama: Shot, biden: Shot) -> None:
    asked = arriving.swap(obama, biden, "occlusion")
    values = arriving.visit(asked, (obama, obama), obama, biden, KIN)
    assert files(values) == ("biden_2010.jpg", "obama_2012.jpg") and values[8] == gr.skip()
    assert values[9]["value"] == "occlusion" and values[9]["choices"] == offering.method_choices(KIN)
    assert arriving.own_threshold(asked, KIN) == gr.skip()  # where the visitor put it
    assert arriving.own_threshold(Asked(), KIN) == do.own_threshold(KIN) == arriving.own_threshold(None, KIN)
    with pytest.raises(gr.Error, match="Both photos"):
        arriving.swap(obama, None, None)


def test_a_photo_that_is_gone_is_said(obama: Shot) -> None:
    gone = replace(obama, path="/nowhere.jpg")
    with pytest.raises(gr.Error, match=GONE):
        arriving.visit(Asked(Address("kinship"), shot=gone), None, None, None)
    with pytest.raises(gr.Error, match=GONE):
        arriving.visit(arriving.swap(gone, obama, None), None, gone, obama)


def test_the_browser_is_told_names_and_no_files(obama: Shot, biden: Shot) -> None:
    def told(a: Shot, b: Shot | None) -> list:
        return arriving.tell_pair(PLACE, a, b, Asked(turn=4), KIN, "grad_cam")

    said = f"tab=kinship&model={KIN}&method=grad_cam"
    assert told(obama, biden) == [f"{said}&example=obama_2012-biden_2010#4#", gr.skip()]
    mine = replace(obama, path="/tmp/gradio/0f/obama_2012.jpg")
    assert told(mine, biden) == [f"{said}#4#own", (mine, biden)]
    assert told(mine, None) == [f"{said}#4#own", gr.skip()]
    assert told(obama.pick(0), replace(biden, chosen=1)) == [f"{said}#4#own", (obama, replace(biden, chosen=1))]
    assert arriving.tell_pair(PLACE, None, None, None, KIN, None) == [f"tab=kinship&model={KIN}#0#", gr.skip()]


def test_a_method_that_an_address_names_stays() -> None:
    choices = [m for _, m in offering.method_choices(KIN)]
    for method in choices:  # whatever was measured of it
        assert do.offer_methods(KIN, method, Asked(Address(method=method)))[0]["value"] == method


def test_parents_and_search_take_models(obama: Shot) -> None:
    asked = Asked(Address("parents", KIN, "occlusion"))
    values = tri_callbacks.visit(asked, obama, None, None)
    assert values[:12] == [gr.skip()] * 12 and values[12] == KIN and values[13]["value"] == "occlusion"
    assert len([v for v in tri_callbacks.visit(asked, None, None, None) if isinstance(v, Shot)]) == 3
    assert tri_callbacks.offers().kept(Address("parents", "dlib_resnet", "occlusion")).model == ""
    assert searching.visit(Asked(Address("search", KIN)), obama, None) == [*[gr.skip()] * 9, KIN]
    assert searching.offers().kept(Address("search", "vgg")) == Address("search") and "vgg" not in MODELS
