"""How a page gets its steps (Gradio's "dependencies"): as a list that Gradio's code in the browser does not watch.

It watches everything of the page for changes, and asks each component about each step before the page can be used,
which is slow through a watched list. Steps never change here. Svelte watches plain arrays and objects only, so the list
is of a class of its own. `python -m benchmarks.first_page` measures how long a page takes to come.
"""

from __future__ import annotations

from typing import Any

from gradio import routes
from markupsafe import Markup

UNWATCHED = Markup(
    "(page => (Object.setPrototypeOf(page.dependencies, (class Steps extends Array {{}}).prototype), page))({})"
)


def page_script(value: Any) -> Markup:
    """A value of Gradio's page template as JavaScript; of the page's configuration, the steps are not watched."""
    script = routes.toorjson(value)
    return UNWATCHED.format(script) if isinstance(value, dict) and value.get("dependencies") else script


def leave_steps_unwatched() -> None:
    """Serve pages of this process like that."""
    routes.templates.env.filters["toorjson"] = page_script
