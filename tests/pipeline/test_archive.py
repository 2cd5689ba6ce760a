"""``course pick`` on archives: the same picks however they are cut and shared out, and nothing stops it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from archives import EARTHSCOPE, MIDNIGHTS, NCEDC, SCEDC, SDS, S3Server, record, save_seeded, write_days

from course_utils.catalog.store import read_table
from course_utils.data import DataError
from course_utils.data.day_files import DayFiles, open_archive, parse_name, station_matches
from course_utils.data.storage import open_storage
from course_utils.pipeline.cli import main
from course_utils.pipeline.sources import open_records
from course_utils.pipeline.workers import Lost, share_out

COLUMNS = ["station", "channel", "phase", "time", "probability", "amplitude", "snr_db"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_seeded(tmp_path_factory.mktemp("weights") / "pn", component_order="ENZ")


@pytest.fixture(scope="module")
def sds(tmp_path_factory):
    """Two stations, three days of which the hours around midnight were recorded."""
    folder = tmp_path_factory.mktemp("sds")
    for i, station in enumerate(("XX.AAA.00", "XX.BBB.")):
        write_days(folder, record(station, seed=i))
    return folder


def course(*arguments, capsys=None):
    with pytest.raises(SystemExit) as left:
        main(["pick", *map(str, arguments)])
    shown = capsys.readouterr() if capsys else None
    return left.value.code, shown.out + shown.err if shown else ""


def same(one, two, threshold=0.3):
    """Every pick clear of the threshold has its like within one sample, both ways."""
    for some, others in ((one, two), (two, one)):
        assert len(some) > 10
        for (phase, channel), picks in some.groupby(["phase", "channel"]):
            theirs = others[(others["phase"] == phase) & (others["channel"] == channel)].sort_values("time")
            clear = picks[picks["probability"] > threshold + 1e-3].sort_values("time")
            near = pd.merge_asof(
                clear,
                theirs,
                on="time",
                direction="nearest",
                tolerance=pd.Timedelta(milliseconds=11),
                suffixes=("", "_b"),
            )
            assert near["probability_b"].notna().all(), near[near["probability_b"].isna()]
            for column in ("probability", "amplitude", "snr_db"):
                difference = abs(near[column] - near[f"{column}_b"]) / (1 + abs(near[column]))
                assert difference.quantile(0.99) < 0.01, column


@pytest.mark.parametrize(
    ("layout", "path", "said"),
    [
        ("SDS", "2024/XX/AAA/HHZ.D/XX.AAA.00.HHZ.D.2024.061", ("XX.AAA.00", "HHZ", "2024-03-01")),
        ("SDS", "2024/XX/AAA/HHZ.D/XX.AAA..HHZ.D.2023.365", ("XX.AAA.", "HHZ", "2023-12-31")),
        ("NCEDC", "NC/2018/2018.023/KBG.NC.HHZ..D.2018.023", ("NC.KBG.", "HHZ", "2018-01-23")),
        ("NCEDC", "BK/2022/2022.254/MERC.BK.HNZ.00.D.2022.254", ("BK.MERC.00", "HNZ", "2022-09-11")),
        ("SCEDC", "2016/2016_183/CIGSC__BHZ___2016183.ms", ("CI.GSC.", "BHZ", "2016-07-01")),
        ("SCEDC", "2016/2016_183/AZPFO__HHE10_2016183.ms", ("AZ.PFO.10", "HHE", "2016-07-01")),
        ("EarthScope", "miniseed/IU/2024/001/ANMO.IU.2024.001#2", ("IU.ANMO.*", "", "2024-01-01")),
        ("EarthScope", "anywhere/ANMO.IU.2024.001", None),
        ("SDS", "XX.AAA.00.HHZ.L.2024.061", None),
        ("SDS", "XX.AAA.00.HHZ.D.2024.000", None),
    ],
)
def test_names_say_station_channel_and_day(layout, path, said):
    found = parse_name(f"/root/{path}", layout)
    assert (found and (found.station, found.channel, f"{found.day}")) == said


def test_station_patterns():
    assert all(station_matches("NC.ABC.00", (p,)) for p in ("ABC", "NC.*", "NC.ABC", "*.00", "NC.A?C.00", "[AB]BC"))
    assert not any(station_matches("NC.ABC.00", (p,)) for p in ("AB", "BK.*", "NC.ABC.10", "abc"))


def test_a_large_tree_is_planned_without_opening_it(tmp_path, monkeypatch):
    for station in range(40):
        for channel in ("HHZ", "HHN", "HHE", "LHZ"):
            for day in range(1, 26):
                path = tmp_path / SDS.format(net="XX", sta=f"S{station:03d}", loc="", cha=channel, year=2024, day=day)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    monkeypatch.setattr("course_utils.data.storage.LocalFiles.load", lambda *_: pytest.fail("opened a file"))
    began = time.perf_counter()
    records = open_records(str(tmp_path))
    assert time.perf_counter() - began < 2.0  # 4,000 files; 100,000 take some seconds
    assert records.count == 40 * 25
    window = next(records.windows())
    assert [f.rsplit(".", 1)[1] for f in window.files] == ["001"] * 3 + ["002"] * 3 or len(window.files) == 6
    assert records.unused == [{"what": "1000 files of channel LHZ", "reason": "not a channel that pickers know"}]
    some = open_records(str(tmp_path), pd.Timestamp("2024-01-10T12:00Z"), pd.Timestamp("2024-01-12T00:00Z"), ("S00?",))
    windows = list(some.windows())
    assert len(windows) == some.count == 20
    assert windows[0].start == pd.Timestamp("2024-01-10T12:00Z") and windows[1].end == pd.Timestamp("2024-01-12T00:00Z")
    with pytest.raises(DataError, match="ZZ"):
        open_records(str(tmp_path), stations=("ZZ*",))


@pytest.mark.parametrize(("rate", "stretch", "window_s"), [(100.0, 1, 30), (200.0, 2, 15), (50.0, 0.5, 60)])
def test_midnight_loses_and_doubles_nothing(rate, stretch, window_s, weights, tmp_path, capsys):
    from course_utils import picking

    stream = record("XX.AAA.00", rate=rate)
    write_days(tmp_path / "sds", stream)
    options = ["--model", weights, "--time-stretch", stretch]
    code, said = course(tmp_path / "sds", "--out", tmp_path / "p.parquet", *options, capsys=capsys)
    assert code == 0, said
    days = read_table(tmp_path / "p.parquet", "picks")
    whole = picking.pick(stream, weights, anchor="time", time_stretch=stretch)
    assert "3 station-days: 3 done" in said
    for midnight in MIDNIGHTS:
        assert (abs(days["time"] - pd.Timestamp(midnight, tz="UTC")) < pd.Timedelta(seconds=window_s)).sum() >= 3
    same(days, whole)


@pytest.mark.real
def test_midnight_with_eqtransformer_on_real_records(tmp_path, capsys):
    """Thirty-five minutes at Mount St. Helens, moved so that midnight falls into it."""
    from obspy import UTCDateTime, read

    from course_utils import picking

    data = Path(os.environ.get("COURSE_DATA_MIRROR", "/")) / "elep-mount-st-helens/docs/tutorials/data/PB.B204..EH.ms"
    cache = Path(os.environ.get("SEISBENCH_CACHE_ROOT", "/")) / "models/v3/eqtransformer"
    if not data.is_file() or not list(cache.glob("volpick.json*")):
        pytest.skip("needs COURSE_DATA_MIRROR, and eqtransformer:volpick in SEISBENCH_CACHE_ROOT")
    stream = read(data)
    between = UTCDateTime("2022-02-06T00:54:26")  # two P arrivals, five seconds from either
    stream.trim(between - 900, between + 1200)
    for trace in stream:
        trace.stats.starttime += UTCDateTime("2024-03-01") - between
    write_days(tmp_path / "sds", stream)
    options = ["--model", "eqtransformer:volpick", "--p-threshold", "0.02", "--s-threshold", "0.02"]
    code, said = course(tmp_path / "sds", "--out", tmp_path / "p.parquet", *options, capsys=capsys)
    assert code == 0 and "2 station-days: 2 done" in said
    days = read_table(tmp_path / "p.parquet", "picks")
    same(days, picking.pick(stream, "eqtransformer:volpick", anchor="time", thresholds=0.02), 0.02)


@pytest.fixture(scope="module")
def serial(sds, weights, tmp_path_factory):
    """The archive picked by one process into a folder."""
    out = tmp_path_factory.mktemp("serial") / "out"
    code, _ = course(sds, "--out", out, "--model", weights, "--workers", 1)
    assert code == 0
    return out


def content(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*.parquet")}


def test_the_units_read_as_one_table(serial):
    """Partitions named in the path do not get in the way of DuckDB."""
    import duckdb

    rows = duckdb.sql(f"select station, count(*) from '{serial}/units/pick/**/*.parquet' group by 1").fetchall()
    assert dict(rows) == read_table(serial / "picks.parquet", "picks")["station"].value_counts().to_dict()


@pytest.mark.parametrize("how", [["--workers", "2"], ["--readers", "2"]])
def test_the_same_bytes_however_the_work_is_shared_out(how, sds, serial, weights, tmp_path, capsys):
    code, said = course(sds, "--out", tmp_path / "out", "--model", weights, *how, capsys=capsys)
    assert code == 0, said
    assert content(tmp_path / "out") == content(serial)
    assert len(content(serial)) == 7  # six station-days and the table of all
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["units"] == {"total": 6, "done": 6}
    assert report["picks"] == len(read_table(serial / "picks.parquet", "picks")) > 100


def test_a_killed_run_goes_on_where_it_was(sds, serial, weights, tmp_path, capsys):
    out = tmp_path / "out"
    program = [
        sys.executable,
        "-m",
        "course_utils.pipeline.cli",
        "pick",
        str(sds),
        "--out",
        str(out),
        "--model",
        weights,
    ]
    with subprocess.Popen([*program, "--workers", "2"], env=os.environ | {"OMP_NUM_THREADS": "1"}) as run:
        while len(list(out.rglob("record.json"))) < 2 and run.poll() is None:
            time.sleep(0.005)
        run.kill()
    assert run.returncode == -signal.SIGKILL
    time.sleep(0.5)  # its workers notice
    before = {p: p.stat().st_mtime_ns for p in out.rglob("record.json")}
    assert 2 <= len(before) <= 6 and not (out / "picks.parquet").exists()
    code, said = course(sds, "--out", out, "--model", weights, "--workers", 1, capsys=capsys)
    assert code == 0 and f"{len(before)} done before" in said
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert content(out) == content(serial)


def test_ctrl_c_keeps_what_is_done(sds, serial, weights, tmp_path, capsys, monkeypatch):
    from course_utils.pipeline.archive import Job

    calls, do = [], Job.do

    def interrupted(job, window):
        calls.append(window)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return do(job, window)

    monkeypatch.setattr(Job, "do", interrupted)
    out = tmp_path / "out"
    code, said = course(sds, "--out", out, "--model", weights, "--workers", 1, capsys=capsys)
    assert code == 130 and "the same command goes on from there" in said
    code, said = course(sds, "--out", out, "--model", weights, "--workers", 1, capsys=capsys)
    assert code == 0 and "6 station-days: 4 done, 2 done before" in said
    assert content(out) == content(serial)


def test_nothing_stops_it(weights, tmp_path, capsys):
    """One of each kind of trouble: every one is counted, the good station has all its picks, and nothing is written there."""
    folder = tmp_path / "sds"
    midnight = ("2024-03-01T06:00:00",)

    def put(station, change=lambda stream: stream, **options):
        return write_days(folder, change(record(station, around=midnight, **options)))

    def with_gap(stream):
        for trace in stream:
            trace.data[9_000:9_050] = trace.data[9_000]
        return stream

    def flat(stream):
        stream[0].data[:] = 7
        return stream

    def overlapping(stream):
        more = stream[0].copy()
        more.data = more.data[5000:9000] + 1
        more.stats.starttime += 50
        return stream.append(more)

    put("XX.GOOD.00")
    put("XX.ONEC.00", codes="Z")
    put("XX.SWAP.00", codes="123")
    put("XX.SLOW.00", rate=5.0)
    put("XX.FLAT.00", flat)
    put("XX.OVER.00", overlapping)
    put("XX.DEAD.00", with_gap)
    for path in put("XX.EMPT.00"):
        path.write_bytes(b"")
    for path in put("XX.TEXT.00"):
        path.write_text("this is not a seismogram" * 100)
    path = put("XX.CUTS.00")[0]
    path.write_bytes(path.read_bytes()[:-300])
    path = put("XX.CORR.00")[0]
    damaged = bytearray(path.read_bytes())
    damaged[8192:12288] = b"\xff" * 4096
    path.write_bytes(bytes(damaged))
    path = put("XX.FOLD.00")[0]
    path.unlink()
    path.mkdir()
    path = put("XX.GONE.00")[0]
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    nan = record("XX.NANS.00", around=midnight)
    for trace in nan:
        trace.data = trace.data.astype(np.float32)
        trace.data[10_000:10_500] = np.nan
        trace.stats.mseed = {"encoding": "FLOAT32"}
    for trace in nan:
        name = SDS.format(net="XX", sta="NANS", loc="00", cha=trace.stats.channel, year=2024, day=61)
        (folder / name).parent.mkdir(parents=True)
        trace.write(str(folder / name), format="MSEED", encoding="FLOAT32")
    before = {p: p.lstat().st_mtime_ns for p in folder.rglob("*")}
    out = tmp_path / "out"
    code, said = course(folder, "--out", out, "--model", weights, "--workers", 1, capsys=capsys)
    assert code == 0, said
    assert {p: p.lstat().st_mtime_ns for p in folder.rglob("*")} == before
    report = json.loads((out / "report.json").read_text())
    assert report["units"] == {"total": 14, "done": 11, "skipped": 3}
    assert sum(report["reasons"].values()) == 3
    skipped = {row["unit"].split("station=")[1]: row["reason"] for row in report["named"] if "unit" in row}
    assert {name: reason.split(" (")[0].split(":")[0] for name, reason in skipped.items()} == {
        "XX.EMPT.00": "empty",
        "XX.TEXT.00": "not MiniSEED or SAC",
        "XX.SLOW.00": "no usable record",
    }
    assert report["files"] == {"damaged": 2, "unreadable": 1}
    counts = {kind: note["count"] for kind, note in report["notes"].items()}
    assert counts["not a number"] == 3 and counts["overlap disagrees"] == 1 and counts["flat"] >= 1
    assert counts["component missing"] >= 2 + 1 + 1
    picks = read_table(out / "picks.parquet", "picks")
    found = set(picks["station"])
    assert {"XX.GOOD.00", "XX.ONEC.00", "XX.SWAP.00", "XX.CORR.00", "XX.CUTS.00", "XX.NANS.00"} <= found
    assert "11 done, 3 skipped" in said


def test_component_codes_123_are_those_of_a_rotated_sensor(weights):
    """1 and 2 stand for N and E where those are absent; 3 is read by nobody and said so."""
    from course_utils import picking

    picks = picking.pick(record("XX.S.00", codes="123", around=("2024-03-01T06:00:00",)), weights, anchor="time")
    kinds = {note["kind"]: note["count"] for note in picks.attrs["report"]["notes"]}
    assert kinds["component ignored"] == 1 and kinds["component missing"] == 1


def test_objects_of_s3(weights, tmp_path, capsys, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("course_utils.data.storage._FIRST_WAIT_S", 0.01)
    stream = record("CI.GSC.", around=("2024-03-01T00:00:00",), minutes=6)
    for bucket, layout in (("scedc-pds", SCEDC), ("ncedc-pds", NCEDC), ("earthscope-geophysical-data", EARTHSCOPE)):
        write_days(tmp_path / "s3" / bucket, stream, layout)
    (tmp_path / "s3" / "plain" / "deep" / "er").mkdir(parents=True)
    stream.write(str(tmp_path / "s3" / "plain" / "deep" / "er" / "waves"), format="MSEED")
    server = S3Server(tmp_path / "s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    try:
        tables = []
        for url in (
            "scedc-pds/continuous_waveforms",
            "ncedc-pds/continuous_waveforms",
            "earthscope-geophysical-data/miniseed",
            "plain/deep",
        ):
            server.asked.clear()
            code, said = course(
                f"s3://{url}", "--out", tmp_path / "p.parquet", "--model", weights, "--workers", 1, capsys=capsys
            )
            assert code == 0 and "2 station-days: 2 done" in said, said
            fetched = [key for command, key in server.asked if command == "GET" and key]
            assert len(fetched) == len(set(fetched))  # each object once, although each belongs to two days
            tables.append(read_table(tmp_path / "p.parquet", "picks"))
        for table in tables[1:]:
            pd.testing.assert_frame_equal(table, tables[0])
        # an object that fails now and then is fetched in the end; one that always fails is one file less, and said
        keys = sorted(
            p.relative_to(tmp_path / "s3/scedc-pds").as_posix() for p in (tmp_path / "s3/scedc-pds").rglob("*.ms")
        )
        server.fail.update({keys[0]: 2, keys[1]: 10**6})
        monkeypatch.setattr("course_utils.data.storage._TRIES", 3)
        out = tmp_path / "out"
        code, said = course(
            "s3://scedc-pds/continuous_waveforms", "--out", out, "--model", weights, "--workers", 1, capsys=capsys
        )
        assert code == 0, said
        report = json.loads((out / "report.json").read_text())
        assert report["files"] == {"unreadable": 1} and report["units"]["done"] == 2
        with pytest.raises(DataError, match="no objects"):
            open_archive(open_storage("s3://scedc-pds/nowhere"))
        # folders of days that nobody asked for are not listed
        server.asked.clear()
        with pytest.raises(DataError, match="no waveforms"):
            open_archive(open_storage("s3://scedc-pds/continuous_waveforms"), start="2024-03-05")
    finally:
        server.shutdown()


def test_other_object_stores_by_fsspec():
    import fsspec

    memory = fsspec.filesystem("memory")
    for trace in record("XX.MEM.", around=("2024-03-01T06:00:00",), minutes=2):
        name = SDS.format(net="XX", sta="MEM", loc="", cha=trace.stats.channel, year=2024, day=61)
        with memory.open(f"/archive/{name}", "wb") as handle:
            trace.write(handle, format="MSEED")
    archive = open_archive(open_storage("memory://archive"))
    assert isinstance(archive, DayFiles) and archive.stations == ["XX.MEM."]
    assert sum(len(t) for t in archive.read("XX.MEM.", "2024-03-01", "2024-03-02")) == 3 * 12000
    with pytest.raises(DataError, match="nosuch"):
        list(open_storage("nosuch://x/y").names())


# ---- workers


def ready(text):
    return text


def work(text, task):
    if task == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return text + task, {"large": np.arange(10_000) + len(task), "small": [np.arange(3)]}, os.environ["OMP_NUM_THREADS"]


def refuse():
    raise ValueError("no weights here")


def test_the_death_of_a_worker_costs_one_task():
    tasks = [["a", "b"], ["die", "c"], ["d"], ["e", "die", "f"]]
    outcomes = list(share_out(iter(tasks), 2, work, ready, ("+",)))
    assert sorted(task for task, _ in outcomes) == sorted(t for batch in tasks for t in batch)
    for task, outcome in outcomes:
        if task == "die":
            assert isinstance(outcome, Lost) and "SIGKILL" in str(outcome)
        else:
            said, arrays, threads = outcome
            assert said == "+" + task and threads == "1"
            np.testing.assert_array_equal(arrays["large"], np.arange(10_000) + len(task))
            np.testing.assert_array_equal(arrays["small"][0], np.arange(3))


def test_what_no_worker_can_do_is_an_error():
    with pytest.raises(ValueError, match="no weights here"):
        list(share_out(iter([["a"], ["b"]]), 2, work, refuse))


def test_picks_take_35_bytes_each(tmp_path):
    import pyarrow.parquet as pq

    from course_utils.catalog.store import write_table
    from course_utils.catalog.tables import conform

    random, n = np.random.default_rng(0), 20_000
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(random.integers(0, 86_400_00, n)) * 10, unit="ms"
    )
    frame = pd.DataFrame(
        {
            "station": random.choice([f"XX.S{i:03d}.00" for i in range(100)], n),
            "channel": "HH",
            "phase": random.choice(["P", "S"], n),
            "time": times,
            "probability": random.uniform(0.3, 1, n).astype(np.float32),
            "amplitude": 10 ** random.normal(-6, 1, n).astype(np.float32),
            "amplitude_unit": "m/s",
            "snr_db": random.normal(10, 8, n).astype(np.float32),
            "model": "PhaseNet",
            "weights": "original",
        }
    ).drop_duplicates(["station", "phase", "time"])
    picks = conform(frame, "picks")
    path = write_table(picks, "picks", tmp_path / "p.parquet")
    assert path.stat().st_size <= 35 * len(picks)
    pd.testing.assert_frame_equal(read_table(path, "picks"), picks)
    assert pq.read_table(path).column_names == list(picks.columns)
