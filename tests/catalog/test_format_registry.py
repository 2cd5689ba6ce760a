"""The table of formats: what is guessed, what is said to be lost, and names that come back."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from format_strategies import catalogs, same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils import data as sets
from course_utils.catalog.formats import registry
from course_utils.catalog.tables import SCHEMAS, Catalog, TableError, columns, conform

quick = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
mirror = os.environ.get("COURSE_DATA_MIRROR")
EVENTS = {"latitude": 2e-4, "longitude": 2e-4, "depth_km": 0.02}


@pytest.mark.parametrize("name", ["tables", "quakeml", "hypoinverse-arc", "nonlinloc-hyp", "hypodd-pha"])
@given(catalogs(ids=st.integers(-(2**60), 2**60), stations=("NC.CBW.", "N.CCBW.", "IV.TOOLONG.00", "ABC.X.")))
@quick
def test_long_ids_and_names_come_back(tmp_path, name, catalog):
    if not len(catalog.events):
        return
    path = tmp_path / f"a{registry.named(name).endings[0].rstrip('/')}"
    registry.write(catalog, path, registry.named(name))
    assert registry.guess(path) is registry.named(name)
    same(registry.read(path), catalog, EVENTS, {}, 0.02)


@pytest.mark.parametrize("name", ["comcat-csv", "hypodd-event", "growclust-evlist", "hypodd-reloc"])
@given(catalogs(ids=st.integers(2**31, 2**60)))
@quick
def test_event_files_come_back(tmp_path, name, catalog):
    if not len(catalog.events):
        return
    path = tmp_path / {"hypodd-reloc": "hypoDD.reloc", "comcat-csv": "a.csv"}.get(name, registry.named(name).endings[0])
    registry.write(catalog, path, registry.named(name))
    assert registry.guess(path) is registry.named(name)
    same(registry.read(path), catalog, EVENTS, None, 0.02)


def test_what_formats_keep_are_columns_and_every_format_is_documented():
    extra = {"duration_magnitude", "place"}
    for one in registry.FORMATS:
        assert one.read or one.write
        assert one.precision and one.title and one.endings and set(one.keeps) <= set(SCHEMAS)
        for table, kept in one.keeps.items():
            assert kept - extra <= set(columns(table)["column"]), one.name
    names = [one.name for one in registry.FORMATS]
    assert len(names) == len(set(names))


def full() -> Catalog:
    """A catalog in which every column of every table holds something that every format can hold."""
    fill = {"float": 0.5, "text": "x", "int": 7, "time": pd.Timestamp("2020-02-29T12:00:30Z")}
    fill |= {
        "station": "NC.CBW.",
        "phase": "P",
        "channel": "HH",
        "channels": "HH",
        "magnitude_type": "ML",
        "event_type": "quarry blast",
    }
    fill |= {"amplitude_unit": "m/s", "n_p": 1.0, "n_s": 0.0, "vp_km_s": 5.0, "vs_km_s": 3.0, "depth_km": 2.0}

    def row(name):
        declared = columns(name)
        return pd.DataFrame({c.column: [fill.get(c.column, fill[c.kind])] for c in declared.itertuples()})

    tables = {name: row(name) for name in ("events", "assignments", "picks", "stations", "velocity")}
    tables["picks"]["time"] += pd.Timedelta("3s")
    tables["velocity"] = pd.concat([tables["velocity"], tables["velocity"].assign(depth_km=30.0)])
    return Catalog(**tables)


@pytest.mark.parametrize("name", [one.name for one in registry.FORMATS if one.read and one.write])
def test_columns_that_are_said_to_be_kept_are(tmp_path, name):
    form, catalog = registry.named(name), full()
    registry.write(catalog, tmp_path / "file", form)
    back = registry.read(tmp_path / "file", form)
    for table, kept in form.keeps.items():
        ours, theirs = getattr(catalog, table), getattr(back, table)
        assert len(ours) == len(theirs) or table == "velocity"  # an interface may stand twice
        for column in kept:
            one, other = ours[column].iloc[0], theirs[column].iloc[0]
            if column == "pick_id" or (table, column) == ("picks", "event_id"):
                continue  # made of the pick itself
            assert other == (pytest.approx(one, abs=0.51) if isinstance(one, float) else one), (table, column)


@pytest.mark.parametrize(
    "name",
    ["hypoinverse-arc", "nonlinloc-hyp", "nonlinloc-obs", "hypodd-pha", "growclust-evlist", "quakeml", "comcat-csv"],
)
def test_zero_is_an_id_like_another(tmp_path, name):
    catalog = full()
    tables = {table: getattr(catalog, table).assign(event_id=0) for table in ("events", "assignments")}
    registry.write(catalog.replace(**tables), tmp_path / "file", registry.named(name))
    back = registry.read(tmp_path / "file", registry.named(name))
    assert set(back.events["event_id"]) | set(back.assignments["event_id"]) == {0}


def test_losses_are_told(tmp_path):
    events = pd.DataFrame({"time": pd.to_datetime([0], utc=True), "latitude": 1.0, "longitude": 2.0, "depth_km": 3.0})
    catalog = Catalog(
        events=events.assign(event_id=2**50, grade="A", magnitude=1.0, place="here"),
        stations=pd.DataFrame({"station": ["A.B."], "latitude": 1.0, "longitude": 2.0, "elevation_m": 3.0}),
    )
    written = registry.write(catalog, tmp_path / "evlist.txt")
    assert written.lost == ["stations (all 1 rows)", "events: grade, place"]
    assert "1 names replaced, see" in str(written) and "lost: stations (all 1 rows); events: grade, place" in str(
        written
    )
    assert registry.read(tmp_path / "evlist.txt").events["event_id"].tolist() == [2**50]
    registry.write(catalog.replace(events=catalog.events.assign(event_id=7)), tmp_path / "evlist.txt")
    assert not (tmp_path / "evlist.txt.names.csv").exists()
    assert registry.write(catalog, tmp_path / "folder").lost == []


def test_tables_are_read_with_and_without_events(tmp_path):
    catalog = full()
    registry.write(catalog, tmp_path / "run")
    one = registry.read(tmp_path / "run" / "picks.parquet")
    assert len(one.picks) == 1 and not len(one.events)
    for name in ("events", "assignments"):
        (tmp_path / "run" / f"{name}.parquet").unlink()
    left = registry.read(tmp_path / "run")
    assert len(left.picks) == len(left.stations) == 1 and not len(left.events)
    with pytest.raises(ValueError, match="written into a folder"):
        registry.guess(tmp_path / "new.parquet", writing=True)
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(TableError, match="is no Parquet file"):
        registry.read(tmp_path / "broken.parquet")


def test_the_name_decides_only_where_the_content_agrees(tmp_path):
    hypodd = tmp_path / "picks.dat"
    hypodd.write_text("20160101  12345678  42.8169  13.2140  8.041  0.9  0.00  0.00  0.13  1\n")
    assert registry.guess(hypodd).name == "hypodd-event"
    assert registry.guess("catalog.xml", writing=True).name == "quakeml"
    assert registry.guess("out/station.dat", writing=True).name == "hypodd-station"
    assert registry.guess("some/folder", writing=True).name == "tables"
    for call, said in (
        (lambda: registry.guess("a.hpl", writing=True), "no format is written with this ending"),
        (lambda: registry.named("nordic"), "'nordic' is no format; there are tables"),
        (lambda: registry.write(Catalog(), tmp_path / "a.csv"), "comcat-csv holds events"),
        (lambda: registry.write(Catalog(), tmp_path / "a.x", registry.named("ogs-hpl")), "only read"),
        (lambda: registry.read(hypodd, registry.named("hypoinverse-crh")), "only written"),
        (lambda: registry.read(hypodd, registry.named("quakeml")), "not readable as QuakeML"),
    ):
        with pytest.raises((ValueError, TableError), match=said):
            call()
    hypodd.write_text("nothing of this\n")
    with pytest.raises(ValueError, match="looks like none of the formats"):
        registry.guess(hypodd)


def test_an_uncertain_pick_passes_through_quakeml(tmp_path):
    picks = conform(
        pd.DataFrame(
            {
                "pick_id": [1],
                "station": "A.B.",
                "phase": "P",
                "time": pd.to_datetime([1], utc=True),
                "pick_error_s": 0.03,
            }
        ),
        "picks",
    )
    events = pd.DataFrame(
        {"event_id": [5], "time": pd.to_datetime([0], utc=True), "latitude": 1.0, "longitude": 2.0, "depth_km": 3.0}
    )
    pairs = pd.DataFrame({"event_id": [5], "pick_id": [1], "station": "A.B.", "phase": "P"})
    more = pd.concat([picks, picks.assign(pick_id=2)])
    written = registry.write(Catalog(events, pairs, more), tmp_path / "a.xml")
    assert written.account.rows == {("picks", "belongs to no event"): 1}
    assert registry.read(tmp_path / "a.xml").picks["pick_error_s"].tolist() == [0.03]


REAL = {
    "hypodd-examples/examples/example1/El16.arc": ("hypoinverse-arc", 16),
    "hypodd-examples/examples/example1/El16.pha": ("hypodd-pha", 16),
    "hypodd-examples/examples/example1/event.dat": ("hypodd-event", 16),
    "hypodd-examples/examples/example1/hypoDD.loc": ("hypodd-reloc", 16),
    "hypodd-examples/examples/example1/hypoDD.reloc": ("hypodd-reloc", 16),
    "hypodd-examples/examples/example4/hypoDD.reloc": ("hypodd-reloc", 21),
    "hypodd-examples/examples/example1/station.dat": ("hypodd-station", 0),
    "hypodd-examples/examples/example1/station.sel": ("hypodd-station", 0),
    "loc-flow-italy/hypoDD_dtct/event.sel": ("hypodd-event", 57),
    "loc-flow-italy/GrowClust/IN/evlist.txt": ("growclust-evlist", 59),
    "loc-flow-italy/GrowClust/IN/stlist.txt": ("growclust-stlist", 0),
    "loc-flow-italy/location/hypoinverse/station.dat": ("hypoinverse-station", 0),
    "loc-flow-italy/location/hypoinverse/catOut.sum": ("hypoinverse-sum", 60),
    "growclust3d-spanish-springs/examples/data/in/evlist.txt": ("growclust-evlist", 1616),
    "growclust3d-spanish-springs/examples/data/out/out.trace1D.cat": ("growclust-cat", 1616),
    "nonlinloc-samples/nlloc_sample/obs/2018-11-30-mww70-southern-alaska.obs": ("nonlinloc-obs", 0),
    "nonlinloc-samples/nlloc_sample/original_output/alaska.sum.grid0.loc.hyp": ("nonlinloc-hyp", 7),
    "nonlinloc-samples/nlloc_sample/obs/station_coordinates.txt": ("nonlinloc-stations", 0),
    "nonlinloc-samples/nlloc_sample/run/nlloc_sample.in": ("nonlinloc-layers", 0),
    "comcat-reviewed/docs/rerun_2026/comcat_reviewed_san_simeon.csv": ("comcat-csv", 1692),
}


@pytest.mark.real
@pytest.mark.skipif(not mirror, reason="COURSE_DATA_MIRROR is not set")
@pytest.mark.parametrize("path", REAL)
def test_real_files_are_known_and_read(path):
    name, events = REAL[path]
    assert registry.guess(Path(mirror) / path).name == name
    catalog = registry.read(Path(mirror) / path)
    assert len(catalog.events) == events and any(len(getattr(catalog, table)) for table in registry.named(name).keeps)


@pytest.mark.real
@pytest.mark.skipif(not mirror, reason="COURSE_DATA_MIRROR is not set")
@pytest.mark.parametrize("name", ["hypoinverse-arc", "nonlinloc-hyp", "hypodd-pha"])
def test_a_real_bulletin_comes_back_whole(tmp_path, name):
    catalog = sets.open("ogs-2024", progress=False).catalog
    written = registry.write(catalog, tmp_path / "file", registry.named(name))
    assert written.account.rows == {("picks", "belongs to no event"): 159}
    back = registry.read(tmp_path / "file", registry.named(name))
    same(back, catalog, EVENTS, {}, 0.01)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder, out = tmp_path_factory.mktemp("texts"), {}
    for one in registry.FORMATS:
        if one.read and one.write and one.name not in ("tables", "quakeml"):
            registry.write(full(), folder / "file", one)
            out[one.name] = (folder / "file").read_text()
    return out


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused_in_words(texts, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(texts)))
    text = texts[name]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.integers(0, 6))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", "x", "-", "1e400", "nan", "99999999999", "\n", "*", "\0"]))
            + text[at + gone :]
        )
    path = tmp_path / "file"
    path.write_text(text)
    try:
        registry.read(path, registry.named(name))
    except TableError as error:
        assert "file" in str(error)
