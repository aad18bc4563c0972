"""Files that a button makes: their names, what the button says meanwhile, and how it is stopped."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

import app
from ui.shared import making


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/uploads/0a1b/obama_2012.jpg", "obama_2012"),
        ("Käthe Müller (1).png", "Kathe_Muller_1"),
        ("../../etc/passwd", "passwd"),
        ("/tmp/写真.jpg", "photo"),
        ("a" * 90 + ".jpg", "a" * 24),
    ],
)
def test_a_photo_is_named_without_its_folder(path: str, name: str) -> None:
    assert making.photo_name(path) == name


def test_a_file_says_what_it_is_about() -> None:
    assert making.file_name("kinship", "dlib_kin", "a b", "") == "kinsight-kinship-dlib_kin-a_b"


def test_a_file_lies_where_the_page_finds_it_and_nowhere_else() -> None:
    seen: list[Path] = []

    def write(path: Path) -> Path:
        seen.append(path)
        path.write_text("x")
        return path

    made = making.kept("kinsight-x.csv", write)
    assert Path(made).read_text() == "x" and Path(made).name == "kinsight-x.csv" and not seen[0].exists()


BUTTONS = {"report", "tri-report", "search-csv", "part-report", "arms-report", "kp-gif", "kp-report"}
BUTTONS |= {"expression-report"}


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return app.build()


def test_every_button_that_makes_a_file_says_so_at_once_and_can_be_stopped(page: gr.Blocks) -> None:
    ids = {block._id: str(getattr(block, "elem_id", "")) for block in page.blocks.values()}
    steps: dict[str, list] = {}
    for fn in page.fns.values():
        for block, event in fn.targets:
            if event == "click" and block is not None:
                steps.setdefault(ids[block], []).append(fn)
    assert {name.removesuffix("-file") for name in ids.values() if name.endswith("-file")} >= BUTTONS
    for name in BUTTONS:
        at_once, work = steps[name]
        assert at_once.fn is None and "ing the " in str(at_once.js) and "null" in str(at_once.js)
        assert any(fn.cancels == [work._id] for fn in steps[f"{name}-stop"])


def test_reading_and_encoding_a_gallery_can_be_stopped(page: gr.Blocks) -> None:
    ids = {block._id: str(getattr(block, "elem_id", "")) for block in page.blocks.values()}
    stops = [fn.cancels for fn in page.fns.values() for b, _ in fn.targets if b and ids[b] == "gallery-stop"]
    cancelled = {page.fns[i].api_name.rstrip("_0123456789") for stop in stops for i in stop or ()}
    assert cancelled == {"read_gallery", "encode_gallery"}


def test_a_file_is_fetched_only_where_there_is_one() -> None:
    assert making.FETCH.startswith("file => { if (file)")
