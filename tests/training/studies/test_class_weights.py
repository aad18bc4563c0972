"""Weights of a study: runs with their config, and what is said of those that do not fit."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.registry import create_model
from models.weights import WeightError, file_sha256
from training.studies.class_weights import add_weights, chosen_weights, of_run, renewed, shipped, with_others

CONFIG = {"trunk": "ir18", "head": "anchors"}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    folder = tmp_path / "arm"
    folder.mkdir()
    save_file(create_model("expression", **CONFIG).state_dict(), folder / "model.safetensors")
    (folder / "model.json").write_text(json.dumps({"model": "expression", "config": json.dumps(CONFIG)}))
    return folder / "model.safetensors"


def test_a_run_is_loaded_with_its_config(state):
    parser = argparse.ArgumentParser()
    add_weights(parser)
    (found,) = chosen_weights(parser.parse_args(["--state", str(state)])).items()
    name, weight = found
    assert name == "arm" and weight.facts["config"] == CONFIG and weight.facts["sha256"] == file_sha256(state)
    assert weight.model.config.head == "anchors" and not weight.model.training
    torch.manual_seed(3)
    assert torch.equal(weight.model.head.anchors, create_model("expression", **CONFIG).head.anchors)


def test_new_numbers_are_of_the_same_network_and_follow_the_seed(state):
    weight = of_run(state)
    first, again, other = renewed(weight, 0), renewed(weight, 0), renewed(weight, 1)
    assert torch.equal(first.head.anchors, again.head.anchors)
    assert not torch.equal(first.head.anchors, other.head.anchors)
    assert not torch.equal(first.head.anchors, weight.model.head.anchors)


def test_without_a_config_or_with_another_one_it_is_an_error_in_words(state):
    state.with_suffix(".json").write_text(json.dumps({"model": "expression", "config": {}}))
    with pytest.raises(WeightError, match="does not fit"):
        of_run(state)
    state.with_suffix(".json").unlink()
    with pytest.raises(WeightError, match="missing"):
        of_run(state)


def test_a_weight_of_another_question_is_refused():
    with pytest.raises(WeightError, match="classes"):
        shipped("edgeface")


def test_rows_of_other_weights_stay_under_the_same_protocol_alone(tmp_path: Path) -> None:
    path = tmp_path / "study.json"
    new = {"protocol": "p", "weights": {"a": 1}}
    assert with_others(new, path) == new  # nothing was written before
    path.write_text(json.dumps({"protocol": "p", "weights": {"a": 0, "b": 2}}))
    assert with_others(new, path)["weights"] == {"a": 1, "b": 2}
    path.write_text(json.dumps({"protocol": "q", "weights": {"b": 2}}))
    assert with_others(new, path)["weights"] == {"a": 1}
