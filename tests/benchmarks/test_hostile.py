"""The load benchmark: its short form runs, its figures can fail, and the page says what its JSON says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks.hostile import client, mutations, running
from benchmarks.hostile.__main__ import CHECKS, enter
from benchmarks.hostile.client import ANSWERED, FAILED, REFUSED, Outcome, address, ending, refusal
from benchmarks.hostile.figures import Figure, outcomes, words
from benchmarks.hostile.mutations import mutated
from benchmarks.hostile.page import NAMES, PAGE, figures, page
from benchmarks.hostile.running import ROOT


def test_the_page_is_what_the_command_writes():
    assert PAGE.read_text() == page(), "python -m benchmarks.hostile writes it"
    assert tuple(CHECKS) == NAMES


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", CHECKS if os.environ.get("KINSIGHT_FUZZ") else ["large"])  # all: make hostile
def test_the_short_form_runs(name: str, tmp_path: Path):
    target = tmp_path / "x.json"
    words = ["-m", "benchmarks.hostile", "--short", "--only", name, "--json", str(target)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(target.read_text()).values()
    limited = {row["what"]: row for row in found["figures"] if row["limit"] is not None}
    assert all(row["holds"] for row in limited.values()) and f"{name}: {found['what']}" in done.stdout
    assert len(limited) >= 2 and {"machine", "commit", "date"} <= found.keys()


def test_a_figure_over_its_limit_does_not_hold():
    assert not Figure("x", 1, "", 0).holds and Figure("x", 0, "", 0).holds and Figure("x", 9).holds
    calls = [
        Outcome(ANSWERED, "", 1.0),
        Outcome(ANSWERED, "", 3.0),
        Outcome(REFUSED, "no", 9.0),
        Outcome(FAILED, "", 9),
    ]
    told = {f.what: f for f in outcomes(calls)}
    assert (told["calls"].value, told["errors"].value, told["refused in words"].value) == (4, 1, 1)
    assert told["median time of an answer"].value == 2 and not told["errors"].holds
    assert words(calls) == {"refused: no": 1, "failed: ": 1}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("event: generating\ndata: [1]\n\nevent: complete\ndata: [{}]\n\n", ANSWERED),
        ('event: error\ndata: {"error": "No face was found.", "visible": true}\n\n', REFUSED),
        ("event: error\ndata: null\n\n", FAILED),
        ('event: error\ndata: {"error": null}\n\n', FAILED),
        ("event: heartbeat\ndata: null\n\n", FAILED),
        ("", FAILED),
    ],
)
def test_only_words_make_a_refusal(text: str, kind: str):
    assert ending(text)[0] == kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, {"detail": "Please wait."}, REFUSED),
        (503, {"detail": "Queue is full."}, REFUSED),
        (500, {"detail": "Internal Server Error"}, FAILED),
        (429, {"detail": ""}, FAILED),
        (422, {"detail": [{"loc": "x"}]}, FAILED),
        (404, None, FAILED),
    ],
)
def test_only_known_statuses_make_a_refusal(status: int, body: object, kind: str):
    assert refusal(httpx.Response(status, json=body))[0] == kind


def test_exceptions_in_the_log_are_counted(tmp_path: Path):
    app = object.__new__(running.App)
    app.log = tmp_path / "log.txt"
    head = "Traceback (most recent call last):\n"
    app.log.write_text(f"up\n{head}ValueError: x\n{head}gradio.exceptions.Error: words\n{head}KeyError: 1\n")
    assert app.tracebacks() == 2


def test_clients_have_addresses_of_their_own():
    assert len({address(i) for i in range(600)}) == 600 and address(0) == "127.0.0.2"
    assert client.portrait("obama_2012.jpg", 80) != client.portrait("obama_2012.jpg", 81)


def test_a_seed_is_always_the_same_file():
    """Seeds are named in reports; the portrait they start from, and Pillow, are fixed by the repository."""
    made = [mutated(seed) for seed in range(60)]
    assert any(is_zip for _, is_zip in made) and len({data for data, _ in made}) == 60
    mutations.valid.cache_clear()
    assert made == [mutated(seed) for seed in range(60)]


def test_one_check_leaves_the_others(tmp_path: Path):
    results = tmp_path / "x.json"
    row = {"what": "a", "value": 2.0, "unit": "MB", "limit": 1.0, "holds": False}
    about = {"commit": "0123456789+changes", "date": "2000-01-01", "machine": {"cpu_count": 2, "load_before": 1.5}}
    for name in ("soak", "joins"):
        enter(
            name, {"what": f"{name} of all", "figures": [row, {**row, "limit": None, "holds": True}], **about}, results
        )
    found = json.loads(results.read_text())
    assert list(found) == ["joins", "soak"]
    text = page(results, "before\n<!-- hostile -->\nformer\n<!-- /hostile -->\nafter")
    assert text.startswith("before") and text.endswith("after") and "former" not in text
    assert "| joins of all | a | 2 MB | 1 MB | **no** |\n|  | a | 2 MB |  |  |" in figures(found)
    assert text.count("Not measured yet: large, clients, files.") == 1
    assert "- soak of all: commit 0123456+changes, 2000-01-01, 2 CPUs, load before the start 1.5" in text
