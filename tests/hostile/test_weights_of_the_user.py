"""What is broken in the user's folder of weights is named, and everything goes on without it."""

from __future__ import annotations

import json
import shutil
from html import escape
from pathlib import Path
from typing import Any

import pytest

import app
from models.weights import (
    SHIPPED,
    WeightError,
    available_weights,
    file_sha256,
    find_weight,
    load_model,
    parameters,
    unreadable_weights,
)
from ui.models.page import page
from ui.shared import answering

CASE = Path(__file__).parent / "cases" / "16_weights"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(answering, "sidecar", answering.sidecar.__wrapped__)
    return tmp_path


def own(folder: Path, **changes: Any) -> None:
    """A weight "mine" that is dlib_kin with fields of its sidecar changed."""
    shutil.copy(SHIPPED / "dlib_kin.safetensors", folder / "mine.safetensors")
    sidecar = json.loads((SHIPPED / "dlib_kin.json").read_text())
    (folder / "mine.json").write_text(json.dumps({**sidecar, "name": "mine", **changes}))


def passed_over(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One thing is named, in the list, on the page and in the log, and no shipped weight is lost."""
    ((_, why),) = unreadable_weights()
    assert words in why
    assert {p.stem for p in SHIPPED.glob("*.safetensors")} <= set(available_weights())
    assert "mine" not in available_weights() and "mine" not in answering.pair_weights()
    assert "Cannot be read" in page() and escape(words) in page()
    answering.log_unreadable()
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and words in said and said.startswith("warning: ")


def test_nothing_is_wrong_with_the_shipped_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(folder)
    assert unreadable_weights() == [] and "mine" in answering.pair_weights()
    answering.log_unreadable()
    assert capsys.readouterr().err == "" and "Cannot be read" not in page()


def test_a_sidecar_of_another_encoding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in CASE.iterdir():
        shutil.copy(file, folder)
    passed_over("mine.json cannot be read", capsys)
    app.build()  # the page is laid out all the same
    with pytest.raises(WeightError, match=r"mine\.json"):
        load_model("mine", "cpu")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "future_net"}, "unknown model 'future_net'"),
        ({"task": "age"}, "unknown task 'age'"),
        ({"config": {"wings": 2}}, "wings"),
        ({"config": []}, "config is no dict"),
        ({"notes": [1]}, "notes a list of texts"),
        ({"data": ["x"]}, "data is a list of objects"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_broken_field(folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str) -> None:
    own(folder, **changes)
    passed_over(words, capsys)


RULES = [
    ({"threshold": "high"}, "the threshold lies between 0 and 1, found 'high'"),
    ({"threshold": 1.0}, "the threshold lies between 0 and 1, found 1.0"),
    ({"threshold": 0}, "the threshold lies between 0 and 1, found 0"),
    ({"threshold": True}, "the threshold lies between 0 and 1, found True"),
    ({"threshold": float("nan")}, "the threshold lies between 0 and 1, found nan"),
]
PROTOCOL = "the threshold's protocol is a text, found None"
POINTS = [
    ({"matching": "abc"}, "packed scores are whole numbers with a blank between two, found 'abc'"),
    ({"non_matching": "600000 600000"}, "packed scores lie in [0, 1], found 1.2"),
    ({"non_matching": "9" * 30}, "packed scores are whole numbers"),
    ({"matching": ["1"]}, "protocol, matching and non_matching are texts"),
    ({"protocol": None}, "protocol, matching and non_matching are texts"),
    ({"threshold": [0.5], "far": [0.5], "tar": [1.5]}, "are numbers in [0, 1]"),
    ({"threshold": [0.5], "far": [True], "tar": [0.5]}, "are numbers in [0, 1]"),
    ({"threshold": [0.5], "far": [0.5], "tar": [0.5, 0.4]}, "are lists of equal length"),
    ({"threshold": [0.5, 0.5], "far": [0.5, 0.4], "tar": [0.5, 0.4]}, "in ascending order of their thresholds"),
    ({"threshold": [0.4, 0.5], "far": [0.4, 0.5], "tar": [0.5, 0.4]}, "never rise with the threshold"),
]


@pytest.mark.parametrize("tri", [False, True])
@pytest.mark.parametrize(("changes", "words"), [*RULES, *POINTS])
def test_a_broken_decision(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str, tri: bool
) -> None:
    decision = json.loads((SHIPPED / "dlib_kin.json").read_text())["decision"]
    rule = decision["tri"] if tri else decision
    target = rule if (changes, words) in RULES else rule["points" if tri else "operating_points"]
    target.update(changes)
    own(folder, decision=decision)
    passed_over(words, capsys)
    assert not tri or "tri" in unreadable_weights()[0][1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold_protocol": None}, PROTOCOL),
        ({"tri": {"protocol": None}}, f"tri: {PROTOCOL}"),
        ({"tri": {"slope": "steep"}}, "tri: slope and offset are finite numbers"),
        ({"tri": {"offset": float("inf")}}, "tri: slope and offset are finite numbers"),
    ],
)
def test_a_broken_protocol_or_slope(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str
) -> None:
    decision = json.loads((SHIPPED / "dlib_kin.json").read_text())["decision"]
    tri = {**decision["tri"], **changes.get("tri", {})}
    own(folder, decision={**decision, **changes, "tri": tri})
    passed_over(words, capsys)


def loan(weight: str, **changes: Any) -> list[dict[str, Any]]:
    """Loans from a copy of dlib_kin under a name."""
    sha256 = file_sha256(SHIPPED / "dlib_kin.safetensors")
    return [{"prefix": "trunk.", "weight": weight, "theirs": "trunk.", "sha256": sha256, **changes}]


def test_a_weight_that_reads_from_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(folder, loans=loan("mine"))
    passed_over("its loans go in a circle, mine from mine", capsys)
    for work in (parameters, lambda name: load_model(name, "cpu")):
        with pytest.raises(WeightError, match="in a circle"):
            work("mine")


def test_two_weights_that_read_from_each_other_and_a_third_from_them(folder: Path) -> None:
    for name, lender in {"a": "b", "b": "a", "c": "a"}.items():
        own(folder, loans=loan(lender))
        for kind in ("safetensors", "json"):
            (folder / f"mine.{kind}").rename(folder / f"{name}.{kind}")
    whys = {path.stem: why for path, why in unreadable_weights()}
    assert {name: why.rpartition(", ")[2] for name, why in whys.items()} == {
        "a": "a from b from a",
        "b": "b from a from b",
        "c": "c from a from b from a",
    }
    assert not whys.keys() & set(available_weights()) and "dlib_kin" in available_weights()


@pytest.mark.parametrize(
    ("loans", "words"),
    [
        (loan("dlib_kin", sha256=5), "sha256 of a loan is a text, found 5"),
        (loan("x" * 300), "not found"),
        (loan("x\0"), "not found"),
        ([{}], "mine.json cannot be read"),
        ("abc", "mine.json cannot be read"),
    ],
)
def test_a_broken_loan(folder: Path, capsys: pytest.CaptureFixture[str], loans: Any, words: str) -> None:
    own(folder, loans=loans)
    passed_over(words, capsys)


@pytest.mark.parametrize("keep", [0, 5, 100_000])
def test_a_file_cut_short(folder: Path, capsys: pytest.CaptureFixture[str], keep: int) -> None:
    own(folder)
    path = folder / "mine.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    passed_over("mine.safetensors is no readable .safetensors file", capsys)


def test_a_file_without_a_sidecar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own(folder)
    (folder / "mine.json").unlink()
    passed_over("mine.safetensors has no sidecar mine.json", capsys)


def test_a_missing_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KINSIGHT_WEIGHTS", str(folder / "nothing"))
    passed_over("nothing (KINSIGHT_WEIGHTS)", capsys)


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    """Nothing is written beside the weights, not even for a moment."""
    own(folder)
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path == folder else 0o444)
    before = folder.stat().st_mtime_ns
    assert unreadable_weights() == [] and "mine" in answering.pair_weights()
    assert load_model("mine", "cpu").name and "mine" in page()
    assert folder.stat().st_mtime_ns == before
    folder.chmod(0o755)


def test_a_mended_weight_is_found_again(folder: Path) -> None:
    own(folder, task="age")
    assert "mine" not in available_weights()
    own(folder)
    assert "mine" in available_weights() and find_weight("mine").parent == folder
