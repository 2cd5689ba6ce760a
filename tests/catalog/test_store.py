"""Tables on disk come back as they were, or say clearly why not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils.catalog import store
from course_utils.catalog.formats import registry
from course_utils.catalog.tables import SCHEMAS, Catalog, TableError, conform, empty

finite = st.floats(-1e6, 1e6, allow_subnormal=False) | st.just(float("nan"))
text = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12) | st.none()
times = st.integers(-(10**15), 4 * 10**15).map(lambda us: pd.Timestamp(us, unit="us", tz="UTC"))


@st.composite
def pick_tables(draw):
    n = draw(st.integers(0, 6))
    rows = [
        {
            "station": draw(st.sampled_from(["Z7.ABC.", "NA.001.00", "NC.Ä B,C.10"])),
            "channel": draw(text),
            "phase": draw(st.sampled_from("PS")),
            "time": draw(times),
            "probability": draw(st.floats(0, 1)),
            "amplitude": draw(finite),
            "model": draw(text),
            "extra": draw(st.integers(-5, 5)),
        }
        for _ in range(n)
    ]
    frame = pd.DataFrame(rows) if rows else empty("picks")
    table = conform(frame.assign(pick_id=np.arange(len(frame))), "picks")
    return table


@given(table=pick_tables(), ending=st.sampled_from(["parquet", "csv"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_comes_back_as_it_was(table, ending, tmp_path):
    path = store.write_table(table, "picks", tmp_path / f"picks.{ending}")
    back = store.read_table(path, "picks")
    if ending == "csv" and not len(table):
        back = back[table.columns]
    pd.testing.assert_frame_equal(back, table, check_exact=True)


@pytest.mark.parametrize("name", SCHEMAS)
def test_empty_tables_keep_their_types(name, tmp_path):
    for ending in ("parquet", "csv"):
        back = store.read_table(store.write_table(empty(name), name, tmp_path / f"t.{ending}"), name)
        pd.testing.assert_frame_equal(back, empty(name))


def picks(n=3, station="Z7.ABC."):
    start = pd.Timestamp("2024-01-01", tz="UTC")
    return conform(
        pd.DataFrame({"station": station, "phase": "P", "time": [start + pd.Timedelta(seconds=i) for i in range(n)]}),
        "picks",
    )


def test_a_partitioned_folder_reads_as_one_table(tmp_path):
    for station in ("Z7.B.", "Z7.A."):
        store.write_table(
            picks(2, station), "picks", tmp_path / "picks.parquet" / f"station={station}" / "part.parquet"
        )
    (tmp_path / "picks.parquet" / ".hidden.parquet.1.part").write_bytes(b"half")
    back = store.read_table(tmp_path / "picks.parquet", "picks")
    assert list(back["station"]) == ["Z7.A."] * 2 + ["Z7.B."] * 2


def test_the_schema_travels_with_the_file(tmp_path):
    import pyarrow.parquet as pq

    path = store.write_table(picks(), "picks", tmp_path / "picks.parquet")
    held = pq.read_schema(path)
    assert held.metadata[b"table"] == b"picks"
    assert held.field("amplitude").metadata[b"unit"] == b"amplitude_unit"


def test_same_table_same_bytes(tmp_path):
    one, two = (store.write_table(picks(), "picks", tmp_path / f"{k}.parquet").read_bytes() for k in "ab")
    assert one == two


def test_truncated_parquet_is_named(tmp_path):
    path = store.write_table(picks(500), "picks", tmp_path / "picks.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(TableError, match=r"picks\.parquet.*only a part"):
        store.read_table(path, "picks")


def test_another_table_is_refused(tmp_path):
    path = store.write_table(picks(), "picks", tmp_path / "x.parquet")
    with pytest.raises(TableError, match="holds the table 'picks', not 'events'"):
        store.read_table(path, "events")


def test_wrong_columns_name_file_and_column(tmp_path):
    path = tmp_path / "picks.csv"
    path.write_text("station,phase\nZ7.A.,P\n")
    with pytest.raises(TableError, match=r"picks\.csv.*no column time"):
        store.read_table(path, "picks")
    path.write_text("")
    with pytest.raises(TableError, match="first line must name the columns"):
        store.read_table(path, "picks")


def test_absent_and_unknown_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="picks"):
        store.read_table(tmp_path / "nothing.parquet", "picks")
    with pytest.raises(TableError, match=r"\.xlsx"):
        store.write_table(picks(), "picks", tmp_path / "picks.xlsx")
    (tmp_path / "hollow.parquet").mkdir()
    with pytest.raises(TableError, match="holds no"):
        store.read_table(tmp_path / "hollow.parquet", "picks")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    path = store.write_table(picks(2), "picks", tmp_path / "picks.parquet")

    def full_disk(writer, table):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full_disk)
    with pytest.raises(OSError, match="No space left"):
        store.write_table(picks(5), "picks", path)
    assert len(store.read_table(path, "picks")) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["picks.parquet"]


def test_catalog_folder_round_trip(tmp_path):
    table = picks(2)
    events = conform(
        pd.DataFrame({"time": table["time"][:1], "latitude": 64.0, "longitude": -17.0, "depth_km": 6.0}), "events"
    )
    assignments = pd.DataFrame(
        {
            "event_id": events["event_id"].iloc[0],
            "pick_id": table["pick_id"],
            "station": table["station"],
            "phase": table["phase"],
        }
    )
    catalog = Catalog(events=events, picks=table, assignments=assignments)
    folder = store.write_catalog(catalog, tmp_path / "out")
    assert {p.name for p in folder.iterdir()} == {
        "stations.parquet",
        "velocity.parquet",
        "picks.parquet",
        "events.parquet",
        "assignments.parquet",
        "catalog.csv",
        "catalog.xml",
    }
    back = store.read_catalog(folder)
    for name in store.CATALOG_TABLES:
        pd.testing.assert_frame_equal(getattr(back, name), getattr(catalog, name))
    for one in ("events.parquet", "catalog.csv", "catalog.xml"):
        assert list(store.read_catalog(folder / one).events["event_id"]) == list(events["event_id"])
    registry.write(catalog, folder / "located.arc")  # 0.01 s, and names that come back
    found = store.read_catalog(folder / "located.arc").events
    assert (found["time"] - events["time"]).abs().max() < pd.Timedelta("0.02s") and len(found) == len(events)
    (folder / "notes.txt").write_text("changed the battery\n")
    with pytest.raises(TableError, match=r"notes\.txt: looks like no catalog"):
        store.read_catalog(folder / "notes.txt")
    (folder / "events.parquet").unlink()
    with pytest.raises(TableError, match=r"no events\.parquet"):
        store.read_catalog(folder)
