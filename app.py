"""Kinsight: what did the face model look at? Builds the page and serves it on this machine.

python app.py                                     http://127.0.0.1:7860
GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=8080 python app.py

What a server for others needs besides: docs/security.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from ui.serve.folder import PrivateFolder

# Before gradio is imported: no telemetry, no statistics of who asked for what (made anew after every event, at a cost
# that grows with their number), and a private folder for uploads that ends with the process.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(sys.maxsize)
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
FOLDER = PrivateFolder()
if __name__ == "__main__":
    FOLDER.end_on_signals()  # imports take seconds

import gradio as gr  # noqa: E402

from ui.attention import api as attention_api  # noqa: E402
from ui.attention import page as attention  # noqa: E402
from ui.expression import api as expression_api  # noqa: E402
from ui.expression import page as expression  # noqa: E402
from ui.keypoints import api as keypoints_api  # noqa: E402
from ui.keypoints import page as keypoints  # noqa: E402
from ui.kinship import api as kinship_api  # noqa: E402
from ui.kinship import modes as kinship  # noqa: E402
from ui.models import page as models  # noqa: E402
from ui.partial import api as partial_api  # noqa: E402
from ui.partial import page as partial  # noqa: E402
from ui.serve.launch import serve  # noqa: E402
from ui.serve.uploads import GuardedBlocks  # noqa: E402
from ui.shared.addresses import Place  # noqa: E402
from ui.shared.answering import trained  # noqa: E402
from ui.shared.examples import first_example  # noqa: E402
from ui.shared.moves import BAR, START, wire  # noqa: E402
from ui.shared.photos import forget  # noqa: E402
from ui.shared.widgets import SESSION_SECONDS, keep_sliders_in_range  # noqa: E402


class TabEntry(NamedTuple):
    """A use: what lays its tab out, the models it cannot do without, what its first opening starts, its endpoints.

    Without a weight for each of `needs` there is no such tab. `opened` gets the tab and what `build` returned; `places`
    gets the latter and says what addresses can name of the tab. Without it they name the tab alone.
    """

    build: Callable[[], Any]
    needs: tuple[str, ...] = ()
    opened: Callable[[gr.Tab, Any], None] | None = None
    api: Callable[[], None] | None = None
    places: Callable[[Any], list[Place]] | None = None


def one_place(page: Any) -> list[Place]:
    """Of a tab without inner tabs."""
    return [page.here]


TABS = {
    "Kinship": TabEntry(kinship.build, api=kinship_api.build, places=list),
    "Partial face": TabEntry(partial.build, partial.NEEDS, partial.opened, partial_api.build, one_place),
    "Attention": TabEntry(attention.build, attention.NEEDS, attention.opened, attention_api.build, one_place),
    "Keypoints": TabEntry(keypoints.build, keypoints.NEEDS, keypoints.opened, keypoints_api.build, one_place),
    "Expression": TabEntry(expression.build, (), expression.opened, expression_api.build, lambda tab: tab.places),
    "Models": TabEntry(models.build, places=lambda place: [place]),
}
TITLE = f"""<header class='ks-title'><a class='ks-skip' href='#answer'>Skip to the answer</a><div><h1>Kinsight</h1>
<p>What face recognition models answer about a photo, and which parts of the face their answers rest on.</p></div>{BAR}
</header>"""


def build() -> gr.Blocks:
    """The page: a tab a use, and the endpoints for programs."""
    keep_sliders_in_range()
    with GuardedBlocks(title="Kinsight", analytics_enabled=False, delete_cache=(600, SESSION_SECONDS)) as page:
        header = gr.HTML(TITLE, js_on_load=START)
        note, rooms = gr.HTML(visible=False, elem_id="address-note"), []
        with gr.Tabs(overflow_behavior="wrap") as tabs:  # on a phone all can be seen
            for name, entry in TABS.items():
                if trained(entry.needs):
                    with gr.Tab(name, id=name.lower()) as tab:
                        laid_out = entry.build()
                    if entry.opened:
                        entry.opened(tab, laid_out)
                    rooms.append((tab, entry.places(laid_out) if entry.places else [Place(name.lower(), name)]))
        wire(header, note, tabs, rooms)
        with gr.Column(visible=False):
            for entry in TABS.values():
                if entry.api:
                    entry.api()
        page.unload(forget)
    page.queue(max_size=64, api_open=False)
    return page


if __name__ == "__main__":
    serve(build, FOLDER, first_example)
