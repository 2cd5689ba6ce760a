"""``course magnitude`` on a synthetic world: magnitudes near the truth, files, clear refusals."""

import json

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from course_utils.catalog.store import read_table, write_table
from course_utils.pipeline.commands.magnitude import magnitude
from course_utils.synthetic import World

app = typer.Typer()
app.command()(magnitude)


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def world():
    return World.tiny(seed=3)


@pytest.fixture(scope="module")
def tables(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("located")
    catalog = world.truth.catalog()
    for name in ("events", "assignments", "picks", "stations"):
        write_table(getattr(catalog, name), name, folder / f"{name}.parquet")
    return folder


def test_magnitudes_are_written_and_near_the_truth(world, tables, tmp_path):
    done = call(tables, "synthetic:tiny:3", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    events = read_table(tmp_path / "events.parquet", "events")
    both = events[events["magnitude_type"] == "ML"].merge(world.truth.local_magnitudes, on="event_id")
    assert len(both) >= 2
    assert (both["magnitude"] - both["ml"]).abs().median() < 0.15
    assert json.loads((tmp_path / "scale.json").read_text())["name"] == "Hutton and Boore (1987)"
    assert "readings used" in done.output
    assert (tmp_path / "readings.csv").stat().st_size > 100


def test_what_is_missing_is_named(tables, tmp_path):
    for arguments, said in (
        ((tables, "synthetic:tiny:3", "--calibrate"), "needs 20 events"),
        ((tables, tmp_path), "--inventory is missing"),
        ((tables, tmp_path, "--inventory", tmp_path / "no.xml"), "no such file"),
        (
            (tables, tmp_path, "--inventory", tables / "events.parquet"),
            "events.parquet: cannot be read; give StationXML",
        ),
        ((tmp_path, "synthetic:tiny:3"), "events.parquet"),
        ((tables, "synthetic:none"), "no such world"),
    ):
        done = call(*arguments, "--out", tmp_path / "out")
        assert done.exit_code == 1
        assert said in done.output
        assert not (tmp_path / "out").exists()


def test_amplitudes_of_picks_take_over_known_magnitudes(tmp_path):
    from course_utils.pipeline.faulty_catalog import faulty_catalog

    made = faulty_catalog(seed=5, n_events=60)
    folder = tmp_path / "located"
    for name in ("events", "assignments", "picks", "stations"):
        write_table(getattr(made.catalog, name), name, folder / f"{name}.parquet")
    truth = write_table(made.truth_events, "events", tmp_path / "truth.parquet")
    done = call(folder, "picks", "--like", truth, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    labels = made.truth_labels[made.truth_labels["good"]].set_index("event_id")["true_event_id"]
    events = read_table(tmp_path / "out" / "events.parquet", "events").set_index("event_id").loc[labels.index]
    off = events["magnitude"].to_numpy() - made.truth_events.set_index("event_id")["magnitude"].loc[labels].to_numpy()
    assert (events["magnitude_type"] == "ML").mean() > 0.9
    assert abs(pd.Series(off)).median() < 0.2
    assert "after the reference" in (tmp_path / "out" / "scale.json").read_text()
    done = call(folder, "picks", "--out", tmp_path / "none")
    assert done.exit_code == 1 and "known magnitudes" in done.output
    write_table(made.catalog.picks.assign(amplitude_unit="counts"), "picks", folder / "picks.parquet")
    done = call(folder, "picks", "--out", tmp_path / "none")
    assert done.exit_code == 1 and "in m/s (their units: counts); course pick --inventory" in done.output
