"""``course data``: what outside data there are, and getting, checking and mirroring them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Outside data: list, fetch, verify, and make a classroom mirror.")

Names = Annotated[
    list[str] | None, typer.Argument(help="Data sets; all of them when none is named.", show_default=False)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Print a DataError as its message alone, and leave with exit code 1."""
    from course_utils.data import DataError

    try:
        yield
    except DataError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


@app.command("list")
def list_data(
    name: Annotated[
        str | None, typer.Argument(help="Show the files, licence and citation of this set.", show_default=False)
    ] = None,
) -> None:
    """Show the data sets of the manifest, or everything about one of them."""
    from course_utils.data import dataset, files, manifest, openable

    with _clear_errors():
        if name is None:
            for entry in manifest().datasets:
                marks = ("r" if entry.name in openable() else "-") + ("p" if entry.redistribution != "allowed" else "-")
                typer.echo(
                    f"{entry.name:28s} {entry.bytes / 1e6:7.1f} MB  {entry.file_count:5d} files  {marks}  {entry.title}"
                )
            typer.echo("\nr: data.open reads it into tables   p: redistribution unclear, only in a private mirror")
            typer.echo("\nOptional and large (never needed, not fetched by this command):")
            for entry in manifest().full:
                typer.echo(f"{entry.name:28s} {entry.size_gb:7.1f} GB  {entry.title}\n{'':28s} {entry.how}")
            typer.echo("\nModel weights (come through SeisBench):")
            for weights in manifest().weights:
                size = sum(f.bytes for f in weights.files) / 1e6
                typer.echo(
                    f"{weights.name:28s} {size:7.1f} MB  {weights.model_class}.from_pretrained({weights.pretrained!r})  {weights.licence}"
                )
            return
        entry = dataset(name)
        for label in (
            "title",
            "description",
            "caution",
            "source",
            "version",
            "licence",
            "redistribution",
            "terms",
            "citation",
        ):
            if getattr(entry, label):
                typer.echo(f"{label:15s} {getattr(entry, label)}")
        if entry.unverified_dois:
            typer.echo(f"{'unverified':15s} {', '.join(entry.unverified_dois)} (check before you cite)")
        typer.echo(f"{'files':15s} {entry.file_count}, {entry.bytes / 1e6:.1f} MB")
        for file in files(name).values():
            typer.echo(f"  {file.bytes:10d}  {file.sha256[:12]}  {file.path}  ({file.role})")


@app.command()
def fetch(names: Names = None, quiet: Quiet = False) -> None:
    """Fetch data sets and verify every file: from COURSE_DATA_MIRROR, the cache, or the network."""
    from course_utils import data

    with _clear_errors():
        for name in _existing(names):
            typer.echo(f"{name}: {data.fetch(name, progress=not quiet)}")


@app.command()
def verify(names: Names = None) -> None:
    """Check the files in the mirror (if set) or the cache against the manifest; nothing is fetched.

    Without names, all sets of which the folder holds something are checked. Exit code 1 when a file is wrong or missing.
    """
    from course_utils import data

    with _clear_errors():
        folder = data.mirror_folder() or data.cache_folder()
        chosen = _existing(names) if names else [n for n in _existing(None) if (folder / n).is_dir()]
        wrong = 0
        for name in chosen:
            problems = data.verify(name)
            wrong += len(problems)
            typer.echo(f"{name}: {'all right' if not problems else f'{len(problems)} files missing or wrong'}")
            for problem in problems[:5]:
                typer.echo(f"{problem}", err=True)
            if len(problems) > 5:
                typer.echo(f"... and {len(problems) - 5} more", err=True)
        if not chosen:
            typer.echo(f"{folder}: holds no data set yet; fetch some with: course data fetch NAME")
        if wrong:
            raise typer.Exit(1)


@app.command()
def mirror(
    folder: Annotated[Path, typer.Argument(help="Folder to fill; made when it does not exist.")],
    names: Names = None,
    private: Annotated[
        bool,
        typer.Option("--private", help="Include sets whose redistribution is unclear; do not pass such a mirror on."),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Make a folder that serves the course without a network (COURSE_DATA_MIRROR=FOLDER), licences beside the data.

    A second run completes an interrupted one.
    """
    from course_utils import data

    with _clear_errors():
        chosen = _existing(names) if names else None
        report = data.make_mirror(folder, chosen, private=private, progress=not quiet, say=typer.echo)
        typer.echo(
            f"{report.folder}: {len(report.datasets)} data sets, {report.bytes / 1e6:.1f} MB; {report.copied} files copied, "
            f"{report.kept} were there; {len(report.left_out)} sets left out"
        )
        typer.echo(f"use it with: export COURSE_DATA=real COURSE_DATA_MIRROR={report.folder}")


def _existing(names: list[str] | None) -> list[str]:
    """The names, checked before anything is fetched."""
    from course_utils.data import dataset, manifest

    return [dataset(name).name for name in names] if names else [entry.name for entry in manifest().datasets]
