"""``course grade``: a catalog in, a grade with its reasons and the probability that it is right out, for every event."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words


def grade(
    catalog: Annotated[
        str,
        typer.Argument(
            help='Folder as course locate leaves it, a file in any format of catalogs, "data:NAME" or "synthetic:NAME".'
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the catalog's tables (.parquet) and grades.csv.")],
    stations: Annotated[
        Path | None,
        typer.Option(help="Stations of the picks, where the catalog has none: CSV or StationXML.", show_default=False),
    ] = None,
) -> None:
    """Grade every event by what the catalog's own tables say: A to D by rules that are named, and a learned probability.

    The more the tables hold (assigned picks with residuals, amplitudes, confidences), the more can be judged: locate first.
    The probability has learned from synthetic catalogs half of whose events are bad; take it as a ranking elsewhere.
    """
    from course_utils.catalog.quality import GRADES
    from course_utils.catalog.quality import grade as grade_catalog
    from course_utils.catalog.quality_features import FEATURES
    from course_utils.catalog.store import write_catalog
    from course_utils.pipeline.sources import open_catalog

    try:
        given = Path(catalog).expanduser()
        if (
            out.exists()
            and given.exists()
            and (out.samefile(given) or (given.is_file() and out.samefile(given.parent)))
        ):
            raise ValueError(f"--out {out}: this is where the catalog is read from; give another folder")
        tables, _ = open_catalog(catalog)
        if stations is not None:
            from course_utils.data import read_stations
            from course_utils.pipeline.commands.convert import with_stations

            tables, said = with_stations(tables, read_stations(stations))
            typer.echo(said)
        graded, table = grade_catalog(tables)
        write_catalog(graded, out)
        write_grades(table, out)
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error
    counts = table["grade"].value_counts()
    typer.echo(f"{len(table)} events: " + ", ".join(f"{counts.get(g, 0)} {g}" for g in GRADES))
    lacking = [name for name in FEATURES if table[name].isna().all()] if len(table) else []
    if lacking:
        typer.echo(f"not known of any event: {', '.join(lacking)}")
    some = [f"{name} {n}" for name in FEATURES if name not in lacking and (n := int(table[name].isna().sum()))]
    if some:
        typer.echo(f"not known of some events: {', '.join(some)}")
    typer.echo(f"written to {out}: the catalog's tables (.parquet), catalog.csv, catalog.xml, grades.csv")


def write_grades(table, out: Path) -> None:
    """The reasons and numbers of every event as grades.csv."""
    from course_utils.catalog.store import times_as_text, write_text

    text = times_as_text(table)
    numbers = text.select_dtypes("float").columns
    write_text(text.assign(**text[numbers].round(4)).to_csv(index=False), out / "grades.csv")
