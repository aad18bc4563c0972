"""Looks of the page: system fonts only, so that nothing is fetched from anywhere."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils.fonts import Font

STYLES = [
    Path(__file__).with_name(name)
    for name in ("style.css", "kinship.css", "modes.css", "attention.css", "partial.css", "address.css")
]
HEAD = f"<style>{Path(__file__).with_name('page.css').read_text()}</style>" + "".join(
    f"<script>{Path(__file__).with_name(name).read_text()}</script>"
    for name in ("page.js", "keyboard.js", "addresses.js")
)
TEXT = tuple(
    Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
)
CODE = tuple(Font(name) for name in ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"))


def theme() -> gr.themes.Base:
    """Gradio's default theme in blue and slate, in the fonts of the reader's own system."""
    base = gr.themes.Default(primary_hue="blue", secondary_hue="slate", neutral_hue="slate", font=TEXT, font_mono=CODE)
    return base.set(  # the default's quiet text has a contrast of 2.6 : 1; WCAG AA asks for 4.5
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        link_text_color_dark="*primary_300",
        link_text_color_active_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
        # an unchecked box or circle is its outline alone: the default's 1.5 : 1 becomes at least 3 (WCAG 1.4.11)
        checkbox_border_color="*neutral_500",
        checkbox_border_color_hover="*neutral_700",
        checkbox_border_color_dark="*neutral_400",
        checkbox_border_color_hover_dark="*neutral_200",
    )
