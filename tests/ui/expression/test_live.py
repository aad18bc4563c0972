"""Frames of a camera through the page's own checks: decoded apart, answered, and nothing of them kept."""

from __future__ import annotations

import base64
import io
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.data_classes import ImageData
from gradio.state_holder import SessionState
from PIL import Image

import app
from explain import EXPLAINERS
from explain.core.measured import Measured
from explain.expression.live import METHOD
from models import PhotoError
from models.faces import decoder
from tests import coroutines
from tests.ui.expression.untrained import write_expression_weight
from tests.ui.photos import EXAMPLES
from ui.expression import answers as telling
from ui.expression import live
from ui.expression.live import PREFIX, Pace
from ui.shared import answering


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    def forget() -> None:
        answering.sidecar.cache_clear()
        telling.NETWORKS.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINSIGHT_WEIGHTS", str(write_expression_weight(tmp_path_factory.mktemp("weights"))))
        forget()
        yield
    forget()


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    return (EXAMPLES / "obama_2012.jpg").read_bytes()


def uri(data: bytes) -> str:
    return PREFIX + base64.b64encode(data).decode()


def test_a_frame_is_answered_and_the_pace_measured(jpeg: bytes) -> None:
    pace, first = live.frame(jpeg, "expression", "leading", None)
    assert pace.followed is not None and pace.per_second == 0 and "data-leading" in first and "<img" in first
    pace, second = live.frame(jpeg, "expression", "fear", pace)
    assert pace.per_second > 0 and "data-target='fear'" in second and f"data-pace='{pace.per_second:.2f}'" in second
    shares = [float(v.split("'")[0]) for v in second.split("data-share='")[1:]]
    assert len(shares) == 8 and sum(shares) == pytest.approx(1, abs=1e-5)
    assert len(pickle.dumps(pace)) < 1000


def test_the_pace_is_a_running_mean_that_starts_anew_after_a_gap() -> None:
    now = time.monotonic()
    assert live.paced(Pace(None, now - 0.1, 0.0), now) == pytest.approx(10, rel=0.01)
    assert live.paced(Pace(None, now - 0.1, 5.0), now) == pytest.approx(6, rel=0.01)
    assert live.paced(Pace(None, now - 9, 5.0), now) == 0 == live.paced(Pace(), now)


def test_without_a_face_or_a_weight_it_says_so() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), "#889").save(buffer, "JPEG")
    pace, shown = live.frame(buffer.getvalue(), "expression", "leading", Pace())
    assert pace.followed is None and "No face in sight" in shown
    assert "No weight" in live.frame(buffer.getvalue(), None, "leading", Pace())[1]


@pytest.mark.parametrize("sent", [None, b"", b"no picture", b"\xff\xd8\xff" + b"0" * 400])
def test_what_is_no_frame_is_refused_in_words(sent: bytes | None) -> None:
    pace, shown = live.frame(sent, "expression", "leading", Pace(at=1.0))
    assert pace == Pace() and "ks-error" in shown


def test_frames_are_decoded_by_the_process_for_strangers_photos(jpeg: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    read = decoder.Decoder.read

    def counted(self: Any, descriptor: int, most: int, *others: Any) -> Any:
        asked.append(most)
        return read(self, descriptor, most, *others)

    monkeypatch.setattr(decoder.Decoder, "read", counted)
    assert live.decoded(jpeg).shape[2] == 3 and asked == [live.MAX_PIXELS]
    large = io.BytesIO()
    Image.new("RGB", (4000, 3000)).save(large, "JPEG")
    with pytest.raises(PhotoError, match="more than 2 million pixels"):
        live.decoded(large.getvalue())


def test_only_a_jpeg_in_the_event_itself_is_taken(jpeg: bytes) -> None:
    assert live.bytes_of(ImageData(url=uri(jpeg))) == jpeg
    for wrong in (
        "http://example.org/a.jpg",
        "/etc/passwd",
        uri(jpeg).replace("jpeg", "png"),
        PREFIX + "no base64!",
        PREFIX + "A" * (4 * live.MOST_BYTES // 3 + 8),
    ):
        assert live.bytes_of(ImageData(url=wrong)) is None
    assert live.bytes_of(None) is None and live.bytes_of(ImageData(path="/etc/passwd")) is None


@pytest.fixture(scope="module")
def page() -> gr.Blocks:
    return app.build()


def stream_of(page: gr.Blocks) -> Any:
    (found,) = [fn for fn in page.fns.values() if fn.connection == "stream"]
    return found


def test_a_stream_has_its_own_places_and_an_end(page: gr.Blocks) -> None:
    stream = stream_of(page)
    assert (stream.concurrency_id, stream.concurrency_limit, stream.time_limit) == ("live", 2, live.LIVE_SECONDS)
    assert stream.api_visibility == "private"


def test_nothing_of_a_frame_stays_in_the_session_or_on_disk(page: gr.Blocks, jpeg: bytes) -> None:
    stream, session = stream_of(page), SessionState(page)
    uploads = Path(gr.utils.get_upload_folder())
    before = set(uploads.rglob("*"))
    inputs = [{"url": uri(jpeg)}, "expression", "leading", None]
    done = coroutines.run(page.process_api(stream, inputs, state=session, session_hash=""))
    assert "data-leading" in done["data"][1] and set(uploads.rglob("*")) == before
    piece = base64.b64encode(jpeg).decode()[1000:1100]
    kept = {**session.config_values, **session.state_data}
    assert [key for key, value in kept.items() if piece in repr(value)] == []
    assert session.config_values[stream.inputs[0]._id]["props"]["value"] == {}


def test_a_frame_cannot_name_a_file(page: gr.Blocks) -> None:
    """A path in a frame is checked as every path is."""
    stream = stream_of(page)
    inputs = [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "expression", "leading", None]
    asked = page.process_api(stream, inputs, state=SessionState(page), session_hash="")
    with pytest.raises(gr.Error, match="not uploaded here"):
        coroutines.run(asked)


def test_what_is_known_of_the_map_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    title = EXPLAINERS[METHOD].title
    monkeypatch.setattr(live, "measured", lambda _: {METHOD: Measured(METHOD, 0.44, (0.31, 0.58), 50, 0.1, "faces")})
    assert live.how_good("expression") == f"{title}, which beats a random order on 44 % of 50 faces. A hint, no proof."
    monkeypatch.setattr(live, "measured", lambda _: {METHOD: Measured(METHOD, 0.9, (0.8, 0.95), 50, 0.1, "faces")})
    assert live.how_good("expression") == f"{title}, which beats a random order on 90 % of 50 faces."
    monkeypatch.setattr(live, "measured", lambda _: {})
    assert live.how_good("expression") == live.how_good(None) == title
