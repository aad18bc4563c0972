"""The child process that decodes: the same pixels and words, and limits that hold."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.faces import decoder, photo
from models.faces.decoder import open_untrusted, read_untrusted
from models.faces.photo import PhotoError, open_photo, read_photo
from tests.ui.photos import EXAMPLES
from ui.kinship import api as kinship
from ui.partial import placing

CASES = Path(__file__).parent / "cases"
pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no memfd")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch):
    child = decoder.Decoder()
    monkeypatch.setattr(decoder, "_DECODER", child)
    monkeypatch.delenv("KINSIGHT_DECODER", raising=False)
    yield child
    child.stop()


@pytest.mark.parametrize("name", ["01_phone.jpg", "05_nan.tif", "10_pages.tif"])
def test_pixels_and_notes_are_those_of_read_photo(name: str) -> None:
    here, there = read_photo(CASES / name), read_untrusted(CASES / name)
    assert np.array_equal(here.pixels, there.pixels) and here.note == there.note
    assert np.array_equal(open_untrusted((CASES / name).read_bytes()), here.pixels)
    there.pixels[0, 0] = 7  # writeable, and private
    assert np.array_equal(open_untrusted(CASES / name), here.pixels)


@pytest.mark.parametrize("source", [CASES / "07_m132.png", CASES / "26_img-2-1.jpg", CASES, "nowhere.jpg", None, b""])
def test_words_are_those_of_open_photo(source: object) -> None:
    with pytest.raises(PhotoError) as here:
        open_photo(source)
    with pytest.raises(PhotoError) as there:
        open_untrusted(source)
    assert str(there.value) == str(here.value)


def test_the_child_stays_and_another_follows_it(fresh: decoder.Decoder) -> None:
    open_untrusted(CASES / "01_phone.jpg")
    first = fresh._process
    open_untrusted(CASES / "01_phone.jpg")
    assert fresh._process is first and first is not None
    first.kill()
    first.wait()
    assert open_untrusted(CASES / "01_phone.jpg").shape == (320, 256, 3)
    assert fresh._process is not first


def test_a_decoder_that_dies_costs_one_photo(fresh: decoder.Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    serve = "serve(int(sys.argv[2]))"
    dies = "import os, socket; socket.socket(fileno=int(sys.argv[2])).recv(9); os._exit(1)"
    with monkeypatch.context() as patch:
        patch.setattr(decoder, "_START", decoder._START.replace(serve, dies))
        with pytest.raises(PhotoError, match="its decoder failed"):
            open_untrusted(CASES / "01_phone.jpg")
    assert open_untrusted(CASES / "01_phone.jpg").shape == (320, 256, 3)


def test_a_photo_that_takes_too_long_ends_the_child(fresh: decoder.Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    open_untrusted(CASES / "01_phone.jpg")
    process = fresh._process
    assert process is not None
    with monkeypatch.context() as patch:  # the child after it has the time that a busy machine takes to start it
        patch.setattr(decoder, "PATIENCE", 0.2)
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(PhotoError, match="more than 8 seconds"):
            open_untrusted(CASES / "01_phone.jpg")
    assert process.poll() == -9
    assert open_untrusted(CASES / "01_phone.jpg").shape == (320, 256, 3)


BUSY = """
import os, socket, time
link = socket.socket(fileno=int(sys.argv[2]))
_, got, _, _ = socket.recv_fds(link, 4096, 1)
end = {clock}() + {seconds}
while {clock}() < end:
    {work}
link.send(b'{{"error": "read at last"}}')
"""


@pytest.mark.parametrize(
    ("clock", "seconds", "work", "words"),
    [("time.process_time", 60, "pass", "more than 8 seconds"), ("time.monotonic", 2, "time.sleep(0.1)", "at last")],
)
def test_only_processor_time_counts(
    fresh: decoder.Decoder, monkeypatch: pytest.MonkeyPatch, clock: str, seconds: int, work: str, words: str
) -> None:
    """A photo whose decoder works too long is refused; one whose decoder has to wait is not."""
    program = "import sys\n" + BUSY.format(clock=clock, seconds=seconds, work=work)
    monkeypatch.setattr(decoder, "_START", program)
    monkeypatch.setattr(decoder, "SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(PhotoError, match=words):
        open_untrusted(CASES / "01_phone.jpg")
    assert time.monotonic() - start < 25


def test_memory_is_bounded(fresh: decoder.Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        decoder,
        "_START",
        decoder._START.replace(
            "serve(int", "from models.faces import decoder\ndecoder.MEMORY = 400_000_000\nserve(int"
        ),
    )
    assert open_untrusted(CASES / "01_phone.jpg").shape == (320, 256, 3)
    with pytest.raises(PhotoError, match=r"more memory than there is|decoder failed"):
        open_untrusted(CASES / "07_m132.png", 200_000_000)
    assert open_untrusted(CASES / "01_phone.jpg").shape == (320, 256, 3)


def test_inline_starts_no_process(fresh: decoder.Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINSIGHT_DECODER", "inline")
    assert open_untrusted(CASES / "01_phone.jpg").shape == (320, 256, 3)
    assert fresh._process is None


def test_the_page_and_its_endpoints_decode_nothing_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def here(*_: object, **__: object) -> None:
        raise AssertionError("decoded in this process")

    blank, portrait = tmp_path / "blank.png", tmp_path / "face.jpg"
    Image.new("RGB", (300, 400), "#889").save(blank)
    portrait.write_bytes((EXAMPLES / "biden_2010.jpg").read_bytes())
    monkeypatch.setattr(photo, "decode", here)
    with pytest.raises(AssertionError):
        photo.open_photo(blank)
    assert placing.take_any(str(blank))[1] is False and placing.take_any(str(portrait))[1] is True
    found = kinship.detect(str(portrait))
    assert (found["width"], found["height"]) == Image.open(portrait).size and len(found["faces"]) == 1
