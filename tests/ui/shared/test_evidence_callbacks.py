"""What the model gave away, without a browser: what each callback hands to the page, and that no model runs for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from explain import PatchQuery
from explain.core import render, render_evidence
from models import predict
from models.weights import Sidecar
from tests.ui.untrained import write_untrained
from ui.kinship import callbacks as tab
from ui.shared import answering, evidence
from ui.shared import evidence_callbacks as do
from ui.shared import evidence_cards as evidence_cards
from ui.shared.evidence import Seen
from ui.shared.photos import Shot

SVIT, FACOR = "untrained_svit", "untrained_facor"
SIDE = render_evidence.SIDE


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_untrained(tmp_path_factory.mktemp("weights"))))
        answering.sidecar.cache_clear()
        yield
    answering.sidecar.cache_clear()
    answering.NETWORKS.clear()


@pytest.fixture(scope="module")
def svit(obama: Shot, biden: Shot) -> Seen:
    return evidence.answer_and_look(obama, biden, SVIT)[1]


@pytest.fixture(scope="module")
def facor(obama: Shot, biden: Shot) -> Seen:
    return evidence.answer_and_look(obama, biden, FACOR)[1]


def click(x: float, y: float) -> gr.SelectData:
    return gr.SelectData(None, {"index": [x, y], "value": None})


def visible(values: list[Any]) -> list[bool]:
    """Of the three sections, in the order of do.show's values."""
    return [values[i]["visible"] for i in (0, 9, 20)]


def test_the_evidence_is_of_the_pass_that_answered(obama: Shot, biden: Shot) -> None:
    answer, seen = evidence.answer_and_look(obama, biden, FACOR)
    result = predict(answering.network(FACOR), obama.face(), biden.face())
    assert answer.score == result.score
    [(to_b, to_a)] = seen.inside.links.values()
    used = result.evidence["relation.cross_attn"].numpy()
    assert np.array_equal(to_b.weights, used[0]) and np.array_equal(to_a.weights, used[1])
    assert seen.inside.shares is not None and seen.inside.shares.totals == tuple(result.output.logit[0].tolist())


def test_sections_are_there_only_with_their_evidence(svit: Seen, facor: Seen, obama: Shot, biden: Shot) -> None:
    assert visible(do.show(svit, 0.5)) == [True, False, True]
    assert visible(do.show(facor, 0.5)) == [False, True, True]
    plain = evidence.answer_and_look(obama, biden, "dlib_kin")[1]
    assert visible(do.show(plain, 0.5)) == visible(do.show(None, 0.5)) == [False, False, False]


@pytest.mark.usefixtures("no_model_runs")
def test_looking_runs_nothing(svit: Seen, facor: Seen) -> None:
    do.show(svit, 0.5)
    do.show(facor, 0.5)
    do.draw_attention(svit, "stage1.block1.attn", 1, (0.1, 0.9), 0.7)
    do.draw_links(facor, None, 1, (0.1, 0.9), 0.7)
    do.draw_strongest(facor, None, 1, 5)


def test_a_click_is_a_patch_of_any_layer(svit: Seen) -> None:
    place = do.clicked(click(0.3 * SIDE, 0.8 * SIDE))
    assert place == pytest.approx((0.8, 0.3))
    assert do.clicked(click(SIDE, -1)) == (0.0, 1.0)
    assert do.clicked_on_b(click(0, 0)) == ((0.0, 0.0), 1) and do.clicked_on_a(click(0, 0))[1] == 0
    for name, side in (("stage1.block0.attn", 32), ("stage4.block1.attn", 4)):
        row, column, *_ = do.draw_attention(svit, name, 0, place, 0.5)
        assert (row["maximum"], column["maximum"]) == (side, side)
        assert (row["value"], column["value"]) == (int(0.8 * side) + 1, int(0.3 * side) + 1)
        assert do.attention_place(svit, name, row["value"], column["value"]) == pytest.approx(place, abs=0.5 / side)


@pytest.mark.parametrize(("name", "head"), [("stage3.block2.attn", 0), ("stage3.block2.attn", 4)])
def test_the_picture_is_the_row_of_the_patch(svit: Seen, name: str, head: int) -> None:
    """Opacity 1: colours are read back and are those of the very weights, on one scale for both faces."""
    *_, a, b, note = do.draw_attention(svit, name, head, (0.99, 0.99), 1.0)
    rows = []
    for maps in svit.inside.attention[name]:
        weights = maps.weights.mean(0) if head == 0 else maps.weights[head - 1]
        rows.append(weights[-1].reshape(4, 4))
    limit = max(r.max() for r in rows)
    for picture, row in zip((a, b), rows, strict=True):
        for i, j in ((0, 0), (1, 2), (2, 1)):
            seen = picture[i * SIDE // 4 + 20, j * SIDE // 4 + 20]  # inside a square, off the lines between patches
            assert np.abs(seen - render.colours(row[i, j], limit, signed=False)).max() <= 1
    assert "4 × 4" in note and "8 × 8" in note and f"{limit:.3g}" in note
    assert ("mean of 5 heads" if head == 0 else "head 4 of 5") in note


def test_every_layer_and_head_is_offered(svit: Seen) -> None:
    layer, head = do.show(svit, 0.5)[1:3]
    assert [name for _, name in layer["choices"]] == list(svit.inside.attention) and len(layer["choices"]) == 10
    assert layer["choices"][0][0] == "Stage 1, block 0: 32 × 32 patches read 4 × 4 places"
    assert layer["value"] == "stage4.block1.attn" and [v for _, v in head["choices"]] == list(range(9))
    assert do.offer_heads(svit, "stage1.block0.attn", 5)["visible"] is False  # one head: nothing to choose
    assert do.offer_heads(svit, "stage3.block0.attn", 5)["value"] == 5
    assert do.offer_heads(svit, "stage2.block0.attn", 5)["value"] == 0


def test_the_first_patch_is_the_left_eye(svit: Seen, obama: Shot) -> None:
    face = obama.face().aligned(answering.network(SVIT).spec)
    x, y = face.keypoints[0, 0].tolist()
    assert svit.place == pytest.approx((y, x))
    assert 0.2 < x < 0.5 and 0.3 < y < 0.6


def test_links_go_from_the_clicked_face_to_the_other(facor: Seen) -> None:
    [(to_b, to_a)] = facor.inside.links.values()
    for face, links in ((0, to_b), (1, to_a)):
        row, _, a, b, note = do.draw_links(facor, None, face, (0.5, 0.1), 1.0)  # type: ignore[arg-type]
        asks, lit = (a, b) if face == 0 else (b, a)
        values = links.from_query(3, 0)
        shown = render_evidence.attention_picture(facor.crops[0], values, (7, 7), None, opacity=1.0, limit=values.max())
        assert np.array_equal(lit, shown)
        assert not np.array_equal(asks, lit) and row["value"] == 4
        assert "face A to face B" in note if face == 0 else "face B to face A" in note
    lines = do.draw_strongest(facor, None, 0, 7)
    assert "The 7 strongest of 2401 links" in lines and f"{to_b.weights.max():.3f}" in lines


def test_shares_add_up_on_the_page(facor: Seen) -> None:
    _, bars, table = do.show(facor, 0.5)[-3:]
    *parts, total = bars.data[0].x
    assert sum(parts) == pytest.approx(total, abs=1e-5)
    shares = facor.inside.shares
    assert shares is not None and total == pytest.approx(shares.total)
    foot = [float(v) for v in re.findall(r"[+-]\d+\.\d+", table[table.index("<tfoot>") :])]
    assert foot == pytest.approx([*shares.totals, shares.total], abs=1e-3)


def test_the_report_is_told_of_the_patch_on_the_page(
    obama: Shot, biden: Shot, facor: Seen, svit: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = evidence.make_maps(obama, biden, FACOR, "cross_attention", None)
    shown = (obama, biden, answering.answer(obama, biden, FACOR), maps, maps.method, None, 0.5, 0.5)
    told: list[PatchQuery | None] = []

    def report(folder: Path, *_: Any, look: PatchQuery | None, **__: Any) -> Path:
        told.append(look)
        folder.with_suffix(".zip").write_bytes(b"made")
        return folder.with_suffix(".zip")

    monkeypatch.setattr(evidence, "report", report)
    path, note = tab.make_report(*shown, svit, "stage2.block0.attn", 2, (0.0, 0.99), 9)
    assert path is not None and note == ""
    tab.make_report(*shown, facor, None, 0, None, 30)
    tab.make_report(*shown)
    assert told == [PatchQuery((0.0, 0.99), "stage2.block0.attn", 1, 9), PatchQuery(facor.place, None, None, 30), None]


def test_what_is_gone_is_left_alone() -> None:
    assert len(do.draw_attention(None, None, 0, None, 0.5)) == len(do.draw_links(None, None, 0, None, 0.5)) == 5
    assert do.look(None, None, 0, None, 20) is None
    assert do.draw_strongest(None, None, 0, 3) == gr.skip() == do.attention_place(None, None, 1, 1)


def test_a_layer_of_another_model_falls_back(svit: Seen) -> None:
    assert do.attention_of(svit, "block7.attn")[0].name == "stage4.block1.attn"
    found = do.look(svit, "block7.attn", 3, None, 20)
    assert found is not None and found.layer is None and found.place == svit.place


def test_names_in_words() -> None:
    assert evidence_cards.layer_title("stage3.block1.attn") == "Stage 3, block 1"
    assert evidence_cards.layer_title("block12.attn") == "Block 12"


def test_what_is_measured_stands_under_the_picker(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(name: str) -> Sidecar:
        return replace(real(name), metrics={"kinship": {"auc": 0.83, "auc_ci95": [0.81, 0.85], "accuracy": 0.75}})

    assert "Not measured" in answering.measured(SVIT)
    real = answering.sidecar.__wrapped__
    monkeypatch.setattr(answering, "sidecar", row)
    assert answering.measured(SVIT) == "Measured on Families In the Wild: AUC 0.830 [0.810, 0.850], accuracy 0.750."
    assert tab.describe(SVIT)["info"].endswith(answering.measured(SVIT))


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["dlib_kin", "dlib_resnet", SVIT, FACOR], "dlib_kin"),
        (["dlib_resnet", SVIT, "kin_joined"], SVIT),  # three networks in one are slow
        (["dlib_resnet"], "dlib_resnet"),
        ([], None),
    ],
)
def test_the_first_kinship_network_of_the_registry_is_the_default(
    monkeypatch: pytest.MonkeyPatch, there: list[str], expected: str | None
) -> None:
    monkeypatch.setattr(answering, "available_weights", lambda: there)
    monkeypatch.setattr("models.weights.available_weights", lambda: there)
    assert answering.default_weight() == expected
