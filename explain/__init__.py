"""Findings from answered pairs: what did the model look at? Never imports gradio.

result = predict(load_model("dlib_kin"), face_a, face_b, grad=True)
map_a, map_b = explain(result, "grad_cam")
render.overlay(result.a.pixels()[0], map_a, opacity=0.5, limit=render.shared_limit([map_a, map_b]))
faithfulness(result, map_a).deletion_auc
"""

from explain import render, render_inside
from explain.attention_maps import attention_maps
from explain.branches import branch_shares
from explain.cross_attention import cross_attention
from explain.faithfulness import faithfulness
from explain.findings import AttentionMaps, Curve, Heatmap, Links, RegionDrops, Shares
from explain.inside import Inside, Look, look_inside
from explain.occlusion import occlude_regions
from explain.pair_gradients import cosine_at
from explain.registry import EXPLAINERS, Explainer, explain, layers_for, methods_for
from explain.report import write_report

__all__ = [
    "EXPLAINERS",
    "AttentionMaps",
    "Curve",
    "Explainer",
    "Heatmap",
    "Inside",
    "Links",
    "Look",
    "RegionDrops",
    "Shares",
    "attention_maps",
    "branch_shares",
    "cosine_at",
    "cross_attention",
    "explain",
    "faithfulness",
    "layers_for",
    "look_inside",
    "methods_for",
    "occlude_regions",
    "render",
    "render_inside",
    "write_report",
]
