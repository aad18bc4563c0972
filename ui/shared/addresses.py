"""Addresses of what the page shows: ?tab=&model=&method=&layer=&threshold=&example=.

An address names what is shipped and nothing else: whatever a place does not offer is left out of what is read and of
what is written, so no photo, name of a file or path of an upload enters one. The browser's history: ui/shared/moves.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import gradio as gr

from models import PhotoError
from models.errors import UserError
from ui.shared.photos import Shot
from ui.shared.widgets import SESSION_SECONDS, show_shot

KEYS = ("tab", "model", "method", "layer", "threshold", "example")
LONGEST, FIELDS = 2000, 50
"""Of an address that is read: characters, and keys."""
THRESHOLD = re.compile(r"0(\.[0-9]{1,3})?|1")
"""A threshold in an address: from 0 to 1, in the steps of the slider."""
QUOTED = 40
"""Characters of an unknown value that are said again."""
CLIENT: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Events that run in the browser alone."""


@dataclass(frozen=True)
class Address:
    """What an address names; "" where it names nothing."""

    tab: str = ""
    model: str = ""
    method: str = ""
    example: str = ""
    layer: str = ""
    threshold: str = ""

    def query(self) -> str:
        """As it stands behind the question mark."""
        return urlencode({key: value for key in KEYS if (value := getattr(self, key))})

    @property
    def bare(self) -> bool:
        """It names a tab at most."""
        return not any(getattr(self, key) for key in KEYS[1:])


def _nothing(_: Address) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Offers:
    """Names that an address can have in one place. Each depends on what the address says before it.

    Attributes:
        thresholds: there is a threshold to be set.
    """

    models: Callable[[Address], Collection[str]] = _nothing
    examples: Callable[[Address], Collection[str]] = _nothing
    methods: Callable[[Address], Collection[str]] = _nothing
    layers: Callable[[Address], Collection[str]] = _nothing
    thresholds: bool = False

    def kept(self, address: Address) -> Address:
        """The same, without what is not offered."""
        for key in ("model", "example", "method", "layer", "threshold"):
            if getattr(address, key) and getattr(address, key) not in self._names(key, address):
                address = replace(address, **{key: ""})
        return address

    def _names(self, key: str, address: Address) -> Collection[str]:
        if key == "threshold":
            return [address.threshold] if self.thresholds and THRESHOLD.fullmatch(address.threshold) else ()
        offered = {"model": self.models, "example": self.examples, "method": self.methods, "layer": self.layers}
        try:
            return offered[key](address)
        except UserError:  # a weight that cannot be read: the answer says so
            return ()


@dataclass(frozen=True)
class Asked:
    """What an address, a photo from another tab, or a button asks of a place.

    Attributes:
        address: what it names, all of it offered.
        turn: which of the browser's moves this answers; 0 when it was none.
        shot: a photo that was sent.
        slot: index into Place.takes, where it goes.
        swap: two photos change places.
        stamp: makes the same wish, said again, another one.
    """

    address: Address = Address()
    turn: int = 0
    shot: Shot | None = field(default=None, hash=False, compare=False)
    slot: int = 0
    swap: bool = False
    stamp: int = field(default_factory=time.monotonic_ns)


class Place(NamedTuple):
    """A tab, or a mode of one, that an address can name.

    Attributes:
        name: in addresses.
        title: in words.
        asked: state: the last Asked; its change is what the place answers to. None: the place is only opened.
        told: HTML out of sight: the address of what the place shows, for the browser. None: the tab and no more.
        own: state: photos of the visitor's own that it showed last.
        takes: what a photo that is sent here becomes, an entry a choice.
        gives: what can be sent from here: its label -> state of the photo.
        slot: where the menu for that stands.
        modes, mode: the inner tabs, and which of them this is.
    """

    name: str
    title: str
    offers: Offers = Offers()
    asked: Any = None
    told: Any = None
    own: Any = None
    takes: tuple[str, ...] = ()
    gives: Mapping[str, gr.State] = {}
    slot: gr.Column | None = None
    modes: gr.Tabs | None = None
    mode: gr.Tab | None = None


NOTHING = Offers()


def place(name: str, title: str, offers: Offers = NOTHING, takes: tuple[str, ...] = ()) -> Place:
    """A place that answers to addresses, with the components it needs for that."""
    asked = gr.State(None, time_to_live=SESSION_SECONDS, render=False)  # see moves.wire
    own = gr.State(None, time_to_live=SESSION_SECONDS)
    told = gr.HTML(visible="hidden", elem_id=f"told-{name}")
    told.change(None, told, None, js="value => window.kinsight.tell(value)", **CLIENT)
    return Place(name, title, offers, asked, told, own, takes)


def given(request: gr.Request | None) -> bool:
    """Does the page's address name anything?"""
    return request is not None and any(key in request.query_params for key in KEYS)


def read(query: str, places: Mapping[str, Place]) -> tuple[Address, list[str]]:
    """An address -> what it names, without what is unknown; and a sentence for each of those.

    Args:
        query: what stands behind the question mark, from anybody.
        places: by name; the first one is meant where no tab is named.
    """
    try:
        if len(query) > LONGEST:
            raise ValueError
        pairs = parse_qsl(query.lstrip("?"), max_num_fields=FIELDS)
    except ValueError:
        return Address(tab=next(iter(places))), ["The address of this page cannot be read."]
    wanted = Address(**{key: value for key, value in reversed(pairs) if key in KEYS})  # of two the first counts
    wrong: list[str] = []
    if wanted.tab and wanted.tab not in places:
        wrong.append(f"There is no tab “{quoted(wanted.tab)}”.")
    here = places.get(wanted.tab) or next(iter(places.values()))
    wanted = replace(wanted, tab=here.name)
    kept = here.offers.kept(wanted)
    wrong += [
        f"In “{here.title}” there is no {key} “{quoted(getattr(wanted, key))}”."
        for key in KEYS
        if getattr(wanted, key) != getattr(kept, key)
    ]
    return kept, wrong


def quoted(value: str) -> str:
    """A value of somebody's, to be said again: one line, short, no HTML."""
    line = "".join(c if c.isprintable() else " " for c in value)
    return escape(line if len(line) <= QUOTED else line[:QUOTED] + "…")


def tell(here: Place, asked: Asked | None, *, own: bool = False, **names: str | None) -> str:
    """What the browser is told of a place: its address, the move that this answers, and whether photos are missing.

    Args:
        here: the place.
        asked: its last wish.
        own: it shows photos of the visitor's own.
        names: model, method, layer, threshold, example; what is not offered does not enter.
    """
    address = here.offers.kept(Address(here.name, **{key: value or "" for key, value in names.items()}))
    return f"{address.query()}#{asked.turn if asked else 0}#{'own' if own else ''}"


def unless(value: Any, own: Any) -> str:
    """A setting as an address names it; "" where it is the shipped one, which needs no name."""
    if isinstance(value, float | int) and own is not None:
        return "" if abs(value - own) < 0.0005 else f"{value:.3f}".rstrip("0").rstrip(".")
    return "" if value == own else str(value or "")


def threshold_asked(asked: Asked | None, own: Any) -> Any:
    """The threshold that an address named, else the shipped one."""
    return float(asked.address.threshold) if asked and asked.address.threshold else own


def show_sent(asked: Asked | None) -> list[Any]:
    """A photo that was sent, as widgets.show_shot; four times nothing where none was.

    Raises:
        gr.Error: the photo is no longer there.
    """
    if asked is None or asked.shot is None:
        return [gr.skip()] * 4
    try:
        return list(show_shot(asked.shot))
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error
