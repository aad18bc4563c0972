"""What comes to the page of two faces from elsewhere, an address or a photo of another tab; and what it says of itself.

Two photos are named by the example that they are, in either order; a visitor's own have no name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from models import PhotoError
from models.errors import UserError
from ui.kinship import callbacks as do
from ui.shared import answering, offering
from ui.shared.addresses import Address, Asked, Offers, Place, tell, threshold_asked, unless
from ui.shared.examples import EXAMPLES, Example, example_of
from ui.shared.photos import Shot
from ui.shared.widgets import show_shot

TAKES = ("photo A", "photo B")
Pair = tuple[Shot | None, Shot | None]


def name_of(first: str, second: str) -> str:
    """ "levin_carl-levin_sander", of two files."""
    return f"{Path(first).stem}-{Path(second).stem}"


def named() -> dict[str, tuple[Example, bool]]:
    """Name in addresses -> example, and whether its photos are swapped."""
    return {name_of(e.a, e.b): (e, False) for e in EXAMPLES} | {name_of(e.b, e.a): (e, True) for e in EXAMPLES}


def offers() -> Offers:
    """Weights that compare two faces, the examples, methods and layers of the weight that will answer, thresholds."""
    return Offers(lambda _: answering.pair_weights(), lambda _: named(), _methods, _layers, thresholds=True)


def _methods(address: Address) -> list[str]:
    weight = address.model or weight_of(address.example)
    return [label for _, label in offering.method_choices(weight)] if weight else []


def _layers(address: Address) -> list[str]:
    return layers_of(address, address.model or weight_of(address.example))


def layers_of(address: Address, weight: str | None) -> list[str]:
    """The layers that an address can name, of a weight that answers."""
    return offering.layer_choices(weight, address.method or offering.default_method(weight)) if weight else []


def weight_of(example: str) -> str | None:
    """The weight that answers an example; the page's own for no example."""
    return named()[example][0].weight() if example in named() else answering.default_weight()


def visit(
    asked: Asked | None, own: Pair | None, a: Shot | None, b: Shot | None, weight: str | None = None
) -> list[Any]:
    """What was asked -> outputs of both photos, model, method; what nobody asked for stays.

    Raises:
        gr.Error: a photo is no longer there.
    """
    if asked is None:
        return [gr.skip()] * 10
    wanted = asked.address
    try:
        shown = [
            value
            for old, new in zip((a, b), _photos(asked, own, (a, b)), strict=True)
            for value in ([gr.skip()] * 4 if new is None or new is old else show_shot(new))
        ]
        named, method = wanted.model or (weight_of(wanted.example) if wanted.example else ""), gr.skip()
        if wanted.method:
            choices = offering.method_choices(named or weight or answering.default_weight() or "")
            method = gr.update(choices=choices, value=wanted.method)
    except PhotoError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return [*shown, named or gr.skip(), method]


def _photos(asked: Asked, own: Pair | None, now: Pair) -> Pair:
    """Both photos: the one that was sent in its place, the example that was named, the visitor's own, those there."""
    if asked.swap:
        return now[::-1]
    if asked.shot is not None:
        return (asked.shot, now[1]) if asked.slot == 0 else (now[0], asked.shot)
    if asked.address.example:
        example, swapped = named()[asked.address.example]
        return example.shots()[::-1] if swapped else example.shots()
    if own is not None:
        return own
    return now if any(now) else EXAMPLES[0].shots()


def swap(a: Shot | None, b: Shot | None, method: str | None) -> Asked:
    """What the button asks: photo B as photo A, and the other way round, by the same method.

    Raises:
        gr.Error: a photo is missing.
    """
    if a is None or b is None:
        raise gr.Error("Both photos are needed for this.", print_exception=False)
    return Asked(Address("kinship", method=method or ""), swap=True)


def own_threshold(asked: Asked | None, weight: str | None) -> Any:
    """As callbacks.own_threshold, or what the address named; a swap leaves it where the visitor put it."""
    return gr.skip() if asked is not None and asked.swap else threshold_asked(asked, do.own_threshold(weight))


def tell_pair(
    here: Place,
    a: Shot | None,
    b: Shot | None,
    asked: Asked | None,
    weight: str | None,
    method: str | None,
    layer: str | None = None,
    threshold: float | None = None,
) -> list[Any]:
    """What the browser is told of two photos; and both, where they are the visitor's own."""
    example = name_of(a.path, b.path) if a and b and example_of(a, b) else ""
    names = {"model": weight, "method": method, "example": example, **settings(weight, method, layer, threshold)}
    told = tell(here, asked, own=bool(a or b) and not example, **names)
    return [told, (a, b) if a and b and not example else gr.skip()]


def settings(weight: str | None, method: str | None, layer: str | None, threshold: float | None) -> dict[str, Any]:
    """Layer and threshold as an address names them: where they are not as shipped.

    Of a network that is not loaded there is no layer to name: this waits for none.
    """
    if not weight:
        return {}
    try:
        layer = layer if method and answering.NETWORKS.holds(weight) else None
        own = offering.default_layer(weight, method) if method and layer else None
        shipped = do.own_threshold(weight)
    except UserError:  # the answer says what is wrong with the weight
        return {}
    limit = unless(threshold, shipped) if threshold is not None and isinstance(shipped, float) else ""
    return {"layer": unless(layer, own), "threshold": limit}
