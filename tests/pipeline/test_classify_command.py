"""``course classify`` on a catalog and on folders of MiniSEED: types out, what was left out counted."""

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from course_utils.catalog.store import read_table, write_table
from course_utils.catalog.tables import conform, stable_ids
from course_utils.pipeline.commands.classify import classify
from course_utils.pipeline.synthetic_events import event_records, triggered_cases

app = typer.Typer()
app.command()(classify)


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def made():
    return event_records(8, seed=77, types=("earthquake", "quarry blast", "surface event"), stations=(3, 3))


@pytest.fixture(scope="module")
def archive(made, tmp_path_factory):
    """Eight events, an hour apart, in one archive, with picks at the true P."""
    import obspy

    root = tmp_path_factory.mktemp("archive")
    rows, streams = [], {}
    for stream, row in zip(made.streams, made.table.itertuples(), strict=True):
        start = obspy.UTCDateTime(2024, 1, 1) + 3600 * row.event
        for trace in stream:
            trace = trace.copy()
            trace.stats.starttime = start
            streams.setdefault(row.station, obspy.Stream()).append(trace)
        rows.append((row.event, row.station, pd.Timestamp((start + row.p_s).datetime, tz="UTC")))
    for station, stream in streams.items():
        stream.write(str(root / f"{station}mseed"), format="MSEED")
    table = pd.DataFrame(rows, columns=["event", "station", "time"])
    picks = conform(table[["station", "time"]].assign(channel="HHZ", phase="P"), "picks")
    origin = table.groupby("event")["time"].min() - pd.Timedelta("5s")
    events = conform(
        pd.DataFrame({"time": origin.to_numpy(), "latitude": 40.0, "longitude": -124.0, "depth_km": 5.0}), "events"
    )
    extra = events.iloc[:1].assign(time=events["time"] + pd.Timedelta("30D"))
    extra["event_id"] = stable_ids(extra["time"], extra["latitude"])
    events = conform(pd.concat([events, extra], ignore_index=True), "events")
    pairs = picks[["pick_id", "station", "phase"]].assign(event_id=events["event_id"].to_numpy()[table["event"]])
    folder = tmp_path_factory.mktemp("catalog")
    write_table(events, "events", folder / "events.parquet")
    write_table(picks, "picks", folder / "picks.parquet")
    write_table(conform(pairs, "assignments"), "assignments", folder / "assignments.parquet")
    return root, folder


def test_a_catalog_gets_its_types(archive, made, tmp_path):
    root, folder = archive
    result = call(folder, "--waveforms", root, "--out", tmp_path, "--at-least", "0")
    assert result.exit_code == 0, result.output
    events = read_table(tmp_path / "events.parquet", "events")
    truth = made.table.groupby("event")["event_type"].first()
    assert len(events) == 9 and events["event_type"].iloc[-1] == "unclassified"  # nobody picked the last one
    assert np.isnan(events["event_type_probability"].iloc[-1])
    assert events["event_type_probability"].iloc[:-1].between(0.25, 1).all()
    seen = made.table.groupby("event")["p_visible"].any().to_numpy()
    assert (events["event_type"].iloc[:-1].to_numpy() == truth.to_numpy())[seen].mean() >= 0.75
    assert len(read_table(tmp_path / "picks.parquet", "picks")) == len(made.table)
    types = pd.read_csv(tmp_path / "event_types.csv")
    assert {"event", "event_type", "p_earthquake", "p_quarry_blast", "n_used", "n_visible"} <= set(types)
    assert "9 events" in result.output
    again = call(folder, "--waveforms", root, "--out", tmp_path / "again", "--at-least", "0.999")
    assert "unknown" in again.output
    assert (pd.read_csv(tmp_path / "again" / "event_types.csv")["event"] == types["event"]).all()


def test_folders_of_miniseed_vertical_or_three_components(made, tmp_path):
    root = tmp_path / "events"
    for k, name in enumerate(("one", "two", "empty", "short", "rubbish")):
        (root / name).mkdir(parents=True)
        for n, stream in enumerate(made.streams[3 * k : 3 * k + 3]):
            if name == "one":
                stream.write(str(root / name / f"{n}.mseed"), format="MSEED")
            if name == "two":
                stream.select(component="Z").write(str(root / name / f"{n}.mseed"), format="MSEED")
            if name == "short":
                stream.copy().trim(endtime=stream[0].stats.starttime + 20).write(
                    str(root / name / f"{n}.ms"), format="MSEED"
                )
    (root / "rubbish" / "a.mseed").write_bytes(b"no seismogram" * 50)
    result = call("--waveforms", root, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    types = pd.read_csv(tmp_path / "out" / "event_types.csv").set_index("event")
    assert set(types.index) == {"one", "two", "empty", "short", "rubbish"}
    assert (types.loc[["empty", "short", "rubbish"], "event_type"] == "unclassified").all()
    assert types.loc[["one", "two"], "n_used"].tolist() == [3, 3]
    refused = pd.read_csv(tmp_path / "out" / "refused.csv")
    assert refused.loc[refused["event"] == "short", "reason"].str.startswith("too short").all()
    assert "3 too short" in result.output


def test_refusals_name_the_remedy(archive, tmp_path):
    root, folder = archive
    assert "no such folder" in call("--waveforms", tmp_path / "nowhere", "--out", tmp_path / "o").output
    (tmp_path / "bare").mkdir()
    assert "one folder of MiniSEED per event" in call("--waveforms", tmp_path / "bare", "--out", tmp_path / "o").output
    assert "from 0 up to 1" in call(folder, "--waveforms", root, "--out", tmp_path / "o", "--at-least", "2").output
    assert call(tmp_path, "--waveforms", root, "--out", tmp_path / "o").exit_code == 1


def test_synthetic_events_depend_on_seed_and_number_alone():
    few, more = event_records(2, seed=5, stations=(2, 3)), event_records(5, seed=5, stations=(2, 3))
    np.testing.assert_array_equal(few.streams[0][0].data, more.streams[0][0].data)
    pd.testing.assert_frame_equal(few.table, more.table.iloc[: len(few.table)])
    one = more.table[more.table["event"] == 0]
    assert (
        len(one) > 1
        and one["mw"].std() == 0
        and one["depth_km"].std() == 0
        and one["distance_km"].nunique() == len(one)
    )
    noise = more.table[more.table["event_type"] == "noise"]
    assert len(noise) and noise["p_s"].isna().all()
    with pytest.raises(ValueError, match="type"):
        event_records(1, 0, types=("volcano",))


def test_triggered_cases_carry_their_truth():
    from scipy.signal import butter, sosfiltfilt

    cases = triggered_cases(6, seed=3)
    assert cases.table["kind"].tolist() == ["nothing", "local earthquake", "tremor"] * 2
    sos = butter(3, [2, 8], "bandpass", fs=40, output="sos")
    loudest = cases.table["size_db"].idxmax()
    x = sosfiltfilt(sos, cases.streams[loudest][0].data.astype(float)) ** 2
    t = np.arange(x.size) / 40
    inside = t >= cases.table.loc[loudest, "begin_s"]
    inside &= t <= cases.table.loc[loudest, "end_s"]
    assert x[inside].max() > 1.5 * x[~inside].max()
    slow = np.abs(np.fft.rfft(cases.streams[0][0].data))
    assert np.fft.rfftfreq(cases.streams[0][0].stats.npts, 1 / 40)[slow.argmax()] < 0.1
