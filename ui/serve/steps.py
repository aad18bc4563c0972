"""How a page gets its steps (Gradio's "dependencies"): what Gradio's code in the browser need not do is left out.

It watches everything of the page for changes, and asks each component about each step before the page can be used,
which is slow through a watched list. Steps never change here. Svelte watches plain arrays and objects only, so the list
is of a class of its own.

Whenever a step begins, goes on or ends, it tells so to every component that any step has put out so far, and each reads
its own value for that: the picture editor takes six pictures of itself and uploads them. A step that shows no progress
has nothing to tell, so it names no component. `python -m benchmarks.first_page` measures how long a page takes to come.
"""

from __future__ import annotations

from typing import Any

from gradio import routes
from markupsafe import Markup

UNWATCHED = Markup(
    "(page => (Object.setPrototypeOf(page.dependencies, (class Steps extends Array {{}}).prototype), page))({})"
)


def page_script(value: Any) -> Markup:
    """A value of Gradio's page template as JavaScript; a page's configuration with its steps as said above."""
    if not (isinstance(value, dict) and value.get("dependencies")):
        return routes.toorjson(value)
    steps = [{**step, "show_progress_on": []} if _silent(step) else step for step in value["dependencies"]]
    return UNWATCHED.format(routes.toorjson({**value, "dependencies": steps}))


def _silent(step: dict[str, Any]) -> bool:
    return step["show_progress"] == "hidden"


def lighten_steps() -> None:
    """Serve pages of this process like that."""
    routes.templates.env.filters["toorjson"] = page_script
