"""The size of a face in an index is measured, and docs/search.md holds what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import search_page, search_size


def test_a_code_that_is_a_map_takes_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_size, "available_weights", lambda: ["dlib_resnet", "facor", "expression"])
    kb = search_size.sizes(tmp_path, faces=100)["kb_a_face"]
    assert list(kb) == ["dlib_resnet", "facor"]  # two faces a question
    assert 2 * (128 + 512) / 1000 < kb["dlib_resnet"] < 4 < kb["facor"]


def test_the_page_holds_what_was_measured() -> None:
    found = search_page.table(json.loads(search_page.RESULTS.read_text()))
    assert found in search_page.PAGE.read_text()
