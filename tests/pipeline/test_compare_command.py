"""``course compare``: tables and a report that stand alone, days that are missing, and refusals with a reason."""

import json
import os
import re

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.store import write_catalog, write_table
from course_utils.catalog.tables import Catalog, conform
from course_utils.pipeline.cli import main

HOUR = 3600.0


def call(*arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(list(map(str, ("compare", *arguments))))
    shown = capsys.readouterr()
    return left.value.code, shown.out, shown.err


def events(seconds, start="2019-07-04", **columns):
    times = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.asarray(seconds, float), unit="s")
    table = pd.DataFrame({"time": times, "latitude": 35.7, "longitude": -117.5, "depth_km": 8.0})
    return conform(table.assign(**columns), "events")


def with_picks(table, late_s=0.0):
    rows = [
        (
            event.event_id,
            f"XX.S{i}.",
            phase,
            event.time + pd.Timedelta(seconds=i + late_s + 2 * (phase == "S")),
            1 - i / 4,
        )
        for event in table.itertuples()
        for i in range(4)
        for phase in "PS"
    ]
    frame = pd.DataFrame(rows, columns=["event_id", "station", "phase", "time", "weight"])
    picks = conform(frame[["station", "phase", "time"]], "picks")
    pairs = picks[["pick_id", "station", "phase"]].assign(event_id=frame["event_id"], weight=frame["weight"])
    return Catalog(events=table, picks=picks, assignments=pairs)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Folders of two catalogs over three days; the first holds nothing on the second day."""
    folder = tmp_path_factory.mktemp("catalogs")
    at = np.arange(18) * 4 * HOUR - 0.3
    size = np.tile([1.0, 2.0, 3.0], 6)
    theirs = with_picks(events(at + 0.3, magnitude=size))
    kept = [i for i in range(18) if not 6 <= i < 12 and i != 1]
    mine = with_picks(events(np.r_[at[kept], 5000.0], magnitude=np.r_[size[kept] + 0.1, 0.5]), late_s=0.3)
    return write_catalog(mine, folder / "mine"), write_catalog(theirs, folder / "theirs")


def test_tables_and_report(two, tmp_path, capsys):
    out = tmp_path / "out"
    code, said, err = call(*two, "--out", out, capsys=capsys)
    assert code == 0, err
    facts = json.loads((out / "summary.json").read_text())
    assert (facts["matched"], facts["missed"], facts["proposed"]) == (11, 7, 1)
    assert facts["days_without_events"] == ["2019-07-05"] and facts["missed_on_days_without_events"] == 6
    assert facts["arrivals"] == {"in the matched event": 88, "not picked": 56}
    assert "2019-07-05" in said
    tables = {path.stem: pd.read_csv(path) for path in out.glob("*.csv")}
    assert len(tables["missed"]) == 7 and len(tables["proposed"]) == 1 and len(tables["matched"]) == 11
    assert tables["by_day"]["no_events"].tolist() == [False, True, False]
    assert tables["recall_by_magnitude"]["n"].sum() == 18 and tables["recall_by_weight"]["n"].sum() == 144
    assert tables["residuals"].set_index("residual").loc["dt_s", "median"] == pytest.approx(-0.3)
    page = (out / "report.html").read_text("utf-8")
    assert page.count('<img src="data:image/png;base64,') == 3 and "Plotly.newPlot" in page
    assert "<strong>1 day without an event of the catalog: 6 missed there</strong> (2019-07-05)" in page
    assert not re.search(r'<(?:link|script|img)[^>]+(?:src|href)="(?:https?:)?//', page)


def test_of_many_events_the_map_shows_the_largest(two, tmp_path, capsys, monkeypatch):
    from course_utils.pipeline import comparison_report

    monkeypatch.setattr(comparison_report, "_DRAWN", 5)
    assert call(*two, "--out", tmp_path, capsys=capsys)[0] == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "matched, largest of 11 (5)" in page and "missed, largest of 7 (5)" in page
    assert len(pd.read_csv(tmp_path / "missed.csv")) == 7


def test_part_of_the_time_loses_nothing_at_midnight(two, tmp_path, capsys):
    given = ["--start", "2019-07-04", "--end", "2019-07-05", "--json", tmp_path / "c.json"]
    assert call(*two, *given, capsys=capsys)[0] == 0
    facts = json.loads((tmp_path / "c.json").read_text())
    # the event of 00:00:00 is that of 23:59:59.7 on the day before in the other catalog
    assert (facts["matched"], facts["missed"], facts["expected"]) == (5, 1, 6)
    assert facts["tables"]["matched"][0]["dt_s"] == pytest.approx(-0.3)


def test_without_magnitudes_stations_or_any_match(tmp_path, capsys):
    theirs = write_table(events([0, 600]), "events", tmp_path / "b.parquet")
    mine = write_table(events([300]), "events", tmp_path / "a.parquet")
    code, _, err = call(mine, theirs, "--out", tmp_path / "out", capsys=capsys)
    assert code == 0, err
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["recall"] == 0
    assert not (tmp_path / "out" / "recall_by_magnitude.csv").exists()
    assert "median epicenter" not in (tmp_path / "out" / "report.html").read_text("utf-8")  # all at one place: no curve
    assert "latitude" in (tmp_path / "out" / "proposed.csv").read_text().splitlines()[0]
    nothing = write_table(events([]), "events", tmp_path / "none.parquet")
    assert call(nothing, theirs, "--out", tmp_path / "none", capsys=capsys)[0] == 0
    assert json.loads((tmp_path / "none" / "summary.json").read_text())["missed"] == 2


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"depth_km": 9000.0}, [], "is it in metres"),
        ({"time": pd.Timestamp("2020-01-01", tz="UTC")}, [], "no time in common"),
        ({}, ["--max-km", "-1"], "--max-km is -1"),
        ({}, ["--pick-tolerance-s", "nan"], "--pick-tolerance-s is nan"),
        ({}, ["--start", "yesterday-ish"], "write a time as"),
        ({}, ["--start", "2019-07-05", "--end", "2019-07-04"], "is not before"),
    ],
)
def test_bad_input_is_refused_with_the_reason(change, options, said, tmp_path, capsys):
    theirs = write_table(events([0, 600]), "events", tmp_path / "b.parquet")
    mine = write_table(conform(events([0]).assign(**change), "events"), "events", tmp_path / "a.parquet")
    code, _, err = call(mine, theirs, *options, "--out", tmp_path / "out", capsys=capsys)
    assert code == 1 and said in err and "fault of the program" not in err
    assert not (tmp_path / "out").exists()


def test_a_reference_without_events_is_refused(tmp_path, capsys):
    nothing = write_table(events([]), "events", tmp_path / "none.parquet")
    code, _, err = call(nothing, nothing, capsys=capsys)
    assert code == 1 and "holds no events" in err


def test_the_truth_of_a_synthetic_world_is_a_reference_with_arrivals(tmp_path, capsys):
    code, _, err = call("synthetic:tiny", "synthetic:tiny", "--json", tmp_path / "c.json", capsys=capsys)
    assert code == 0, err
    facts = json.loads((tmp_path / "c.json").read_text())
    assert facts["recall"] == 1.0 and set(facts["arrivals"]) == {"in the matched event"}


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
def test_two_lists_of_one_data_set(tmp_path, capsys):
    given = ["data:gamma-ridgecrest", "data:gamma-ridgecrest/scsn", "--max-dt-s", 3, "--max-km", "inf"]
    assert call(*given, "--json", tmp_path / "c.json", capsys=capsys)[0] == 0
    assert json.loads((tmp_path / "c.json").read_text())["matched"] == 656
    code, _, err = call(given[0], "data:gamma-ridgecrest/nothing", capsys=capsys)
    assert code == 1 and "holds no nothing, but events, scsn, stations" in err
