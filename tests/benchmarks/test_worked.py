"""The worked examples on docs/evidence.md are of the weights and methods of today."""

from __future__ import annotations

import json

from PIL import Image

from benchmarks.evidence.page import PAGE
from benchmarks.worked import EXAMPLES, GAP, PICTURES, RESULTS, SHOWN, SIDE, methods_of, picture
from explain import EXPLAINERS
from ui.kinship.side_by_side import try_method
from ui.shared import answering


def test_pictures_and_page_are_of_the_shipped_weights() -> None:
    found, page = json.loads(RESULTS.read_text())["pictures"], PAGE.read_text()
    assert len(found) == len(SHOWN) and set(found) == {p.name for p in PICTURES.iterdir()}
    for name, row in found.items():
        assert row["sha256"] == answering.sidecar(row["weight"]).sha256, "python -m benchmarks.worked"
        assert row["methods"] == methods_of(row["weight"]), "python -m benchmarks.worked"
        assert f"(worked/{name})" in page
        with Image.open(PICTURES / name) as shown:
            assert shown.size == (len(row["methods"]) * (SIDE + GAP) - GAP, 2 * SIDE + GAP)


def test_a_column_a_method_with_its_title_on_the_page() -> None:
    a, b = EXAMPLES[SHOWN[0]].shots()
    tried = [try_method(a, b, "edgeface_kin", method) for method in ("grad_cam", "eigen_cam")]
    assert picture(tried).size == (2 * SIDE + GAP, 2 * SIDE + GAP)
    page = PAGE.read_text().split("<!-- worked examples -->")[1]
    for row in json.loads(RESULTS.read_text())["pictures"].values():
        assert all(f"| {EXPLAINERS[m].title} |" in page for m in row["methods"])
