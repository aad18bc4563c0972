"""Markup: numbers in words, nothing from outside unescaped."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html import escape

import numpy as np
import pytest
from PIL import Image

from explain import Curve, RegionDrops
from models import available_weights, list_models, read_sidecar
from models.faces.quality import Quality
from ui.models import card as model_cards
from ui.models.page import page as models_page
from ui.shared import cards


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0.0 %"), (0.0001, "< 0.1 %"), (0.311, "31.1 %"), (0.9999, "> 99.9 %"), (1, "100.0 %")],
)
def test_percent_never_rounds_to_a_false_certainty(share: float, words: str) -> None:
    assert cards.percent(share) == words


def test_picture_carries_its_pixels() -> None:
    tag = cards.picture(np.full((8, 12, 3), 200, np.uint8), "a 'grey' <box>")
    assert "<box>" not in tag and "alt=" in tag
    data = re.search(r"base64,([^\"]+)", tag)
    assert data and Image.open(io.BytesIO(base64.b64decode(data[1]))).size == (12, 8)


def test_messages_are_escaped() -> None:
    assert "<script>" not in cards.message("<script>x</script>", error=True)


def test_quality_warnings_are_listed() -> None:
    note = cards.quality_note(Quality((20, 24), 10, 0.001, 50), 3)
    assert "3 faces found" in note and note.count("<li>") == 3
    assert "<li>" not in cards.quality_note(Quality((200, 240), 90, 0.3, 2), 1)


def curve(deletion: float, insertion: float) -> Curve:
    x = np.linspace(0, 1, 3, dtype=np.float32)
    d, i, half = (np.full(3, v, np.float32) for v in (deletion, insertion, 0.5))
    return Curve(x, d, i, half, half, "blur", 0, "grad_cam")


@pytest.mark.parametrize(
    ("deletion", "insertion", "words"),
    [
        (0.2, 0.8, "better than random places on both"),
        (0.2, 0.5, "on deletion only"),
        (0.6, 0.8, "on insertion only"),
        (0.49, 0.51, "do not trust this map"),
    ],
)
def test_curve_table_reads_the_areas(deletion: float, insertion: float, words: str) -> None:
    found = [curve(deletion, insertion)]
    assert words in cards.verdict(found) and f"{deletion:.3f}" in cards.curve_table(found)


def test_region_table_has_every_number() -> None:
    drops = [RegionDrops(("eyes", "nose"), np.array([0.2, -0.05], np.float32), f, "blur", 0.7) for f in (0, 1)]
    table = cards.region_table(drops)
    assert table.count("+0.200") == 2 and table.count("-0.050") == 2 and "0.700" in table


def test_every_weight_has_a_card_and_every_other_model_is_called_untrained() -> None:
    page = models_page()
    weights = available_weights()
    assert weights
    for name in weights:
        row = read_sidecar(name)
        assert row.sha256 in page and escape(row.command) in page
        assert row.decision is None or f"{row.decision.threshold:.3f}" in page
        assert all(loan.sha256 in page for loan in row.loans)
    trained = {read_sidecar(n).model for n in weights}
    listed = re.findall(r"<li><code>([^<]+)</code>", page[page.index("ks-untrained'") :])
    assert sorted(listed) == sorted(set(list_models()) - trained)


def test_card_shows_metrics_with_intervals_and_escapes() -> None:
    parts = {"m<s": {"pairs": 7, "accuracy": 0.5, "auc": 0.625}}
    lfw = {"pairs": 6000, "accuracy": 0.991, "accuracy_ci95": [0.988, 0.994], "tar": {"0.001": 0.97}}
    metrics = {"lfw": {**lfw, "protocol": "10 <folds>", "breakdown": parts}, "other": {"seconds": 3}}
    row = replace(read_sidecar(available_weights()[0]), metrics=metrics, notes=["<b>note</b>"])
    card = model_cards.card(row)
    assert "0.991 <small>[0.988, 0.994]</small>" in card and "TAR 0.970 at FAR 0.001" in card
    assert "<th scope='row'>m&lt;s</th><td>7</td><td>0.500</td><td>0.625</td>" in card
    assert "10 &lt;folds&gt;" in card and "&lt;b&gt;note" in card
    assert "seconds" not in card
    assert "No evaluation" in model_cards.card(replace(row, metrics={}))
