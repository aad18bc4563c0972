"""README, docs/ and weights/README.md: short, nothing said twice, links that lead somewhere, commands that run."""

from __future__ import annotations

import argparse
import importlib.util
import re
import runpy
import shlex
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "weights" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
STANDS_FOR = {"TASK": "lfw"}
"""Word of a documented command -> what it may be replaced with."""
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"python -m ([a-z][\w.]*\w)([^`\n#]*)")


def body(page: Path) -> str:
    """The page without the front matter of a Hugging Face Space."""
    text = page.read_text()
    return text.split("\n---\n", 1)[1] if text.startswith("---\n") else text


def sentences(text: str) -> list[str]:
    """Sentences and table cells longer than 60 characters, without code, links' targets and comments."""
    text = re.sub(r"<!--.*?-->", "", CODE.sub("", text))
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"\n(?=[^\n|#\-\d>])", " ", text)  # lines of one paragraph
    parts = re.split(r"(?<=[.!?])\s+|\n|\|", text)
    return [part.strip(" -*>") for part in parts if len(part.strip(" -*>")) > 60]


def commands(text: str) -> set[tuple[str, str]]:
    """(module, the words behind it) of every `python -m` in code."""
    return {(m, rest.strip()) for code in CODE.findall(text) for m, rest in COMMAND.findall(code)}


def test_no_sentence_stands_twice() -> None:
    found = Counter(sentence for page in PAGES for sentence in sentences(body(page)))
    assert len(found) > 100, "too few were read: the check would see nothing"
    assert not [sentence for sentence, times in found.items() if times > 1]


def test_the_reader_sees_a_sentence_across_lines_and_in_a_cell() -> None:
    long = "a sentence that is longer than sixty characters and stands in this place twice"
    wrapped = long.replace(" and ", "\nand ")
    text = f"First one. {wrapped}. Short.\n\n| cell | {long}. |\n\n```\n{long}\n```\n`{long}`\n<!-- {long} -->"
    assert sentences(text) == [f"{long}."] * 2


def test_the_first_page_is_short() -> None:
    assert len(body(ROOT / "README.md").split()) <= 1000
    assert len((ROOT / "weights" / "README.md").read_bytes()) <= 8192


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: small letters, spaces to hyphens, other signs dropped."""
    lines = [
        line.lstrip("#").strip().lower() for line in CODE.sub("", page.read_text()).splitlines() if line[:1] == "#"
    ]
    return {"".join("-" if c == " " else c for c in line if c.isalnum() or c in " -_") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", body(page)):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


class Accepted(BaseException):
    """The command line was parsed; what the command does is not wanted here."""


def has_parser(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    assert spec and spec.origin, f"there is no module {module}"
    folder = Path(spec.origin)
    files = folder.parent.glob("*.py") if folder.name == "__init__.py" else [folder]
    return any("parse_args" in file.read_text() for file in files)


def accepts(module: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command up to the point where its parser has taken the words."""
    parse = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *given: Any) -> None:
        parse(self, *given)
        raise Accepted

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    monkeypatch.setattr(sys, "argv", [module, *(STANDS_FOR.get(word, word) for word in words)])
    warnings.simplefilter("ignore")  # a module that is imported already is run a second time
    with pytest.raises(Accepted):
        runpy.run_module(module, run_name="__main__", alter_sys=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_are_accepted(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module, rest in sorted(commands(body(page))):
        if has_parser(module) and rest:
            try:
                accepts(module, shlex.split(rest), monkeypatch)
            except SystemExit:
                pytest.fail(f"python -m {module} {rest}\n{capsys.readouterr().err}")
            finally:
                monkeypatch.undo()


def test_a_wrong_flag_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        accepts("training.triplets", ["--model", "x", "--modle"], monkeypatch)
    assert "--modle" in capsys.readouterr().err
    assert commands("```\npython -m a.b --c 1  # why\n```\nand `python -m d.e`.") == {("a.b", "--c 1"), ("d.e", "")}


def test_the_code_of_the_first_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, photo in (("a", "obama_2012"), ("b", "biden_2010")):
        shutil.copy(ROOT / "ui" / "examples" / f"{photo}.jpg", tmp_path / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", body(ROOT / "README.md"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    score, area = map(float, capsys.readouterr().out.split())
    assert 0 < score < 1 and 0 < area < 1


def test_the_page_on_security_names_the_large_files() -> None:
    """A Space takes files over 10 MB through large-file storage only."""
    large = {file.stem for file in (ROOT / "weights").glob("*.safetensors") if file.stat().st_size > 10e6}
    (said,) = re.findall(r"over 10 MB .*?\. Either", (ROOT / "docs" / "security.md").read_text(), re.DOTALL)
    assert set(re.findall("`([a-z_]+)`", said)) == large


def test_a_new_use_touches_at_most_twelve_files() -> None:
    rows = re.findall(r"^\| `", body(ROOT / "docs" / "extend.md"), re.MULTILINE)
    assert 0 < len(rows) <= 12
