"""Record sections show the records that there are, to scale, and every pick where it belongs."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
from obspy import Stream, Trace, UTCDateTime

from course_utils.catalog.tables import conform
from course_utils.pipeline.sections import _LEFT, _WIDTH, nearest_stations, prepare, record_section, section_window

ORIGIN = pd.Timestamp("2024-01-01T00:01:00", tz="UTC")
START, END = ORIGIN - pd.Timedelta(seconds=2), ORIGIN + pd.Timedelta(seconds=18)


def trace(channel, onset_s, rate=100.0, seconds=40):
    """A 5 Hz wavelet that begins ``onset_s`` after the origin, on a large offset."""
    time = np.arange(int(seconds * rate)) / rate - 12.0 - onset_s
    data = 1e5 + np.where(time > 0, np.sin(2 * np.pi * 5 * time) * np.exp(-2 * time) * 100, 0.0)
    header = {"network": "X", "station": "A", "channel": channel, "sampling_rate": rate}
    return Trace(data, header | {"starttime": UTCDateTime(ns=ORIGIN.value) - 12})


def draw(picks, assigned=(), traces=None):
    nearest = pd.DataFrame({"station": ["X.A.", "X.<B>."], "distance_km": [3.2, 14.0]})
    held = traces if traces is not None else {"X.A.": prepare(Stream([trace("HHZ", 3), trace("HHN", 3)]), START, END)}
    text = record_section(held, nearest, picks, set(assigned), START, END, ORIGIN, 'a "label" <here>')
    return ET.fromstring(text)


def picks_at(*seconds):
    times = [ORIGIN + pd.Timedelta(seconds=s) for s in seconds]
    return conform(pd.DataFrame({"station": "X.A.", "phase": ["P", "S"][: len(times)], "time": times}), "picks")


def test_a_section_is_valid_and_described():
    svg = draw(picks_at(3, 6))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == 'a "label" <here>'
    assert "no Z record" in "".join(svg.itertext())


def test_picks_stand_where_they_belong_and_say_whether_they_are_assigned():
    picks = picks_at(3, 6)
    svg = draw(picks, assigned=[picks["pick_id"].iloc[0]])
    drawn = [p.attrib for p in svg if p.attrib.get("class", "").startswith("pick")]
    assert [d["class"] for d in drawn] == ["pick p", "pick s free"]
    scale = (_WIDTH - _LEFT - 8) / 20
    for attributes, seconds in zip(drawn, (3, 6), strict=True):
        x = float(re.match(r"M([\d.]+)", attributes["d"]).group(1))
        assert abs(x - (_LEFT + (seconds + 2) * scale)) < 0.1


def test_the_wavelet_stands_at_its_onset():
    svg = draw(picks_at())
    line = next(p.attrib["d"] for p in svg if p.attrib.get("class") == "z")
    points = [(float(x), float(a), float(b)) for x, a, b in re.findall(r"(\d+) ([\d.]+)V([\d.]+)", line)]
    moving = [x for x, a, b in points if abs(a - b) > 2]
    onset = _LEFT + 5 / 20 * (_WIDTH - _LEFT - 8)
    assert abs(moving[0] - onset) < 6
    middle = np.median([a for _, a, _ in points])
    assert max(abs(a - middle) for _, a, _ in points) < 15


def test_records_that_cannot_be_filtered_are_left_out():
    slow, broken = trace("HHZ", 3, rate=5.0), trace("HHZ", 3)
    broken.data[100] = np.nan
    assert prepare(Stream([slow, broken]), START, END) == []
    gappy = trace("HHZ", 3)
    gappy.data = np.ma.masked_array(gappy.data, mask=False)
    gappy.data.mask[1000:1100] = True
    assert len(prepare(Stream([gappy]), START, END)) == 1


def test_nearest_first_and_windows_bounded():
    stations = conform(
        pd.DataFrame({"station": ["X.F.", "X.N."], "latitude": [1.0, 0.1], "longitude": 0.0, "elevation_m": 0.0}),
        "stations",
    )
    event = {"latitude": 0.0, "longitude": 0.0, "time": ORIGIN}
    assert nearest_stations(event, stations, 5)["station"].tolist() == ["X.N.", "X.F."]
    start, end = section_window(event, pd.Series([ORIGIN + pd.Timedelta(hours=1)]))
    assert (end - start).total_seconds() == 90
    start, end = section_window(event, pd.Series([], dtype="datetime64[us, UTC]"))
    assert (end - start).total_seconds() == 8
