"""``course convert``: what it says of formats, losses and names, and that bad input ends in one message."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from course_utils.catalog.formats import registry
from course_utils.catalog.store import write_catalog
from course_utils.catalog.tables import Catalog
from course_utils.pipeline.cli import app
from course_utils.pipeline.commands.convert import with_stations

START = pd.Timestamp("2016-10-14T00:00:10Z")


def run(*arguments):
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


@pytest.fixture
def catalog():
    events = {
        "event_id": [2**60],
        "time": [START],
        "latitude": [42.8],
        "longitude": [13.2],
        "depth_km": [8.0],
        "grade": ["A"],
    }
    names = ["IV.NRCA.", "XO.T1245.00"]
    picks = {
        "pick_id": [1, 2],
        "station": names,
        "phase": ["P", "S"],
        "time": [START + pd.Timedelta("3s"), START + pd.Timedelta("5s")],
    }
    return Catalog(
        pd.DataFrame(events),
        pd.DataFrame({"event_id": 2**60, "pick_id": [1, 2], "station": names, "phase": ["P", "S"], "residual_s": 0.1}),
        pd.DataFrame(picks),
        pd.DataFrame({"station": names, "latitude": 42.8, "longitude": 13.1, "elevation_m": 900.0}),
        pd.DataFrame({"depth_km": [0.0, 30.0], "vp_km_s": [5.0, 7.0], "vs_km_s": [3.0, 4.0]}),
    )


def test_from_a_folder_to_text_and_back_with_full_names(tmp_path, catalog):
    write_catalog(catalog, tmp_path / "run")
    there = run(tmp_path / "run", tmp_path / "a.pha")
    assert there.exit_code == 0 and "lost: stations (all 2 rows); velocity (all 2 rows); events: grade" in there.output
    assert run(tmp_path / "run", tmp_path / "net.sta").exit_code == 0
    assert "names as they were before, from" in run(tmp_path / "a.pha", tmp_path / "a.xml").output
    assert registry.read(tmp_path / "a.xml").events["event_id"].tolist() == [2**60]
    (tmp_path / "a.pha.names.csv").unlink()  # as from somebody else: only HypoDD's labels are left
    model = tmp_path / "model.csv"
    catalog.velocity.to_csv(model, index=False)
    back = run(tmp_path / "a.pha", tmp_path / "again", "--stations", tmp_path / "net.sta", "--velocity", model)
    assert back.exit_code == 0, back.output
    assert (
        "2 stations given: 1 of the 2 with picks are among them (1 after their names were completed); not"
        in back.output
    )
    again = registry.read(tmp_path / "again")
    assert "IV.NRCA." in set(again.picks["station"]) and len(again.stations) == 2 and len(again.velocity) == 2
    assert again.events["event_id"].tolist() == [1]


def test_names_are_completed_only_where_one_station_fits(catalog):
    table = pd.DataFrame(
        {"station": ["IV.NRCA.", "XO.T1245.00", "XO.T1245.10"], "latitude": 1.0, "longitude": 2.0, "elevation_m": 3.0}
    )
    short = {
        ".NRCA.": "IV.NRCA.",
        ".T1245.": ".T1245.",
        ".XOT124500.": "XO.T1245.00",
        ".IVNRCA.": "IV.NRCA.",
        "IV.NRCA.": "IV.NRCA.",
    }
    for name, full in short.items():
        picks = catalog.picks.assign(station=name)
        named, _ = with_stations(Catalog(picks=picks), table)
        assert set(named.picks["station"]) == {full}


def test_formats_are_listed():
    listed = run("--list")
    assert listed.exit_code == 0 and all(one.name in listed.output for one in registry.FORMATS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a file to read and one to write"),
        (("{0}/none.arc", "{0}/a.csv"), "none.arc: there is no such file"),
        (("{0}/a.csv", "{0}/a.csv"), "this is the file that is read"),
        (("{0}/a.csv", "{0}/a.hpl"), "no format is written with this ending"),
        (("{0}/a.csv", "{0}/b.csv", "--from", "nordic"), "'nordic' is no format"),
        (("{0}/a.csv", "{0}/b.csv", "--from", "hypoinverse-arc"), "a.csv, line 1"),
        (("{0}/a.csv", "{0}/b.sta"), "hypoinverse-station holds stations"),
        (("{0}/a.csv", "{0}/b.xml", "--velocity", "{0}/a.dat"), "a.dat: there is no such file"),
    ],
)
def test_bad_input_ends_in_one_message(tmp_path, arguments, said):
    (tmp_path / "a.csv").write_text("time,latitude,longitude,depth,mag\n2016-10-14T00:00:10Z,42.8,13.2,8.0,1.0\n")
    done = run(*(text.format(tmp_path) for text in arguments))
    assert done.exit_code == 1 and said in done.output and "Traceback" not in done.output
