"""``course sequences``: families and planes of a synthetic month, files, clear refusals."""

import json

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from course_utils.catalog.sequences import decluster
from course_utils.catalog.store import write_table
from course_utils.pipeline.commands.sequences import sequences
from course_utils.synthetic import World

app = typer.Typer()
app.command()(sequences)


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def events():
    return World.month(seed=5).truth.events


def test_every_earthquake_gets_its_family_and_role(events, tmp_path):
    path = write_table(events, "events", tmp_path / "events.parquet")
    whole, events = events, events[events["event_type"] == "earthquake"].reset_index(drop=True)
    done = call(path, "--depth", "--dimension", 2.2, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    table, facts = pd.read_csv(tmp_path / "out" / "events.csv"), json.loads((tmp_path / "out/summary.json").read_text())
    assert set(table["event_id"]) == set(events["event_id"]) and len(table) == facts["events"] == len(events)
    blasts = int((whole["event_type"] == "quarry blast").sum())
    assert facts["left out: quarry blast"] == blasts > 0
    found = decluster(events, depth=True, dimension=2.2)
    assert facts["background fraction"] == pytest.approx(found.background_fraction)
    assert (table.set_index("event_id")["role"][found.events["event_id"]].to_numpy() == found.events["role"]).all()
    assert table["cluster"].max() + 1 == facts["clusters in space"] > 1
    planes = pd.read_csv(tmp_path / "out" / "planes.csv")
    assert planes["strike_deg"].between(0, 360).all() and len(planes) == facts["clusters in space"]
    assert "mainshock" in done.output


def test_what_cannot_be_is_said(events, tmp_path):
    events = events[events["event_type"] == "earthquake"]
    few = write_table(events.iloc[:5], "events", tmp_path / "few.parquet")
    some = write_table(events.iloc[:25], "events", tmp_path / "some.parquet")
    for arguments, said in (
        ((few,), "5 earthquakes"),
        ((some,), "give a threshold"),
        ((some, "--b", -1), "b is -1.0"),
        ((tmp_path / "none.csv",), "none.csv"),
    ):
        done = call(*arguments, "--out", tmp_path / "no")
        assert done.exit_code == 1 and said in done.output
        assert not (tmp_path / "no").exists()
