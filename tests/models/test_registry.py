from __future__ import annotations

import pytest

from models.pair import PairModel
from models.registry import MODELS, create_model, entry, list_models
from models.tasks import TASKS


def test_every_row_has_a_task_and_a_sentence():
    for name in list_models():
        row = entry(name)
        assert row.task in TASKS
        assert row.title and row.summary.rstrip(".?")


def test_lists_split_by_task():
    assert list_models() == list(MODELS)
    assert sorted(name for task in TASKS for name in list_models(task)) == sorted(list_models())
    assert "dlib_resnet" in list_models("verification") and "dlib_kin" in list_models("kinship")


def test_unknown_names_and_values_are_refused():
    with pytest.raises(KeyError, match="dlib_resnet"):
        create_model("dlib_resnett")
    with pytest.raises(TypeError):
        create_model("dlib_kin", hiden=3)


def test_overrides_reach_the_network():
    model = create_model("dlib_kin", dim=16)
    assert isinstance(model, PairModel) and model.name == "dlib_kin"
    assert any(p.shape[0] == 16 for p in model.parameters())
