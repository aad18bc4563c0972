"""How a page gets its steps (Gradio's "dependencies"): what Gradio's code in the browser need not do is left out.

It watches everything of the page for changes, and asks each component about each step before the page can be used,
which is slow through a watched list. Steps never change here. Svelte watches plain arrays and objects only, so the list
is of a class of its own.

Whenever a step begins, goes on or ends, it tells so to every component that any step took in or put out so far, and
each of them reads its own value for that: the picture editor takes six pictures of itself and uploads them. A step that
shows no progress has nothing to tell, so it names no component for it. What a step takes in hears of it only where the
step is a stream, as a camera's, which is shut that way; the inputs of all others say of each component that it is not
among them, which is all they are asked for that purpose.

`python -m benchmarks.first_page` measures how long a page takes to come.
"""

from __future__ import annotations

from typing import Any

from gradio import routes
from markupsafe import Markup

LIGHT = Markup(
    """(page => {{
  class Steps extends Array {{}}
  class Inputs extends Array {{
    includes() {{ return false; }}
    static get [Symbol.species]() {{ return Array; }}
  }}
  for (const step of page.dependencies) {{
    if (step.show_progress === "hidden") step.show_progress_on = [];
    if (step.connection !== "stream") Object.setPrototypeOf(step.inputs, Inputs.prototype);
  }}
  Object.setPrototypeOf(page.dependencies, Steps.prototype);
  return page;
}})({})"""
)


def page_script(value: Any) -> Markup:
    """A value of Gradio's page template as JavaScript; a page's configuration with its steps as said above."""
    script = routes.toorjson(value)
    return LIGHT.format(script) if isinstance(value, dict) and value.get("dependencies") else script


def lighten_steps() -> None:
    """Serve pages of this process like that."""
    routes.templates.env.filters["toorjson"] = page_script
