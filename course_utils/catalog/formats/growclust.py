"""Files of GrowClust and GrowClust3D (Trugman and Shearer 2017, doi:10.1785/0220160188): events, stations, model, results.

Correlation times (``xcordata.txt``) have the layout of HypoDD's ``dt.cc``, with the correlation coefficient as weight.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.formats.hypodd import LARGEST_ID, LONGEST_LABEL, differences_text, short_label, station_name
from course_utils.catalog.formats.text import Account, bad, calendar, checked, frame_of, lines, numbers, west_to_east
from course_utils.catalog.store import write_text
from course_utils.catalog.tables import Catalog, conform

_RESULT = ["serial", "cluster", "n_cluster", "n_pairs", "n_cc_p", "n_cc_s", "rms_cc_p_s", "rms_cc_s_s"]
_RESULT += [
    "horizontal_error_km",
    "depth_error_km",
    "time_error_s",
    "latitude_start",
    "longitude_start",
    "depth_start_km",
]


def read_events(path: str | Path) -> pd.DataFrame:
    """Events table of an event list in format 1; errors of 0 are unknown, magnitudes stay."""
    rows = []
    for number, line in lines(path, "an event list of GrowClust"):
        words = line.split()
        if not words:
            continue
        if len(words) != 14:
            raise bad(path, number, f"{len(words)} columns", "an event list of format 1 has 14, date to id")
        values = numbers(path, number, words)
        place = dict(zip(("latitude", "longitude", "depth_km", "magnitude"), values[6:10], strict=True))
        errors = dict(zip(("horizontal_error_km", "depth_error_km", "rms_s"), values[10:13], strict=True))
        time = calendar(path, number, *values[:6])
        rows.append({"event_id": int(values[13]), "time": time} | place | {k: v or np.nan for k, v in errors.items()})
    return frame_of(rows, "events", path)


def write_events(events: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write an event list in format 1: milliseconds, five decimals of degrees, metres; unknown magnitudes and errors are 0."""
    account, events = account or Account(), conform(events, "events")
    ids = account.numbers(events, LARGEST_ID)
    unknown = int(events["magnitude"].isna().sum())
    account.value("events", "magnitude unknown, written as 0", unknown)
    out = []
    for row in events.sort_values(["time", "event_id"]).itertuples():
        time = row.time.round("ms")
        seconds = time.second + time.microsecond / 1e6
        values = (row.magnitude, row.horizontal_error_km, row.depth_error_km, row.rms_s)
        magnitude, *errors = (0.0 if pd.isna(value) else value for value in values)
        out.append(
            f"{time:%Y %m %d %H %M} {seconds:6.3f} {row.latitude:10.5f} {west_to_east(row.longitude):11.5f} {row.depth_km:9.3f} "
            f"{magnitude:6.2f} {errors[0]:8.3f} {errors[1]:8.3f} {errors[2]:7.3f} {ids[row.event_id]:11d}\n"
        )
    return write_text("".join(out), path)


def read_stations(path: str | Path) -> pd.DataFrame:
    """Stations table of a station list, with elevations in m (format 2) or without (format 1, sea level)."""
    rows = []
    for number, line in lines(path, "a station list of GrowClust"):
        words = line.split()
        if not words:
            continue
        if len(words) not in (3, 4):
            raise bad(
                path,
                number,
                f"{len(words)} columns",
                "a station list has name, latitude, longitude and maybe elevation",
            )
        rows.append((station_name(words[0]), *numbers(path, number, [*words[1:], "0"][:3])))
    return checked(pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m"]), "stations", path)


def write_stations(stations: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write a station list in format 2: six decimals of degrees, tenths of metres."""
    labels = (account or Account()).labels(
        stations["station"], short_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    rows = conform(stations, "stations").itertuples()
    text = (
        f"{labels[r.station]:<7s} {r.latitude:11.6f} {west_to_east(r.longitude):12.6f} {r.elevation_m:8.1f}\n"
        for r in rows
    )
    return write_text("".join(text), path)


def write_velocity(velocity: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write the nodes of a model as ``vzmodel.txt``: depth, Vp, Vs with four decimals; GrowClust too is linear between nodes."""
    rows = conform(velocity, "velocity").itertuples()
    return write_text("".join(f"{r.depth_km:9.4f} {r.vp_km_s:8.4f} {r.vs_km_s:8.4f}\n" for r in rows), path)


def write_differences(links: pd.DataFrame, catalog: Catalog, path: str | Path, account: Account | None = None) -> Path:
    """Write the links of kind "cc" as ``xcordata.txt`` (format 1, ``tdif_fmt`` 12: first minus second), to 1 µs.

    Args:
        links: differential times as ``location.differences`` describes them.
        catalog: the events and stations whose lists go with them, so that replaced names are the same there.
    """
    account = account or Account()
    ids = account.numbers(catalog.events, LARGEST_ID)
    labels = account.labels(
        catalog.stations["station"], short_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    ours = links["event_id_1"].isin(ids) & links["event_id_2"].isin(ids) & links["station"].isin(labels)
    account.row("links", "between events or at stations that are not in the catalog", int((~ours).sum()))
    renamed = {name: links.loc[ours, name].map(ids) for name in ("event_id_1", "event_id_2")}
    return write_text(differences_text(links[ours].assign(**renamed, station=links["station"].map(labels)), "cc"), path)


def read_relocated(path: str | Path) -> pd.DataFrame:
    """Events table of ``out.growclust_cat`` with its clusters, counts, residuals, bootstrap errors and starting places.

    An event that was not relocated has ``n_pairs`` 0 and stands where it started. Errors are NaN without bootstrap;
    ``rms_s`` is the root mean square of the P and S residuals of the differences.
    """
    rows = []
    for number, line in lines(path, "a catalog of GrowClust"):
        words = line.split()
        if not words:
            continue
        if len(words) != 25:
            raise bad(path, number, f"{len(words)} columns", "out.growclust_cat has 25")
        values = numbers(path, number, words)
        event = dict(zip(("latitude", "longitude", "depth_km", "magnitude"), values[7:11], strict=True))
        rest = dict(zip(_RESULT, values[11:], strict=True))
        rows.append({"event_id": int(values[6]), "time": calendar(path, number, *values[:6])} | event | rest)
    table = frame_of(rows, "events", path)
    if len(table):
        counts, squares = table[["n_cc_p", "n_cc_s"]], table[["rms_cc_p_s", "rms_cc_s_s"]].fillna(0.0).to_numpy() ** 2
        with np.errstate(invalid="ignore"):
            table["rms_s"] = np.sqrt((squares * counts.to_numpy()).sum(axis=1) / counts.sum(axis=1))
    return table
