"""The table of models: figures as the sidecars have them, keys to sort by, leaderboards in order, words for people."""

from __future__ import annotations

import dataclasses
import json
import re
from itertools import pairwise
from typing import Any

import pytest

from models import available_weights, read_sidecar
from models.relations import RELATION_WORDS
from models.tasks import TASKS
from models.weights import Sidecar
from ui.models import boards, table
from ui.models.card import card
from ui.models.figures import fails, main_figure
from ui.shared import picker

ROWS = [read_sidecar(name) for name in available_weights()]


def attributes(html: str) -> dict[str, dict[str, str]]:
    """Weight -> what its row has to sort and filter by."""
    rows = re.findall(r"<tr class='ks-weight' ([^>]*)>", html)
    told = [dict(re.findall(r"data-(\w+)='([^']*)'", row)) for row in rows]
    return {row["weight"]: row for row in told}


@pytest.fixture(scope="module")
def html() -> str:
    return table.table(ROWS)


def test_every_weight_has_a_row_with_its_keys_and_a_folded_card(html: str) -> None:
    told = attributes(html)
    assert set(told) == {row.name for row in ROWS}
    for row in ROWS:
        main = main_figure(row.metrics)
        assert main is not None and float(told[row.name]["figure"]) == main.value
        assert told[row.name]["free"] == str(row.licence in picker.PERMISSIVE).lower()
        assert float(told[row.name]["size"]) == pytest.approx(table.size_mb(row))
        seconds = picker.seconds_of(row.name)
        assert told[row.name]["speed"] == ("" if seconds is None else str(seconds))
    assert html.count("aria-expanded='false'") == html.count("<td colspan='8'>") == len(ROWS)
    assert len(re.findall(r"<tr class='ks-card-row' id='card-row-\d+' hidden>", html)) == len(ROWS)


def test_rows_begin_grouped_by_question_and_set_the_best_first(html: str) -> None:
    told = list(attributes(html).values())
    tasks, groups = [row["task"] for row in told], [(row["task"], row["set"]) for row in told]
    assert [t for i, t in enumerate(tasks) if i == tasks.index(t)] == [t for t in TASKS if t in tasks]
    assert len([i for i in range(1, len(groups)) if groups[i] != groups[i - 1]]) == len(set(groups)) - 1
    for one, other in pairwise(told):
        if (one["task"], one["set"]) == (other["task"], other["set"]):
            assert float(one["figure"]) >= float(other["figure"])


def test_all_that_sorts_is_a_button_and_every_question_can_be_chosen(html: str) -> None:
    assert re.findall(r"aria-sort='\w+'><button type='button' data-sort='(\w+)'", html) == [
        k for k in table.COLUMNS if k in table.SORTS
    ]
    assert set(re.findall(r"<option value='(\w+)'", html)) == {r.task for r in ROWS} | {"true"} | set(table.SORTS)
    script = (table.__file__.replace("table.py", "table.js"), "dataset[key]")
    with open(script[0]) as file:
        assert script[1] in file.read()


def test_what_a_model_cannot_do_stands_on_its_row_and_card(html: str) -> None:
    row = read_sidecar("dlib_kin")
    parts = row.metrics["kinship"]["breakdown"]
    worst = min(parts, key=lambda r: parts[r]["accuracy"])
    wrong = f"{100 * (1 - row.metrics['kinship']['accuracy']):.1f} % of FIW pairs"
    told = fails(row.metrics)
    assert wrong in told and RELATION_WORDS[worst] in told and f"of {parts[worst]['pairs']}" in told
    assert html.count(told) == 2 and TASKS["kinship"].cannot in card(row)
    assert fails({}).startswith("Not measured")
    assert "fold" not in fails(read_sidecar("edgeface").metrics)


def test_no_relation_is_abbreviated() -> None:
    for row in ROWS:
        shown = re.findall(r"<th scope='row'>([^<]+)</th>", card(row))
        assert not {word for name in shown for word in re.split(r"[ ,]+", name)} & set(RELATION_WORDS)
    assert "<th scope='row'>father and son</th>" in card(read_sidecar("svit"))
    assert "KinFaceW-I, mother and daughter" in card(read_sidecar("dlib_kin"))


def test_a_search_shows_map_and_rank_of_every_row() -> None:
    row = read_sidecar("svit")
    found = row.metrics["search"]
    shown = card(row)
    for part in (found, *found["breakdown"].values()):
        low, high = part["map_ci95"]
        assert f"<td>{part['map']:.3f} <small>[{low:.3f}, {high:.3f}]</small></td><td>{part['rank5']:.3f}" in shown


@pytest.mark.parametrize("one", boards.all_boards(), ids=lambda b: b.evaluation)
def test_a_leaderboard_is_in_the_order_of_its_figure(one: boards.Board) -> None:
    shown = boards.board(one, ROWS)
    key = next(iter(one.columns.values()))[-1]
    values = {r.name: r.metrics[one.evaluation][key] for r in ROWS if key in r.metrics.get(one.evaluation, {})}
    assert values and re.findall(r"data-open='([^']+)'", shown) == sorted(values, key=lambda n: -values[n])
    if one.task:
        word, ranking = TASKS[one.task].figures[0]
        assert ranking == key and f"By {word} on" in one.title
        left = {r.name for r in ROWS if r.task == one.task} - set(values)
        assert set(re.findall(r"<code>([^<]+)</code>", shown)) == left
    assert ("a random order" in shown) == (one is boards.SEARCH)


def test_nobody_measured_is_no_leaderboard() -> None:
    assert boards.boards([dataclasses.replace(row, metrics={}) for row in ROWS]) == ""


def odd(metrics: Any) -> Sidecar:
    return dataclasses.replace(read_sidecar("dlib_kin"), metrics=json.loads(json.dumps(metrics)))


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"kinship": 3},
        {"kinship": {"accuracy": "high"}},
        {"kinship": {"accuracy": 0.7, "accuracy_ci95": [1], "breakdown": {"fs": 4}}},
        {"kinship": {"accuracy": 0.7, "breakdown": [1]}},
        {"other": {"accuracy": True}},
    ],
)
def test_a_sidecar_of_another_form_is_shown_all_the_same(metrics: Any) -> None:
    assert "dlib_kin" in table.table([odd(metrics)])
    assert "ks-models" in table.table([odd(metrics)]) and boards.boards([odd(metrics)]) is not None
