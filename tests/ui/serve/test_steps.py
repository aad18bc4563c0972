"""Steps reach the browser whole. What is left out there: tests/browser/test_first_screen.py and test_partial.py."""

from __future__ import annotations

import json

import pytest
from gradio import routes

from ui.serve.steps import lighten_steps, page_script

STEPS = [{"id": 0, "targets": [[1, "click"]], "js": "() => '</script>{}'", "show_progress": "full", "inputs": [1]}]


def test_the_page_keeps_its_values_and_nothing_ends_the_script() -> None:
    script = str(page_script({"dependencies": STEPS, "title": "{}"}))
    before, inside = script.split("})({", 1)
    assert json.loads("{" + inside.removesuffix(")")) == {"dependencies": STEPS, "title": "{}"}
    assert "</script>" not in script and "{{" not in before and "class Steps extends Array {}" in before


@pytest.mark.parametrize("value", [{"named_endpoints": {}}, {"auth_required": True}, {"dependencies": []}, None])
def test_other_values_are_as_gradio_writes_them(value: object) -> None:
    assert page_script(value) == routes.toorjson(value)


def test_the_template_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(routes.templates.env.filters, "toorjson", routes.toorjson)
    lighten_steps()
    template = routes.templates.env.from_string("<script>window.gradio_config = {{ config | toorjson }};</script>")
    assert "class Steps" in template.render(config={"dependencies": STEPS})
