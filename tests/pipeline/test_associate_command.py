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
from course_utils.pipeline.commands.locate import locate

app = typer.Typer()
app.command()(associate)
locating = typer.Typer()
locating.command()(locate)


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
    [
        (("--method", "guess"), "method 'guess' is not known"),
        (("--min-picks", "1000"), "can never give"),
        (("--min-picks", "-3"), "error: min_picks = -3: input should be"),
    ],
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


def test_real_folder_chunks_workers_and_an_explanation(files, tmp_path):
    """The same picks as REAL's files, in two processes, with a question about an event."""
    assert call(files).exit_code == 0
    events, assignments = (read_table(files / "out" / f"{n}.parquet", n) for n in ("events", "assignments"))
    picks = pd.read_csv(files / "picks.csv")
    picks["time"] = pd.to_datetime(picks["time"], utc=True)
    for (station, phase), rows in picks.groupby(["station", "phase"]):
        for day, part in rows.groupby(rows["time"].dt.strftime("%Y%m%d")):
            seconds = (part["time"] - pd.Timestamp(day, tz="UTC")) / pd.Timedelta(seconds=1)
            path = tmp_path / day / f"{station.rstrip('.')}.{phase}.txt"
            path.parent.mkdir(exist_ok=True)
            lines = [f"{s:.6f} {p} 0" for s, p in zip(seconds, part["probability"], strict=True)]
            path.write_text("\n".join(lines) + "\n")
    first = events.iloc[0]
    origin = f"{first['time'].isoformat()},{first['latitude']},{first['longitude']},{first['depth_km']}"
    nowhere = "2022-12-20T23:00:00,64.8,-16.8,5"
    more = ("--workers", "2", "--chunk-hours", "0.1", "--explain", origin, "--explain", nowhere)
    result = call(files, *more, picks=str(tmp_path))
    assert result.exit_code == 0, result.output
    again = read_table(files / "out" / "assignments.parquet", "assignments")
    columns = ["station", "phase", "residual_s"]
    sort = assignments.sort_values(columns)[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.sort_values(columns)[columns].reset_index(drop=True), sort, atol=1e-4)
    assert "found: event" in result.output and "no picks then" in result.output


def test_a_question_that_is_no_event_is_refused(files):
    result = call(files, "--explain", "2016-10-14,42.8")
    assert result.exit_code == 1
    assert "write time,latitude,longitude,depth_km" in result.output


def test_picks_without_location_code_go_to_the_only_sensor(files):
    named = pd.read_csv(files / "picks.csv")
    assert (named["station"].str.count(r"\.") == 2).all()
    named.assign(station=named["station"].str.rsplit(".", n=1).str[0]).to_csv(files / "short.csv", index=False)
    assert call(files, picks="short.csv").exit_code == 0
    picks = read_table(files / "out" / "picks.parquet", "picks")
    assert set(picks["station"]) == set(named["station"])
    located = CliRunner().invoke(
        locating,
        [
            str(a)
            for a in (files / "out", "--stations", files / "stations.parquet", "--velocity", files / "velocity.csv")
        ]
        + ["--picks", str(files / "out" / "picks.parquet"), "--out", str(files / "located")],
    )
    assert located.exit_code == 0, located.output
