"""The table of how long evidence takes is the one of the figures, and Captum's patches are ours."""

from __future__ import annotations

import json

import pytest

from benchmarks import evidence_speed
from benchmarks.evidence.page import PAGE
from explain import explain
from explain.methods.occlusion import patch_masks, sides_of
from tests.explain.tiny import seeded_result
from training.docs.text import put


def test_the_page_holds_the_figures() -> None:
    found = json.loads(evidence_speed.RESULTS.read_text())
    page = PAGE.read_text()
    assert put(page, "evidence speed", evidence_speed.tables(found)) == page, "python -m benchmarks.evidence_speed"
    for row in [*found["shown"], *found["methods"]]:
        assert row["limit"] is None or row["holds"] == (row["value"] <= row["limit"])
    assert {row["what"] for row in found["methods"]} >= set(evidence_speed.LIMITS)


def test_sides_are_those_that_occlusion_uses() -> None:
    result = seeded_result()
    patch, stride = sides_of(result)
    size = result.model.spec.size
    assert f"Patch {patch} px, stride {stride} px of {size}" in explain(result, "occlusion")[0].caption
    assert len(patch_masks(size, patch, stride)) == 81


def test_rows_of_other_weights_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    former = {"shown": [{"what": "a", "value": 1}, {"what": "b", "value": 2}], "captum": ["as before"]}
    monkeypatch.setattr(evidence_speed, "shown_rows", lambda faces, weights, runs: [{"what": w} for w in weights])
    monkeypatch.setattr(evidence_speed, "method_rows", lambda faces, weight, runs: [])
    monkeypatch.setattr(evidence_speed, "find_spec", lambda name: None)
    found = evidence_speed.measure(["b"], 1, former)
    assert found["shown"] == [{"what": "a", "value": 1}, {"what": "b"}] and found["captum"] == ["as before"]
