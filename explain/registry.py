"""The literal table of explainers: label -> what runs, what it needs, what to tell the reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from explain.core.explainer import ANY as ANY
from explain.core.explainer import Explainer as Explainer
from explain.core.findings import Heatmap
from explain.methods import (
    branches,
    corr_rise,
    covering_gradients,
    dise,
    ebp,
    fame,
    grad_cam,
    occlusion,
    pair_gradients,
    part_shapley,
    xssab,
)
from explain.methods.attention_maps import CAPTION as ATTENTION_CAPTION
from explain.methods.attention_maps import attention_received
from explain.methods.cross_attention import CAPTION as CROSS_CAPTION
from explain.methods.cross_attention import looked_at
from models.face_model import FaceModel
from models.pair import PairModel, Placed
from models.predict import Result
from models.taps import kind_of, tap_names


def _cam(label: str) -> Explainer:
    cam = grad_cam.CAMS[label]
    return Explainer(
        label,
        cam.title,
        grad_cam.explainer(label),
        needs=frozenset({"features"}),
        grad=cam.grad,
        signed=cam.signed,
        caption=cam.caption,
        reads="the feature maps of one layer" + (" and the answer's gradient at them" if cam.grad else ""),
        targets=ANY if cam.grad else (),
        layers="features",
    )


def _ebp(label: str, title: str) -> Explainer:
    return Explainer(
        label,
        title,
        ebp.explainer(label),
        needs=frozenset({"pair", "features", "rectified"}),
        grad=False,
        signed=False,
        caption=ebp.CAPTIONS[label],
        reads="the feature maps of all layers, and the network's weights above zero",
        targets=("similarity",),
        layers="features",
    )


_ALL = (
    *map(_cam, grad_cam.CAMS),
    Explainer(
        "fggb",
        "Pair gradients, FGGB (signed)",
        pair_gradients.fggb,
        needs=frozenset({"pair"}),
        grad=True,
        signed=True,
        caption=pair_gradients.CAPTION,
        reads="the gradient of every embedding dimension at the pixels",
        targets=("similarity",),
        options=("theta",),
    ),
    Explainer(
        "xssab",
        "Agreeing and differing dimensions, xSSAB (signed)",
        xssab.xssab,
        needs=frozenset({"pair"}),
        grad=True,
        signed=True,
        caption=xssab.CAPTION,
        reads="the gradients, at the pixels, of the cosine's agreeing and of its differing dimensions",
        targets=("similarity",),
        options=("theta",),
    ),
    Explainer(
        "fame",
        "Pixels moved to change the answer, FAME",
        fame.fame,
        needs=frozenset(),
        grad=False,
        signed=False,
        caption=fame.CAPTION,
        reads="the pixels of a face that was changed step by step against its answer",
        options=("steps", "towards"),
    ),
    _ebp("ebp", "Excitation backpropagation, EBP"),
    _ebp("contrastive_ebp", "Contrastive excitation backpropagation"),
    _ebp("truncated_ebp", "Truncated contrastive excitation backpropagation"),
    _ebp("subtree_ebp", "Subtree excitation backpropagation"),
    Explainer(
        "dise",
        "Small squares drawn by excitation, DISE",
        dise.dise,
        needs=frozenset({"pair", "features", "rectified"}),
        grad=False,
        signed=False,
        caption=dise.CAPTION,
        reads="the similarity with small squares blurred, drawn where the embedding is excited",
        targets=("similarity",),
        options=("masks", "fill", "seed", "faces"),
        refine=dise.refined,
    ),
    Explainer(
        "occlusion",
        "Occlusion (signed)",
        occlusion.occlusion_maps,
        needs=frozenset(),
        grad=False,
        signed=True,
        caption=occlusion.CAPTION,
        reads="the answer with one patch after another covered",
        options=("patch", "stride", "fill", "faces"),
    ),
    Explainer(
        "covering_gradients",
        "Gradients of half-covered faces (signed)",
        covering_gradients.covering_gradients,
        needs=frozenset(),
        grad=False,
        signed=True,
        caption=covering_gradients.CAPTION,
        reads="the answer's gradient at the pixels of faces half of which is blurred",
        options=("masks", "grid", "sigma", "seed", "faces"),
    ),
    Explainer(
        "corr_rise",
        "Random patches, CorrRISE (signed)",
        corr_rise.corr_rise,
        needs=frozenset(),
        grad=False,
        signed=True,
        caption=corr_rise.CAPTION,
        reads="the rank of the answer under random coverings",
        options=("masks", "fill", "seed", "faces"),
        refine=corr_rise.refined,
    ),
    Explainer(
        "part_shapley",
        "Parts of the face, exact Shapley values (signed)",
        part_shapley.part_shapley,
        needs=frozenset(),
        grad=False,
        signed=True,
        caption=part_shapley.CAPTION,
        reads="the answer with every set of the face's eight parts covered",
        options=("fill", "faces"),
    ),
    Explainer(
        "attention",
        "Attention received",
        attention_received,
        needs=frozenset({"attn"}),
        grad=False,
        signed=False,
        caption=ATTENTION_CAPTION,
        reads="the attention weights of one layer",
        targets=(),
        layers="attn",
    ),
    Explainer(
        "cross_attention",
        "Cross-attention received",
        looked_at,
        needs=frozenset({"cross_attn"}),
        grad=False,
        signed=False,
        caption=CROSS_CAPTION,
        reads="the attention weights between the two faces",
        targets=(),
        layers="cross_attn",
    ),
    Explainer(
        "log_odds_map",
        "Log-odds through each place (signed, exact)",
        branches.place_maps,
        needs=frozenset({"places"}),
        grad=False,
        signed=True,
        caption=branches.PLACES_CAPTION,
        reads="the two codes that were compared, and the weights of the part that compares them",
        targets=("logit",),
    ),
)

EXPLAINERS: dict[str, Explainer] = {e.label: e for e in _ALL}
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
