"""``course quality``: an archive with faults and broken files in, tables and a report out; resumed; clear refusals."""

import os

import numpy as np
import pandas as pd
import pytest
from archives import record, write_days

from course_utils.catalog.store import read_table
from course_utils.pipeline.cli import main


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sds")
    for name in ("XX.AAA.00", "XX.BBB.00"):
        stream = record(name, minutes=4)
        if name == "XX.BBB.00":
            stream[0].data[3000:6000] = 12
            stream[1].data[4000] += 90_000
        write_days(folder, stream)
    (folder / "2024/XX/AAA/HHZ.D/XX.AAA.00.HHZ.D.2024.061").write_bytes(b"torn" * 200)
    (folder.parent / "stations.csv").write_text(
        "station,latitude,longitude,elevation_m\n"
        + "".join(f"XX.{n}.00,40,{lon},0\n" for n, lon in (("AAA", 1), ("BBB", 2), ("CCC", 3)))
    )
    return folder


def run(*arguments):
    with pytest.raises(SystemExit) as done:
        main(["quality", *map(str, arguments)])
    return done.value.code


def test_faults_are_found_counted_reported_and_kept(archive, tmp_path, capsys):
    before = {p: p.read_bytes() for p in archive.rglob("*") if p.is_file()}
    out = tmp_path / "out"
    assert run(archive, "--stations", archive.parent / "stations.csv", "--out", out) in (0, None)
    said = capsys.readouterr()
    assert "dead: 1 at 1 channels" in said.out and "spike: 1 at 1 channels" in said.out
    assert "no records: XX.CCC.00" in said.err
    faults = read_table(out / "faults.parquet", "waveform_faults")
    assert set(zip(faults["station"], faults["channel"], faults["kind"], strict=True)) >= {
        ("XX.BBB.00", "HHZ", "dead"),
        ("XX.BBB.00", "HHN", "spike"),
    }
    assert len(pd.read_csv(out / "metrics.csv")) == len(read_table(out / "metrics.parquet", "waveform_metrics"))
    page = (out / "report.html").read_text()
    assert "XX.CCC.00" in page and "061" in page and page.count("<img") == 2 and "leave the time out" in page
    assert before == {p: p.read_bytes() for p in archive.rglob("*") if p.is_file()}

    units = {p: os.stat(p).st_mtime_ns for p in (out / "units").rglob("*.parquet")}
    assert run(archive, "--stations", archive.parent / "stations.csv", "--out", out) in (0, None)
    assert "(0 done before)" not in capsys.readouterr().out
    assert units == {p: os.stat(p).st_mtime_ns for p in (out / "units").rglob("*.parquet")}


def test_channels_without_a_usable_response_are_named(archive, tmp_path, capsys):
    from course_utils.synthetic import World

    World.tiny().inventory.write(str(tmp_path / "others.xml"), format="STATIONXML")
    assert run(archive, "--inventory", tmp_path / "others.xml", "--out", tmp_path / "out") in (0, None)
    said = capsys.readouterr().err
    assert said.count("no usable response in the inventory") == 6 and "XX.BBB.00.HHN" in said
    assert "no usable response" in (tmp_path / "out" / "report.html").read_text()


def test_a_clock_is_judged_by_given_arrivals(archive, tmp_path, capsys):
    random, rows = np.random.default_rng(1), []
    for day, late in (("2024-02-27T23:00", 0.0), ("2024-02-28T23:58:30", 0.8)):
        times = pd.Timestamp(day, tz="UTC") + pd.to_timedelta(np.arange(8) * 8.0, unit="s")
        rows += [(i, "XX.AAA.00", "P", t.isoformat(), random.normal(late, 0.03), 90.0) for i, t in enumerate(times)]
    columns = ["event_id", "station", "phase", "time", "residual_s", "azimuth_deg"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "arrivals.csv", index=False)
    assert run(archive, "--arrivals", tmp_path / "arrivals.csv", "--out", tmp_path / "out") in (0, None)
    faults = read_table(tmp_path / "out" / "faults.parquet", "waveform_faults")
    (clock,) = faults[faults["kind"] == "clock"].to_dict("records")
    assert (
        clock["station"] == "XX.AAA.00" and clock["channel"] == "*" and clock["value"] == pytest.approx(0.8, abs=0.06)
    )


def test_what_cannot_be_used_is_refused(archive, tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("station,phase\nXX.AAA.00,P\n")
    for arguments, said in (
        ((archive, "--out", archive / "here"), "nothing is ever written"),
        ((archive, "--arrivals", tmp_path / "bad.csv", "--out", tmp_path / "o"), "no column event_id"),
        ((tmp_path / "none", "--out", tmp_path / "o"), "no such file"),
        ((archive, "--inventory", tmp_path / "no.xml", "--out", tmp_path / "o"), "no such file"),
    ):
        assert run(*arguments) == 1
        assert said in capsys.readouterr().err


def test_an_interrupted_check_says_how_to_go_on(archive, tmp_path, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(SystemExit) as left:
        patched.setattr("course_utils.pipeline.waveform_quality.check_records", stop)
        main(["quality", str(archive), "--out", str(tmp_path / "out")])
    assert left.value.code == 130 and "the same command goes on" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["quality", str(archive), "--out", str(tmp_path / "out")])
    assert left.value.code == 0 and (tmp_path / "out" / "report.html").is_file()
