import os

import numpy as np
import obspy
import pandas as pd
import pytest
from pydantic import ValidationError
from repeating_records import errors_s, records

from course_utils import location
from course_utils.location.correlate import correlate


@pytest.mark.parametrize("cut", [False, True])
def test_differences_are_good_to_a_fraction_of_a_sample(cut):
    catalog, stream, truth = records(cut=cut)
    found = correlate(catalog, stream)
    assert len(found.links) == 2 * 2 * 15
    assert np.abs(errors_s(found.links, truth)).max() < 0.001, "a tenth of a sample"
    assert (found.links["cc"] > 0.95).all() and (found.links["polarity"] == 1).all()
    picks = catalog.picks.set_index("pick_id")["time"]
    late = found.links["shift_s"].abs()
    assert late.max() > 0.03 and picks.notna().all()


def test_links_fit_straight_into_relocation():
    links = correlate(*records()[:2]).links
    assert set(location.differences.COLUMNS) <= set(links.columns)
    again = location.differences.conform_differences(links)
    assert len(again) == len(links) and (again["kind"] == "cc").all()


def test_noise_lowers_the_coefficient_and_random_records_give_no_links():
    catalog, stream, truth = records(noise=5.0)
    found = correlate(catalog, stream, min_cc=0.5)
    assert found.links["cc"].median() < 0.99
    assert np.median(np.abs(errors_s(found.links, truth))) < 0.003
    quiet = obspy.Stream(t.copy() for t in stream)
    for trace in quiet:
        trace.data = np.random.default_rng(1).standard_normal(len(trace.data)).astype(np.float32)
    none = correlate(catalog, quiet, min_cc=0.8)
    assert not len(none.links) and none.left_out["n"].sum() == 60


def test_a_flipped_event_is_found_with_its_polarity():
    catalog, stream, truth = records(flipped=(2,))
    found = correlate(catalog, stream, either_polarity=True).links
    other = (found["event_id_1"] == 3) ^ (found["event_id_2"] == 3)
    assert (found.loc[other, "polarity"] == -1).all() and (found.loc[~other, "polarity"] == 1).all()
    assert np.abs(errors_s(found, truth)).max() < 0.001
    same = correlate(catalog, stream).links
    assert not ((same["event_id_1"] == 3) & (same["cc"] > 0.95)).any()


def test_records_that_are_missing_or_short_are_counted():
    catalog, stream, _ = records()
    stream = obspy.Stream(t for t in stream if t.stats.station == "S0" and t.stats.channel != "HHN")
    for trace in stream:
        trace.trim(trace.stats.starttime, trace.stats.starttime + 90)
    found = correlate(catalog, stream)
    left_out = found.left_out.set_index("reason")["n"]
    assert left_out["P arrival without records"] == 6 and left_out["S arrival without records"] == 6
    assert left_out["P arrival without a whole window of records"] == 2
    assert set(found.links["station"]) == {"XX.S0."}
    assert len(found.links) == 2 * 6, "four events left, S from the one horizontal"


def test_peak_at_the_end_of_the_search_is_no_measurement():
    catalog, stream, _ = records(errors_s=0.0)
    picks = catalog.picks.copy()
    picks.loc[picks["pick_id"].isin(catalog.assignments.query("event_id == 1")["pick_id"]), "time"] += pd.Timedelta(
        "0.4s"
    )
    found = correlate(catalog.replace(picks=picks), stream, max_shift_s=0.2, min_cc=0.8)
    assert not (found.links["event_id_1"] == 1).any()
    assert found.left_out["n"].sum() == 20


def test_far_events_and_bad_settings():
    catalog, stream, _ = records()
    events = catalog.events.assign(
        latitude=catalog.events["latitude"] + np.where(catalog.events["event_id"] > 3, 1.0, 0.0)
    )
    assert len(correlate(catalog.replace(events=events), stream).links) == 2 * 2 * 6
    with pytest.raises(ValueError, match="100 samples per second"):
        correlate(catalog, stream, high_hz=60.0)
    with pytest.raises(ValidationError, match="lag"):
        correlate(catalog, stream, lag=1)
    assert not len(correlate(catalog, obspy.Stream()).links)


@pytest.mark.slow
def test_a_hundred_events_at_twenty_stations():
    import time

    catalog, stream, truth = records(n_events=100, n_stations=20, noise=0.05)
    start = time.process_time()
    found = correlate(catalog, stream, max_km=20.0)
    spent = time.process_time() - start
    assert len(found.links) > 0.9 * 2 * 20 * 4950
    assert np.median(np.abs(errors_s(found.links, truth))) < 0.001
    print(f"{len(found.links)} links in {spent:.1f} s of processor time")
    assert spent < 90, f"{spent:.0f} s of processor time"


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
def test_fdtcc_measured_the_same_to_one_sample():
    from course_utils import data

    opened = data.open("fdtcc-ridgecrest")
    found = correlate(opened.catalog, opened.waveforms).links
    theirs = opened.differences[opened.differences["kind"] == "cc"]
    both = theirs.merge(found, on=["event_id_1", "event_id_2", "station", "phase"], suffixes=("_fdtcc", ""))
    assert len(theirs) == len(both) == 4
    assert (both["dt_s"] - both["dt_s_fdtcc"]).abs().max() <= 0.01
    left = opened.differences.query("kind == 'ct'")[["station", "phase", "dt_s"]].merge(
        both[["station", "phase", "dt_s_fdtcc"]], on=["station", "phase"]
    )
    assert (left["dt_s"] - left["dt_s_fdtcc"]).abs().max() > 0.03, "the picks alone are far off"
    assert not ((found["station"] == "PB.B921.") & (found["phase"] == "S")).any()
