"""Moves between the places of the page: by address, back and forward, and with a photo from one tab to another.

The browser's side is addresses.js: it keeps the history, knows which place is shown, and copies its address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from ui.shared.addresses import CLIENT, Address, Asked, Place, read
from ui.shared.photos import Shot
from ui.shared.widgets import VIEWS

START = "window.kinsight.start(element, trigger)"
BAR = (
    "<div class='ks-address'><span role='status'></span>"
    "<button type='button' id='copy-address'>Copy address</button></div>"
)
Room = tuple[gr.Tab, Sequence[Place]]
"""A tab of the page, and the places in it, the one that opens first."""


def wire(header: gr.HTML, note: gr.HTML, tabs: gr.Tabs, rooms: Sequence[Room]) -> None:
    """Everything between the browser's history and the places.

    Args:
        header: holds BAR; made with js_on_load=START.
        note: hidden; says what an address names wrongly.
        tabs: of the page.
        rooms: in the order of the page; the first place is the one that opens.
    """
    for asked in [p.asked for _, places in rooms for p in places if p.asked is not None]:
        asked.render()  # outside of the tabs: in one not yet opened, Gradio takes each event that could set it for one
    routes = {p.name: Route(p, tab, tabs) for tab, places in rooms for p in places}
    outputs = [note, *dict.fromkeys(part for route in routes.values() for part in route.parts)]
    places = {name: route.place for name, route in routes.items()}

    def arrive(wanted: str) -> dict[Any, Any]:
        """The address that the browser shows now."""
        wish, known, wrong = asked_by(wanted, places)
        values = routes[wish.address.tab].opened()
        here = places[wish.address.tab]
        first = here.name == next(iter(places))
        if here.asked is not None and not known and (first or not wish.address.bare):
            values[here.asked] = wish
        return {note: gr.update(value=said(wrong), visible=bool(wrong)), **values}

    # not in the event's data: an event that waited would come with those of the one before it
    wanted = gr.Textbox(visible=False)
    header.click(arrive, wanted, outputs, js="() => window.kinsight.wish()", **VIEWS)
    for tab, inside in rooms:
        _follow(tab, inside)
    for here in places.values():
        if here.slot is not None:
            _send_from(here, routes, outputs, note)


class Route(NamedTuple):
    """How a place is opened."""

    place: Place
    tab: gr.Tab
    tabs: gr.Tabs

    @property
    def parts(self) -> list[Any]:
        """Components that take part in it."""
        return [part for part in (self.tabs, self.place.modes, self.place.asked) if part is not None]

    def opened(self) -> dict[Any, Any]:
        """Component -> value that shows the place."""
        values: dict[Any, Any] = {self.tabs: gr.Tabs(selected=self.tab.id)}
        if self.place.modes is not None and self.place.mode is not None:
            values[self.place.modes] = gr.Tabs(selected=self.place.mode.id)
        return values


def asked_by(wanted: str | None, places: Mapping[str, Place]) -> tuple[Asked, bool, list[str]]:
    """What a browser's move asks, whether the page shows it already, and what it names wrongly.

    Args:
        wanted: JSON of {"address": , "turn": , "known": }; nothing about it is believed.
        places: by name.
    """
    try:
        found = json.loads(wanted or "{}")
    except (ValueError, RecursionError):
        found = {}
    found = found if isinstance(found, dict) else {}
    query, turn = found.get("address"), found.get("turn")
    address, wrong = read(query if isinstance(query, str) else "", places)
    return Asked(address, turn if type(turn) is int else 0), found.get("known") is True, wrong


def _of(event: Any, key: str) -> Any:
    """A value of an event's data; None where there is none, or no data."""
    try:
        return getattr(event, key, None)
    except TypeError:
        return None


def said(wrong: Sequence[str]) -> str:
    """Sentences about an address, as HTML; "" when there are none. They are HTML already."""
    text = " ".join(wrong)
    return f"<div class='ks-error' role='status'>{text} What is unknown is left out.</div>" if wrong else ""


def _follow(tab: gr.Tab, inside: Sequence[Place]) -> None:
    """Tell the browser's history which place is shown."""
    script = "() => window.kinsight.tab({!r}, {!r}, {!r})".format
    tab.select(None, None, None, js=script(tab.id, "", inside[0].name), **CLIENT)
    for here in inside:
        if here.mode is not None:
            here.mode.select(None, None, None, js=script(tab.id, here.name, here.name), **CLIENT)


MENU = (
    "element.addEventListener('click', e => { const hit = e.target.closest('[data-to]'); if (!hit) return;"
    " element.querySelector('details').open = false; window.kinsight.send(hit.dataset.to);"
    " trigger('click', {to: hit.dataset.to, slot: Number(hit.dataset.slot), photo: Number(hit.dataset.photo)}); });"
)
NO_PHOTO = "There is no photo to send yet."


def menu(here: Place, places: Sequence[Place]) -> str:
    """Every photo of a place, to every other place that takes one."""
    lists = ""
    for number, label in enumerate(here.gives):
        items = "".join(
            f"<li><button type='button' data-photo='{number}' data-to='{there.name}' data-slot='{slot}'>"
            f"{escape(f'{there.title}, {what}' if len(there.takes) > 1 else there.title)}</button></li>"
            for there in places
            if there.name != here.name
            for slot, what in enumerate(there.takes)
        )
        lists += f"<p>{escape(label)} to</p><ul>{items}</ul>"
    return f"<details class='ks-send'><summary>Send a photo to another tab</summary>{lists}</details>"


def _send_from(here: Place, routes: Mapping[str, Route], outputs: Sequence[Any], note: gr.HTML) -> None:
    """The menu of one place. The photo goes from state to state: nothing is uploaded again."""
    assert here.slot is not None
    with here.slot:
        shown = gr.HTML(
            menu(here, [r.place for r in routes.values()]), js_on_load=MENU, elem_id=f"send-{here.name}", min_height=0
        )

    places = {name: route.place for name, route in routes.items()}

    def send(event: gr.EventData, *shots: Shot | None) -> dict[Any, Any]:
        """One of the photos, to the place that was pressed."""
        wish = sent_by(event, shots, places)
        route = routes[wish.address.tab]
        return {note: gr.update(value="", visible=False), **route.opened(), route.place.asked: wish}

    shown.click(send, [*here.gives.values()], outputs, **VIEWS)


def sent_by(event: Any, shots: Sequence[Shot | None], places: Mapping[str, Place]) -> Asked:
    """What a press on a menu asks; nothing about the press is believed.

    Raises:
        gr.Error: there is no such photo, or no such place takes one.
    """
    number, slot, name = (_of(event, key) for key in ("photo", "slot", "to"))
    there = places.get(name) if isinstance(name, str) else None
    shot = shots[number] if type(number) is int and 0 <= number < len(shots) else None
    if there is None or shot is None or type(slot) is not int or not 0 <= slot < len(there.takes):
        raise gr.Error(NO_PHOTO, print_exception=False)
    return Asked(Address(tab=there.name), shot=shot, slot=slot)
