"""Tables of spreadsheets; the lists of pairs in them; cells that go back into one (more: tests/hostile/test_lists)."""

from __future__ import annotations

import pytest

from models.pair_lists import ListedPair, pair_list
from models.tables import ListError, plain_cell, table_of, text_of


@pytest.mark.parametrize("name", ["=1+1.jpg", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_no_cell_is_a_formula(name: str) -> None:
    assert plain_cell(name) == f"'{name}"


def test_usual_cells_stay_as_they_are() -> None:
    assert plain_cell("family/IMG-1.jpg") == "family/IMG-1.jpg"


def test_a_list_needs_no_labels_and_a_row_may_lack_cells() -> None:
    found = pair_list("image_b;image_a\n b.jpg ; a.jpg\n\nc.jpg\n", "mine.csv")
    assert found.pairs == (ListedPair(2, "a.jpg", "b.jpg"), ListedPair(4, "", "c.jpg")) and found.label == ""
    assert [p.same for p in found.pairs] == [None, None]


def test_labels_are_0_or_1_and_the_column_kin_comes_first() -> None:
    found = pair_list("image_a,image_b,same,kin,relation\na,b,1,0,fs\na,c,0,1\na,d,0,yes\n", "mine.csv")
    assert found.label == "kin" and [p.same for p in found.pairs] == [False, True, None]
    assert [p.relation for p in found.pairs] == ["fs", "", ""] and found.pairs[2].label == "yes"


def test_another_form_is_named_without_a_path() -> None:
    with pytest.raises(ListError, match=r"^mine\.csv wants the columns image_a, image_b; its first row"):
        pair_list("a,b\n1,2\n", "mine.csv")
    with pytest.raises(ListError, match=r"^mine\.csv is not UTF-8 text \(byte 1\)"):
        text_of(b"M\xfcller", "mine.csv")
    assert table_of("sep=;\nx;y\n1;2\n", "mine.csv", ("y",)).rows == [(3, {"x": "1", "y": "2"})]
