"""``course hackathon``: worlds and kits for a hackathon of quality control, scores, and the board."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from course_utils.pipeline.commands.failures import in_words

app = typer.Typer(no_args_is_help=True, help="Hackathon of quality control: worlds, starter kits, scores, leaderboard.")

Worlds = Annotated[
    Path | None,
    typer.Option(help="Folder of worlds; by default the kit's own, data/ beside the submission.", show_default=False),
]


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        typer.echo(f"error: {in_words(error)}", err=True)
        raise typer.Exit(1) from error


def _shown(items: list):
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description="worlds", console=Console(stderr=True))


@app.command()
def worlds(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for public, hidden and secret parts.")],
    number: Annotated[int, typer.Option(help="Hidden worlds.")] = 2,
    events: Annotated[int, typer.Option(help="True events of each world, 20 to 5000.")] = 400,
    again: Annotated[
        bool, typer.Option("--again", help="Make the hidden worlds of DIR again from their seeds, and compare.")
    ] = False,
) -> None:
    """For the organiser: draw hidden seeds, and write worlds, truths and the commitment."""
    from course_utils.pipeline.hackathon import remake, write_worlds

    with _in_one_line():
        if again:
            for name in remake(folder, _shown):
                typer.echo(f"{name}: seed, truth and data are what was promised, and what the seed gives")
            return
        write_worlds(folder, number, events, _shown)
    typer.echo(f"{folder}/commitment.json: publish it before the start")
    typer.echo(f"{folder}/secret: seeds and truths, readable by you alone; keep it off every kit")
    typer.echo(f"next: course hackathon new TEAM --worlds {folder}")


@app.command()
def new(
    team: Annotated[str, typer.Argument(help="Name of the team, and of its folder.")],
    worlds: Annotated[
        Path | None,
        typer.Option(help="Worlds of the organiser; without them the public world alone is made.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the folder goes.")] = Path("."),
) -> None:
    """Make a team's starter folder: README, notebook, data, submission template."""
    import tempfile

    from course_utils.teaching.hackathon import new_kit

    with _in_one_line():
        if worlds is not None:
            kit = new_kit(team, worlds, out)
        else:
            from course_utils.pipeline.hackathon import write_public

            with tempfile.TemporaryDirectory() as made:
                typer.echo("making the public world ...", err=True)
                kit = new_kit(team, write_public(Path(made)), out)
    typer.echo(f"{kit}: read README.md, open starter.ipynb")


@app.command()
def score(
    submission: Annotated[
        Path, typer.Argument(help="Folder with public.csv, world1.csv, ... (or .parquet), or one such file.")
    ],
    worlds: Worlds = None,
) -> None:
    """Score a submission on the public world, and on hidden ones where their truths are."""
    from course_utils.teaching.hackathon import judge, load_worlds

    with _in_one_line():
        folder = submission.parent if submission.suffix in (".csv", ".parquet") else submission
        if worlds is None and not (folder.absolute().parent / "data" / "public").is_dir():
            raise ValueError(f"{submission}: no data/public beside it, so it is in no kit; give --worlds DIR")
        known = load_worlds(worlds or folder.absolute().parent / "data")
        if folder != submission:
            if submission.stem not in known:
                raise ValueError(f"{submission.name}: no truth of this world here; there is {', '.join(known)}")
            known = {submission.stem: known[submission.stem]}
        entry = judge(folder, known)
    typer.echo("\n".join(entry.lines()))
    if set(known) == {"public"}:
        typer.echo("the hidden worlds are scored by the organiser")
    if entry.refused:
        raise typer.Exit(1)


@app.command()
def leaderboard(
    submissions: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with a folder of each team.")],
    worlds: Annotated[Path, typer.Option(help="Folder of worlds, with its secret part.")],
    out: Annotated[Path, typer.Option(help="Page to write: .html, or .md for the book.")] = Path("leaderboard.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Leaderboard",
) -> None:
    """Score every team, and write the board; a submission that cannot be scored gets a line that says why."""
    from html import escape

    from course_utils.catalog.store import write_text
    from course_utils.pipeline.html import page
    from course_utils.teaching.hackathon import board, load_worlds
    from course_utils.teaching.hackathon.leaderboard import judge_all, ranks

    with _in_one_line():
        if out.suffix not in (".html", ".md"):
            raise ValueError(f"{out}: a board ends in .html or .md")
        entries = judge_all(submissions, load_worlds(worlds), _shown)
        table = board(entries)
        if out.suffix == ".html":
            text = page(title, [f'<div class="scroll" tabindex="0">{table}</div>'])
        else:
            text = f"# {escape(title)}\n\n{table}\n"
        write_text(text, out)
    for rank, entry in ranks(entries):
        points = entry.hidden or entry.public
        typer.echo(f"{rank or '-':>3}  {entry.team:40s}  {f'{points.points:.1f}' if points else '-'}")
    typer.echo(
        f"written to {out}: {len(entries)} teams, {sum(bool(e.refused) for e in entries)} with something to mend"
    )
