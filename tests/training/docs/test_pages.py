"""The pages are what the command writes, and a card says what its sidecar says."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.weights import SHIPPED, Sidecar
from training.cards import enter, pages, write_cards
from training.docs import card, facts, results

NAME = "kin_joined"
"""A shipped weight whose file is small."""


@dataclass(frozen=True)
class Known(Sidecar):
    """A sidecar with a decision of the test's choice."""

    decision: Any = None


def known(**values: Any) -> Known:
    """The sidecar of NAME with some values of the test's."""
    sidecar = Sidecar.from_json((SHIPPED / f"{NAME}.json").read_text())
    return Known(**{**{f.name: getattr(sidecar, f.name) for f in fields(sidecar)}, "decision": None, **values})


def points(far: float, tar: float) -> Any:
    return SimpleNamespace(at=lambda threshold: (far * threshold, tar * threshold), protocol="all pairs; 5 of each")


TRI = SimpleNamespace(threshold=0.5, points=points(0.4, 0.8), protocol="best of triplets")
DECIDED = SimpleNamespace(
    threshold=0.25, threshold_protocol="best: all pairs", operating_points=points(0.2, 0.6), tri=TRI
)


def card_of(sidecar: Sidecar, shared: set[str] | None = None) -> str:
    return card.page(sidecar, SHIPPED, Path("/docs/cards/x.md"), Path("/docs/results.md"), shared or set())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the user's with one weight and no figure."""
    for ending in ("safetensors", "json"):
        shutil.copy(SHIPPED / f"{NAME}.{ending}", tmp_path)
    path = tmp_path / f"{NAME}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "metrics": {}}))
    return tmp_path


def report(task: str, **more: Any) -> dict[str, Any]:
    sha = json.loads((SHIPPED / f"{NAME}.json").read_text())["sha256"]
    first = {"task": task, "weight": NAME, "weight_sha256": sha, "protocol": "by hand"}
    return {**first, "accuracy": 0.4, "accuracy_ci95": [0.3, 0.5], "auc": 0.75, "tar": {"0.01": 0.1}, **more}


def test_the_pages_on_disk_are_what_the_command_writes():
    made = pages()
    stale = [str(path.relative_to(SHIPPED.parent)) for path, text in made.items() if path.read_text() != text]
    assert not stale, "python -m training.cards"
    cards = set((SHIPPED.parent / "docs" / "cards").glob("*"))
    assert cards == {p for p in made if p.parent.name == "cards"} and len(cards) == len(list(SHIPPED.glob("*.json")))


def test_a_folder_of_the_users_gets_its_pages_there(folder: Path):
    index = write_cards(folder)
    assert index == folder / "README.md" and f"[{NAME}](cards/{NAME}.md)" in index.read_text()
    assert set(pages(folder)) == {index, folder / "results.md", folder / "cards" / f"{NAME}.md"}
    assert all(path.read_text() == text for path, text in pages(folder).items())
    (folder / f"{NAME}.json").unlink()
    (folder / "cards" / "mine.md").write_text("notes")
    write_cards(folder)
    assert [p.name for p in (folder / "cards").iterdir()] == ["mine.md"]  # a card goes with its weight, a note stays


def test_a_report_enters_only_the_weight_it_measured(folder: Path):
    enter(report("kinship", undetected_images=["a.jpg"]), folder)
    made = pages(folder)
    assert "| kinship | 0.400 (0.300-0.500) | 0.750 | 0.100 at 0.01 |" in made[folder / "cards" / f"{NAME}.md"]
    assert "| 0.400 (0.300-0.500) | FIW pairs |" in made[folder / "README.md"]
    assert "a.jpg" not in (folder / f"{NAME}.json").read_text()
    with pytest.raises(ValueError, match="another"):
        enter({**report("kinship"), "weight_sha256": "0" * 64}, folder)


def test_results_are_a_table_a_task_with_published_rows(folder: Path):
    figures = {"map": 0.0812, "map_ci95": [0.07, 0.09], "rank5": 0.4, "rank5_ci95": [0.3, 0.5]}
    parts = {"pair score": {"map": 0.0934, "rank5": 0.45}}
    assert "Kinship search" not in pages(folder)[folder / "results.md"]
    published = {"rows": {"somebody": {"mAP": 0.9}}}
    enter(report("search", **figures, breakdown=parts, published=published), folder)
    text = pages(folder)[folder / "results.md"]
    assert "## Kinship search" in text and "Protocol: By hand." in text and "somebody" not in text
    assert "|  | mAP | rank@5 | mAP, pair score | rank@5, pair score |" in text
    assert f"| {NAME} | 0.081 (0.070-0.090) | 0.400 (0.300-0.500) | 0.093 | 0.450 |" in text
    assert "| S-ViT (published) | 0.070 | 0.340 |  |  |" in text
    found = pages(folder)[folder / "cards" / f"{NAME}.md"]
    assert "| search | 0.750 | rank@5 0.400 (0.300-0.500), mAP 0.081 (0.070-0.090) | 0.100 at 0.01 |" in found


def test_a_wide_table_is_cut_into_the_whole_and_its_parts(folder: Path):
    parts = {r: {"accuracy": 0.5 + i / 100} for i, r in enumerate(("bb", "ss", "sibs", "fd", "fs", "md", "ms", "gmgs"))}
    enter(report("kinship", breakdown=parts), folder)
    text = pages(folder)[folder / "results.md"]
    assert f"|  | accuracy | AUC |\n|---|---|---|\n| {NAME} | 0.400 (0.300-0.500) | 0.750 |" in text
    assert f"| {NAME} | 0.500 | 0.510 | 0.520 | 0.530 |" in text and "| S-ViT (published) | 0.770 | 0.760 |" in text


def test_thresholds_stand_on_the_card_and_their_protocol_on_the_results():
    sidecar = known(decision=DECIDED)
    text = card_of(sidecar)
    assert "| threshold | 0.25 on the score: FAR 0.0500, TAR 0.1500 ([how](../results.md#thresholds)) |" in text
    where = "../results.md#thresholds-for-father-mother-and-child"
    assert f"| threshold of three faces | 0.5 on the score: FAR 0.2000, TAR 0.4000 ([how]({where})) |" in text
    found = results.page([sidecar], Path("elsewhere"))
    assert f"| {NAME} | 0.25 | 0.0500 | 0.1500 | 1 |" in found and "1. Best: all pairs; 5 of each." in found
    assert f"| {NAME} | 0.5 | 0.2000 | 0.4000 | 1 |" in found and "1. Best of triplets." in found


def test_a_model_that_answers_by_class_has_a_card_without_a_threshold():
    values = {"protocol": "test part", "accuracy": 0.8, "accuracy_ci95": [0.7, 0.9], "macro_f1": 0.65}
    sidecar = known(task="expression", metrics={"ferplus": values}, notes=[])
    text, found = card_of(sidecar), results.page([sidecar], Path("elsewhere"))
    assert "threshold" not in text and "| ferplus | 0.800 (0.700-0.900) | macro F1 0.650 |" in text
    assert f"| {NAME} | 0.800 (0.700-0.900) | 0.650 |" in found and "Thresholds" not in found
    assert facts.main_figure(sidecar) == ("ferplus", "0.800 (0.700-0.900)")


def test_a_long_sentence_of_two_weights_is_said_once():
    both = "Both weights come from the same place, which is said in a sentence of this length."
    first, second = known(notes=[f"Short. {both} Only one says so."]), known(notes=[f"Short. {both}"], name="svit")
    shared = results.repeated([first, second])
    assert shared == {both}
    assert "- Short. Only one says so.\n- See also" in card_of(first, shared) and both not in card_of(first, shared)
    assert "results.md#notes-on-several-weights" in card_of(second, shared)
    assert results.page([first, second], Path("x")).count(both) == 1
    assert f"- `{NAME}`, `svit`: {both}" in results.page([first, second], Path("x"))


def test_what_is_read_from_other_weights_stands_once_a_weight():
    loans = [SimpleNamespace(prefix=p, weight=w, sha256=s * 64) for p, w, s in (("a.", "x", "1"), ("b.", "x", "1"))]
    text = card_of(known(loans=[*loans, SimpleNamespace(prefix="c.", weight="y", sha256="2" * 64)]))
    assert "Read from other weights: `a.*`, `b.*` of `x` (`111111111111`); `c.*` of `y` (`222222222222`)." in text


def test_notes_of_training_become_figures_and_commands():
    notes = [
        "Held-out training families: AUC 0.8495 (95 % 0.8024 to 0.8916, bootstrap over families); they also chose.",
        "It started from: model a, steps 3, command python -m training.partial --no-partial.",
        f"Training: init {'ab12' * 16}, held_out_cosine 0.77388182, command python -m training.partial.",
    ]
    sidecar = known(notes=notes, command="python -m training.join")
    assert facts.held_out(sidecar) == "0.850 (0.802-0.892)"
    assert facts.commands(sidecar) == ["python -m training.partial --no-partial", "python -m training.join"]
    assert list(facts.remarks(sidecar)) == ["Training: init ab12ab12ab12, held_out_cosine 0.7739."]
    earlier = known(notes=["Training: teachers dlib, arcface_mobilefacenet, seed 0."], command="python -m training.x")
    assert facts.commands(earlier) == ["python -m training.x --teachers dlib_resnet arcface_mobilefacenet"]
