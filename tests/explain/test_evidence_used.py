"""The attention that is shown is the tensor the score was made of, for every kinship model with attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import pytest
import torch
from torch import Tensor, nn

from explain.evidence import read_evidence
from models import available_weights, create_model, list_models, load_model, predict
from models.pair import Branched, PairModel
from models.predict import Result
from models.taps import Tap, kind_of, tap_names
from tests.explain.tiny import noise_faces, ready

KINDS = ("attn", "cross_attn")


def attention_of(name: str) -> list[str]:
    return [tap for tap in tap_names(create_model(name)) if kind_of(tap) in KINDS]


ATTENTION = {name: attention_of(name) for name in list_models("kinship") if not name.endswith(".paper")}
MODELS = [name for name, taps in ATTENTION.items() if taps]
TAPS = [(name, tap) for name in MODELS for tap in ATTENTION[name]]


class Changed(nn.Module):
    """Stands where a tap stood and hands on something else than what it was given."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.change(x)


@lru_cache(maxsize=1)
def network(name: str) -> PairModel:
    """The shipped weight; else an untrained network whose queries and keys are large, so that attention has peaks."""
    if name in available_weights():
        return load_model(name, "cpu")
    torch.manual_seed(0)
    model = create_model(name)
    for key, parameter in model.named_parameters():
        if any(part in key for part in (".q.weight", ".kv.weight", ".query.weight", ".key.weight")):
            parameter.data *= 8
    return ready(model)


@contextmanager
def replaced(model: PairModel, tap: str, change: Callable[[Tensor], Tensor]) -> Iterator[PairModel]:
    """The model with another tensor behind a tap, for as long as the block lasts."""
    [(parent, child)] = [
        (parent, child)
        for parent in model.modules()
        for child, module in parent.named_children()
        if isinstance(module, Tap) and module.name == tap
    ]
    own = getattr(parent, child)
    setattr(parent, child, Changed(change))
    try:
        yield model
    finally:
        setattr(parent, child, own)


@lru_cache(maxsize=1)
def told(name: str) -> Result:
    return predict(network(name), *(noise_faces(network(name), seed) for seed in (1, 2)))


def answer(name: str, tap: str, change: Callable[[Tensor], Tensor]) -> Tensor:
    faces = told(name).faces  # asked of the network as it is
    with replaced(network(name), tap, change) as model:
        return predict(model, *faces).output.logit


def test_there_are_such_models() -> None:
    assert {"svit", "facor"} <= set(MODELS)


@pytest.mark.parametrize(("name", "tap"), TAPS)
def test_the_score_is_made_of_the_recorded_attention(name: str, tap: str) -> None:
    """Handed back, the recorded tensor gives the recorded score bit for bit; another one gives another score."""
    logit, recorded = told(name).output.logit, told(name).evidence[tap]
    assert torch.equal(answer(name, tap, lambda x: recorded), logit)
    flat = answer(name, tap, lambda x: torch.full_like(x, 1 / x.shape[-1]))  # attention that looks everywhere alike
    assert (flat - logit).abs().max() > 1e-6


@pytest.mark.parametrize(("name", "tap"), [(n, t) for n, t in TAPS if kind_of(t) == "attn"])
def test_every_head_counts(name: str, tap: str) -> None:
    heads = told(name).evidence[tap].shape[1]
    for head in {0, heads - 1}:
        scale = torch.ones(heads, 1, 1).index_fill(0, torch.tensor(head), 0.5)
        halved = answer(name, tap, lambda x, scale=scale: x * scale)
        assert (halved - told(name).output.logit).abs().max() > 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_what_is_handed_to_the_page_is_what_was_recorded(name: str) -> None:
    model, result = network(name), told(name)
    inside = read_evidence(result)
    assert [*inside.attention, *inside.links] == ATTENTION[name]
    for tap, pair in {**inside.attention, **inside.links}.items():
        for shown, used in zip(pair, result.evidence[tap], strict=True):
            assert torch.equal(torch.from_numpy(shown.weights), used)  # type: ignore[attr-defined]
    assert (inside.shares is not None) == isinstance(model, Branched)
    if inside.shares is not None:
        assert inside.shares.total == pytest.approx(float(result.output.logit.mean()))


def test_a_model_without_attention_gives_none() -> None:
    model = ready(create_model("dlib_resnet"))
    inside = read_evidence(predict(model, noise_faces(model, 1), noise_faces(model, 2)))
    assert not inside.attention and not inside.links and inside.shares is None
