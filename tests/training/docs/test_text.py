from __future__ import annotations

from pathlib import Path

import pytest

from training.docs.text import filled, link, put, sentence, slug, table


def test_a_table_without_what_is_empty():
    rows = [["", "a", "b", "c"], ["x", "1", "", "3"], ["y", "", "", "4"], ["z", "2", "", ""]]
    assert filled(rows, [1, 2]) == [["", "a"], ["x", "1"], ["z", "2"]]
    assert filled(rows, [2]) == []
    assert table(filled(rows, [3])) == "|  | c |\n|---|---|\n| x | 3 |\n| y | 4 |"


def test_anchors_are_those_of_github():
    assert slug("Ablation of S-ViT's recipe") == "ablation-of-s-vits-recipe"
    assert slug("LFW: same person, 30°?") == "lfw-same-person-30"


def test_links_are_relative_to_the_page():
    here = Path("/r/docs/cards/a.md")
    assert link("how", here, Path("/r/docs/results.md"), "The Way") == "[how](../results.md#the-way)"
    assert link("it", Path("/r/README.md"), here) == "[it](docs/cards/a.md)"
    assert link("here", here, here, "Data") == "[here](#data)"


def test_only_what_is_between_the_markers_changes():
    page = "a\n<!-- m -->\nold\n<!-- /m -->\nb <!-- other -->"
    assert put(page, "m", "new") == "a\n<!-- m -->\nnew\n<!-- /m -->\nb <!-- other -->"
    with pytest.raises(ValueError, match="other"):
        put(page, "other", "new")


def test_a_protocol_as_a_sentence():
    assert sentence("pairs of FIW") == "Pairs of FIW." == sentence("Pairs of FIW.")
