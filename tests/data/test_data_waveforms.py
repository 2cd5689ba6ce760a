"""A researcher's folder: every kind of file that such folders hold."""

from __future__ import annotations

import io

import numpy as np
import obspy
import pandas as pd
import pytest
from obspy import Trace, UTCDateTime

from course_utils.data import DataError, read_waveforms
from course_utils.data.miniseed import sniff

START = UTCDateTime("2024-03-01T23:00:00")


def trace(station="AAA", channel="HHZ", start=START, seconds=60.0, rate=100.0, location="", seed=0, dtype=np.int32):
    samples = np.random.default_rng(seed).integers(-9000, 9000, round(seconds * rate)).astype(dtype)
    header = {
        "network": "XX",
        "station": station,
        "location": location,
        "channel": channel,
        "sampling_rate": rate,
        "starttime": start,
    }
    return Trace(samples, header)


def mseed(*traces, **options) -> bytes:
    buffer = io.BytesIO()
    obspy.Stream(traces).write(buffer, format="MSEED", reclen=512, **options)
    return buffer.getvalue()


def write(folder, name, content) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def test_whatever_the_extension(tmp_path):
    write(tmp_path, "a/one.m", mseed(trace(channel="HHZ"), trace(channel="HHN", seed=1)))
    write(tmp_path, "noext", mseed(trace("BBB", seed=2)))
    write(tmp_path, "b/XX.CCC.2024.061", mseed(trace("CCC", location="00", seed=3, dtype=np.float32)))
    trace("DDD", seed=4, dtype=np.float32).write(str(tmp_path / "sac.sac"), format="SAC")
    trace("EEE", seed=5, dtype=np.float32).write(str(tmp_path / "big.endian"), format="SAC", byteorder=">")
    archive = read_waveforms(tmp_path)
    assert archive.stations == ["XX.AAA.", "XX.BBB.", "XX.CCC.00", "XX.DDD.", "XX.EEE."]
    assert archive.problems.empty and len(archive.index) == 6
    assert archive.start == pd.Timestamp("2024-03-01T23:00Z") and archive.end == pd.Timestamp("2024-03-01T23:00:59.99Z")
    for station, stream in archive:
        for tr in stream:
            assert f"XX.{tr.stats.station}.{tr.stats.location}" == station and tr.stats.npts == 6000
    expected = trace("CCC", location="00", seed=3, dtype=np.float32)
    np.testing.assert_array_equal(archive.read("XX.CCC.00")[0].data, expected.data)
    assert archive.read("XX.CCC.00")[0].stats.starttime == START
    assert (
        archive.read("XX.EEE.")[0].data.dtype.isnative
        or archive.read("XX.EEE.")[0].data.sum() == trace(seed=5).data.sum()
    )


def test_foreign_empty_and_broken_files_are_counted(tmp_path):
    good = mseed(trace())
    write(tmp_path, "good.ms", good)
    write(tmp_path, "empty.ms", b"")
    write(tmp_path, "readme.txt", b"read me" * 200)
    write(tmp_path, "picture.png", b"\x89PNG\r\n\x1a\n" + bytes(2000))
    write(tmp_path, "liar.mseed", b"000001D " + b"\xff" * 3000)
    write(tmp_path, "cut.ms", mseed(trace("CUT"))[:-200])
    damaged = bytearray(mseed(trace("DAM")))
    damaged[1024:1536] = b"\xff" * 512
    write(tmp_path, "damaged.ms", bytes(damaged))
    write(tmp_path, ".hidden/x.ms", mseed(trace("HID")))
    sac = io.BytesIO()
    trace("SAC", dtype=np.float32).write(sac, format="SAC")
    write(tmp_path, "cut.sac", sac.getvalue()[:-1000])
    archive = read_waveforms(tmp_path)
    problems = {p.file.rsplit("/", 1)[1]: (p.problem.split(":")[0], p.used) for p in archive.problems.itertuples()}
    assert problems == {
        "empty.ms": ("empty", False),
        "readme.txt": ("not MiniSEED or SAC", False),
        "picture.png": ("not MiniSEED or SAC", False),
        "liar.mseed": ("unreadable", False),
        "cut.ms": ("damaged", True),
        "damaged.ms": ("damaged", True),
        "cut.sac": ("unreadable", False),
    }
    assert archive.stations == ["XX.AAA.", "XX.CUT.", "XX.DAM."]
    damaged_pieces = archive.read("XX.DAM.")
    assert 4000 < sum(tr.stats.npts for tr in damaged_pieces) < 6000
    original = trace("DAM")
    for tr in damaged_pieces:  # what is left is the truth, in its place
        at = round((tr.stats.starttime - START) * 100)
        np.testing.assert_array_equal(tr.data, original.data[at : at + tr.stats.npts])
    assert "2 not MiniSEED or SAC" in repr(archive)


def test_nothing_usable(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        read_waveforms(tmp_path / "nowhere")
    with pytest.raises(DataError, match="an empty folder"):
        read_waveforms(tmp_path)
    write(tmp_path, "a.txt", b"hello")
    with pytest.raises(DataError, match="1 not MiniSEED or SAC"):
        read_waveforms(tmp_path)


@pytest.mark.parametrize(
    ("offset_s", "rate"), [(0.0, 20.0), (0.0084, 20.0), (0.0499, 20.0), (1e-6, 25.0), (0.013, 31.25)]
)
def test_windows_cut_without_losing_or_repeating_a_sample(tmp_path, offset_s, rate):
    """Whatever the files and the phase of the samples, windows anchored in absolute time give every sample once."""
    whole = trace(seconds=7200, rate=rate, start=START + offset_s)  # crosses midnight
    for i in range(4):
        piece = whole.slice(START + offset_s + 1800 * i, START + offset_s + 1800 * (i + 1) - 0.5 / rate)
        write(tmp_path, f"part{i}", mseed(piece))
    archive = read_waveforms(tmp_path)
    assert len(archive.index) == 4
    for hours in (24.0, 1.0, 0.3):
        windows = archive.windows(hours)
        assert ((windows["start"].astype("int64") % round(hours * 3600e6)) == 0).all()
        pieces = [tr for _, stream in archive.iterate(hours) for tr in stream]
        assert len(pieces) == len(windows)
        for tr, (at, end) in zip(pieces, windows[["start", "end"]].itertuples(index=False), strict=True):
            assert at.value <= tr.stats.starttime.ns and tr.stats.endtime.ns < end.value
        np.testing.assert_array_equal(np.concatenate([tr.data for tr in pieces]), whole.data)
    assert len(archive.windows(24.0)) == 2
    one = archive.read("XX.AAA.", "2024-03-01T23:29:59", UTCDateTime("2024-03-01T23:30:01"))
    assert len(one) == 1 and one[0].stats.npts in (int(2 * rate), int(2 * rate) + 1)
    assert len(archive.read("XX.AAA.", "2025-01-01", "2025-01-02")) == 0
    with pytest.raises(KeyError, match=r"XX\.AAA\."):
        archive.read("XX.ZZZ.")


def test_gaps_stay_and_repeated_data_are_joined(tmp_path):
    whole = trace(seconds=100)
    write(tmp_path, "a", mseed(whole.slice(START, START + 39.99)))
    write(tmp_path, "b", mseed(whole.slice(START + 30, START + 59.99)))  # repeats 10 s
    write(tmp_path, "c", mseed(whole.slice(START + 80, START + 99.99)))  # after a gap
    stream = read_waveforms(tmp_path).read("XX.AAA.")
    assert [tr.stats.npts for tr in stream] == [6000, 2000]
    np.testing.assert_array_equal(stream[0].data, whole.data[:6000])


def test_one_file_with_many_stations(tmp_path):
    write(tmp_path, "all.mseed", mseed(*(trace(s, seed=i) for i, s in enumerate(("AAA", "AAAB", "BBB")))))
    archive = read_waveforms(tmp_path / "all.mseed")
    for i, station in enumerate(("AAA", "AAAB", "BBB")):
        stream = archive.read(f"XX.{station}.")
        assert [tr.stats.station for tr in stream] == [station]
        np.testing.assert_array_equal(stream[0].data, trace(seed=i).data)


def test_file_that_disappears_is_reported(tmp_path):
    write(tmp_path, "a.ms", mseed(trace()))
    write(tmp_path, "b.ms", mseed(trace(channel="HHN")))
    archive = read_waveforms(tmp_path)
    (tmp_path / "b.ms").unlink()
    assert [tr.stats.channel for tr in archive.read("XX.AAA.")] == ["HHZ"]
    assert archive.problems["problem"].str.startswith("unreadable").sum() == 1


def test_sac_without_a_station_code_is_reported(tmp_path):
    blank = trace(dtype=np.float32)
    blank.stats.station = ""
    blank.write(str(tmp_path / "x.sac"), format="SAC")
    write(tmp_path, "a.ms", mseed(trace()))
    archive = read_waveforms(tmp_path)
    assert archive.stations == ["XX.AAA."] and "no station code" in archive.problems["problem"][0]


def test_miniseed_3(tmp_path):
    from pymseed import MS3TraceList

    samples = np.arange(5000, dtype=np.int32)
    traces = MS3TraceList()
    traces.add_data(
        sourceid="FDSN:XX_AAA__H_H_Z",
        data_samples=samples,
        sample_type="i",
        sample_rate=100.0,
        starttime_str="2024-03-01T23:00:00Z",
    )
    traces.to_file(str(tmp_path / "x.bin"), format_version=3)
    assert sniff((tmp_path / "x.bin").read_bytes()) == "MSEED"
    archive = read_waveforms(tmp_path)
    np.testing.assert_array_equal(archive.read("XX.AAA.")[0].data, samples)
    assert archive.problems.empty


def test_thousands_of_pieces_and_mixed_encodings(tmp_path):
    """Pieces come out as ObsPy reads them, whatever their number, kind of samples and order in the files."""
    whole = trace(seconds=600, rate=20.0)
    whole.data = whole.data // 100
    pieces = [whole.slice(START + k, START + k + 0.5 + (k % 3) * 0.1) for k in range(600)]
    floats = trace(channel="HHN", dtype=np.float32, seed=1)
    doubles = trace(channel="HHN", dtype=np.float64, seed=2, start=START + 100)
    write(tmp_path, "a", mseed(*pieces[::2], encoding="STEIM2"))
    write(tmp_path, "b", mseed(*pieces[1::2], encoding="STEIM1") + mseed(doubles) + mseed(floats))
    stream = read_waveforms(tmp_path).read("XX.AAA.", START, START + 3600)
    expected = obspy.Stream([*pieces, floats, doubles]).sort(["channel", "starttime"])
    assert len(stream) == len(expected) == 602
    for ours, theirs in zip(stream, expected, strict=True):
        assert ours.id == theirs.id and ours.stats.npts == theirs.stats.npts == len(ours.data)
        assert abs(ours.stats.starttime - theirs.stats.starttime) < 1e-6
        assert abs(ours.stats.endtime - theirs.stats.endtime) < 1e-6
        assert ours.data.dtype == theirs.data.dtype
        np.testing.assert_array_equal(ours.data, theirs.data)
    copied = stream.copy().filter("highpass", freq=1.0)  # they are traces like others
    assert copied[0].stats.processing and "processing" not in stream[0].stats
