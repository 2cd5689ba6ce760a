"""Random catalogs for round trips: all years and hemispheres, events above sea level, what is missing, times about to round up."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from course_utils.catalog.tables import Catalog, conform

SMALL_IDS = st.integers(1, 10**9)
STATIONS = ["NC.CBW.", "IV.T1245.00", "Z7.A.10", "AK.RC01."]
FIRST, LAST = (pd.Timestamp(year, 1, 1).value // 1000 for year in (1900, 2100))  # microseconds


def times():
    """Microseconds since 1970, every other one within 5 ms before a full minute."""
    anywhere = st.integers(FIRST, LAST)
    before = st.tuples(st.integers(FIRST // 60_000_000, LAST // 60_000_000), st.integers(1, 5000))
    return anywhere | before.map(lambda pair: pair[0] * 60_000_000 - pair[1])


def maybe(low, high):
    return st.none() | st.floats(low, high)


@st.composite
def catalogs(draw, ids=SMALL_IDS, max_travel_s=400.0, stations=tuple(STATIONS)):
    """A catalog of up to four events, each with up to four picks at least 20 ms apart; ids as ``ids`` gives them."""
    places = {name: (draw(st.floats(0, 900)), draw(st.floats(0, 359))) for name in stations}
    numbers = draw(st.lists(ids, max_size=4, unique=True))
    starts = draw(st.lists(times(), min_size=len(numbers), max_size=len(numbers), unique=True))
    events, rows = [], []
    for number, start in zip(numbers, starts, strict=True):
        events.append(
            {
                "event_id": number,
                "time": start,
                "latitude": draw(st.floats(-90, 90)),
                "longitude": draw(st.floats(-180, 180)),
                "depth_km": draw(st.floats(-5, 700)),
                "magnitude": draw(maybe(-0.9, 9.0)),
                "magnitude_type": "ML",
                "horizontal_error_km": draw(maybe(0.01, 90)),
                "depth_error_km": draw(maybe(0.01, 90)),
                "rms_s": draw(maybe(0, 9)),
                "azimuthal_gap_deg": draw(maybe(0, 360)),
            }
        )
        for station, phase in draw(
            st.lists(st.tuples(st.sampled_from(stations), st.sampled_from("PS")), max_size=4, unique=True)
        ):
            rows.append(
                {
                    "event_id": number,
                    "station": station,
                    "channel": draw(st.sampled_from(["HH", "EH", None])),
                    "phase": phase,
                    "time": start + round(draw(st.floats(0.0, max_travel_s)) * 1e6),
                    "pick_error_s": draw(st.floats(0.001, 9.0)),
                    "residual_s": draw(st.floats(-9, 9)),
                    "weight": draw(st.floats(0, 1)),
                    "distance_km": places[station][0],
                    "azimuth_deg": places[station][1],
                }
            )
    return assembled(events, rows)


def assembled(events: list[dict], rows: list[dict]) -> Catalog:
    def table(dicts):
        return pd.DataFrame(dicts).assign(time=lambda t: pd.to_datetime(t["time"], unit="us", utc=True))

    if not events:
        return Catalog()
    table_of_events = conform(
        table(events).assign(magnitude_type=[None if e["magnitude"] is None else "ML" for e in events]), "events"
    )
    if not rows:
        return Catalog(table_of_events)
    picks = table(rows)
    picks.insert(0, "pick_id", np.arange(1, len(rows) + 1))
    return Catalog(
        table_of_events,
        conform(picks.drop(columns=["channel", "time", "pick_error_s"]), "assignments"),
        conform(picks[["pick_id", "station", "channel", "phase", "time", "pick_error_s"]], "picks"),
    )


def same(back: Catalog, catalog: Catalog, events: dict[str, float], picks: dict[str, float], time_s: float) -> None:
    """Assert that events and assigned picks come back: these columns to this precision (0.5 of the last digit), None: equal."""
    order = catalog.events.sort_values(["event_id"], ignore_index=True)
    found = back.events.sort_values("event_id", ignore_index=True)
    _columns(found, order, {"event_id": None, **events})
    _times(found, order, time_s)
    if picks is None:
        return
    keys = ["event_id", "station", "phase"]

    def joined(c: Catalog):
        rows = c.assignments.merge(c.picks.drop(columns=["station", "phase"]), on="pick_id")
        return rows.sort_values(keys, ignore_index=True)

    rows, came = joined(catalog), joined(back)
    _columns(came, rows, dict.fromkeys(keys) | picks)
    _times(came, rows, time_s)


def _times(found, wanted, time_s):
    assert ((found["time"] - wanted["time"]).abs() <= pd.Timedelta(seconds=time_s * 0.5001)).all()


def _columns(found, wanted, columns):
    assert len(found) == len(wanted)
    for name, step in columns.items():
        if step is None:
            pd.testing.assert_series_equal(found[name], wanted[name], check_index=False)
        else:
            np.testing.assert_allclose(found[name], wanted[name], atol=0.5001 * step, rtol=1e-9, err_msg=name)
