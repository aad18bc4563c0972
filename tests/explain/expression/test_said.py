"""Answers, in numbers and in words; valence and arousal."""

from __future__ import annotations

import math

import pytest
import torch

from explain.expression.circumplex import ANGLES, affect
from explain.expression.cover import covered
from explain.expression.said import Said, ask, change_sentence, load_expression, sentence, split_words
from models import Face, WeightError, predict
from models.expressions import EXPRESSIONS
from models.nets.expression import Expression


def said(**shares: float) -> Said:
    """The named shares; what is left of the votes is neutral."""
    found = {name: shares.get(name, 0.0) for name in EXPRESSIONS}
    found["neutral"] += 1 - sum(found.values())
    return Said(tuple(found.values()), tuple(found.values()))


def test_one_pass_answers_each_face_as_predict_does(model: Expression, face: Face) -> None:
    bare, dark = face.aligned(model.spec), covered(face, model.spec, ("eyes", "mask"))
    found = ask(model, [bare, dark])
    for one, batch in zip(found, (bare, dark), strict=True):
        direct = predict(model, batch)
        assert list(one.shares) == pytest.approx(list(direct.probabilities.values()), abs=1e-5)
        assert list(one.majority) == pytest.approx(model.majority(direct.output.logits)[0].tolist(), abs=1e-5)
        assert sum(one.shares) == pytest.approx(1, abs=1e-5) and one.leading == direct.output.leading
    assert found[0].shares != pytest.approx(found[1].shares, abs=1e-3)
    with pytest.raises(ValueError, match="no face"):
        ask(model, [])


def test_another_weight_is_refused() -> None:
    with pytest.raises(WeightError, match="edgeface does not tell expressions"):
        load_expression("edgeface")


@pytest.mark.parametrize(
    ("shares", "words", "agreement"),
    [
        ({"happiness": 1.0}, "happiness. Of ten people, nearly all would say so.", "nearly all agree"),
        (
            {"happiness": 0.8},
            "happiness. Of ten people, about eight would say so, two neutral.",
            "nearly all agree",
        ),
        (
            {"sadness": 0.55, "fear": 0.45},
            "sadness. Of ten people, about six would say so, four fear.",
            "split between sadness and fear",
        ),
        ({"anger": 0.6, "fear": 0.15, "disgust": 0.1}, "anger. Of ten people, about six would say so", "most agree"),
        (dict.fromkeys(EXPRESSIONS, 0.125), "neutral. Of ten people, about one would say so", "no agreement"),
    ],
)
def test_the_answer_in_words(shares: dict[str, float], words: str, agreement: str) -> None:
    assert sentence(said(**shares)).startswith(f"Most likely {words}")
    assert split_words(said(**shares)) == agreement


def test_disagreement_runs_from_none_to_one() -> None:
    assert said(anger=1.0).split == 0
    assert said(**dict.fromkeys(EXPRESSIONS, 0.125)).split == pytest.approx(1)
    assert said(anger=0.5, fear=0.5).split == pytest.approx(1 / 3)


def test_a_change_names_who_leads_then() -> None:
    bare, then = said(happiness=0.8), said(happiness=0.3)
    assert change_sentence(bare, then, "the mouth") == (
        "Happiness goes from 8.0 to 3.0 of ten votes with the mouth covered; now neutral leads with 7.0."
    )
    assert change_sentence(bare, bare, "the nose").endswith("; it still leads.")


def test_valence_and_arousal_leave_out_what_has_no_place() -> None:
    happy = affect({"happiness": 0.5, "disgust": 0.5})
    angle = math.radians(ANGLES["happiness"])
    assert (happy.valence, happy.arousal) == pytest.approx((math.cos(angle), math.sin(angle)))
    assert happy.left_out == pytest.approx(0.5)
    half = affect({"happiness": 0.5, "neutral": 0.5})
    assert half.valence == pytest.approx(math.cos(angle) / 2) and half.left_out == 0
    nothing = affect({"contempt": 1.0})
    assert (nothing.valence, nothing.arousal, nothing.left_out) == (0, 0, 1)
    signs = {name: affect({name: 1.0}) for name in ANGLES}
    assert signs["sadness"].valence < 0 > signs["sadness"].arousal
    assert signs["fear"].valence < 0 < signs["fear"].arousal and signs["anger"].arousal > signs["surprise"].arousal
    assert all(math.hypot(a.valence, a.arousal) == pytest.approx(1) for a in signs.values())


def test_majority_is_sharper_than_the_shares(model: Expression, face: Face) -> None:
    sharpening = model.sharpening.clone()
    try:
        model.sharpening.copy_(torch.tensor(3.0))
        (found,) = ask(model, [face.aligned(model.spec)])
        first = found.leading
        assert found.wins(first) > found.by_name[first] and sum(found.majority) == pytest.approx(1, abs=1e-5)
    finally:
        model.sharpening.copy_(sharpening)
