"""What comes to the tab Expression from elsewhere, an address or a photo of another tab; and what it says of itself.

A photo is named by the example that it is; a visitor's own has no name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from models import PhotoError
from ui.expression import answers as telling
from ui.expression import callbacks as do
from ui.shared import offering
from ui.shared.addresses import Address, Asked, Offers, Place, tell, unless
from ui.shared.examples import FOLDER
from ui.shared.photos import Shot, example_shot
from ui.shared.widgets import show_shot

FILES = {Path(file).stem: FOLDER / file for file, _ in do.EXAMPLES}
"""Name in addresses -> file of an example."""


class Modes(NamedTuple):
    """The page of photos, and the inner tabs."""

    page: Any
    tabs: gr.Tabs
    photo: gr.Tab
    live: gr.Tab

    @property
    def places(self) -> list[Place]:
        """What addresses name of this tab."""
        camera = Place("live", "Live camera", modes=self.tabs, mode=self.live)
        return [self.page.here._replace(modes=self.tabs, mode=self.photo), camera]


def offers() -> Offers:
    """Weights that tell expressions, the examples, and the methods and layers of the weight that will answer."""
    return Offers(lambda _: telling.weights(), lambda _: FILES, _methods, _layers)


def _methods(address: Address) -> list[str]:
    weight = address.model or telling.default_weight()
    return [label for _, label in offering.method_choices(weight, telling.network(weight))] if weight else []


def _layers(address: Address) -> list[str]:
    weight = address.model or telling.default_weight()
    if not weight:
        return []
    model = telling.network(weight)
    return offering.layer_choices(weight, address.method or offering.default_method(weight, model), model)


def name_of(shot: Shot | None) -> str:
    """Of the example that a photo is; "" for every other."""
    return next((name for name, file in FILES.items() if shot and shot.path == str(file)), "")


def visit(asked: Asked | None, own: Shot | None, shot: Shot | None) -> list[Any]:
    """What was asked -> outputs of the photo, model, method; what nobody asked for stays.

    Raises:
        gr.Error: the photo is no longer there.
    """
    if asked is None:
        return [gr.skip()] * 6
    wanted, method = asked.address, gr.skip()
    try:
        new = asked.shot or (example_shot(FILES[wanted.example].name) if wanted.example else own)
        new = new or (None if shot else example_shot(do.EXAMPLES[0][0]))
        shown = [gr.skip()] * 4 if new is None else list(show_shot(new))
        if wanted.method:
            weight = wanted.model or telling.default_weight() or ""
            choices = offering.method_choices(weight, telling.network(weight))
            method = gr.update(choices=choices, value=wanted.method)
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return [*shown, wanted.model or gr.skip(), method]


def tell_photo(
    here: Place,
    shot: Shot | None,
    asked: Asked | None,
    weight: str | None,
    method: str | None,
    layer: str | None = None,
) -> list[Any]:
    """What the browser is told of a photo; and the photo, where it is the visitor's own."""
    example = name_of(shot)
    own = shot is not None and not example
    shipped = None
    if weight and method and layer:
        shipped = offering.default_layer(weight, method, telling.network(weight))
    names = {"model": weight, "method": method, "layer": unless(layer, shipped), "example": example}
    told = tell(here, asked, own=own, **names)
    return [told, shot if own else gr.skip()]
