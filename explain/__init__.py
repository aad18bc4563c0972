"""Findings from answers: what did the model look at? Never imports gradio.

result = predict(load_model(), face_a, face_b, grad=True)
map_a, map_b = explain(result, "grad_cam")
render.overlay(result.a.pixels()[0], map_a, opacity=0.5, limit=render.shared_limit([map_a, map_b]))
faithfulness(result, map_a).deletion_auc
"""

from explain.core import render
from explain.core.faithfulness import faithfulness
from explain.core.findings import AttentionMaps, Curve, Heatmap, Links, RegionDrops
from explain.core.parts import PartSet, PartValues
from explain.core.shares import Shares
from explain.core.words import flip_sentence, part_paragraph
from explain.evidence import Evidence, PatchQuery, read_evidence
from explain.methods.occlusion import occlude_regions
from explain.methods.part_shapley import part_values
from explain.registry import EXPLAINERS, Explainer, explain, explain_step_by_step, layers_for, methods_for
from explain.report.pair import write_report

__all__ = [
    "EXPLAINERS",
    "AttentionMaps",
    "Curve",
    "Evidence",
    "Explainer",
    "Heatmap",
    "Links",
    "PartSet",
    "PartValues",
    "PatchQuery",
    "RegionDrops",
    "Shares",
    "explain",
    "explain_step_by_step",
    "faithfulness",
    "flip_sentence",
    "layers_for",
    "methods_for",
    "occlude_regions",
    "part_paragraph",
    "part_values",
    "read_evidence",
    "render",
    "write_report",
]
