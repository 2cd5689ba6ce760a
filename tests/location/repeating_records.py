"""Records of repeating events whose arrivals are known, and picks that are not quite on them."""

from __future__ import annotations

import numpy as np
import obspy
import pandas as pd

from course_utils.catalog.tables import Catalog

START = pd.Timestamp("2022-12-20", tz="UTC")


def records(n_events=6, n_stations=2, rate=100.0, noise=0.01, seed=0, cut=False, flipped=(), errors_s=0.08):
    """Repeating events every 20 s at stations with P and S waves of their own; picks are wrong by up to ``errors_s``."""
    rng = np.random.default_rng(seed)
    names = [f"XX.S{k}." for k in range(n_stations)]
    length = int((20 * n_events + 20) * rate)
    traces, rows = {}, []
    time = np.arange(length) / rate
    for s, name in enumerate(names):
        data = {c: noise * rng.standard_normal(length) for c in "ZNE"}
        p_s, s_s = 3.0 + s, 5.5 + 1.7 * s
        tones = rng.uniform(2.5, 7.0, (2, 3, 8)), rng.uniform(0, 6.28, (2, 3, 8))
        for e in range(n_events):
            size = 10.0 ** rng.uniform(0, 1.5) * (-1 if e in flipped else 1)
            for k, (phase, travel) in enumerate((("P", p_s), ("S", s_s))):
                arrival = 20.0 * e + 10.0 + travel + rng.uniform(-0.05, 0.05)
                near = slice(int((arrival - 0.5) * rate), int((arrival + 6.0) * rate))
                t = time[near] - arrival
                shape = size * np.clip(t / 0.1, 0, 1) * np.exp(-np.maximum(t, 0) / 0.6)
                for c, component in enumerate("ZNE"):
                    waves = np.sin(2 * np.pi * tones[0][k, c, :, None] * t + tones[1][k, c, :, None]).sum(axis=0)
                    data[component][near] += {"P": (1.0, 0.3, 0.3), "S": (0.3, 1.5, 1.5)}[phase][c] * shape * waves
                rows.append((e + 1, name, phase, arrival, arrival + rng.uniform(-errors_s, errors_s)))
        for c, values in data.items():
            header = {"network": "XX", "station": f"S{s}", "channel": f"HH{c}", "sampling_rate": rate}
            traces[name, c] = obspy.Trace(values.astype(np.float32), header | {"starttime": obspy.UTCDateTime(START)})
    stream = obspy.Stream(list(traces.values()))
    if cut:
        stream = obspy.Stream(
            t.slice(obspy.UTCDateTime(START) + 20 * e + 8.0034, obspy.UTCDateTime(START) + 20 * e + 25)
            for t in stream
            for e in range(n_events)
        )
    table = pd.DataFrame(rows, columns=["event_id", "station", "phase", "true_s", "pick_s"])
    picks = table.assign(
        time=START + pd.to_timedelta(np.round(table["pick_s"] * 1e6), unit="us"), pick_id=table.index + 1
    )
    events = pd.DataFrame(
        {
            "event_id": np.arange(n_events) + 1,
            "time": START + pd.to_timedelta(20.0 * np.arange(n_events) + 10.0, unit="s"),
            "latitude": 40.0 + 0.001 * np.arange(n_events),
            "longitude": -124.0,
            "depth_km": 10.0,
        }
    )
    stations = pd.DataFrame({"station": names, "latitude": 40.2, "longitude": -124.0, "elevation_m": 0.0})
    catalog = Catalog(
        events,
        picks[["event_id", "pick_id", "station", "phase"]],
        picks[["pick_id", "station", "phase", "time"]],
        stations,
    )
    return catalog, stream, table


def errors_s(links, truth):
    """Differential times minus the true ones."""
    at = truth.set_index(["event_id", "station", "phase"])["true_s"]
    first, second = (
        at.loc[list(zip(links[f"event_id_{k}"], links["station"], links["phase"], strict=True))].to_numpy()
        - 20.0 * (links[f"event_id_{k}"].to_numpy() - 1)
        for k in (1, 2)
    )
    return links["dt_s"].to_numpy() - (first - second)
