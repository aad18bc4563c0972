"""Taps hand on what flows, change nothing, and keep threads apart."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from models import create_model, predict, record
from models.pair import PairModel
from models.taps import KINDS, Tap, kind_of, tap_names
from tests.models.test_every_model import faces

THREADS = 8


@pytest.fixture(scope="module")
def model() -> PairModel:
    torch.manual_seed(0)
    return create_model("dlib_resnet").eval().requires_grad_(False)


def test_recording_evidence_changes_no_output_bit(model: PairModel) -> None:
    a, b = faces(model, 1), faces(model, 1, seed=1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        silent = model(a, b)
    for grad in (False, True):
        recorded = predict(model, a, b, grad=grad)
        assert recorded.evidence
        for name in ("logit", "similarity", "score"):
            assert torch.equal(getattr(silent, name), getattr(recorded.output, name))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_the_evidence_is_the_tensor_the_answer_was_made_of(model: PairModel) -> None:
    """Going on by hand from the last recorded map gives the same embedding, and gradients reach the map."""
    result = predict(model, faces(model, 1), faces(model, 1, seed=1), grad=True)
    last = result.evidence["stage5.features"]
    by_hand = model.embedding(model.fc(last.mean((2, 3))))
    assert torch.equal(by_hand[:1], result.output.embeddings[0])
    (gradient,) = torch.autograd.grad(result.output.similarity.sum(), last, retain_graph=True)
    assert gradient.abs().max() > 0


def test_eight_threads_on_one_model_do_not_mix_evidence(model: PairModel) -> None:
    pairs = [(faces(model, 1, seed=i), faces(model, 1, seed=100 + i)) for i in range(THREADS)]
    alone = [predict(model, a, b).evidence for a, b in pairs]
    together = threading.Barrier(THREADS)

    def run(i: int) -> list[dict[str, Tensor]]:
        together.wait()
        return [dict(predict(model, *pairs[i]).evidence) for _ in range(3)]

    with ThreadPoolExecutor(THREADS) as pool:
        recorded = list(pool.map(run, range(THREADS)))
    for i, rounds in enumerate(recorded):
        for evidence in rounds:
            assert list(evidence) == tap_names(model)
            for name, tensor in evidence.items():
                torch.testing.assert_close(tensor, alone[i][name], atol=1e-4, rtol=1e-4)
                assert not torch.allclose(tensor, alone[(i + 1) % THREADS][name], atol=1e-4, rtol=1e-4)


class Interleaved(nn.Module):
    """Waits for every other thread between its taps: recordings are certainly open at the same time."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self.barrier, self.first, self.second = barrier, Tap("one.features"), Tap("two.features")

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        self.barrier.wait()
        return self.second(x + 1)


def test_recordings_that_are_open_at_once_stay_apart() -> None:
    shared = Interleaved(threading.Barrier(THREADS, timeout=30))

    def run(i: int) -> dict[str, Tensor]:
        with record() as evidence:
            shared(torch.full((1, 1, 1, 1), float(i)))
        return evidence

    with ThreadPoolExecutor(THREADS) as pool:
        recorded = list(pool.map(run, range(THREADS)))
    assert [e["one.features"].item() for e in recorded] == list(range(THREADS))
    assert [e["two.features"].item() for e in recorded] == [i + 1 for i in range(THREADS)]


def test_an_exception_ends_the_recording() -> None:
    network = nn.Sequential(Tap("one.features"), Tap("two.part_weights"))  # the second wants two dimensions
    with pytest.raises(ValueError, match="wants 2 dimensions"), record() as evidence:
        network(torch.ones(1, 1, 1, 1))
    network(torch.zeros(1, 1, 1, 1))
    assert list(evidence) == ["one.features"]
    assert evidence["one.features"].item() == 1


def test_recordings_nest() -> None:
    tap, x = Tap("one.features"), torch.ones(1, 1, 1, 1)
    with record() as outer:
        with record() as inner:
            tap(x)
        assert inner and not outer
        tap(x)
    assert outer


def test_a_tap_is_otherwise_invisible() -> None:
    tap, x = Tap("one.attn"), torch.ones(2)
    assert tap(x) is x
    assert not list(tap.parameters()) and not tap.state_dict()
    assert (kind_of(tap.name), "one.attn" in repr(tap)) == ("attn", True)


def test_what_does_not_belong_is_refused() -> None:
    with pytest.raises(ValueError, match="last word"):
        Tap("one.nose")
    for kind, dimensions in KINDS.items():
        with pytest.raises(ValueError, match="dimensions"), record():
            Tap(f"one.{kind}")(torch.ones((1,) * (dimensions + 1)))
    tap, x = Tap("one.features"), torch.ones(1, 1, 1, 1)
    with pytest.raises(ValueError, match="twice"), record():
        tap(tap(x))


def test_compiled_code_sees_no_tap() -> None:
    tap = Tap("one.features")
    compiled = torch.compile(lambda x: tap(x) * 2, backend="eager", fullgraph=True)
    with record() as evidence:
        assert compiled(torch.ones(1, 1, 1, 1)).item() == 2
    assert not evidence
