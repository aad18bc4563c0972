"""Explainers by label: which fit a model, and the calls that run one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from explain.core.explainer import ANY as ANY
from explain.core.explainer import Explainer as Explainer
from explain.core.findings import Heatmap
from explain.methods.table import ROWS
from models.face_model import FaceModel
from models.pair import PairModel, Placed
from models.predict import Result
from models.taps import kind_of, tap_names

EXPLAINERS: dict[str, Explainer] = {e.label: e for e in ROWS}
"""label -> Explainer, in the order of pickers."""


def methods_for(model: FaceModel) -> list[str]:
    """Labels of the explainers whose evidence this model gives, in the table's order."""
    gives = {kind_of(name) for name in tap_names(model)}
    gives |= {word for word, kind in (("pair", PairModel), ("places", Placed)) if isinstance(model, kind)}
    gives |= {"rectified"} if model.rectified else set()
    return [label for label, e in EXPLAINERS.items() if e.needs <= gives]


def layers_for(model: FaceModel, method: str) -> list[str]:
    """Names of the taps that the option `layer` of a method can choose on this model; empty when it has none.

    A tap whose name ends in "pooled.features" has one place only: nothing to draw a map of.
    """
    kind = EXPLAINERS[method].layers
    return [name for name in tap_names(model, kind) if "pooled" not in name.split(".")] if kind else []


def explains(result: Result, method: str, target: str) -> bool:
    """Can the method explain this scalar of the answer?"""
    targets = EXPLAINERS[method].targets
    if targets != ANY:
        return target in targets
    try:
        result.output.scalar(target)
    except ValueError:
        return False
    return True


def default_target(result: Result, method: str) -> str | None:
    """The scalar a method explains unless told otherwise: what the answer is made of, as far as the method can.

    For a pair the similarity where the score is a function of it, else the logit; for classes the logit of the leading
    one. None when the method looks at no answer.
    """
    targets = EXPLAINERS[method].targets
    return result.explained if targets == ANY or result.explained in targets else next(iter(targets), None)


def explain(
    result: Result, method: str, *, target: str | None = None, layer: str | None = None, **options: Any
) -> tuple[Heatmap, ...]:
    """Explain an answer with one method.

    Args:
        result: from predict; from predict(grad=True) when EXPLAINERS[method].grad.
        method: a label of methods_for(result.model).
        target: the scalar of the answer to explain ("similarity", "logit", a class, "X - Y"); by default
            default_target. A method that looks at no answer (Eigen-CAM, attention) has nothing to choose.
        layer: the tap to read, one of layers_for(result.model, method); by default the model's own choice.
        options: of the method itself, named in its row; "faces", of some, are the indices of those to explain.

    Returns:
        A heatmap a face.

    Raises:
        ValueError: an unknown method, target, layer or option; evidence the model does not give; a result
            without a graph for a method that needs gradients.
        TypeError: no Result.
    """
    row, options = _asked(result, method, target, layer, options)
    return tuple(row.told(heatmap, result) for heatmap in row.run(result, **options))


def explain_step_by_step(
    result: Result, method: str, *, target: str | None = None, layer: str | None = None, **options: Any
) -> Iterator[tuple[Heatmap, ...]]:
    """As explain, from coarse maps to fine ones where the method samples; the last are those of explain.

    Args, errors: as explain.
    """
    row, options = _asked(result, method, target, layer, options)
    for found in (row.run(result, **options),) if row.refine is None else row.refine(result, **options):
        yield tuple(row.told(heatmap, result) for heatmap in found)


def _asked(
    result: Result, method: str, target: str | None, layer: str | None, options: dict[str, Any]
) -> tuple[Explainer, dict[str, Any]]:
    """The method's row and everything it is called with. Raises as explain."""
    if not isinstance(result, Result):
        raise TypeError(f"an answer is wanted first (predict(model, *faces)), got {type(result).__name__}")
    row = _explainer_for(result.model, method)
    unknown = set(options) - set(row.options)
    if unknown:
        raise ValueError(
            f"{method} has no option {', '.join(sorted(unknown))}; it has: {', '.join(row.options) or 'none'}"
        )
    if layer is not None:
        options["layer"] = _checked(layer, layers_for(result.model, method), f"{method} has no layer")
    if row.targets:
        wanted = target or default_target(result, method) or ""
        if not explains(result, method, wanted):
            known = result.output.scalars if row.targets == ANY else row.targets
            raise ValueError(f"{method} cannot explain {wanted!r}; there are: {', '.join(known)}")
        options["target"] = wanted
    return row, options


def _explainer_for(model: FaceModel, method: str) -> Explainer:
    offered = methods_for(model)
    return EXPLAINERS[_checked(method, offered, f"{model.name or type(model).__name__} has no method")]


def _checked(value: str, known: Sequence[str], complaint: str) -> str:
    if value not in known:
        raise ValueError(f"{complaint} {value!r}; there are: {', '.join(known) or 'none'}")
    return value
