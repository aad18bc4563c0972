"""Addresses: what they name is opened, what is unknown is said, and nothing of a visitor's enters one."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote, urlencode

import gradio as gr
import pytest

from models import WeightError
from ui.shared import addresses, moves
from ui.shared.addresses import Address, Asked, Offers, Place, given, read, tell
from ui.shared.photos import Shot


def fails(_: Address) -> list[str]:
    raise WeightError("damaged")


METHODS = {"svit": ["rollout", "grad_cam"], "": ["occlusion"]}
OFFERS = Offers(
    models=lambda _: ["svit", "dlib_kin"],
    examples=lambda _: ["obama_2012-biden_2010"],
    methods=lambda address: METHODS.get(address.model, []),
    layers=lambda address: ["block1"] if address.method == "grad_cam" else [],
    thresholds=True,
)
HERE = Place("kinship", "Two faces", OFFERS, takes=("photo A", "photo B"))
THERE = Place("partial", "Partial face", takes=("photo 1",))
BROKEN = Place("broken", "Broken", Offers(methods=fails))
PLACES = {p.name: p for p in (HERE, THERE, BROKEN, Place("models", "Models"))}
FULL = Address("kinship", "svit", "rollout", "obama_2012-biden_2010")


@pytest.mark.parametrize(
    "address",
    [
        FULL,
        Address("kinship", "dlib_kin"),
        Address("kinship", method="occlusion"),
        Address("kinship", "svit", "grad_cam", layer="block1", threshold="0.625"),
        Address("models"),
    ],
)
def test_what_is_built_is_read_again(address: Address) -> None:
    assert read(address.query(), PLACES) == (address, [])
    assert read(f"?{address.query()}&__theme=dark&tabs=x", PLACES) == (address, [])


def test_no_tab_means_the_first() -> None:
    assert read("", PLACES) == (Address("kinship"), [])
    assert read("model=svit", PLACES) == (Address("kinship", "svit"), [])
    assert read("tab=models&tab=kinship", PLACES)[0].tab == "models"  # of two the first


NO_NUMBERS = ("1.5", "-0.1", "0.12345", "nan", "1e-3", "٠.٥", "0.")


@pytest.mark.parametrize(
    ("query", "kept", "said"),
    [
        ("tab=nowhere&model=svit", Address("kinship", "svit"), ["There is no tab “nowhere”."]),
        ("tab=kinship&model=vgg", Address("kinship"), ["In “Two faces” there is no model “vgg”."]),
        (
            "tab=kinship&model=dlib_kin&method=rollout",  # the method of another model
            Address("kinship", "dlib_kin"),
            ["In “Two faces” there is no method “rollout”."],
        ),
        (
            "tab=kinship&model=svit&method=rollout&layer=block1",  # the layer of another method
            Address("kinship", "svit", "rollout"),
            ["In “Two faces” there is no layer “block1”."],
        ),
        ("tab=models&threshold=0.5", Address("models"), ["In “Models” there is no threshold “0.5”."]),
        *((f"threshold={t}", Address("kinship"), [f"In “Two faces” there is no threshold “{t}”."]) for t in NO_NUMBERS),
        ("tab=models&example=a", Address("models"), ["In “Models” there is no example “a”."]),
        ("tab=broken&method=x", Address("broken"), ["In “Broken” there is no method “x”."]),
        ("tab=" + "x" * 3000, Address("kinship"), ["The address of this page cannot be read."]),
        ("&".join(f"k{i}=1" for i in range(60)), Address("kinship"), ["The address of this page cannot be read."]),
    ],
)
def test_unknown_values_are_said_and_left_out(query: str, kept: Address, said: list[str]) -> None:
    assert read(query, PLACES) == (kept, said)


HOSTILE = (
    "<script>alert(1)</script>",
    "\" onmouseover='x'",
    "../../etc/passwd",
    "/tmp/gradio/0f/photo.jpg",
    "a\0b\r\nSet-Cookie: x=1",
    "‮drowssap",
    "%f0%28%8c%28",
    "{{value}}${alert(1)}",
)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("key", addresses.KEYS)
def test_hostile_values_are_shown_as_short_text(key: str, value: str) -> None:
    for text in (value, value * 50):
        address, wrong = read(urlencode({key: text}), PLACES)
        assert address == Address("kinship") and len(wrong) == 1
        shown = moves.said(wrong)
        inner = shown.removeprefix("<div class='ks-error' role='status'>").removesuffix("</div>")
        assert "<" not in inner and '"' not in inner and all(c.isprintable() for c in inner)
        assert len(inner) < 700  # each character an entity at most


@pytest.mark.parametrize("query", ["%", "tab=%ff%fe", "&&==&", "tab", quote("tab=kinship")])
def test_broken_addresses_open_the_first_tab(query: str) -> None:
    assert read(query, PLACES)[0].tab == "kinship"


def test_only_what_is_offered_is_told() -> None:
    told = tell(HERE, Asked(turn=3), model="svit", method="grad_cam", example="/tmp/gradio/0f/me and mum.jpg")
    assert told == "tab=kinship&model=svit&method=grad_cam#3#"
    assert tell(HERE, None, own=True, model="mine.jpg", method=None) == "tab=kinship#0#own"


def test_a_setting_that_is_as_shipped_needs_no_name() -> None:
    assert [addresses.unless(v, 0.5) for v in (0.5, 0.5001, 0.62, 1.0, 0.0, 0.625)] == [
        "",
        "",
        "0.62",
        "1",
        "0",
        "0.625",
    ]
    assert addresses.unless("block1", "block2") == "block1" and addresses.unless("block2", "block2") == ""
    asked = Asked(Address("kinship", threshold="0.62"))
    assert addresses.threshold_asked(asked, 0.5) == 0.62 and addresses.threshold_asked(Asked(), 0.5) == 0.5


def test_an_address_that_names_nothing_is_none() -> None:
    def asks(**query: str) -> bool:
        return given(cast(gr.Request, SimpleNamespace(query_params=query)))

    assert asks(model="svit") and asks(tab="") and not asks(__theme="dark") and not given(None)


def move(**data: Any) -> Any:
    """Event data as the browser sends it."""
    return gr.EventData(None, data)


def test_a_move_of_the_browser_is_not_believed() -> None:
    asked, known, wrong = moves.asked_by(json.dumps({"address": FULL.query(), "turn": 2, "known": True}), PLACES)
    assert (asked.address, asked.turn, known, wrong) == (FULL, 2, True, [])
    for bad in ({}, {"address": 7}, {"address": ["tab"], "turn": "2"}, {"turn": True, "known": 1}, [], "x", 1e999):
        asked, known, wrong = moves.asked_by(json.dumps(bad), PLACES)
        assert (asked.address, asked.turn, known, wrong) == (Address("kinship"), 0, False, [])
    for text in (None, "", "{", "[" * 100_000):
        assert moves.asked_by(text, PLACES)[0].address == Address("kinship")


def test_a_photo_goes_where_it_is_sent(obama: Shot, biden: Shot) -> None:
    asked = moves.sent_by(move(photo=1, to="kinship", slot=1), (obama, biden), PLACES)
    assert asked.shot is biden and asked.slot == 1 and asked.address == Address("kinship")
    again = moves.sent_by(move(photo=1, to="kinship", slot=1), (obama, biden), PLACES)
    assert hash(asked) != hash(again)  # else the second time would be no change
    assert addresses.show_sent(asked)[0].path == biden.path
    assert addresses.show_sent(None) == [gr.skip()] * 4 == addresses.show_sent(Asked())


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"photo": 0, "to": "models", "slot": 0},
        {"photo": 0, "to": "partial", "slot": 1},
        {"photo": 2, "to": "partial", "slot": 0},
        {"photo": -1, "to": "partial", "slot": 0},
        {"photo": 1, "to": "partial", "slot": 0},
        {"photo": "0", "to": ["partial"], "slot": 0.0},
    ],
)
def test_what_cannot_be_sent_is_refused(data: dict[str, Any], obama: Shot) -> None:
    with pytest.raises(gr.Error, match="no photo to send"):
        moves.sent_by(move(**data), (obama, None), PLACES)


def test_a_menu_offers_every_photo_to_every_other_place() -> None:
    photo = cast(gr.State, None)
    html = moves.menu(HERE._replace(gives={"Photo A": photo, "Photo <B>": photo}), list(PLACES.values()))
    assert html.count("data-to='partial'") == 2 and "data-to='kinship'" not in html and "data-to='models'" not in html
    assert "Photo &lt;B&gt; to" in html
    both = moves.menu(THERE._replace(gives={"Photo 1": photo}), list(PLACES.values()))
    assert "Two faces, photo A</button>" in both and "data-slot='1'>Two faces, photo B</button>" in both
