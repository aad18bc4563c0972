"""One default model, one base of our errors, and one meaning of "at the threshold", wherever they are used."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from explain.command import run
from explain.partial.find import Said
from explain.report import command
from explain.report.command import in_words
from explain.report.pair import _answer_values
from explain.search import ranking
from models import TASKS, available_weights, default_model, read_sidecar
from models.errors import UserError
from models.faces.files import GalleryError
from models.faces.photo import PhotoError
from models.registry import MODELS, list_models
from models.weights import OperatingPoints, TriOperating, WeightError
from training.data.sets import DataError
from ui.kinship import api, tri_answers
from ui.shared import answering
from ui.shared.answering import Answer

ROOT = Path(__file__).parents[1]
SCORE = 0.1 + 0.2  # 0.30000000000000004: no rounding hides a wrong comparison
ROW = read_sidecar("dlib_kin").with_rule(threshold=SCORE)


def test_the_default_is_the_first_single_network_with_a_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    order = [name for name in list_models("kinship") if not MODELS[name].joins]
    first = next(name for name in order if name in available_weights())
    assert default_model() == first and TASKS[read_sidecar(first).task] is TASKS["kinship"]
    assert default_model("verification") == next(n for n in list_models("verification") if n in available_weights())
    monkeypatch.setattr("models.weights.available_weights", lambda: ["kin_joined", "facor", "svit"])
    assert default_model() == "svit"
    monkeypatch.setattr("models.weights.available_weights", list)
    assert default_model() == order[0]  # and load_model says that it is untrained


def test_page_endpoints_and_commands_have_the_same_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("models.weights.read_sidecar", lambda name: asked.append(name) or read_sidecar("nothing"))
    with pytest.raises(WeightError):
        load_nothing()
    endpoints = [
        inspect.signature(f).parameters["model"].default for f in (api.kin_score, api.tri_score, api.kin_search)
    ]
    parsers = [
        command.parser("explain").parse_args(["a.jpg", "b.jpg"]).model,
        ranking.parser().parse_args(["a.jpg", "--gallery", "g"]).model,
    ]
    page = [answering.default_weight(), tri_answers.default_weight()]
    assert {*asked, *endpoints, *parsers, *page} == {default_model()}


def load_nothing() -> None:
    from models.weights import load_model

    load_model()


def test_no_signature_or_argument_names_a_model_of_its_own() -> None:
    found = []
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "explain").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            values: list[Any] = []
            if isinstance(node, ast.FunctionDef):
                values = [*node.args.defaults, *node.args.kw_defaults]
            if isinstance(node, ast.Call):
                values = [k.value for k in node.keywords if k.arg == "default"]
            found += [path.name for v in values if isinstance(v, ast.Constant) and v.value in list_models("kinship")]
    assert found == []


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (PhotoError, ValueError),
        (GalleryError, ValueError),
        (WeightError, RuntimeError),
        (DataError, FileNotFoundError),
    ],
)
def test_our_errors_have_one_base(error: type[Exception], also: type[Exception]) -> None:
    assert issubclass(error, UserError) and issubclass(error, also)


def test_a_command_says_our_errors_and_lets_mistakes_of_the_program_through(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = ranking.parser()
    typed = ["a.jpg", "--gallery", "g"]

    def fail(error: Exception) -> Any:
        def work(_: object) -> str:
            raise error

        return work

    for error in (PhotoError("no photo"), WeightError("no photo"), OSError("no photo"), UserError("no photo")):
        assert run(fail(error), parser, typed) == 2
        assert capsys.readouterr().err == "error: no photo\n"
    with pytest.raises(ValueError, match="a bug"):
        run(fail(ValueError("a bug")), parser, typed)
    assert run(fail(ValueError("a size")), parser, typed, also=(ValueError,)) == 2
    assert run(lambda _: "done", parser, typed) == 0 and capsys.readouterr().out == "done\n"


@pytest.mark.parametrize(("above", "threshold"), [(True, SCORE), (True, 0.3), (False, 0.30000000000000010)])
def test_a_score_at_the_threshold_is_a_yes(monkeypatch: pytest.MonkeyPatch, above: bool, threshold: float) -> None:
    """On the page, of a pair and of a triplet, of a partial face, in a report and at the endpoint."""
    word = "blood relatives" if above else "not blood relatives"
    points = OperatingPoints([], [], [], "none")
    row = ROW.with_rule(threshold=threshold, tri=TriOperating(1.0, 0.0, threshold, points, "none"))
    monkeypatch.setattr(answering, "sidecar", lambda _: row)
    given = Answer("dlib_kin", SCORE, SCORE, SCORE, 0.5)
    verdict = answering.judge(given, threshold)
    assert (verdict.above, verdict.decision) == (above, word)
    assert tri_answers.judge(SimpleNamespace(weight="dlib_kin", score=SCORE), threshold).above is above  # type: ignore[arg-type]
    assert Said(0.5, SCORE, threshold).same is above
    result: Any = SimpleNamespace(score=SCORE, score_ab=SCORE, score_ba=SCORE, similarity=0.5)
    assert _answer_values(result, row, threshold, ())["decision"] == word
    monkeypatch.setattr(api, "take", lambda _: None)
    monkeypatch.setattr(answering, "answer", lambda *_: given)
    assert api.kin_score("a.jpg", "b.jpg", "dlib_kin")["decision"] == word
    assert f": {word};" in in_words(result, row, threshold)
