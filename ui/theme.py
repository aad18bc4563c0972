"""Looks of the page: system fonts only, so that nothing is fetched from anywhere."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils.fonts import Font

STYLE = Path(__file__).with_name("style.css")
TEXT = tuple(
    Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
)
CODE = tuple(Font(name) for name in ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"))


def theme() -> gr.themes.Base:
    """Gradio's default theme in blue and slate, in the fonts of the reader's own system."""
    return gr.themes.Default(primary_hue="blue", secondary_hue="slate", neutral_hue="slate", font=TEXT, font_mono=CODE)
