"""The method that is shown unless another is asked for."""

from __future__ import annotations

import pytest

from explain import methods_for
from explain.report import first_method
from models import load_model


@pytest.mark.parametrize(("weight", "fast"), [("dlib_resnet", "occlusion"), ("expression", "grad_cam")])
def test_it_is_the_best_measured_of_those_that_do_not_sample(
    monkeypatch: pytest.MonkeyPatch, weight: str, fast: str
) -> None:
    model, asked = load_model(weight, "cpu"), []
    monkeypatch.setattr(first_method, "default_method", lambda name, offered: asked.append(name) or offered)
    offered = first_method.first_method(weight, model)
    assert asked == [weight] and fast in offered
    assert set(methods_for(model)) - set(offered) == {"dise", "corr_rise"} & set(methods_for(model))
