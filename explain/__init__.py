"""Findings from answered pairs: what did the model look at? Never imports gradio.

result = predict(load_model("dlib_kin"), face_a, face_b, grad=True)
map_a, map_b = explain(result, "grad_cam")
render.overlay(result.a.pixels()[0], map_a, opacity=0.5, limit=render.shared_limit([map_a, map_b]))
faithfulness(result, map_a).deletion_auc
"""

from explain import render, render_gates, render_inside
from explain.arms import ARMS, Comparison, Scene, compare_arms, set_scene
from explain.attention_maps import attention_maps
from explain.branches import branch_shares
from explain.cross_attention import cross_attention
from explain.faithfulness import faithfulness
from explain.findings import AttentionMaps, Curve, Heatmap, Links, RegionDrops, Shares
from explain.gates import Gates, read_gates
from explain.inside import Inside, Look, look_inside
from explain.occlusion import occlude_regions
from explain.pair_gradients import cosine_at
from explain.region_mass import RegionMass, attention_mass
from explain.registry import EXPLAINERS, Explainer, explain, layers_for, methods_for
from explain.report import write_report
from explain.report_arms import write_comparison

__all__ = [
    "ARMS",
    "EXPLAINERS",
    "AttentionMaps",
    "Comparison",
    "Curve",
    "Explainer",
    "Gates",
    "Heatmap",
    "Inside",
    "Links",
    "Look",
    "RegionDrops",
    "RegionMass",
    "Scene",
    "Shares",
    "attention_maps",
    "attention_mass",
    "branch_shares",
    "compare_arms",
    "cosine_at",
    "cross_attention",
    "explain",
    "faithfulness",
    "layers_for",
    "look_inside",
    "methods_for",
    "occlude_regions",
    "read_gates",
    "render",
    "render_gates",
    "render_inside",
    "set_scene",
    "write_comparison",
    "write_report",
]
