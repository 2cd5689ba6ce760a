"""Local magnitude on the synthetic Earth, whose true ML is known: bias over magnitude, scatter, honesty of the errors, speed."""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from _common import Figure

from course_utils.catalog.amplitudes import wood_anderson
from course_utils.catalog.magnitude import HUTTON_BOORE, calibrate, local_magnitudes
from course_utils.synthetic import World

FEWEST = 5  # events in a bin of half a unit, to speak of its bias


def compared(world: World) -> tuple[dict[str, pd.DataFrame], float]:
    """Magnitudes found and true of earthquakes and blasts, with the published scale and with one calibrated on the same readings; and ms per reading."""
    catalog = world.truth.catalog()

    def read(station, start, end):
        return world.waveforms(station, max(start, world.start), min(end, world.end))

    world.waveforms(world.stations["station"][0])  # what is made on first use is not counted
    start = time.process_time()
    streams: dict = {}
    for station in world.stations["station"]:
        streams[station] = read(station, world.start, world.end)
    reading = time.process_time() - start
    start = time.process_time()
    readings = wood_anderson(catalog, lambda s, a, b: _part(streams[s], a, b), world.inventory)
    each_ms = 1e3 * (time.process_time() - start) / len(readings)
    print(f"{world}: {reading:.1f} s for the records, {each_ms:.1f} ms a reading", file=sys.stderr)
    kinds = catalog.events[["event_id", "event_type"]]
    out = {}
    for name, scale in (("published", HUTTON_BOORE), ("calibrated", calibrate(readings))):
        found = local_magnitudes(catalog, readings, scale)
        print(found.summary(), file=sys.stderr)
        events = found.catalog.events.dropna(subset="magnitude_error").drop(columns="event_type")
        events = events.merge(world.truth.local_magnitudes, on="event_id").merge(kinds, on="event_id")
        out[name] = events[events["event_type"].isin(["earthquake", "quarry blast"])]
    return out, each_ms


def _part(stream, start, end):
    from obspy import UTCDateTime

    return stream.slice(*(UTCDateTime(ns=t.as_unit("ns").value) for t in (start, end)))


def bias(events: pd.DataFrame) -> float:
    """Largest mean difference to the true ML over bins of half a unit that hold enough events."""
    off = (events["magnitude"] - events["ml"]).groupby((events["ml"] * 2).round() / 2).agg(["mean", "size"])
    print(off.round(3).T.to_string(), file=sys.stderr)
    return float(off.loc[off["size"] >= FEWEST, "mean"].abs().max())


def magnitudes(quick: bool) -> dict[str, Figure]:
    worlds = (
        [World.lesson(seed=33)]
        if quick
        else [
            World.lesson(seed=33),
            World.lesson(seed=34, hours=2, main_shock_hour=-0.5),
            World.lesson(seed=36, hours=2, main_shock_hour=0.2, min_magnitude=1.2),
        ]
    )
    done = [compared(world) for world in worlds]
    published, calibrated = (pd.concat([one[0][k] for one in done]) for k in ("published", "calibrated"))
    where = f"{len(published)} events of {len(worlds)} worlds, true picks and places, 12 stations"
    off = published["magnitude"] - published["ml"]
    return {
        "magnitude_bias": Figure(bias(calibrated), where + ", scale calibrated on these readings", goal="at most 0.1"),
        "magnitude_bias_published": Figure(bias(published), where + ", published scale"),
        "magnitude_scatter": Figure(float(off.std()), where + ", published scale"),
        "magnitude_within_error": Figure(
            float(np.mean(off.abs() < published["magnitude_error"])), where + ", one standard error"
        ),
        "magnitude_reading_ms": Figure(float(np.median([ms for _, ms in done])), "CPU, records in memory, 100 Hz"),
    }
