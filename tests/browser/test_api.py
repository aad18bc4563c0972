"""The endpoints for programs, on the running app."""

from __future__ import annotations

import json
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from models import detect_faces, open_photo, read_sidecar
from tests.ui.photos import EXAMPLES, bad_files, montage
from tests.ui.public import public_endpoints
from ui.kinship import tri_answers as triplet
from ui.shared import answering
from ui.shared.photos import take

pytestmark = pytest.mark.browser
A, B = EXAMPLES / "obama_2012.jpg", EXAMPLES / "biden_2010.jpg"


@pytest.fixture(scope="module")
def client(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app_url, verbose=False, download_files=str(tmp_path_factory.mktemp("client")))


@pytest.mark.parametrize("weight", ["dlib_kin", "dlib_resnet"])
def test_kin_score(client: Client, weight: str) -> None:
    said = client.predict(handle_file(str(A)), handle_file(str(B)), weight, api_name="/kin_score")
    row = read_sidecar(weight)
    wanted = answering.answer(take(str(A)), take(str(B)), weight)
    for name in ("score", "score_ab", "score_ba", "similarity"):
        assert said[name] == pytest.approx(getattr(wanted, name), abs=1e-5)
    assert (said["far"], said["tar"]) == row.rule.operating_points.at(row.rule.threshold)
    assert (
        said["weight_sha256"] == row.sha256 and said["model"] == row.model and said["threshold"] == row.rule.threshold
    )
    assert said["decision"] == answering.judge(wanted, row.rule.threshold).decision


def test_tri_score(client: Client) -> None:
    photos = [EXAMPLES / name for name in ("biden_2010.jpg", "hopper_1984.jpg", "obama_2012.jpg")]
    said = client.predict(*(handle_file(str(p)) for p in photos), "dlib_kin", api_name="/tri_score")
    wanted = triplet.answer(triplet.Family(*(take(str(p)) for p in photos)), "dlib_kin")
    assert said["score"] == pytest.approx(wanted.score, abs=1e-5)
    assert said["father_child"] == pytest.approx(wanted.father.pair.score, abs=1e-5)
    assert said["mother_child"] == pytest.approx(wanted.mother.pair.score, abs=1e-5)
    assert said["calibrated"] is wanted.calibrated and said["weight_sha256"] == read_sidecar("dlib_kin").sha256


def test_kin_search(client: Client, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(EXAMPLES / "hopper_1984.jpg", "in/hopper.jpg")
        archive.writestr("in/notes.txt", "no photo")
    gallery = [handle_file(str(p)) for p in (EXAMPLES / "obama_2009.jpg", packed)]
    said = client.predict(handle_file(str(A)), gallery, "dlib_resnet", api_name="/kin_search")
    assert [(row["rank"], row["file"]) for row in said["ranking"]] == [(1, "obama_2009.jpg"), (2, "in/hopper.jpg")]
    wanted = answering.answer(take(str(A)), take(str(EXAMPLES / "obama_2009.jpg")), "dlib_resnet")
    assert said["ranking"][0]["score"] == pytest.approx(wanted.score, abs=1e-5)
    assert [row["file"] for row in said["skipped"]] == ["in/notes.txt"] and said["faces"] == 2


def test_detect(client: Client, tmp_path: Path) -> None:
    six = tmp_path / "six.jpg"
    montage().save(six, quality=92)
    said = client.predict(handle_file(str(six)), api_name="/detect")
    assert (said["width"], said["height"], len(said["faces"])) == (1080, 900, 6)
    for got, face in zip(said["faces"], detect_faces(open_photo(six)), strict=True):
        assert got["box"] == pytest.approx(face.box.tolist(), abs=0.01)
        assert len(got["keypoints"]) == 5 and "px" in got["quality"]


def test_errors_are_in_the_users_words(client: Client, tmp_path: Path) -> None:
    for words, path in bad_files(tmp_path).items():
        with pytest.raises(Exception, match=words):
            client.predict(handle_file(str(path)), handle_file(str(B)), "dlib_kin", api_name="/kin_score")
    with pytest.raises(Exception, match="not in the list"):
        client.predict(handle_file(str(A)), handle_file(str(B)), "../../secret", api_name="/kin_score")


def post(url: str, values: list[Any]) -> str:
    """One raw call of /kin_score; the text of its event stream."""
    body = json.dumps({"data": values}).encode()
    call = urllib.request.Request(url + "gradio_api/call/kin_score", body, {"Content-Type": "application/json"})
    event = json.loads(urllib.request.urlopen(call, timeout=30).read())["event_id"]
    return urllib.request.urlopen(f"{url}gradio_api/call/kin_score/{event}", timeout=60).read().decode()


def test_files_that_were_not_uploaded_are_refused(app_url: str) -> None:
    own = {"path": str(A), "meta": {"_type": "gradio.FileData"}}
    said = post(app_url, [own, own, "dlib_kin"])
    assert "event: error" in said and "score" not in said


def test_only_scoring_is_offered_to_mcp(app_url: str) -> None:
    tools = json.loads(urllib.request.urlopen(app_url + "gradio_api/mcp/schema", timeout=30).read())
    assert sorted(t["name"] for t in tools) == sorted(public_endpoints())
    assert all("proof of kinship" in t["description"] for t in tools[:4])
    expression = "face_expression"
    assert all("no proof of identity" in t["description"] for t in tools[4:] if t["name"] != expression)
    assert all("not for decisions about people" in t["description"] for t in tools if t["name"] == expression)
    assert tools[3]["inputSchema"]["required"] == ["probe", "gallery"]
    schema = tools[0]["inputSchema"]
    assert schema["required"] == ["photo_a", "photo_b"]
    assert schema["properties"]["model"]["enum"] == answering.pair_weights()
    assert all(schema["properties"][p]["description"] for p in ("photo_a", "photo_b", "model"))
    assert "no proof" in tools[0]["description"]
