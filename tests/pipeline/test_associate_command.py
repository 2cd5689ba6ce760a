"""``course associate`` on files: tables out, an account on the screen, clear refusals."""

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from course_utils.catalog.store import read_table, write_table
from course_utils.pipeline.commands.associate import associate

app = typer.Typer()
app.command()(associate)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    path = Path(__file__).parents[1] / "association" / "conftest.py"
    spec = importlib.util.spec_from_file_location("association_pick_sets", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    known = module.dense_sequence(n_events=5, gap_s=20.0)
    folder = tmp_path_factory.mktemp("tables")
    known.picks[["station", "phase", "time", "probability"]].to_csv(folder / "picks.csv", index=False)
    write_table(known.stations, "stations", folder / "stations.parquet")
    known.velocity.to_csv(folder / "velocity.csv", index=False)
    return folder


def call(folder, *more, picks="picks.csv"):
    options = (
        "--stations",
        folder / "stations.parquet",
        "--velocity",
        folder / "velocity.csv",
        "--out",
        folder / "out",
    )
    return CliRunner().invoke(app, [str(a) for a in (folder / picks, *options, *more)])


def test_picks_in_events_out(files):
    result = call(files)
    assert result.exit_code == 0, result.output
    events, assignments = (read_table(files / "out" / f"{n}.parquet", n) for n in ("events", "assignments"))
    picks = read_table(files / "out" / "picks.parquet", "picks")
    assert len(events) == 5
    assert set(assignments["event_id"]) == set(events["event_id"])
    assert assignments["pick_id"].isin(picks["pick_id"]).all()
    assert "5 events" in result.output and "left over" in result.output


@pytest.mark.parametrize(
    "more, message",
    [(("--method", "guess"), "method 'guess' is not known"), (("--min-picks", "1000"), "can never give")],
)
def test_refusals_are_clear(files, more, message):
    result = call(files, *more)
    assert result.exit_code == 1
    assert message in result.output


def test_a_missing_file_is_named(files):
    result = call(files, picks="nothing.csv")
    assert result.exit_code == 1
    assert "nothing.csv" in result.output


def test_layers_and_the_model_of_an_earlier_run(files):
    layers = pd.DataFrame({"depth_km": [0.0, 10.0], "vp_km_s": [5.0, 6.5], "vs_km_s": [2.9, 3.7]})
    layers.to_csv(files / "layers.csv", index=False)
    given = ("--velocity", files / "layers.csv", "--velocity-interpolation")
    assert call(files, *given, "layers").exit_code == 0
    nodes = read_table(files / "out" / "velocity.parquet", "velocity")
    assert nodes["depth_km"].tolist() == [0.0, 10.0, 10.0]
    assert nodes["vp_km_s"].tolist() == [5.0, 5.0, 6.5]
    nodes.to_parquet(files / "earlier.parquet")
    assert call(files, "--velocity", files / "earlier.parquet").exit_code == 0
    pd.testing.assert_frame_equal(read_table(files / "out" / "velocity.parquet", "velocity"), nodes)
    result = call(files, *given, "cubic")
    assert result.exit_code == 1
    assert "error: interpolation 'cubic': use linear or layers" in result.output


@pytest.mark.parametrize("rows", [0, 2])
def test_too_few_picks_are_a_catalog_without_events(files, rows):
    picks = pd.read_csv(files / "picks.csv").head(rows)
    picks.to_csv(files / "few.csv", index=False)
    result = call(files, picks="few.csv")
    assert result.exit_code == 0, result.output
    assert len(read_table(files / "out" / "events.parquet", "events")) == 0
    assert len(read_table(files / "out" / "picks.parquet", "picks")) == rows


def test_picks_of_other_stations_are_refused_with_the_names_of_both(files):
    picks = pd.read_csv(files / "picks.csv").assign(station="ZZ.OTHER.")
    picks.to_csv(files / "other.csv", index=False)
    result = call(files, picks="other.csv")
    assert result.exit_code == 1
    assert "ZZ.OTHER. in the picks" in result.output
    assert read_table(files / "stations.parquet", "stations")["station"][0] in result.output
