"""Steps reach the browser in a list that it does not watch; those that show no progress name no component for it."""

from __future__ import annotations

import json

import pytest
from gradio import routes

from ui.serve.steps import lighten_steps, page_script

SHOWN = {"id": 0, "targets": [[1, "click"]], "js": "() => '</script>{}'", "show_progress": "full", "outputs": [1]}
SILENT = {"id": 1, "targets": [[1, "click"]], "show_progress": "hidden", "show_progress_on": None, "outputs": [1, 2]}
STEPS = [SHOWN, SILENT]


def test_the_page_keeps_its_values_and_nothing_ends_the_script() -> None:
    script = str(page_script({"dependencies": STEPS, "title": "{}"}))
    before, after = script.split("({", 1)[0], script.rsplit("})", 1)[1]
    inside = script[len(before) + 1 : len(script) - len(after) - 1]
    assert json.loads(inside) == {"dependencies": [SHOWN, {**SILENT, "show_progress_on": []}], "title": "{}"}
    assert SILENT["show_progress_on"] is None  # the page of the next visitor is made of the same steps
    assert "</script>" not in script and "{{" not in before and "Steps extends Array {}" in before


@pytest.mark.parametrize("value", [{"named_endpoints": {}}, {"auth_required": True}, {"dependencies": []}, None])
def test_other_values_are_as_gradio_writes_them(value: object) -> None:
    assert page_script(value) == routes.toorjson(value)


def test_the_template_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(routes.templates.env.filters, "toorjson", routes.toorjson)
    lighten_steps()
    template = routes.templates.env.from_string("<script>window.gradio_config = {{ config | toorjson }};</script>")
    assert "class Steps" in template.render(config={"dependencies": STEPS})
