"""``course run``: a configuration in, a catalog and its report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def run(
    config: Annotated[Path, typer.Argument(help="Configuration, TOML; examples/ holds two.")],
    out: Annotated[Path, typer.Option(help="Folder for the catalog, the report and what makes the run resumable.")],
    force: Annotated[bool, typer.Option("--force", help="Do everything again, finished or not.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """From waveforms to a catalog. A run that was interrupted or killed goes on where it was."""
    from course_utils.pipeline.config import read_config
    from course_utils.pipeline.run import run as run_config

    try:
        summary = run_config(read_config(config), out, force=force, say=None if quiet else typer.echo)
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on where it was", err=True)
        raise typer.Exit(130) from None
    if summary["skipped"] and not quiet:
        typer.echo(f"{len(summary['skipped'])} units were skipped; the report says which and why")
    if summary["input"]["unused"] and not quiet:
        typer.echo(f"{len(summary['input']['unused'])} files or stations were not used; the report says which and why")
    if "comparison" in summary and not quiet:
        c = summary["comparison"]
        typer.echo(
            f"against {c['reference']}: {c['expected_matched']} of {c['expected']} events matched, {c['missed']} missed, "
            f"{c['proposed']} not in the reference"
        )
