"""Pair lists as spreadsheets write them, and research lists of another form than their reader takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data.lists import DataError, ListError
from training.data.sets import Pair, kinface_pairs, lfw_pairs, mfr2_pairs, read_pairs
from training.data.triplets import Triplet, read_triplets

CASES = Path(__file__).parent / "cases"
TABLES, LISTS = CASES / "13_pairs", CASES / "14_lists"
WANTED = [
    Pair("o9.jpg", "o12.jpg", True, "s"),
    Pair("o9.jpg", "b.jpg", False, "n"),
    Pair("b.jpg", "h.jpg", False, "n"),
]


@pytest.mark.parametrize("name", ["ok", "spaces", "semicolon", "utf16", "empty_rows"])
def test_a_spreadsheets_list_is_read(name: str) -> None:
    assert read_pairs(TABLES / f"{name}.csv") == WANTED


@pytest.mark.parametrize(("encoding", "end"), [("utf-8-sig", "\r\n"), ("utf-16-be", "\n"), ("utf-16-le", "\r\n")])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, end: str, separator: str) -> None:
    text = (TABLES / "ok.csv").read_text().replace(",", separator).replace("\n", end)
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    (tmp_path / "list.csv").write_bytes(f"{mark}{text}".encode(encoding))
    assert read_pairs(tmp_path / "list.csv") == WANTED


def test_the_line_that_names_the_separator(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("sep=;\nimage_a;image_b;same\na, of x.jpg;b.jpg;1\n")
    assert read_pairs(tmp_path / "list.csv") == [Pair("a, of x.jpg", "b.jpg", True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image_a;image_b;kinn\na;b;1\n", r"list\.csv wants .*kin \(or same\); it has: image_a, image_b, kinn"),
        ("a;b;c\n1;2;3\n", r"list\.csv wants .*parted by ';', has: a, b, c"),
        ("image_a,image_b,kin\na,b,1\n,,\nc,d,yes\n", r"list\.csv, row 4: kin is 0 or 1, found 'yes'"),
        ("image_a,image_b,kin\na,b,1\nc\n", r"list\.csv, row 3: nothing in the column image_b"),
        ("image_a,image_b,kin\n,,\n", r"list\.csv has no row"),
        ("", r"list\.csv wants .*has: nothing"),
    ],
)
def test_another_form_is_named_with_its_row(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ListError, match=words):
        read_pairs(tmp_path / "list.csv")


@pytest.mark.parametrize("data", ["image_a,image_b,kin\nJosé,b,1\n".encode("latin-1"), "image_a".encode("utf-16-le")])
def test_another_encoding_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "list.csv").write_bytes(data)
    with pytest.raises(ListError, match=r"list\.csv is not UTF-8 text .*save it as UTF-8"):
        read_pairs(tmp_path / "list.csv")


def test_a_missing_photo_is_named_with_its_row(tmp_path: Path) -> None:
    for name in ("o9", "o12", "b", "h"):
        (tmp_path / f"{name}.jpg").touch()
    assert read_pairs(TABLES / "ok.csv", tmp_path) == WANTED
    with pytest.raises(DataError, match=r"missing\.csv, row 5: there is no photo nobody\.jpg in "):
        read_pairs(TABLES / "missing.csv", tmp_path)


def test_a_folder_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="is a folder"):
        read_pairs(tmp_path)


def test_triplets_are_read_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("father; mother; child; kin\nf.jpg; m.jpg; c.jpg; 1\n;;;\n")
    assert read_triplets(path) == [Triplet("f.jpg", "m.jpg", "c.jpg", "", True)]
    with pytest.raises(DataError, match=r"row 2: there is no photo f\.jpg"):
        read_triplets(path, tmp_path)


@pytest.mark.parametrize("name", ["one_number.txt", "kaggle.csv", "no_header.txt"])
def test_a_list_that_is_not_lfws_second_view(tmp_path: Path, name: str) -> None:
    (tmp_path / "lfw").mkdir()
    shutil.copy(LISTS / name, tmp_path / "lfw" / "pairs.txt")
    with pytest.raises(ListError, match=r"pairs\.txt is no list of LFW's view 2: its first line is FOLDS PAIRS"):
        lfw_pairs(tmp_path)


def test_a_line_of_another_form_is_named(tmp_path: Path) -> None:
    (tmp_path / "lfw").mkdir()
    (tmp_path / "lfw" / "pairs.txt").write_text("1 1\nA 1 2\nA one B 2\n")
    with pytest.raises(ListError, match=r"pairs\.txt, line 3: wants .*found 'A one B 2'"):
        lfw_pairs(tmp_path)


def mfr2(folder: Path, text: str) -> None:
    for name in ("A/A_0001.png", "A/A_0002.png", "B/B_0001.png", "C/C_0001.png"):
        path = folder / "mfr2" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    (folder / "mfr2" / "pairs.txt").write_text(text)


def test_every_line_of_a_list_without_header_counts(tmp_path: Path) -> None:
    mfr2(tmp_path, (LISTS / "no_header.txt").read_text())
    pairs = mfr2_pairs(tmp_path)
    assert [(p.a[0], p.b[0], p.same, p.fold) for p in pairs[:2]] == [("A", "A", True, 0), ("A", "B", False, 0)]
    assert len(pairs) == 8 and [p.same for p in pairs].count(True) == 4


def test_a_header_is_no_pair_of_mfr2(tmp_path: Path) -> None:
    mfr2(tmp_path, "10 300\nA 1 2\n")
    with pytest.raises(ListError, match=r"pairs\.txt, line 1: wants"):
        mfr2_pairs(tmp_path)
    mfr2(tmp_path, "A 1 2\nA 1 B 7\n")
    with pytest.raises(DataError, match=r"pairs\.txt, line 2: there is no photo B/B_0007"):
        mfr2_pairs(tmp_path)


@pytest.mark.parametrize("data", [(LISTS / "v73.mat").read_bytes(), b"", b"no matlab file"])
def test_another_matlab_file_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "KinFaceW-I" / "meta_data" / "fd_pairs.mat"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(ListError, match=r"fd_pairs\.mat wants a MATLAB file of version 5 to 7"):
        kinface_pairs(tmp_path, "I")
