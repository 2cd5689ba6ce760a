"""``course train``: a configuration in, trained weights with their recipe and learning curves out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="Configuration, TOML; examples/train_synthetic.toml is one.")],
    out: Annotated[Path, typer.Option(help="Folder for weights, checkpoints, learning curves and logs.")] = Path(
        "runs/training"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Begin again, over what an earlier training left.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Train or fine-tune a picker. A training that was interrupted or killed goes on with --resume."""
    from course_utils.pipeline.training import NAME, run_training
    from course_utils.pipeline.training_config import read_training_config

    try:
        done = run_training(
            read_training_config(config), out, resume=resume, force=force, say=None if quiet else typer.echo
        )
    except KeyboardInterrupt:
        typer.echo(
            f"interrupted; course train {config} --out {out} --resume goes on from the last checkpoint", err=True
        )
        raise typer.Exit(130) from None
    if quiet:
        return
    if done.stopped_early:
        typer.echo(f"stopped at step {done.steps}: the validation loss no longer fell; the best weights are kept")
    typer.echo(f"written to {out}: {NAME}.json and {NAME}.safetensors, history.csv, logs")
    typer.echo(f"pick with it: course pick ... --model {out / NAME}")
