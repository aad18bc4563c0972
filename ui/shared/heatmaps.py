"""Two maps side by side: their method, layer and opacity, and the picture of both."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from ui.shared.offering import MEASURED
from ui.shared.widgets import SESSION_SECONDS


class HeatmapViewer(NamedTuple):
    """Method, layer and opacity of two maps, and the picture of both.

    Attributes:
        stop: shown while a method that samples refines its maps.
    """

    method: gr.Dropdown
    layer: gr.Dropdown
    opacity: gr.Slider
    view: gr.HTML
    stop: gr.Button
    maps: gr.State


def heatmap_viewer() -> HeatmapViewer:
    """Pickers above, both faces below; filled by a tab's callbacks."""
    with gr.Row():
        method = gr.Dropdown(label="Method", info=MEASURED, interactive=True, scale=2, min_width=280, elem_id="method")
        layer = gr.Dropdown(label="Layer", interactive=True, min_width=200, visible=False, elem_id="layer")
        opacity = gr.Slider(
            0, 1, 0.5, step=0.05, label="Opacity of the map", min_width=180, elem_id="opacity", buttons=[]
        )
    view = gr.HTML(elem_id="maps", min_height=120)
    stop = gr.Button("Stop refining the map", size="sm", visible=False, elem_id="map-stop")
    return HeatmapViewer(method, layer, opacity, view, stop, gr.State(None, time_to_live=SESSION_SECONDS))
