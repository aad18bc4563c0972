"""Values are made once, side by side, and the oldest go first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
import torch

from models.faces.face import FaceBatch
from ui.shared import answering
from ui.shared.held import Held, fingerprint

SECONDS = 20


def test_two_weights_load_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits inside load_model until the other one is there too: under one lock neither would ever come."""
    together = Barrier(2, timeout=SECONDS)

    def load(weight: str) -> str:
        together.wait()
        return f"network {weight}"

    monkeypatch.setattr(answering, "load_pair", load)
    monkeypatch.setattr(answering, "NETWORKS", Held(lambda: 2))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(answering.network, ["one", "two"])) == ["network one", "network two"]


def test_the_same_weight_loads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded, begun, go = [], Event(), Event()

    def load(weight: str) -> object:
        loaded.append(weight)
        begun.set()
        assert go.wait(SECONDS)
        return object()

    monkeypatch.setattr(answering, "load_pair", load)
    monkeypatch.setattr(answering, "NETWORKS", Held(lambda: 2))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(answering.network, "one") for _ in range(4)]
        assert begun.wait(SECONDS)
        go.set()
        assert len({id(a.result()) for a in asked}) == 1
    assert loaded == ["one"]


def test_every_weight_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round through all weights there are, twice: the second one loads nothing."""
    names, loaded = answering.available_weights(), []

    def load(weight: str) -> object:
        loaded.append(weight)
        return object()

    monkeypatch.setattr(answering, "load_pair", load)
    answering.NETWORKS.clear()
    for name in [*names, *names]:
        answering.network(name)
    answering.NETWORKS.clear()
    assert loaded == names and len(names) > 8


def test_the_least_recently_used_goes_first() -> None:
    made, held = [], Held[str](lambda: 2)

    def get(key: str) -> None:
        held.get(key, lambda: made.append(key) or key)  # type: ignore[func-returns-value]

    for key in ("a", "b", "a", "c", "a", "b"):
        get(key)
    assert made == ["a", "b", "c", "b"] and len(held) == 2


def test_a_failure_is_not_held() -> None:
    held = Held[int](lambda: 2)
    with pytest.raises(ZeroDivisionError):
        held.get("a", lambda: 1 // 0)
    assert held.get("a", lambda: 3) == 3


def test_a_fingerprint_tells_faces_apart() -> None:
    face = FaceBatch(torch.zeros(1, 3, 8, 8), torch.zeros(1, 5, 2))
    other = FaceBatch(face.image, face.keypoints + 0.01)
    assert fingerprint(face) == fingerprint(face.with_image(face.image.clone()))
    assert len({fingerprint(face), fingerprint(other), fingerprint(face.with_image(face.image + 1))}) == 3
