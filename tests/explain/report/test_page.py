"""The page of a report: whole without a network, and its figures are those of report.json."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from explain import write_report
from explain.report.page import lines, verdict
from tests.explain.report.test_pair import SIDECAR, pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result, a, b = pair()
    return write_report(tmp_path_factory.mktemp("report"), result, (a, b), ["occlusion", "attention"], sidecar=SIDECAR)


def text(folder: Path) -> str:
    return unescape((folder / "report.html").read_text(encoding="utf-8"))


def test_nothing_is_fetched(folder: Path) -> None:
    page = text(folder)
    addresses = re.findall(r"(?:src|href)=[\"']([^\"']*)", page)
    assert len(addresses) > 8 and all(a.startswith("data:image/png;base64,") for a in addresses)
    assert "<script" not in page and "http" not in re.sub(r"data:[^\"]*", "", page)


def test_figures_are_those_of_the_json(folder: Path) -> None:
    page, values = text(folder), json.loads((folder / "report.json").read_text())
    assert f"score {values['score']:.3f}" in page and f"Cosine similarity {values['similarity']:.3f}" in page
    assert len(values["words"]) == 2 and all(f"<p>{sentence}</p>" in page for sentence in values["words"])
    for found in values["parts"]:
        assert sum(found["shapley"].values()) == pytest.approx(found["whole"] - found["empty"], abs=1e-5)
        assert found["whole"] == pytest.approx(values["similarity"], abs=1e-5)
        for name, value in found["shapley"].items():
            assert f'<tr><td>{name}</td><td class="n">{value:+.3f}</td></tr>' in page
            if abs(value) >= 0.005:  # smaller ones are named without a figure
                assert f"{value:+.2f}" in values["words"]["ab".index(found["face"])]
    for face, found in values["faces"].items():
        said = f"<p>Face {face.upper()}: {'; '.join(found['warnings'])}.</p>"
        assert (said in page) == bool(found["warnings"])
    assert SIDECAR.sha256 in page and values["versions"]["torch"] in page


def test_every_method_has_its_maps_and_verdict(folder: Path) -> None:
    page, values = text(folder), json.loads((folder / "report.json").read_text())
    for row in values["methods"].values():
        assert row["title"] in page
        for face, curve in row["faithfulness"].items():
            assert verdict(face, curve) in page
    assert "was not measured on this model" in page
    assert "Where one patch reads: row " in page and "The strongest links" in page


def test_verdicts_and_lines_by_hand() -> None:
    curve = {
        "fraction": [0, 0.5, 1],
        "deletion": [1, 0, 0],
        "insertion": [0, 0, 1],
        "random_deletion": [1, 0.5, 0],
        "random_insertion": [0, 0.5, 1],
        "deletion_auc": 0.25,
        "random_deletion_auc": 0.5,
        "insertion_auc": 0.25,
        "random_insertion_auc": 0.5,
    }
    assert verdict("a", curve) == "Here the map of face A beats random orders on one of two curves."
    assert verdict("b", {**curve, "insertion_auc": 0.6}).endswith("on both curves.")
    slightly = {**curve, "insertion_auc": 0.51}  # what the page calls equal, the report calls equal
    assert verdict("b", slightly).endswith("on one of two curves.")
    drawn = lines(curve)
    assert drawn[0]["points"] == "34.0,8.0 183.0,156.0 332.0,156.0" and drawn[0]["dash"] == "none"
    assert drawn[3]["points"] == "34.0,156.0 183.0,82.0 332.0,8.0" and drawn[3]["dash"] == "4 3"


def test_words_and_figures_decide_at_the_same_threshold(tmp_path: Path) -> None:
    result, a, b = pair()
    low = 1e-6  # nothing falls below it
    folder = write_report(tmp_path, result, (a, b), [], sidecar=SIDECAR, threshold=low)
    values = json.loads((folder / "report.json").read_text())
    assert all(p["smallest_flip"] is None and p["threshold"] == low for p in values["parts"])
    assert all("No set of parts turns the decision" in words for words in values["words"])
