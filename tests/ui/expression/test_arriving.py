"""What the tab Expression makes of an address and of a photo that was sent, with the shipped weight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest

from ui.expression import answers as telling
from ui.expression import arriving
from ui.expression import callbacks as do
from ui.shared import offering
from ui.shared.addresses import Address, Asked, Place, read
from ui.shared.photos import GONE, Shot

PLACE = Place("expression", "Expression", arriving.offers())
WEIGHT = "expression"


def test_an_address_brings_example_and_method() -> None:
    address, wrong = read("tab=expression&example=hopper_1984&method=grad_cam", {"expression": PLACE})
    assert not wrong
    values = arriving.visit(Asked(address), None, None)
    assert len(values) == 6 and Path(values[0].path).name == "hopper_1984.jpg"
    assert values[4] == gr.skip() and values[5]["value"] == "grad_cam"
    assert values[5]["choices"] == offering.method_choices(WEIGHT, telling.network(WEIGHT))


def test_what_is_not_named_stays(obama: Shot, biden: Shot) -> None:
    asked = Asked(Address("expression", WEIGHT))
    assert arriving.visit(asked, None, obama) == [*[gr.skip()] * 4, WEIGHT, gr.skip()]
    assert arriving.visit(asked, biden, obama)[0].path == biden.path
    assert arriving.visit(asked, None, None)[0].path.endswith(do.EXAMPLES[0][0])
    assert arriving.visit(None, None, None) == [gr.skip()] * 6
    assert arriving.visit(Asked(shot=biden), obama, obama)[0].path == biden.path
    with pytest.raises(gr.Error, match=GONE):
        arriving.visit(Asked(shot=replace(biden, path="/nowhere.jpg")), None, None)


def test_the_browser_is_told_the_example_or_nothing(obama: Shot) -> None:
    def told(shot: Shot | None) -> list:
        return arriving.tell_photo(PLACE, shot, Asked(turn=2), WEIGHT, "grad_cam")

    assert told(obama) == ["tab=expression&model=expression&method=grad_cam&example=obama_2012#2#", gr.skip()]
    mine = replace(obama, path="/tmp/upload/obama_2012.jpg")
    assert told(mine) == ["tab=expression&model=expression&method=grad_cam#2#own", mine]
    assert told(None) == ["tab=expression&model=expression&method=grad_cam#2#", gr.skip()]
