"""``course relocate`` on our tables and on HypoDD's files: results, an account of everything, clear refusals."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "location"))
from relative_world import cluster, offsets

from course_utils import location
from course_utils.catalog.formats import hypodd
from course_utils.catalog.store import read_table, write_table
from course_utils.pipeline import hypodd as program
from course_utils.pipeline.commands.relocate import relocate

app = typer.Typer()
app.command()(relocate)


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def world():
    return cluster(20, seed=2)


@pytest.fixture(scope="module")
def tables(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for name in ("events", "assignments", "picks", "stations", "velocity"):
        write_table(getattr(world[0], name), name, folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def files(world, tmp_path_factory):
    """The same as files of HypoDD."""
    catalog, folder = world[0], tmp_path_factory.mktemp("hypodd")
    links = location.catalog_differences(catalog)
    (folder / "event.dat").write_text(hypodd.events_text(catalog.events))
    (folder / "station.dat").write_text(hypodd.stations_text(catalog.stations))
    (folder / "dt.ct").write_text(hypodd.differences_text(links, "ct"))
    (folder / "dt.cc").write_text(hypodd.differences_text(links.assign(kind="cc"), "cc"))
    catalog.velocity.to_csv(folder / "model.csv", index=False)
    return folder


def options(files, **changed):
    given = {"events": "event.dat", "stations": "station.dat", "dt-ct": "dt.ct", "velocity": "model.csv"} | changed
    return [part for name, file in given.items() if file for part in (f"--{name}", files / file)]


def test_tables_in_tables_out(world, tables, tmp_path):
    result = call(tables, "--out", tmp_path, "--bootstrap", "20")
    assert result.exit_code == 0, result.output
    assert "20 of 20 events relocated in 1 cluster" in result.output
    events = read_table(tmp_path / "events.parquet", "events")
    assert np.sqrt((offsets(events, world[1])[:, :2] ** 2).mean()) < 0.08
    outcomes, history, links = (pd.read_csv(tmp_path / f"{n}.csv") for n in ("outcomes", "history", "links"))
    assert len(outcomes) == 20 and (outcomes["links_ct"] > 100).all()
    assert history["rms_ct_s"].iloc[-1] < history["rms_ct_s"].iloc[0] and links["residual_s"].notna().any()
    assert len(pd.read_csv(tmp_path / "errors.csv")) == 20
    written = hypodd.read_relocated(tmp_path / "hypoDD.reloc")
    assert written["n_ct_p"].sum() + written["n_ct_s"].sum() == 2 * (links["final_weight"] > 0).sum()
    assert (tmp_path / "report.txt").read_text() in result.output


def test_files_of_hypodd_give_the_same_events(tables, files, tmp_path):
    assert call(tables, "--out", tmp_path / "a").exit_code == 0
    result = call(*options(files), "--out", tmp_path / "b")
    assert result.exit_code == 0, result.output
    ours, theirs = (read_table(tmp_path / n / "events.parquet", "events").sort_values("event_id") for n in "ab")
    np.testing.assert_allclose(theirs["depth_km"].to_numpy(), ours["depth_km"].to_numpy(), atol=2e-3)
    np.testing.assert_allclose(theirs["latitude"].to_numpy(), ours["latitude"].to_numpy(), atol=2e-5)


def test_both_kinds_of_times_and_tables_with_a_file(tables, files, tmp_path):
    result = call(*options(files, **{"dt-cc": "dt.cc"}), "--out", tmp_path / "a")
    assert result.exit_code == 0 and "cross-correlation times" in result.output and "catalog times" in result.output
    result = call(tables, "--dt-cc", files / "dt.cc", "--out", tmp_path / "b")
    assert result.exit_code == 0, result.output
    assert "cross-correlation times" in result.output and "catalog times" in result.output
    assert "without coordinates" not in result.output, "labels without dots are the same stations"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"dt-ct": None}, "needs --dt-ct"),
        ({"velocity": None}, "needs --velocity"),
        ({"stations": None}, "needs --stations"),
        ({"events": None}, "either a folder of tables or --events"),
        ({"events": "none.dat"}, "none.dat: there is no such file"),
        ({"dt-ct": "event.dat"}, "before the first pair"),
        ({"stations": "event.dat"}, "10 columns; a station line"),
    ],
)
def test_bad_input_is_one_clear_line(files, tmp_path, spoil, message):
    result = call(*options(files, **spoil), "--out", tmp_path / "out")
    assert result.exit_code == 1 and message in result.output
    assert not (tmp_path / "out").exists()


def test_empty_and_foreign_times_are_refused_with_counts(files, tmp_path):
    (tmp_path / "empty.ct").write_text("")
    result = call(*options(files, **{"dt-ct": None}), "--dt-ct", tmp_path / "empty.ct", "--out", tmp_path / "out")
    assert result.exit_code == 1 and "none can be used (there are none)" in result.output
    foreign = (files / "dt.ct").read_text().replace("XXS", "ZZT")
    (tmp_path / "foreign.ct").write_text(foreign)
    result = call(*options(files, **{"dt-ct": None}), "--dt-ct", tmp_path / "foreign.ct", "--out", tmp_path / "out")
    assert result.exit_code == 1 and "x link at a station without coordinates" in result.output


def test_control_files_come_back_as_they_were_written(world, tmp_path):
    stages = [s.model_dump() for s in location.RelocationSettings().stages_for(True, True)]
    (tmp_path / "hypoDD.inp").write_text(hypodd.control_text(stages, world[0].velocity, {"ct", "cc"}))
    back, velocity = hypodd.read_control(tmp_path / "hypoDD.inp")
    names = [k for k in stages[0] if k != "damping"]
    assert [[b[k] for k in names] for b in back] == [[s[k] for k in names] for s in stages]
    assert velocity["depth_km"].iloc[0] == 0.0 and velocity["vp_km_s"].is_monotonic_increasing


@pytest.mark.skipif(program.installed() is not None, reason="hypoDD is installed")
def test_comparison_without_the_program_is_refused(tables, tmp_path):
    result = call(tables, "--out", tmp_path / "out", "--compare-hypodd")
    assert result.exit_code == 1 and "no such program on the PATH" in result.output


@pytest.mark.skipif(program.installed() is None, reason="the program hypoDD is not installed")
def test_comparison_with_the_program(files, tmp_path):
    result = call(*options(files), "--out", tmp_path, "--compare-hypodd")
    assert result.exit_code == 0 and "hypoDD: 20 events in common" in result.output


def test_hundreds_of_events_and_150000_times_take_seconds(tmp_path):
    import time

    catalog, _ = cluster(300, seed=9, n_stations=24)
    for name in ("events", "assignments", "picks", "stations", "velocity"):
        write_table(getattr(catalog, name), name, tmp_path / f"{name}.parquet")
    start = time.process_time()
    result = call(tmp_path, "--out", tmp_path / "out", "--neighbours", "28")
    spent = time.process_time() - start
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "out" / "links.csv")) > 150_000
    assert spent < 40, f"{spent:.0f} s of processor time"
