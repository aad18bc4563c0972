"""Numbers beyond a slider's range and files of any kind reach the callbacks instead of an error of Gradio's."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from gradio.data_classes import FileData, ListFiles
from gradio.state_holder import SessionState

import app
from tests.coroutines import run
from ui.shared import theme
from ui.shared.tools import Page
from ui.shared.widgets import file_image, file_list


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return app.build()


def test_every_slider_takes_a_number_beyond_its_range_as_its_end(page: gr.Blocks) -> None:
    sliders = [b for b in page.blocks.values() if isinstance(b, gr.Slider)]
    assert len(sliders) > 10
    for slider in sliders:
        assert slider.preprocess(500.0) == slider.maximum and slider.preprocess(-500.0) == slider.minimum
        assert slider.preprocess(None) == slider.minimum  # type: ignore[arg-type]
    assert gr.Slider(0, 1, step=0.1).preprocess(0.3) == 0.3


def test_a_slider_that_was_updated_keeps_to_its_new_range() -> None:
    """Gradio makes a new one of the same class for the session."""
    app.keep_sliders_in_range()
    before = gr.Slider(1, 14, 1, step=1)
    after = type(before)(**{**before.constructor_args, "maximum": 7})
    assert after.preprocess(14) == 7


def test_files_of_any_kind_reach_the_callback(tmp_path: Path) -> None:
    pdf = tmp_path / "scan.pdf"
    pdf.write_bytes(b"%PDF-1.7")
    files = file_list(file_types=["image", ".zip"])
    assert files.preprocess(ListFiles(root=[FileData(path=str(pdf))])) == [str(pdf)]
    assert files.preprocess(None) is None


def test_a_reader_of_uploads_outlives_an_update(tmp_path: Path) -> None:
    """Gradio makes a new component of what was updated; an upload that is no image still reaches the callback."""
    bad = tmp_path / "words.jpg"
    bad.write_text("no image")
    with Page() as blocks:
        image, said = file_image(), gr.Textbox()
        image.change(lambda path: path, image, said)
    (function,), state = blocks.fns.values(), SessionState(blocks)
    state[image._id] = type(image)(**{**image.constructor_args, "height": 200})
    given = [FileData(path=str(bad)).model_dump()]
    found = run(blocks.preprocess_data(function, given, state, True))
    assert Path(found[0]).name == "words.jpg"


def test_the_page_has_the_script_that_keeps_what_is_typed_in_range() -> None:
    assert 'input[type="range"]' in theme.HEAD
