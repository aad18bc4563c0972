"""Which photos the names of a list mean."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from explain.kinship.matching import MAX_PAIRS, NO_NAME, FileNames, MatchError, by_list, by_order
from models.faces.files import PhotoFile
from models.pair_lists import pair_list


def files(*names: str) -> list[PhotoFile]:
    return [PhotoFile(Path("/tmp") / str(i), name) for i, name in enumerate(names)]


def found(name: str, *names: str) -> str:
    """The name of the file that is found, or why there is none."""
    file = FileNames(files(*names)).find(name)
    return file if isinstance(file, str) else file.name


@pytest.mark.parametrize(
    ("name", "names", "wanted"),
    [
        ("F1/a.jpg", ("F1/a.jpg", "F2/a.jpg"), "F1/a.jpg"),
        ("F1\\a.jpg", ("F1/a.jpg", "F2/a.jpg"), "F1/a.jpg"),
        ("./F1//a.jpg", ("F1/a.jpg", "F2/a.jpg"), "F1/a.jpg"),
        ("F1/a.jpg", ("photos/F1/a.jpg", "photos/F2/a.jpg"), "photos/F1/a.jpg"),  # a folder was zipped with its name
        ("photos/F1/a.jpg", ("F1/a.jpg", "F2/a.jpg"), "F1/a.jpg"),  # and here without
        ("a.jpg", ("F1/a.jpg", "F2/b.jpg"), "F1/a.jpg"),
        ("old/a.jpg", ("F1/a.jpg", "F2/b.jpg"), "F1/a.jpg"),
        ("A.JPG", ("F1/a.jpg",), "F1/a.jpg"),
        ("a.jpg", ("A.jpg", "a.jpg"), "a.jpg"),
        ("é.jpg", (unicodedata.normalize("NFD", "é.jpg"),), unicodedata.normalize("NFD", "é.jpg")),
        ("", ("a.jpg",), NO_NAME),
        ("../..", ("a.jpg",), "there is no photo ../.."),
        ("c.jpg", ("a.jpg",), "there is no photo c.jpg"),
        ("a", ("a.jpg",), "there is no photo a"),
        ("a.jpg", ("F1/a.jpg", "F2/a.jpg"), "2 photos are called a.jpg: write their folder before the name"),
        ("A.jpg", ("a.jpg", "a.JPG"), "2 photos are called A.jpg: write their folder before the name"),
        ("a.jpg", ("a.jpg", "a.jpg (2)"), "2 photos are called a.jpg: write their folder before the name"),
    ],
)
def test_a_name_is_a_path_then_the_end_of_one_then_a_file(name: str, names: tuple[str, ...], wanted: str) -> None:
    assert found(name, *names) == wanted


def test_a_missing_photo_costs_its_own_row_only() -> None:
    listed = pair_list("image_a,image_b,kin,relation\na.jpg,b.jpg,1,fs\na.jpg,c.jpg,yes,\n,a.jpg,0,\n", "mine.csv")
    rows = by_list(listed, files("a.jpg", "x/b.jpg"))
    assert [r.row for r in rows] == [2, 3, 4] and [r.same for r in rows] == [True, None, False]
    assert [r.files for r in rows] == [("/tmp/0", "/tmp/1"), ("/tmp/0", ""), ("", "/tmp/0")]
    assert rows[1].missing == ("", "there is no photo c.jpg") and rows[2].missing == (NO_NAME, "")
    assert rows[1].note == "kin is 0 or 1, found 'yes': left out of the figures" and not rows[0].note


def test_two_sets_are_paired_in_the_order_of_names_with_numbers_as_numbers() -> None:
    rows = by_order(files("a10.jpg", "a2.jpg", "a1.jpg"), files("B3.jpg", "b1.jpg", "b20.jpg"))
    assert [(r.a, r.b) for r in rows] == [("a1.jpg", "b1.jpg"), ("a2.jpg", "B3.jpg"), ("a10.jpg", "b20.jpg")]
    assert [r.row for r in rows] == [1, 2, 3] and rows[0].files == ("/tmp/2", "/tmp/1")
    with pytest.raises(MatchError, match="2 photos in A and 1 in B"):
        by_order(files("a.jpg", "b.jpg"), files("c.jpg"))


def test_a_long_list_is_refused_in_words_and_long_names_are_cut() -> None:
    listed = pair_list("image_a,image_b\n" + "a,b\n" * (MAX_PAIRS + 1), "mine.csv")
    with pytest.raises(MatchError, match=r"2,001 pairs; at most 2,000"):
        by_list(listed, [])
    row = by_list(pair_list(f"image_a,image_b\n{'x' * 9000}.jpg,b\n", "mine.csv"), [])[0]
    assert len(row.a) == 200 and row.a.endswith(".jpg") and len(row.missing[0]) < 250
