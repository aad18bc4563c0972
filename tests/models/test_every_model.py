"""What holds for every registered model, trained or not. A new row in the registry is covered at once."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch

from models import FaceBatch, available_weights, create_model, list_models, load_pair, predict, record
from models.face_model import ClassModel, FaceModel
from models.nets.vit_kprpe import VitKprpe
from models.pair import PairModel
from models.registry import create_pair, entry
from models.taps import KINDS, kind_of, tap_names
from models.tasks import TASKS

PAIRS = [name for name in list_models() if TASKS[entry(name).task].faces == 2]
CLASSES = [name for name in list_models() if TASKS[entry(name).task].answer == "classes"]
DEMO = [name for name in PAIRS if not name.endswith(".paper")]
TRAINED = [name for name in PAIRS if name in available_weights()]


def test_every_model_is_one_of_two_kinds() -> None:
    assert sorted(PAIRS + CLASSES) == sorted(list_models()) and "expression" in CLASSES


def faces(model: FaceModel, n: int, seed: int = 0) -> FaceBatch:
    """Noise crops with the template's keypoints."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(n, 3, model.spec.size, model.spec.size, generator=generator)
    points = torch.as_tensor(model.spec.points(), dtype=torch.float32) / model.spec.size
    return FaceBatch(image, points.expand(n, -1, -1))


def fresh(name: str) -> PairModel:
    torch.manual_seed(0)
    return create_pair(name).eval()


@lru_cache
def untouched(name: str) -> PairModel:
    """The same for tests that only ask it: drawn once."""
    return fresh(name).requires_grad_(False)


def one_face(name: str) -> ClassModel:
    torch.manual_seed(0)
    model = create_model(name).eval()
    assert isinstance(model, ClassModel)
    return model


@pytest.mark.parametrize("name", CLASSES)
def test_answers_about_one_face(name: str) -> None:
    model = one_face(name)
    batch = faces(model, 3)
    with torch.no_grad():
        output, alone = model(batch), model(batch[1:2])
        with record() as evidence:
            recorded = model(batch)
    assert output.logits.shape == (3, len(model.classes)) and output.classes == model.classes
    torch.testing.assert_close(output.probabilities.sum(1), torch.ones(3))
    torch.testing.assert_close(output.embeddings[0].norm(dim=1), torch.ones(3))
    torch.testing.assert_close(output.logits[1:2], alone.logits, atol=1e-4, rtol=1e-3)
    assert torch.equal(output.logits, recorded.logits) and set(evidence) == set(tap_names(model))
    assert all(t.ndim == KINDS[kind_of(tap)] and len(t) == 3 for tap, t in evidence.items())
    assert kind_of(model.cam_tap) == "features" and model.cam_tap in evidence


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_functions_of_every_parameter(name: str) -> None:
    model = one_face(name).train()
    model(faces(model, 4)).logits.square().sum().backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    model = one_face(name).requires_grad_(False)
    result = predict(model, faces(model, 1), grad=True)
    (gradient,) = torch.autograd.grad(result.output.logits[0, 0], result.evidence[model.cam_tap])
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", PAIRS)
def test_answers_a_pair(name: str) -> None:
    model = fresh(name)
    with torch.no_grad():
        output = model(faces(model, 2), faces(model, 2, seed=1))
    assert output.logit.shape == (2, 2)
    assert output.similarity.shape == (2,)
    assert output.embeddings[0].shape == output.embeddings[1].shape
    for tensor in (output.logit, output.similarity, output.embeddings[0]):
        assert torch.isfinite(tensor).all()
    torch.testing.assert_close(output.embeddings[0].norm(dim=1), torch.ones(2))
    assert entry(name).task in ("verification", "kinship")


@pytest.mark.parametrize("name", DEMO)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = fresh(name).train()
    output = model(faces(model, 2), faces(model, 2, seed=1))
    (output.logit.square().sum() + output.embeddings[0].sum() + output.embeddings[1].sum()).backward()
    assert not [n for n, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]


@pytest.mark.parametrize("name", DEMO)
def test_score_is_symmetric(name: str) -> None:
    model = untouched(name)
    a, b = faces(model, 1), faces(model, 1, seed=1)
    with torch.no_grad():
        ab, ba = model(a, b), model(b, a)
    torch.testing.assert_close(ab.score, ba.score, atol=1e-6, rtol=0)
    torch.testing.assert_close(ab.logit, ba.logit.flip(1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", DEMO)
def test_taps_keep_the_vocabulary_and_change_no_bit(name: str) -> None:
    model = untouched(name)
    a, b = faces(model, 1), faces(model, 1, seed=1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        silent = model(a, b)
        with record() as evidence:
            recorded = model(a, b)
    rounding = 1e-4 if isinstance(model, VitKprpe) else 0.0  # its attention is fused where nothing records it
    torch.testing.assert_close(silent.logit, recorded.logit, rtol=rounding, atol=rounding)
    torch.testing.assert_close(silent.embeddings[0], recorded.embeddings[0], rtol=rounding, atol=rounding)
    assert set(evidence) == set(tap_names(model))
    for tap, tensor in evidence.items():
        assert tensor.ndim == KINDS[kind_of(tap)]
        assert len(tensor) == 2  # (a, b) or (a -> b, b -> a)
        if kind_of(tap) in ("attn", "cross_attn", "part_weights"):
            torch.testing.assert_close(tensor.sum(-1), torch.ones_like(tensor.sum(-1)), atol=1e-4, rtol=1e-4)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.cam_tap in evidence
    assert kind_of(model.cam_tap) == "features"


@pytest.mark.parametrize("name", DEMO)
def test_gradients_reach_the_evidence(name: str) -> None:
    """The answer is a function of the recorded features: the same score, now differentiable."""
    model = untouched(name)
    a, b = faces(model, 1), faces(model, 1, seed=1)
    result, plain = predict(model, a, b, grad=True), predict(model, a, b)
    assert torch.equal(result.output.logit.detach(), plain.output.logit)
    (gradient,) = torch.autograd.grad(result.output.logit.sum(), result.evidence[model.cam_tap])
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", DEMO)
def test_a_pair_does_not_depend_on_its_batch(name: str) -> None:
    model = untouched(name)
    a, b = faces(model, 3), faces(model, 3, seed=1)
    with torch.no_grad():
        together, alone = model(a, b), model(a[1:2], b[1:2])
    torch.testing.assert_close(together.logit[1:2], alone.logit, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", TRAINED)
def test_shipped_weight_knows_the_same_photo(name: str) -> None:
    """Identical crops: the highest similarity there is; another face: less."""
    model = load_pair(name, "cpu")
    a, b = faces(model, 1), faces(model, 1, seed=1)
    same, other = predict(model, a, a), predict(model, a, b)
    assert same.similarity == pytest.approx(1, abs=1e-5)
    assert same.score >= other.score
