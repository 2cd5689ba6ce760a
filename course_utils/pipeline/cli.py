"""The command line: ``course run``, each stage as a command of its own, comparison, outside data, and the doctor.

Libraries that take seconds to load are loaded by the commands that need them, so that ``course --help`` is quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from course_utils import __version__
from course_utils.pipeline.commands import (
    associate,
    classify,
    compare,
    convert,
    curate,
    data,
    doctor,
    evaluate,
    grade,
    hackathon,
    locate,
    magnitude,
    pick,
    quality,
    relocate,
    run,
    sequences,
    train,
)
from course_utils.pipeline.commands.failures import in_words

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From waveforms to an earthquake catalog.",
)
app.command("run")(run.run)
app.command("quality")(quality.quality)
app.command("pick")(pick.pick)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("associate")(associate.associate)
app.command("locate")(locate.locate)
app.command("relocate")(relocate.relocate)
app.command("magnitude")(magnitude.magnitude)
app.command("grade")(grade.grade)
app.command("classify")(classify.classify)
app.command("curate")(curate.curate)
app.command("compare")(compare.compare)
app.command("sequences")(sequences.sequences)
app.command("convert")(convert.convert)
app.add_typer(data.app, name="data")
app.add_typer(hackathon.app, name="hackathon")
app.command("doctor")(doctor.doctor)

_debug = False


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ml-earthquake-catalogs {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and the log.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    global _debug
    _debug = debug
    if debug:
        import logging

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    else:
        import warnings

        warnings.formatwarning = lambda message, *_: f"warning: {message}\n"


def main(arguments: list[str] | None = None) -> None:
    """Run ``course``; bad input ends in one clear message on standard error and exit code 1."""
    try:
        app(arguments, standalone_mode=True)
    except Exception as error:
        if _debug:
            raise
        if _is_about_input(error):
            typer.echo(f"error: {in_words(error)}", err=True)
        else:
            typer.echo(
                f"error: {type(error).__name__}: {error}\nThis looks like a fault of the program: "
                "course --debug shows where; please report it.",
                err=True,
            )
        sys.exit(1)


def _is_about_input(error: Exception) -> bool:
    """Whether an error speaks of what the user gave rather than of the program. The rooms' own kinds are recognised by name, since
    loading them here would cost every command the libraries behind them."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    known = {
        "TableError",
        "ConfigError",
        "DataError",
        "ModelError",
        "PickingError",
        "TrainingError",
        "CurationError",
        "DiscriminationError",
        "Busy",
        "RunFailed",
    }
    return bool(kinds & known) or isinstance(error, OSError)


if __name__ == "__main__":
    main()
