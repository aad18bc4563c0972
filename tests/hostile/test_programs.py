"""Every tool and endpoint as a program calls it: a real MCP client over HTTP, and gradio_client, on a running app."""

from __future__ import annotations

import base64
import json
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from explain.report.command import parser as report_parser
from explain.search.ranking import parser as search_parser
from models import default_model, detect_faces, load_pair, open_photo, predict, read_sidecar
from models.search.index import Index
from tests import coroutines
from ui.serve.paths import REFUSED

EXAMPLES = Path(__file__).parents[2] / "ui" / "examples"
A, B = EXAMPLES / "obama_2012.jpg", EXAMPLES / "obama_2009.jpg"
TOOLS = {
    "kin_score", "kin_parts", "tri_score", "kin_search", "index_search",
    "partial_face", "compare_attention", "moved_face", "face_expression",
}  # fmt: skip


@pytest.fixture(scope="module")
def tools(url: str) -> dict[str, Any]:
    """Name -> tool, as a client lists them."""
    return {tool.name: tool for tool in coroutines.run(session(url, lambda s: s.list_tools())).tools}


async def session(url: str, work: Callable[[ClientSession], Any]) -> Any:
    async with (
        streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as opened,
    ):
        await opened.initialize()
        return await work(opened)


def called(url: str, name: str, **arguments: Any) -> tuple[bool, str]:
    """(is it an error, the text) of a call."""
    said = coroutines.run(session(url, lambda s: s.call_tool(name, arguments)))
    return bool(said.isError), said.content[0].text


def answered(url: str, name: str, **arguments: Any) -> dict[str, Any]:
    failed, text = called(url, name, **arguments)
    assert not failed, text
    found: dict[str, Any] = json.loads(text)
    return found


def data_uri(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def upload(url: str, path: Path) -> str:
    """POST /gradio_api/upload as the README says -> the path it returns."""
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}gradio_api/upload", body, kind), timeout=60) as reply:
        return str(json.load(reply)[0])


def wanted_score() -> float:
    faces = [detect_faces(open_photo(path))[0] for path in (A, B)]
    return predict(load_pair("dlib_kin", "cpu"), *faces).score


def test_every_tool_is_listed_and_called_here(tools: dict[str, Any]) -> None:
    assert set(tools) == TOOLS


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_a_schema_holds_by_itself(tools: dict[str, Any], name: str) -> None:
    schema = tools[name].inputSchema
    assert "$ref" not in json.dumps(schema) and "$defs" not in json.dumps(schema)
    assert all(row.get("description") for row in schema["properties"].values())
    fewest = 1 if name == "face_expression" else 4  # one weight tells expressions
    for word in ("occluder", "method", "part", "model"):
        if word in schema["properties"]:
            assert len(schema["properties"][word]["enum"]) >= fewest and schema["properties"][word]["default"]
    assert "Returns: " in tools[name].description and "data URI" in tools[name].description


def test_help_is_whole(tools: dict[str, Any]) -> None:
    part = tools["partial_face"].inputSchema["properties"]["part"]["description"]
    assert part.endswith("sunglasses or mask are worn.")
    assert "similarity (number): cosine from -1 to 1" in tools["kin_score"].description
    assert tools["compare_attention"].inputSchema["required"] == ["photo"]
    assert tools["compare_attention"].inputSchema["properties"]["other"]["type"] == ["string", "null"]


@pytest.mark.parametrize("form", [lambda url, path: data_uri(path), upload])
def test_kin_score(url: str, form: Callable[[str, Path], str]) -> None:
    said = answered(url, "kin_score", photo_a=form(url, A), photo_b=form(url, B), model="dlib_kin")
    assert said["score"] == pytest.approx(wanted_score(), abs=1e-5)


def test_kin_parts(url: str) -> None:
    said = answered(url, "kin_parts", photo_a=data_uri(A), photo_b=data_uri(B), model="dlib_kin")
    assert [part["face"] for part in said["parts"]] == ["a", "b"] and len(said["words"]) == 2
    for part, words in zip(said["parts"], said["words"], strict=True):
        assert sum(part["shapley"].values()) == pytest.approx(part["whole"] - part["empty"], abs=1e-5)
        assert f"Of the similarity of {part['whole']:.2f}" in words


@pytest.mark.parametrize("form", [lambda url, path: data_uri(path), upload])
def test_kin_search(url: str, form: Callable[[str, Path], str]) -> None:
    gallery = [form(url, EXAMPLES / "hopper_1984.jpg"), form(url, B)]
    said = answered(url, "kin_search", probe=form(url, A), gallery=gallery, model="dlib_resnet")
    assert said["faces"] == 2 and said["skipped"] == []
    assert said["ranking"][0]["score"] > 0.9 > said["ranking"][1]["score"]


@pytest.mark.parametrize("form", [lambda url, path: data_uri(path), upload])
def test_index_search(url: str, indexes: Path, form: Callable[[str, Path], str]) -> None:
    photos = [EXAMPLES / "biden_2010.jpg", EXAMPLES / "hopper_1984.jpg"]
    probe = [form(url, path) for path in photos]
    with Index.open(indexes / "portraits") as index:
        answers = [index.search([detect_faces(open_photo(p))[0] for p in photos], by_person=by) for by in (False, True)]
    for wanted, by_person, faces in zip(answers, (False, True), ([1, 1], [2]), strict=True):
        said = answered(url, "index_search", probe=probe, index="portraits", by_person=by_person)
        assert said["faces"] == 3 and said["own"] == [{"file": "biden_2010.jpg", "face": 1}]
        assert [row["faces"] for row in said["ranking"]] == faces and said["weight_sha256"]
        found = [row["score"] for row in said["ranking"]]
        assert found == pytest.approx([match.score for match in wanted.matches], abs=1e-5)
    assert len(answered(url, "index_search", probe=probe[:1], index="portraits", top=1)["ranking"]) == 1


def test_index_search_names_its_indexes_and_refuses_in_words(url: str, tools: dict[str, Any]) -> None:
    schema = tools["index_search"].inputSchema
    index = schema["properties"]["index"]
    assert index["enum"] == ["archive", "portraits"] and index["default"] == "archive"
    assert schema["required"] == ["probe"]
    for arguments, words in (
        ({"probe": [data_uri(A)], "index": "../portraits"}, "portraits"),
        ({"probe": [data_uri(A)], "index": "portraits", "top": 0}, "top is a whole number from 1 to 100, got 0"),
        ({"probe": [], "index": "portraits"}, "list of photos"),
        ({"probe": ["/etc/passwd"], "index": "portraits"}, REFUSED),
    ):
        failed, text = called(url, "index_search", **arguments)
        assert failed and words in text and "root:" not in text


def test_tri_score(url: str) -> None:
    said = answered(
        url, "tri_score", father=data_uri(A), mother=data_uri(EXAMPLES / "hopper_1984.jpg"), child=upload(url, B)
    )
    assert 0 < said["mother_child"] < said["father_child"] < 1


def test_partial_face(url: str) -> None:
    said = answered(url, "partial_face", photo=data_uri(A), other=upload(url, B), part="mask", seed=3)
    assert 0.3 < said["visible"] < 0.9


@pytest.mark.parametrize("other", [{}, {"other": None}])
def test_compare_attention_without_a_second_photo(url: str, other: dict[str, None]) -> None:
    said = answered(url, "compare_attention", photo=data_uri(A), **other)
    assert said["faces"] == {"a": "photo 1 with a surgical mask", "b": "photo 1 bare"}


def test_moved_face(url: str) -> None:
    said = answered(url, "moved_face", photo=upload(url, A), rotation=20)
    assert said["models"]["vit_kprpe"]["similarity_to_aligned"] < 1 and len(said["keypoints"]) == 5


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("moved_face", {"rotation": 1e9}, "rotation is a number from -180 to 180, got 1000000000.0"),
        ("moved_face", {"scale": 1e-9}, "scale is a number from 0.25 to 4"),
        ("moved_face", {"shift_x": 1e30}, "shift_x is a number from -1 to 1"),
        ("compare_attention", {"seed": -1}, "seed is a whole number from 0 to 4294967295, got -1"),
        ("compare_attention", {"occluder": "hat"}, "hat"),
        ("compare_attention", {"layer": "nothing"}, "nothing"),
    ],
)
def test_our_errors_reach_the_caller(url: str, name: str, arguments: dict[str, Any], words: str) -> None:
    failed, text = called(url, name, photo=data_uri(A), **arguments)
    assert failed and words in text


@pytest.mark.parametrize("path", ["/etc/passwd", "photo.jpg", "../../etc/passwd", "file:///etc/passwd"])
def test_no_path_of_the_server_is_opened(url: str, path: str) -> None:
    failed, text = called(url, "moved_face", photo=path)
    assert failed and text.startswith(REFUSED) and "A photo is a data URI" in text and "root:" not in text
    failed, text = called(url, "moved_face", photo=f"{url}gradio_api/file={path}")
    assert failed and "root:" not in text


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(url, verbose=False, download_files=str(tmp_path_factory.mktemp("client")))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("partial_face", {"photo": A, "other": B, "factor": None}, "factor is a number from 0.05 to 1, got None"),
        ("partial_face", {"photo": A, "other": B, "seed": 0.5}, "seed is a whole number"),
        ("moved_face", {"photo": A, "rotation": None}, "rotation is a number from -180 to 180, got None"),
        ("moved_face", {"photo": A, "rotation": "ten"}, "rotation is a number"),
        ("kin_score", {"photo_a": "a/path.jpg", "photo_b": B}, "handle_file"),
        ("kin_search", {"probe": A, "gallery": B}, "a gallery a list"),
        ("kin_score", {"photo_a": A, "photo_b": None}, "photo"),
    ],
)
def test_wrong_types_are_told_in_words(client: Client, name: str, arguments: dict[str, Any], words: str) -> None:
    given = {k: handle_file(str(v)) if isinstance(v, Path) else v for k, v in arguments.items()}
    with pytest.raises(AppError, match=words):
        client.predict(**given, api_name=f"/{name}")


def test_one_default_everywhere(url: str, client: Client, tools: dict[str, Any]) -> None:
    """The library, the command lines, HTTP and MCP answer with one weight when nobody names another."""
    default = default_model()
    assert load_pair(None, "cpu").name == read_sidecar(default).model
    for parser in (report_parser("x"), search_parser()):
        assert parser.get_default("model") == default
    photos = handle_file(str(A)), handle_file(str(B))
    sha = read_sidecar(default).sha256
    assert client.predict(*photos, api_name="/kin_score")["weight_sha256"] == sha
    assert client.predict(photos[0], [photos[1]], api_name="/kin_search")["weight_sha256"] == sha
    assert client.predict(*photos, photos[0], api_name="/tri_score")["weight_sha256"] == sha
    assert answered(url, "kin_score", photo_a=data_uri(A), photo_b=data_uri(B))["weight_sha256"] == sha
    for name in ("kin_score", "tri_score", "kin_search"):
        assert tools[name].inputSchema["properties"]["model"]["default"] == default
