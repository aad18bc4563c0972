"""The literal table of explainers: label -> what runs, what it needs, what to tell the reader."""

from __future__ import annotations

from explain.core.explainer import ANY, Explainer
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


ROWS = (
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
        "Covering gradients (signed)",
        covering_gradients.covering_gradients,
        needs=frozenset(),
        grad=False,
        signed=True,
        caption=covering_gradients.CAPTION,
        reads="the answer's gradient at the pixels of half-blurred faces",
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
"""In the order of pickers."""
