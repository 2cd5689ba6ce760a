"""Pictures of comparisons: they draw what the tables hold, say so in words, and take tables without rows."""

import matplotlib
import numpy as np
import obspy
import pandas as pd
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from course_utils.catalog.comparison import RESIDUALS, by_day, compare
from course_utils.catalog.intervals import recall_curve
from course_utils.catalog.tables import conform, empty
from course_utils.teaching.figures import comparing

NOON = pd.Timestamp("2019-07-04T12:00:00Z")


@pytest.fixture
def axes():
    figure, axes = plt.subplots(1, 3)
    yield axes
    figure.canvas.draw()
    plt.close(figure)


def events_at(hours):
    times = NOON + pd.to_timedelta(np.asarray(hours, float), unit="h")
    table = pd.DataFrame({"time": times, "latitude": 35.7, "longitude": -117.5, "depth_km": 8.0, "magnitude": 2.0})
    return conform(table, "events")


def test_recall_says_its_ends_and_draws_every_bin(axes):
    found, size = pd.Series([True] * 6 + [False] * 4), pd.Series([3.0] * 5 + [1.0] * 5)
    curve = recall_curve(found, size)
    said = comparing.recall_against(axes[0], {"ours": curve, "theirs": curve})
    assert "ours: 0.20 at 1, 1.00 at 3, 10 in all" in said
    assert [line.get_xdata().tolist() for line in axes[0].lines[:1]] == [[1.0, 3.0]]
    assert "nothing to show" in comparing.recall_against(axes[1], {"none": curve.iloc[:0]})


def test_clouds_have_their_medians_and_empty_ones_none(axes):
    pairs = compare(events_at([0.0001, 5, 10]), events_at([0, 5, 10]), 1.0, 5.0).pairs
    said = comparing.residual_clouds(axes, pairs)
    assert "3 matched pairs" in said and "+0.00 s (dt)" in said and "units of magnitude" in said
    unknown = pairs.assign(magnitude_difference=np.nan)
    assert "magnitude)" not in comparing.residual_clouds(axes, unknown)
    assert "Medians: none" in comparing.residual_clouds(axes, pairs.iloc[:0][["magnitude", *RESIDUALS]])


def test_days_are_stacked_and_empty_ones_marked(axes):
    theirs = events_at([0, 6, 24, 30, 48])
    table = by_day(compare(theirs.iloc[[0, 1, 4]].reset_index(drop=True), theirs, 1.0, 5.0))
    said = comparing.days(axes[0], table)
    assert "3 matched and 2 missed" in said and "without any event of the catalog: 1" in said
    assert [text.get_text() for text in axes[0].texts] == ["no events"]
    heights = [patch.get_height() for patch in axes[0].patches[:6]]
    assert heights == [2, 0, 1, 0, 2, 0]
    turned = comparing.days(axes[1], by_day(compare(theirs, theirs.iloc[[0, 1, 4]].reset_index(drop=True), 1.0, 5.0)))
    assert "no day is without events" in turned and axes[1].texts[0].get_text() == "no reference"
    assert "0 matched" in comparing.days(axes[2], by_day(compare(empty("events"), empty("events"), 1.0, 5.0)))


def test_gallery_marks_assigned_picks_and_cuts_off_larger_waves(axes):
    rng = np.random.default_rng(0)
    header = {"starttime": obspy.UTCDateTime("2019-07-04T11:59:50"), "sampling_rate": 20.0}
    data = rng.normal(size=1200)
    data[500:] *= 100.0  # another event 15 s later
    traces = {name: (obspy.Trace(data, header), obspy.Trace(data, header)) for name in ("X.A.", "X.B.")}
    event = events_at([0])
    picks = pd.DataFrame({"event_id": event["event_id"].iloc[0], "station": "X.A.", "phase": ["P", "S"]})
    picks["time"] = NOON + pd.to_timedelta([3.0, 5.0], unit="s")
    said = comparing.gallery([axes[0], axes[1]], event, traces, picks, [["X.A.", "X.B."]])
    assert "Record sections of 1 events at the 2 nearest stations" in said
    bars = [line.get_xdata()[0] for line in axes[0].lines if len(line.get_xdata()) == 2]
    assert bars == [3.0, 5.0] and "2 picks" in axes[0].get_title(loc="left") + axes[0].get_title()
    drawn = max(np.ptp(line.get_ydata()) for line in axes[0].lines)
    assert drawn <= 1.1
