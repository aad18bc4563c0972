"""A few tasks at once, each for its time; outside of a task nothing waits and nothing ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import numpy as np
import pytest
import torch

from models import create_model, detect_faces, list_models, running
from models.running import BusyError, StoppedError, TooLongError, at_once, step, task
from models.taps import Tap


@pytest.fixture(autouse=True)
def two_turns() -> Iterator[None]:
    at_once(2)
    yield
    at_once(running.AT_ONCE)


def test_outside_of_a_task_a_step_is_nothing() -> None:
    at_once(1)
    with task(100):
        step()
        with ThreadPoolExecutor(1) as pool:  # no context of a task
            pool.submit(step).result(5)


def test_so_many_have_a_turn_and_the_next_waits_for_one_that_ends() -> None:
    begun, go, order = [threading.Event() for _ in range(2)], threading.Event(), []

    def held(number: int) -> None:
        with task(100):
            step()
            begun[number].set()
            assert go.wait(20)
            order.append("ended")

    def third() -> None:
        with task(100, patience=20):
            step()
            order.append("begun")

    with ThreadPoolExecutor(3) as pool:
        first = [pool.submit(held, i) for i in range(2)]
        assert all(b.wait(20) for b in begun)
        with pytest.raises(BusyError, match="busy"), task(100, patience=0.05):
            step()
        last = pool.submit(third)
        go.set()
        for done in (*first, last):
            done.result(20)
    assert order[0] == "ended" and "begun" in order


def test_a_task_within_a_task_takes_no_second_turn() -> None:
    at_once(1)
    with task(100, patience=0):
        step()
        with task(0, patience=0):
            step()
        step()
        copy_context().run(step)  # as Gradio's threads do
    with task(100, patience=0):  # and it was given back
        step()


def test_what_goes_on_after_its_task_has_ended_is_stopped_and_takes_no_turn() -> None:
    at_once(1)
    with task(100, patience=0):
        left = copy_context()
    with pytest.raises(StoppedError, match="stopped"):
        left.run(step)
    with task(100, patience=0):
        step()


def test_a_turn_is_given_back_after_an_error() -> None:
    at_once(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), task(100, patience=0):
            _fail()


def _fail() -> None:
    step()
    raise ZeroDivisionError


def test_a_task_without_networks_takes_no_turn() -> None:
    at_once(1)
    with task(100):
        step()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(_redraw).result(5) == "drawn"


def _redraw() -> str:
    with task(100, patience=0):
        return "drawn"


def test_time_is_counted_from_the_turn() -> None:
    with task(0):
        step()
        with pytest.raises(TooLongError, match="more than 0 seconds"):
            step()


@pytest.mark.parametrize("name", [n for n in list_models() if not n.endswith(".paper")])
def test_every_network_takes_steps(name: str) -> None:
    model = create_model(name).eval()
    image = torch.zeros(1, 3, model.spec.size, model.spec.size)
    points = torch.as_tensor(model.spec.points(), dtype=torch.float32)[None] / model.spec.size
    with torch.no_grad(), task(0):
        step()
        with pytest.raises(TooLongError):
            model.encode(image, points)


def test_detection_takes_steps() -> None:
    with task(0):
        step()
        with pytest.raises(TooLongError):
            detect_faces(np.zeros((64, 64, 3), np.uint8))


def test_a_tap_hands_on_the_very_tensor() -> None:
    x = torch.zeros(1, 2, 3, 3)
    with task(100):
        assert Tap("a.features")(x) is x
