"""The report about one face's expression: what every report holds, and the answer as shares of votes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from explain.expression.regions import RegionShares, region_sentences
from explain.expression.said import Said, sentence, split_words
from explain.report.known import Known
from explain.report.pair import write_report
from explain.report.staging import Staging
from models.expressions import EXPRESSIONS
from models.faces.face import Face
from models.predict import Result
from models.weights import Sidecar

NOTICE = (
    "A shown expression is not a felt emotion. A research demonstration: not for decisions about people. Trained on "
    "grey faces of 48 pixels; contempt and disgust are rare in the data."
)
FILE = "expression.json"


def said_values(said: Said) -> dict[str, Any]:
    """Every number of an answer, for JSON."""
    affect = said.affect
    return {
        "leading": said.leading,
        "shares": said.by_name,
        "majority": dict(zip(EXPRESSIONS, said.majority, strict=True)),
        "split": said.split,
        "agreement": split_words(said),
        "valence": affect.valence,
        "arousal": affect.arousal,
        "left_out_of_valence_and_arousal": affect.left_out,
    }


def region_values(found: RegionShares) -> dict[str, dict[str, float]]:
    """Region -> class -> share of the votes with that region covered."""
    rows = zip(found.regions, found.shares.tolist(), strict=True)
    return {region: dict(zip(EXPRESSIONS, row, strict=True)) for region, row in rows}


def write_expression(
    folder: str | Path,
    result: Result,
    face: Face,
    said: Said,
    method: str,
    *,
    sidecar: Sidecar,
    regions: RegionShares,
    target: str,
    layer: str | None = None,
    covered: Mapping[str, Said] | None = None,
    opacity: float = 0.5,
    known: Known | None = None,
    archive: bool = False,
) -> Path:
    """Write the report of explain/report/pair.py about one face, and FILE with the answer.

    Args:
        folder, result, method, sidecar, layer, opacity, known, archive: as write_report.
        face: in its photo.
        said: the answer.
        regions: shares with one region after another covered.
        target: a class, or "X - Y".
        covered: what was covered, in words -> the answer then.

    Returns:
        The folder, or the zip file.

    Raises:
        ValueError: as explain.  OSError: the folder cannot be written.
    """
    stage = Staging(folder)
    known = replace(known or Known(), regions=(regions.drops(target),))
    write_report(
        stage.folder,
        result,
        [face],
        [method],
        sidecar=sidecar,
        target=target,
        layer=layer,
        opacity=opacity,
        known=known,
    )
    values = {
        "notice": NOTICE,
        "sentence": sentence(said),
        **said_values(said),
        "target": target,
        "words": region_sentences(regions, target),
        "regions": {"fill": regions.fill, "shares": region_values(regions)},
        "covered": {words: said_values(then) for words, then in (covered or {}).items()},
        "model": sidecar.model,
        "weight_sha256": sidecar.sha256,
    }
    (stage.folder / FILE).write_text(json.dumps(values, indent=1) + "\n")
    with (stage.folder / "README.txt").open("a") as readme:
        readme.write(f"{FILE}  shares of votes, what covering changes, valence and arousal\n\n{NOTICE}\n")
    return stage.finish(archive)
