"""What a new user passes first by mistake: the message says what is wanted, and how to get it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explain import explain, faithfulness
from models import Result, detect_faces, load_model, load_pair, open_photo, predict, read_sidecar
from models.faces.face import Face

A = Path(__file__).parents[2] / "ui" / "examples" / "obama_2012.jpg"


@pytest.fixture(scope="module")
def face() -> Face:
    return detect_faces(open_photo(A))[0]


@pytest.fixture(scope="module")
def result(face: Face) -> Result:
    return predict(load_model("dlib_kin", "cpu"), face, face)


@pytest.mark.parametrize(
    "source",
    [str(A), A.read_bytes(), bytearray(A.read_bytes()), memoryview(A.read_bytes()), io.BytesIO(A.read_bytes())],
    ids=lambda s: type(s).__name__,
)
def test_every_form_of_a_file_is_read(source: Any) -> None:
    wanted = open_photo(A)
    assert np.array_equal(open_photo(source), wanted)
    assert np.array_equal(open_photo(Image.open(A)), wanted) and np.array_equal(open_photo(wanted), wanted)
    with A.open("rb") as file:
        assert np.array_equal(open_photo(file), wanted)


@pytest.mark.parametrize("wrong", [np.zeros((40, 40, 3), np.uint8), str(A), None, [1], torch.zeros(3, 40, 40)])
def test_predict_wants_faces(result: Result, face: Face, wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"a face is wanted \(detect_faces.*got {type(wrong).__name__}$"):
        predict(result.model, face, wrong)


@pytest.mark.parametrize("wrong", ["dlib_kin", None, Path("dlib_kin")])
def test_predict_wants_a_model_first(face: Face, wrong: Any) -> None:
    with pytest.raises(TypeError, match=rf"a model is wanted first \(load_model\(name\)\), got {type(wrong).__name__}"):
        predict(wrong, face, face)
    with pytest.raises(TypeError, match="got Face"):
        predict(face, wrong, face)


@pytest.mark.parametrize("load", [load_model, load_pair, read_sidecar])
def test_a_weight_is_named_by_a_string(load: Callable[[Any], Any], result: Result) -> None:
    for wrong in (3, Path("dlib_kin"), result.model):
        with pytest.raises(TypeError, match=rf"named by a string such as 'dlib_kin' .* not {type(wrong).__name__}"):
            load(wrong)
    with pytest.raises(Exception, match="is untrained"):
        load("x" * 5000)


def test_explain_wants_an_answer(result: Result) -> None:
    for wrong in (result.model, (result,), None):
        with pytest.raises(TypeError, match=r"an answer is wanted first \(predict"):
            explain(wrong, "occlusion")


def test_faithfulness_wants_one_map(result: Result) -> None:
    for wrong in ((1, 2), np.zeros((7, 7)), None):
        with pytest.raises(TypeError, match=rf"explain\(result, method\)\[0\].*and {type(wrong).__name__}$"):
            faithfulness(result, wrong)
    with pytest.raises(TypeError, match="got DlibKin and"):
        faithfulness(result.model, None)


def test_a_face_is_aligned_to_a_spec(face: Face) -> None:
    with pytest.raises(TypeError, match=r"an InputSpec is wanted \(model\.spec.*got int"):
        face.aligned(112)
