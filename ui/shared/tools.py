"""What programs call: the endpoints as MCP tools whose schemas hold, and arguments of a wrong form in words."""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
import gradio.mcp
from gradio.utils import get_function_params
from gradio_client import handle_file
from pydantic import ValidationError

from models.errors import UserError
from ui.serve.owners import visitor_behind
from ui.serve.paths import FILE_ROUTE, REFUSED, NotUploadedError, uploaded

PHOTO_FORMAT = "a data URI (data:image/jpeg;base64,...) or the path that POST /gradio_api/upload returned"
_FILE = "Gradio File Input"
_Place = list[str | int]


class Page(gr.Blocks):
    """gr.Blocks that says in words when an argument of an endpoint has a wrong form, and serves Tools over MCP."""

    def launch(self, *args: Any, **options: Any) -> Any:
        """As Gradio does it, which makes its MCP server of the class that stands in its module."""
        gradio.mcp.GradioMCPServer = Tools  # type: ignore[misc]
        return super().launch(*args, **options)

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], state: Any, *args: Any, **options: Any) -> Any:
        """As Gradio does it, by each component's own reader where it has one (ui/shared/widgets.py).

        Raises:
            gr.Error: an argument that no component can read.
        """
        keep_readers(block_fn.inputs, state)
        try:
            return await super().preprocess_data(block_fn, inputs, state, *args, **options)
        except (gr.Error, UserError):
            raise
        except (ValidationError, TypeError, ValueError, AttributeError, KeyError) as error:
            raise gr.Error(f"{_which(block_fn)}: {_FORM}", print_exception=False) from error


def keep_readers(components: Sequence[Any], state: Any) -> None:
    """Give a session's components the readers of the page's: what updates a component makes a new one for the session.

    Args:
        state: gradio's SessionState, None without a session.
    """
    for component in components:
        own = vars(component).get("preprocess")
        if own is not None and state is not None and component._id in state:
            state[component._id].preprocess = own


_FORM = (
    "an argument has a wrong form. A photo is an uploaded file (gradio_client: handle_file(path)), "
    "a gallery a list of them, a number a number, a choice one of those in the schema."
)


def _which(block_fn: Any) -> str:
    return f"/{block_fn.api_name}({', '.join(p[0] for p in get_function_params(block_fn.fn))})"


class Tools(gradio.mcp.GradioMCPServer):
    """Gradio's MCP server with three mends.

    Its schema of a list of files refers to definitions that are not at the root, so no call passes; strings within
    such a list are not taken for files; of a docstring's arguments only the first line is told.
    """

    def get_input_schema(
        self, tool_name: str, parameters: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], list[_Place]]:
        """The schema, self-contained, null allowed where it is the default; and the places of files in it."""
        schema, places = super().get_input_schema(tool_name, parameters)
        schema = _self_contained(schema)
        endpoint = self.api_info["named_endpoints"][self.tool_to_endpoint[tool_name]]
        for row in endpoint["parameters"]:
            if row.get("parameter_has_default") and row.get("parameter_default") is None:
                prop = schema["properties"][row["parameter_name"]]
                prop["type"], prop["default"] = [prop["type"], "null"], None
            elif row.get("parameter_has_default"):
                schema["properties"][row["parameter_name"]]["default"] = row["parameter_default"]
        schema["additionalProperties"] = False
        return schema, places

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[_Place]) -> Any:
        """As Gradio does it, lists of files too. A path that an upload returned counts as that upload."""
        value = copy.deepcopy(value)
        single = [place for place in filedata_positions if len(place) == 1]
        listed = [place[0] for place in filedata_positions if place[1:] == ["items"]]
        single += [[name, i] for name in listed for i in range(len(value.get(name) or []))]
        for place in single:
            *way, last = place
            holder = value[way[0]] if way else value
            if (way or last in holder) and isinstance(holder[last], str):
                holder[last] = self._file(holder[last])
        return value

    def _file(self, text: str) -> Any:
        """The file that a string stands for.

        Raises:
            ValueError: it stands for none.
        """
        try:
            return handle_file(uploaded(text.rpartition(FILE_ROUTE)[2], self._visitor()))
        except NotUploadedError:
            pass
        if not text.startswith("data:"):  # nothing is fetched from the web for a client
            raise ValueError(f"{REFUSED} A photo is {PHOTO_FORMAT}; got {text[:60]!r}.")
        return super().convert_strings_to_filedata({"photo": text}, [["photo"]])["photo"]

    def _visitor(self) -> str:
        """Who calls the tool; "" outside of a call."""
        try:
            return visitor_behind(self.mcp_server.request_context.request)
        except LookupError:
            return ""

    def get_fn_description(self, block_fn: Any, tool_name: str) -> tuple[str, dict[str, str]]:
        """The whole docstring: description with what is returned, and each argument's text."""
        text, arguments, returned = sections(block_fn.fn)
        found = [text, f"Returns: {returned}" if returned else "", self._photo_words(tool_name)]
        return " ".join(part for part in found if part), arguments

    def _photo_words(self, tool_name: str) -> str:
        return f"A photo is {PHOTO_FORMAT}." if self.get_input_schema(tool_name)[1] else ""

    def postprocess_output_data(self, data: Any, root_url: str) -> Any:
        """JSON for a table of values, where Gradio writes Python."""
        if len(data) == 1 and isinstance(data[0], dict) and "path" not in data[0]:
            return [self.types.TextContent(type="text", text=json.dumps(data[0]))]
        return super().postprocess_output_data(data, root_url)


def sections(function: Callable[..., Any]) -> tuple[str, dict[str, str], str]:
    """A docstring in Google's form -> (description, argument -> its text, what is returned), line breaks taken out."""
    text = inspect.getdoc(function) or ""
    above, _, below = text.partition("\nArgs:\n")
    arguments, _, returned = below.partition("\nReturns:\n")
    if not below:
        above, _, returned = text.partition("\nReturns:\n")
    entries = re.split(r"^    (?=\w+: )", arguments, flags=re.MULTILINE)
    named = dict(entry.split(": ", 1) for entry in entries if ": " in entry)
    return _joined(above), {name: _joined(words) for name, words in named.items()}, _joined(returned)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _self_contained(node: Any) -> Any:
    """A schema in which a file is a string, without definitions and references to them."""
    if isinstance(node, list):
        return [_self_contained(item) for item in node]
    if not isinstance(node, dict):
        return node
    if str(node.get("format", "")).startswith(_FILE):
        kept = {k: v for k, v in node.items() if k in ("description", "default")}
        return {**kept, "type": "string", "format": "uri", "title": PHOTO_FORMAT}
    return {k: _self_contained(v) for k, v in node.items() if k != "$defs"}
