"""The study of the gradients' settings: every choice is measured, and what is shipped is no worse than the others."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.evidence.curves import RANDOM, Protocol
from benchmarks.evidence.gradient_choices import (
    AS_SHIPPED,
    LINE,
    OCCLUSION,
    RESULTS,
    SHIPPED,
    maps_of,
    records_of,
    settings,
)
from benchmarks.evidence.page import PAGE, gradients
from explain import explain
from models import predict, read_sidecar
from models.predict import Result
from tests.explain.tiny import Planted, planted_faces, ready
from training.docs.text import put


def planted() -> Result:
    model = ready(Planted())
    return predict(model, *planted_faces(model))


def test_every_setting_is_measured_once() -> None:
    records = records_of(3, True, planted(), Protocol(steps=4, orders=2, fills=("blur", "grey")))
    assert [r["method"] for r in records] == [*settings(), OCCLUSION, LINE, RANDOM]
    assert {(r["pair"], r["same"], r["target"]) for r in records} == {(3, True, "similarity")}
    assert all(r["seconds"] > 0 for r in records[:-1])


def test_settings_change_one_thing_at_a_time() -> None:
    for name, options in settings().items():
        assert sum(options[key] != value for key, value in SHIPPED.items()) == (name != AS_SHIPPED)


def test_rows_are_of_the_settings_they_name() -> None:
    result = planted()
    found = {name: heatmap.values for name, (heatmap, _) in maps_of(result).items()}
    for name, options in settings().items():
        (expected,) = explain(result, "covering_gradients", faces=(0,), **options)
        assert np.array_equal(found[name], expected.values)


def test_what_is_shipped_is_no_worse_than_the_others() -> None:
    """No worse: its share lies in the interval of the best one, and it gains more than occlusion."""
    for name, row in json.loads(RESULTS.read_text())["weights"].items():
        rows = {r["row"]: r for r in row["rows"]}
        best = max((r["both"] for r in rows.values()), key=lambda both: both["share"])
        assert rows[AS_SHIPPED]["both"]["share"] >= best["ci95"][0], name
        assert rows[AS_SHIPPED]["gain"] > rows[OCCLUSION]["gain"], name


def test_the_page_is_of_the_file() -> None:
    page, found = PAGE.read_text(), json.loads(RESULTS.read_text())
    assert put(page, "gradient choices", gradients(found)) == page
    assert found["shipped"] == SHIPPED
    for name, row in found["weights"].items():
        assert row["sha256"] == read_sidecar(name).sha256, (
            f"{name} has changed: python -m benchmarks.evidence.gradient_choices"
        )
