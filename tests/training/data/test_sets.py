"""Readers on small made-up folders; the counts of the real sets where they are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from training.data import sets as data
from training.data.sets import DataError, Pair


def picture(path: Path, seed: int, side: int = 64) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i, name in enumerate(["F0001/MID1/a.jpg", "F0001/MID2/b.jpg", "F0002/MID1/c.jpg"]):
        picture(tmp_path / "fiw" / "train" / name, i, 112)
    fiw = tmp_path / "fiw"
    (fiw / "train_members.csv").write_text("member,gender,images\nF0001/MID1,m,1\nF0001/MID2,f,1\n")
    (fiw / "train_pairs.csv").write_text("member_a,member_b,relation\nF0001/MID1,F0001/MID2,fd\n")
    (fiw / "train_relations.csv").write_text("member_a,member_b,a_is_the\nF0001/MID1,F0001/MID2,parent\n")
    (tmp_path / "lfw").mkdir()
    (tmp_path / "lfw" / "pairs.txt").write_text(
        "2\t1\nAnn_A\t1\t4\nAnn_A\t1\tBob_B\t12\nBob_B\t1\t2\nBob_B\t3\tAnn_A\t2\n"
    )
    picture(tmp_path / "mfr2" / "Ann" / "Ann_0001.jpg", 4)
    picture(tmp_path / "mfr2" / "Bob" / "Bob_0002.png", 5)
    (tmp_path / "mfr2" / "pairs.txt").write_text("Ann 1 Bob 2\n")
    (tmp_path / "mfr2" / "mfr2_labels.txt").write_text("Ann, 1, no-mask\nBob, 2, cloth\n")
    meta = tmp_path / "KinFaceW-I" / "meta_data"
    meta.mkdir(parents=True)
    for relation in data.KINFACE_FOLDERS:
        cells = np.array([[1, 1, f"{relation}_001_1.jpg", f"{relation}_001_2.jpg"]], dtype=object)
        savemat(meta / f"{relation}_pairs.mat", {"pairs": cells})
    return tmp_path


def test_fiw_lists(root: Path):
    assert data.fiw_members(root) == {"F0001/MID1": "m", "F0001/MID2": "f"}
    assert data.fiw_train_pairs(root) == [data.Kin("F0001/MID1", "F0001/MID2", "fd")]
    assert data.fiw_relations(root) == [("F0001/MID1", "F0001/MID2", "parent")]


def test_lfw_pairs_have_names_and_folds(root: Path):
    assert data.lfw_pairs(root) == [
        Pair("Ann_A/Ann_A_0001.jpg", "Ann_A/Ann_A_0004.jpg", True, "", 0),
        Pair("Ann_A/Ann_A_0001.jpg", "Bob_B/Bob_B_0012.jpg", False, "", 0),
        Pair("Bob_B/Bob_B_0001.jpg", "Bob_B/Bob_B_0002.jpg", True, "", 1),
        Pair("Bob_B/Bob_B_0003.jpg", "Ann_A/Ann_A_0002.jpg", False, "", 1),
    ]


def test_mfr2_finds_either_kind_of_file(root: Path):
    assert data.mfr2_pairs(root) == [Pair("Ann/Ann_0001.jpg", "Bob/Bob_0002.png", False)]
    assert data.mfr2_masked(root) == {"Ann/Ann_0001.jpg": False, "Bob/Bob_0002.png": True}


def test_kinface_pairs_keep_relation_and_fold(root: Path):
    pairs = data.kinface_pairs(root, "I")
    assert pairs[0] == Pair("father-dau/fd_001_1.jpg", "father-dau/fd_001_2.jpg", True, "fd", 1)
    assert [p.relation for p in pairs] == ["fd", "fs", "md", "ms"]


@pytest.mark.parametrize("label", ["kin", "same"])
def test_a_pair_list_needs_no_relation(tmp_path: Path, label: str):
    path = tmp_path / "list.csv"
    path.write_text(f"image_a,image_b,{label}\na.jpg,b.jpg,1\nb.jpg,c.jpg,0\n")
    assert data.read_pairs(path) == [Pair("a.jpg", "b.jpg", True), Pair("b.jpg", "c.jpg", False)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image_a,image_b\na,b\n", "columns"),
        ("image_a,kin\na,1\n", "columns"),
        ("image_a,image_b,kin\na,b,yes\n", "0 or 1"),
    ],
)
def test_a_bad_pair_list_says_what_is_wrong(tmp_path: Path, text: str, message: str):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        data.read_pairs(tmp_path / "list.csv")


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("KINSIGHT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="KINSIGHT_DATA"):
        data.data_root()
    monkeypatch.setenv("KINSIGHT_DATA", str(tmp_path))
    assert data.data_root() == tmp_path
    with pytest.raises(DataError, match=r"pairs\.txt"):
        data.lfw_pairs(tmp_path)


def test_data_row_changes_with_name_and_content(tmp_path: Path):
    for i, name in enumerate("ab"):
        picture(tmp_path / f"{name}.png", i)
    first = data.data_row("x", tmp_path, ["a.png", "b.png"])
    assert first["size"] == 2 and first == data.data_row("x", tmp_path, ["b.png", "a.png"])
    picture(tmp_path / "b.png", 9)
    assert data.data_row("x", tmp_path, ["a.png", "b.png"])["hash"] != first["hash"]


@pytest.mark.data
def test_the_research_sets_are_whole():
    root = data.data_root()
    pairs = data.fiw_val_pairs(root)
    assert len(pairs) == 4988 and {p.relation for p in pairs} == set(data.RELATIONS)
    assert len(data.lfw_pairs(root)) == 6000 and len(data.mfr2_pairs(root)) == 848
    assert len(data.kinface_pairs(root, "I")) == 1066 and len(data.kinface_pairs(root, "II")) == 2000
    train = {data.family_of(p.a) for p in data.fiw_train_pairs(root)}
    assert not train & {data.family_of(n) for p in pairs for n in (p.a, p.b)}
