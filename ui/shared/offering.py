"""Which methods and layers a model offers, in which order, and what was measured of each, in words."""

from __future__ import annotations

from explain import EXPLAINERS, layers_for, methods_for
from explain.core.measured import Measured, measured
from explain.report.first_method import first_method
from models.face_model import FaceModel
from ui.shared.answering import network

MEASURED = "Beats random: the share of pairs in which its map beat a random order on this model."
SURE = 0.95
UNSURE = f" On this model the best without sampling is below {100 * SURE:.0f} %: expect more maps that say little."
"""Share of the pairs from which on nothing more is said, and what is said below it."""


def method_choices(weight: str, model: FaceModel | None = None) -> list[tuple[str, str]]:
    """(title and what was measured, label) of the methods whose evidence a model gives, the best measured first.

    Args:
        model: the weight's network, here and below; None for one that compares faces.
    """
    found, offered = measured(weight), methods_for(model or network(weight))
    ranked = [*(m for m in found if m in offered), *(m for m in offered if m not in found)]
    return [(method_title(m, found.get(m), not found), m) for m in ranked]


def about_methods(weight: str, model: FaceModel | None = None) -> str:
    """What the figures in the picker are; where even the first method's is below SURE, that as well."""
    first = measured(weight).get(default_method(weight, model))
    if first is None:
        return MEASURED
    return MEASURED.replace("pairs", first.unit) + (UNSURE if first.share < SURE else "")


def method_title(method: str, figures: Measured | None, nothing: bool = False) -> str:
    """ "Occlusion (signed): beats random on 97 %", see MEASURED.

    Args:
        nothing: was measured on the model at all; then the title stands alone.
    """
    title = EXPLAINERS[method].title
    if figures is None:
        return title if nothing else f"{title}: not measured on this model"
    return f"{title}: beats random on {100 * figures.share:.0f} %{'' if figures.trusted else ', not for sure in most'}"


def default_method(weight: str, model: FaceModel | None = None) -> str:
    """The method whose maps are shown first."""
    return first_method(weight, model or network(weight))


def drawn_unasked(weight: str) -> str | None:
    """The method whose maps of two faces are drawn before one is chosen: the first, unless it lies below SURE."""
    first = default_method(weight)
    known = measured(weight).get(first)
    return None if known is not None and known.share < SURE else first


def no_map(weight: str) -> str:
    """Why no map is drawn unasked, in words."""
    known = measured(weight).get(default_method(weight))
    if known is None:
        return "Choose a method to see its maps."
    return (
        f"No map is drawn unasked: the best method that needs no sampling, {EXPLAINERS[known.method].title}, "
        f"{known.words} on this model, and {100 * SURE:.0f} % are wanted. Choose a method to see its maps; below them "
        "stands how they did on this pair."
    )


def layer_choices(weight: str, method: str, model: FaceModel | None = None) -> list[str]:
    """Taps a method can read on a model, in order of depth; empty when there is nothing to choose."""
    return layers_for(model or network(weight), method)


def default_layer(weight: str, method: str, model: FaceModel | None = None) -> str | None:
    """The layer a method reads unless told otherwise, None when it has no such choice."""
    choices = layer_choices(weight, method, model)
    own = (model or network(weight)).cam_tap
    return own if own in choices else next(reversed(choices), None)


def offered(weight: str, method: str | None, layer: str | None) -> tuple[str, str | None]:
    """A method and a layer where a model has them; else its own."""
    chosen = method if method in methods_for(network(weight)) else default_method(weight)
    return chosen, layer if layer in layer_choices(weight, chosen) else None
