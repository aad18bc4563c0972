"""Names of evaluations and relations, and the count of parameters from a file's header."""

from __future__ import annotations

import pytest

from models import available_weights, load_model, read_sidecar
from models.evaluations import EVALUATIONS, evaluation_of, evaluation_order, value_at
from models.relations import RELATION_WORDS, relation_words
from models.weights import WeightError, parameters
from training.data.sets import RELATIONS
from training.evaluate.published import LAYOUTS


def test_every_relation_of_the_data_has_words() -> None:
    assert set(RELATIONS) <= set(RELATION_WORDS) and len(set(RELATION_WORDS.values())) == len(RELATION_WORDS)
    assert relation_words("fs") == "father and son" and relation_words("KinFaceW-II md") == (
        "KinFaceW-II, mother and daughter"
    )
    for other in ("fold 3", "rotation 30°", "", "pair score"):
        assert relation_words(other) == other


def test_every_table_and_every_report_has_a_name() -> None:
    assert set(LAYOUTS) <= set(EVALUATIONS)
    for name in available_weights():
        for key, report in read_sidecar(name).metrics.items():
            assert isinstance(value_at(report, evaluation_of(key).main), float)
    assert evaluation_of("mine").title == "mine" and evaluation_order("mine") > evaluation_order("jaffe")
    assert value_at({"a": 1}, ("a", "b")) is None


@pytest.mark.parametrize("name", ["dlib_kin", "edgeface", "edgeface_cbam", "kin_joined", "svit", "vit_kprpe"])
def test_parameters_are_counted_without_loading(name: str) -> None:
    loaded = sum(p.numel() for p in load_model(name, "cpu").parameters())
    assert parameters(name) == pytest.approx(loaded, rel=0.01)


def test_an_unknown_weight_has_no_count() -> None:
    with pytest.raises(WeightError, match="nothing"):
        parameters("nothing")
