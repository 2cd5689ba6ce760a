"""``course evaluate``: how good pickers are on a labelled data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            help='Folder of a data set in SeisBench\'s format, or "data:NAME" of a set with labelled records.'
        ),
    ],
    model: Annotated[
        list[str],
        typer.Option(
            help='"class:weights", the path of a .json and .safetensors pair, sta_lta, or ar; may be given again.'
        ),
    ],
    split: Annotated[str, typer.Option(help='"train", "dev", "test", or "all".')] = "test",
    choose_on: Annotated[
        str | None,
        typer.Option(help="Split on which thresholds are chosen by best F1; by default the weights' own are used."),
    ] = None,
    precision: Annotated[
        float | None, typer.Option(help="With --choose-on: the lowest threshold that reaches this precision.")
    ] = None,
    tolerance_s: Annotated[float, typer.Option(help="Largest time difference of a right pick.")] = 0.5,
    seed: Annotated[int, typer.Option(help="Of the random cut of each record; -1 leaves records as they are.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    engine: Annotated[str, typer.Option(help="auto, torch, or kernel (PhaseNet on a CPU).")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Folder for scores.csv and scores.json.", show_default=False)] = None,
) -> None:
    """Recall, precision, F1, residuals and false picks of each model, on the same records, by the same rules.

    A pick is right within the tolerance, one to one. Recall and precision count what lies from 5 s before P to 5 s after S;
    precision of whole records and false picks per hour of noise stand beside them. Records are cut at random first, since
    in many sets the arrival always stands at one place.
    """
    from course_utils.picking.evaluation import evaluate_dataset
    from course_utils.pipeline.config import ConfigError

    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: a file; give a folder")
    if precision is not None and choose_on is None:
        raise ConfigError("--precision needs --choose-on, the split on which a threshold is to reach it")
    if not tolerance_s > 0 or tolerance_s > 5:
        raise ConfigError(f"--tolerance-s {tolerance_s:g}: give seconds above 0 and up to 5")
    if precision is not None and not 0 < precision <= 1:
        raise ConfigError(f"--precision {precision:g}: give a share above 0 and at most 1")
    try:
        found, facts = evaluate_dataset(
            _source(dataset),
            list(dict.fromkeys(model)),
            split=None if split == "all" else split,
            choose_on=choose_on,
            precision=precision,
            seed=None if seed < 0 else seed,
            device=device,
            engine=engine,
            tolerance_s=tolerance_s,
        )
    except ValueError as error:  # what the data set or the options cannot give; it names itself
        raise ConfigError(str(error)) from error
    facts["dataset"] = dataset
    for line in _lines(found, facts):
        typer.echo(line)
    if out is not None:
        from course_utils.catalog.store import write_text

        out.mkdir(parents=True, exist_ok=True)
        write_text(found.table.to_csv(index=False), out / "scores.csv")
        write_text(json.dumps(facts, indent=1, allow_nan=False) + "\n", out / "scores.json")
        typer.echo(f"scores in {out / 'scores.csv'} and {out / 'scores.json'}")


def _source(dataset: str):
    """The folder, or the labelled records of a set that the course knows."""
    from course_utils.pipeline.config import DATASET, ConfigError

    if not dataset.startswith(DATASET):
        return Path(dataset).expanduser()
    from course_utils import data
    from course_utils.picking.evaluation import labelled_records

    opened = data.open(dataset.removeprefix(DATASET))
    if "dataset_folder" in opened:
        return opened.dataset_folder
    if "records" not in opened or "waveforms" not in opened or "p_sample" not in opened.records.columns:
        raise ConfigError(f"--dataset {dataset}: it has no labelled records, but {', '.join(opened.parts)}")
    return labelled_records(opened.waveforms, opened.records)


def _lines(found, facts: dict):
    records = ", ".join(f"{count} of {kind}" for kind, count in facts["records"].items())
    yield f"{facts['dataset']}, split {facts['split'] or 'all'}: records {records}"
    for kind, count in facts["left_out"].items():
        yield f"left out: {kind}: {count}"
    for name, values in facts["thresholds"].items():
        if values:
            chosen = f"chosen on {facts['thresholds_chosen_on']}" if facts["thresholds_chosen_on"] else "its own"
            yield f"{name}: threshold {', '.join(f'{p} {v:g}' for p, v in values.items())} ({chosen})"
    columns = ["picker", "phase", "n_labels", "recall", "precision", "f1", "precision_whole", "residual_median_s"]
    columns += ["residual_mad_s", "outlier_share", "false_per_hour"]
    shown = found.table[columns].to_string(index=False, float_format=lambda v: f"{v:.3f}", na_rep="-")
    yield ""
    yield from shown.splitlines()
    interval = {(row["picker"], row["phase"], row["score"]): row for row in facts["intervals"]}
    yield ""
    for row in found.table.itertuples():
        known = interval[row.picker, row.phase, "recall"]
        if known["low"] is not None:
            yield (
                f"{row.picker} {row.phase}: recall {known['low']:.3f} to {known['high']:.3f} "
                f"(95 %, over {known['n_events']} events)"
            )
    for row in found.table[found.table["note"] != ""].itertuples():
        yield f"{row.picker} {row.phase}: {row.note}"
