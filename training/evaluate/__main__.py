"""python -m training.evaluate TASK --model NAME: a table on the screen, and JSON with --json FILE."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from models.commands import check_file, command
from models.errors import UserError
from models.faces.partial_crops import FACTORS
from models.weights import load_model, read_sidecar
from training.evaluate.report import table, write_json
from training.evaluate.setup import Setup, from_run
from training.evaluate.tasks import TASKS
from training.tools.settings import checked

OF_RUNS = ("lfw", "partial_lfw", "ferplus", "fer2013", "ckplus", "jaffe")
"""Tasks that a run's weights can be given to before they are exported."""


@command(ValueError)
def main(arguments: Sequence[str] | None = None) -> None:
    args = parse(arguments)
    check_file(args.json, "--json")
    task = TASKS[args.task]
    if args.state and args.task not in OF_RUNS:
        raise UserError(f"--state is for {', '.join(OF_RUNS)}: of other networks only the embedding is trained")
    model, sidecar = (
        from_run(args.model, args.state) if args.state else (load_model(args.model), read_sidecar(args.model))
    )
    lists = args.pairs, args.triplets, args.images
    report = task.run(Setup(model, sidecar, args.data, *lists, tuple(args.factors), args.limit, args.maps))
    print(table(report))
    if args.json:
        write_json(report, args.json)
        print(f"\nwrote {args.json}")
        if task.draw:
            picture = args.json.with_suffix(".png")
            task.draw(report, picture)
            print(f"wrote {picture}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    tasks = "\n".join(f"  {name:10s} {task.about}" for name, task in TASKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description=f"Evaluate a trained model.\n\ntasks:\n{tasks}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--model", required=True, help="name of a weight; with --state of a network")
    parser.add_argument("--state", type=Path, help="weights of a run in place of a shipped weight")
    parser.add_argument("--data", type=Path, help="research data; default: KINSIGHT_DATA, else ./data")
    parser.add_argument("--json", type=Path, help="write the report here")
    parser.add_argument("--pairs", type=Path, help="pairs: CSV with image_a, image_b, kin (or same), relation")
    parser.add_argument("--triplets", type=Path, help="tri: CSV with father, mother, child, kin, relation")
    parser.add_argument("--images", type=Path, help="pairs, tri: folder the CSV's names are relative to")
    parser.add_argument("--factors", type=float, nargs="+", default=FACTORS, help="partial_lfw: sizes; all nine")
    parser.add_argument("--limit", type=int, default=0, help="partial_lfw: so many pairs, evenly from every fold")
    parser.add_argument("--maps", action="store_true", help="partial_lfw: overlap of the part maps and more")
    return checked(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
