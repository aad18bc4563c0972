"""Findings from answers: what did the model look at? Never imports gradio.

result = predict(load_model(), face_a, face_b, grad=True)
map_a, map_b = explain(result, "grad_cam")
render.overlay(result.a.pixels()[0], map_a, opacity=0.5, limit=render.shared_limit([map_a, map_b]))
faithfulness(result, map_a).deletion_auc
"""

from explain.core import render
from explain.core.faithfulness import faithfulness
from explain.core.findings import AttentionMaps, Curve, Heatmap, Links, RegionDrops
from explain.core.shares import Shares
from explain.evidence import Evidence, PatchQuery, read_evidence
from explain.methods.occlusion import occlude_regions
from explain.registry import EXPLAINERS, Explainer, explain, layers_for, methods_for
from explain.report.pair import write_report

__all__ = [
    "EXPLAINERS",
    "AttentionMaps",
    "Curve",
    "Evidence",
    "Explainer",
    "Heatmap",
    "Links",
    "PatchQuery",
    "RegionDrops",
    "Shares",
    "explain",
    "faithfulness",
    "layers_for",
    "methods_for",
    "occlude_regions",
    "read_evidence",
    "render",
    "write_report",
]
