"""A card's section on groups."""

from __future__ import annotations

import dataclasses

from models.weights import read_sidecar
from training.docs.groups import section, worse_words

GROUP = {
    "pairs": 1234,
    "matching": 600,
    "accuracy": 0.7,
    "accuracy_ci95": [0.65, 0.74],
    "far_at_threshold": 0.3,
    "far_at_threshold_ci95": [0.2, 0.4],
    "tar_at_threshold": 0.8,
    "tar_at_threshold_ci95": [0.7, 0.9],
}


def test_worse_groups_are_named_and_bold() -> None:
    report = {
        "weight": "net",
        "subgroups": {"gender": {"two men": {**GROUP, "worse": ["accuracy"]}, "two women": {**GROUP, "worse": []}}},
    }
    assert worse_words(report) == "net is worse than on all pairs by more than the interval (bold): two men (accuracy)."
    text = section(dataclasses.replace(read_sidecar("edgeface_kin"), metrics={"kinship": report}))
    assert text.startswith("## Groups\n\nFIW pairs, at the shipped threshold. net is worse")
    assert "| gender: two men | 1,234 | **0.700 (0.650-0.740)** | 0.300 (0.200-0.400) |" in text
    assert "| gender: two women | 1,234 | 0.700 (0.650-0.740) |" in text


def test_nothing_is_worse_and_nothing_was_measured() -> None:
    report = {"subgroups": {"gender": {"two men": {**GROUP, "worse": []}}}}
    assert worse_words(report) == "No group is worse than all pairs by more than its interval."
    assert section(dataclasses.replace(read_sidecar("edgeface_kin"), metrics={"kinship": {"accuracy": 0.7}})) == ""
