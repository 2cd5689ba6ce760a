"""Files of HypoDD (Waldhauser 2001, USGS Open-File Report 01-113): events, stations, phases, differential times, results.

Readers return the common tables, writers return text. HypoDD knows a station by one label of at most seven
characters: "NCCBW" becomes ".NCCBW." here, and "NC.CBW." is written as "NCCBW". Event ids are kept as they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.formats.text import Account, assigned, bad, checked, later, layers, lines, numbers, utc
from course_utils.catalog.store import write_text
from course_utils.catalog.tables import Catalog, conform

LONGEST_LABEL = 7  # characters
LARGEST_ID = 2**31 - 1
_DIFFERENCES = ["event_id_1", "event_id_2", "station", "phase", "dt_s", "weight", "kind"]
_RELOC = [
    "event_id",
    "latitude",
    "longitude",
    "depth_km",
    "x_m",
    "y_m",
    "z_m",
    "error_x_m",
    "error_y_m",
    "error_z_m",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "magnitude",
    "n_cc_p",
    "n_cc_s",
    "n_ct_p",
    "n_ct_s",
    "rms_cc_s",
    "rms_ct_s",
    "cluster",
]
_LOC = [*_RELOC[:17], "cluster"]


def station_name(label: str) -> str:
    """ "NCCBW" as ".NCCBW."; a name with dots stays."""
    return label if "." in label else f".{label}."


def short_label(name: str) -> str:
    """ "NC.CBW." as "NCCBW", however long."""
    return name.replace(".", "")


def station_label(name: str) -> str:
    """ "NC.CBW." as "NCCBW"; ValueError when it is longer than seven characters."""
    label = short_label(name)
    if not 1 <= len(label) <= LONGEST_LABEL:
        raise ValueError(f"station {name!r}: HypoDD takes labels of 1 to 7 characters, {label!r} has {len(label)}")
    return label


def read_events(path: str | Path) -> pd.DataFrame:
    """Events table from ``event.dat`` or ``event.sel``; errors and magnitudes of 0 are unknown."""
    rows = []
    for number, words in _lines(path):
        if len(words) not in (10, 11):
            raise bad(path, number, f"{len(words)} columns", "an event line has 10, or 11 with a flag")
        date, clock, *values = numbers(path, number, words[:10])
        rows.append((int(values[-1]), _calendar(path, number, date, clock), *values[:-1]))
    names = ["event_id", "time", "latitude", "longitude", "depth_km", "magnitude"]
    names += ["horizontal_error_km", "depth_error_km", "rms_s"]
    frame = pd.DataFrame(rows, columns=names)
    frame["time"] = utc(frame["time"])
    frame[names[6:]] = frame[names[6:]].where(frame[names[6:]] != 0)
    return checked(frame, "events", path)


def read_stations(path: str | Path) -> pd.DataFrame:
    """Stations table from ``station.dat``: label, latitude, longitude and, where given, the elevation in m."""
    rows = []
    for number, words in _lines(path):
        if len(words) not in (3, 4, 5):
            raise bad(path, number, f"{len(words)} columns", "a station line has label, latitude, longitude, elevation")
        rows.append((station_name(words[0]), *numbers(path, number, [*words[1:4], "0"][:3])))
    return checked(pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m"]), "stations", path)


def read_differences(path: str | Path, kind: str) -> pd.DataFrame:
    """Links from ``dt.ct`` (kind "ct") or ``dt.cc`` (kind "cc"), as ``location.differences`` describes them.

    The origin time correction of a pair in ``dt.cc`` is taken off, so that times count from the origins in the event
    file; pairs without one (-999) are left out with a warning that counts them.
    """
    ids, out, without = None, [], 0
    for number, words in _lines(path):
        if words[0].startswith("#"):
            words = [words[0].lstrip("#"), *words[1:]]
            head = numbers(path, number, [w for w in words if w])
            if len(head) != (3 if kind == "cc" else 2):
                wanted = "# id1 id2 correction" if kind == "cc" else "# id1 id2"
                raise bad(path, number, f"a pair with {len(head)} values", f"dt.{kind} has {wanted}")
            ids = int(head[0]), int(head[1])
            correction = head[2] if kind == "cc" else 0.0
            if kind == "cc" and abs(correction + 999) < 1e-3:
                ids, without = (), without + 1
            continue
        if ids is None:
            raise bad(path, number, "a time before the first pair", "pairs begin with a line '# id1 id2'")
        if len(words) != (4 if kind == "cc" else 5):
            raise bad(path, number, f"{len(words)} columns", f"is this a dt.{kind} file?")
        values = numbers(path, number, words[1:-1])
        if not ids:
            continue
        dt = values[0] - correction if kind == "cc" else values[0] - values[1]
        out.append((*ids, words[0], words[-1], dt, values[-1], kind))
    if without:
        warnings.warn(f"{path}: {without} pairs without an origin time correction were left out", stacklevel=2)
    frame = pd.DataFrame(out, columns=_DIFFERENCES)
    labels = frame["station"].unique()
    frame["station"] = frame["station"].map(dict(zip(labels, map(station_name, labels), strict=True)))
    return frame


def read_phases(path: str | Path) -> Catalog:
    """Events, picks and assignments from a ``.pha`` file; errors of 0 are unknown.

    Weights are taken without their sign, which ph2dt uses as a flag.
    """
    events, picks = [], []
    for number, words in _lines(path):
        if words[0].startswith("#"):
            values = numbers(path, number, [w for w in [words[0].lstrip("#"), *words[1:]] if w])
            if len(values) != 14:
                raise bad(path, number, f"an event with {len(values)} values", "# and date to id are 14")
            time = _calendar(path, number, values[0] * 10000 + values[1] * 100 + values[2], 0)
            time = later(path, number, time, values[3] * 3600 + values[4] * 60 + values[5])
            events.append((int(values[13]), time, *values[6:10], *(v or np.nan for v in values[10:13])))
        elif not events or len(words) != 4:
            raise bad(path, number, " ".join(words)[:40], "a phase line has label, travel time, weight, phase")
        else:
            travel, weight = numbers(path, number, words[1:3])
            when = later(path, number, events[-1][1], travel)
            picks.append((events[-1][0], station_name(words[0]), words[3], when, abs(weight)))
    names = ["event_id", "time", "latitude", "longitude", "depth_km", "magnitude"]
    table = pd.DataFrame(events, columns=[*names, "horizontal_error_km", "depth_error_km", "rms_s"])
    rows = pd.DataFrame(picks, columns=["event_id", "station", "phase", "time", "weight"])
    twice = rows.duplicated(["event_id", "station", "phase", "time"])
    if twice.any():
        warnings.warn(f"{path}: {int(twice.sum())} phase lines stand twice; one of each is kept", stacklevel=2)
    rows = rows[~twice].reset_index(drop=True)
    rows["time"] = utc(rows["time"])
    rows["pick_id"] = np.arange(1, len(rows) + 1)
    return Catalog(
        checked(table.assign(time=utc(table["time"])), "events", path),
        checked(rows[["event_id", "pick_id", "station", "phase", "weight"]], "assignments", path),
        checked(rows[["pick_id", "station", "phase", "time"]], "picks", path),
    )


def read_relocated(path: str | Path) -> pd.DataFrame:
    """Events table from ``hypoDD.reloc`` or ``hypoDD.loc``, with x_m, y_m, z_m, their errors, counts and cluster."""
    rows, columns = [], _RELOC
    for number, words in _lines(path):
        if len(words) not in (len(_RELOC), len(_LOC)):
            raise bad(path, number, f"{len(words)} columns", f"hypoDD.reloc has {len(_RELOC)}, hypoDD.loc {len(_LOC)}")
        columns = _RELOC if len(words) == len(_RELOC) else _LOC
        values = dict(zip(columns, numbers(path, number, words), strict=True))
        day = _calendar(path, number, values["year"] * 10000 + values["month"] * 100 + values["day"], 0)
        seconds = values["hour"] * 3600 + values["minute"] * 60 + values["second"]  # HypoDD writes 60.000 too
        rows.append(values | {"time": later(path, number, day, seconds)})
    frame = pd.DataFrame(rows, columns=[*columns, "time"]).drop(columns=_RELOC[10:16])
    return checked(frame.assign(time=utc(frame["time"])), "events", path)


def read_control(path: str | Path) -> tuple[list[dict], pd.DataFrame]:
    """Stages and velocity of a ``hypoDD.inp`` of version 2 with a one-dimensional model.

    Returns:
        The iteration sets with the names of ``location.Stage`` (-999 and -9 become None; damping is 0 for SVD and left
        out for LSQR, whose unit depends on the data), and the model's layers as nodes of a velocity table.
    """
    rows = [(n, words) for n, words in _lines(path) if not words[0].startswith("*")]
    at = next((i for i, (_, words) in enumerate(rows) if len(words) == 3 and _is_number(words[0])), len(rows))
    if at + 3 > len(rows):
        raise bad(path, 1, "no line with IDAT, IPHA and DIST", "give a hypoDD.inp of version 2")
    number, words = rows[at + 2]
    _, solver, _, sets = (*numbers(path, number, words), 0.0, 0.0, 0.0, 0.0)[:4]
    stages = []
    names = [
        "iterations",
        "cc_p",
        "cc_s",
        "cc_sigmas",
        "cc_max_km",
        "ct_p",
        "ct_s",
        "ct_sigmas",
        "ct_max_km",
        "damping",
    ]
    for number, words in rows[at + 3 : at + 3 + int(sets)]:
        values = numbers(path, number, words[:10])
        if len(values) < 10:
            raise bad(path, number, f"{len(values)} values", "an iteration set has 10")
        stage = {k: (v if v > -9 else None) for k, v in zip(names, values, strict=True)}
        stage["iterations"] = int(values[0])
        stage["damping"] = 0.0
        stages.append(stage if solver == 1 else {k: v for k, v in stage.items() if k != "damping"})
    model = [numbers(path, number, words) for number, words in rows[at + 3 + int(sets) :][:4]]
    if len(model) < 4 or model[0][0] not in (1, 5):
        raise bad(path, number, "no model of type 1 or 5 after the iteration sets", "give IMOD and three lines")
    top, vp, ratio = (np.array([v for v in line if v != -9]) for line in model[1:])
    nodes = np.repeat(top, 2)[1:], np.repeat(vp, 2)[:-1], np.repeat(vp / ratio, 2)[:-1]
    velocity = pd.DataFrame(dict(zip(["depth_km", "vp_km_s", "vs_km_s"], nodes, strict=True)))
    return stages, checked(velocity, "velocity", path)


def _is_number(word: str) -> bool:
    return word.lstrip("+-").replace(".", "", 1).isdigit()


def events_text(events: pd.DataFrame) -> str:
    """Events as ``event.dat``; origin times keep hundredths of a second, unknown errors and magnitudes become 0."""
    lines = []
    for row in conform(events, "events").itertuples():
        time = row.time.round("10ms")
        date = f"{time.year:4d}{time.month:02d}{time.day:02d}"
        clock = f"{time.hour:d}{time.minute:02d}{time.second:02d}{time.microsecond // 10000:02d}"
        e = [0.0 if pd.isna(v) else v for v in (row.magnitude, row.horizontal_error_km, row.depth_error_km, row.rms_s)]
        lines.append(
            f"{date}  {clock:>8s} {row.latitude:10.6f} {row.longitude:11.6f} {row.depth_km:9.4f} {e[0]:5.2f} "
            f"{e[1]:7.3f} {e[2]:7.3f} {e[3]:6.3f} {row.event_id:10d}"
        )
    return "".join(line + "\n" for line in lines)


def stations_text(stations: pd.DataFrame) -> str:
    """Stations as ``station.dat``; ValueError when two names make the same label."""
    labels = stations["station"].map(station_label)
    twice = labels.duplicated(keep=False)
    if twice.any():
        raise ValueError(
            f"stations {', '.join(stations.loc[twice, 'station'][:4])} share a HypoDD label; keep one of them"
        )
    rows = zip(labels, stations["latitude"], stations["longitude"], stations["elevation_m"], strict=True)
    return "".join(f"{label:<7s} {lat:11.6f} {lon:12.6f} {elevation:8.1f}\n" for label, lat, lon, elevation in rows)


def differences_text(links: pd.DataFrame, kind: str) -> str:
    """The links of one kind as ``dt.ct`` or ``dt.cc``.

    HypoDD uses only the difference of the two times in ``dt.ct``; the earlier one is written as 0. Corrections of origin
    times in ``dt.cc`` are 0, since links count from the origins of the catalog.
    """
    rows = links[links["kind"] == kind]
    labels = {name: station_label(name) for name in rows["station"].unique()}
    out, before = [], None
    for row in rows.sort_values(["event_id_1", "event_id_2"], kind="stable").itertuples():
        pair = row.event_id_1, row.event_id_2
        if pair != before:
            out.append(f"# {pair[0]:9d} {pair[1]:9d}" + (" 0.0" if kind == "cc" else ""))
            before = pair
        times = f"{row.dt_s:10.6f}" if kind == "cc" else f"{max(row.dt_s, 0.0):9.6f} {max(-row.dt_s, 0.0):9.6f}"
        out.append(f"{labels[row.station]:<7s} {times} {row.weight:6.4f} {row.phase}")
    return "".join(line + "\n" for line in out)


def write_phases(catalog: Catalog, path: str | Path, account: Account | None = None) -> Path:
    """Write a ``.pha`` file: origin times in ms, travel times to 0.1 ms; unknown magnitudes and errors are 0, weights 1."""
    account = account or Account()
    labels = account.labels(
        catalog.assignments["station"], short_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    ids = account.numbers(catalog.events, LARGEST_ID)
    account.value("events", "magnitude unknown, written as 0", int(catalog.events["magnitude"].isna().sum()))
    by_event, out = assigned(catalog, "100us", account), []
    for row in catalog.events.sort_values(["time", "event_id"]).itertuples():
        time = row.time.round("ms")
        values = (row.magnitude, row.horizontal_error_km, row.depth_error_km, row.rms_s)
        m, eh, ez, rms = (0.0 if pd.isna(value) else value for value in values)
        out.append(
            f"# {time:%Y %m %d %H %M} {time.second + time.microsecond / 1e6:6.3f} {row.latitude:10.6f} {row.longitude:11.6f} "
            f"{row.depth_km:9.4f} {m:5.2f} {eh:7.3f} {ez:7.3f} {rms:7.4f} {ids[row.event_id]:10d}\n"
        )
        for pick in by_event.get(row.event_id, ()):
            weight = 1.0 if pd.isna(pick["weight"]) else pick["weight"]
            travel_s = (pick["us"] - time.value // 1000) / 1e6
            out.append(f"{labels[pick['station']]:<7s} {travel_s:10.4f} {weight:7.4f} {pick['phase']}\n")
    return write_text("".join(out), path)


def write_events(events: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write ``event.dat``; ids beyond nine digits are replaced, and noted in ``account``."""
    ids = (account or Account()).numbers(events, LARGEST_ID)
    ordered = events.sort_values(["time", "event_id"])
    return write_text(events_text(ordered.assign(event_id=ordered["event_id"].map(ids))), path)


def write_stations(stations: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write ``station.dat``; stations whose labels are too long or the same get others, noted in ``account``."""
    labels = (account or Account()).labels(
        stations["station"], short_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    return write_text(stations_text(stations.assign(station=stations["station"].map(labels))), path)


def relocated_text(events: pd.DataFrame) -> str:
    """Relocated events in the columns of ``hypoDD.reloc``: x, y, z in m from the mean of the events; errors one sigma.

    Columns that the table lacks are written as HypoDD writes unknown ones: counts 0, rms -9.
    """
    from pyproj import Geod

    events = conform(events, "events")
    if not len(events):
        return ""
    place = [events[name].tolist() for name in ("longitude", "latitude")]  # pyproj warns of arrays with one value
    middle = [[float(np.mean(values))] * len(events) for values in place]
    azimuth, _, distance = map(np.array, Geod(ellps="WGS84").inv(*middle, *place))
    x, y = distance / 1e3 * np.sin(np.radians(azimuth)), distance / 1e3 * np.cos(np.radians(azimuth))
    z = events["depth_km"] - events["depth_km"].mean()
    known = {
        name: events[name].to_numpy() if name in events else np.zeros(len(events))
        for name in _RELOC[7:10] + _RELOC[17:]
    }
    lines = []
    for k, row in enumerate(events.itertuples()):
        time = row.time.round("ms")
        errors = " ".join(f"{known[name][k]:8.1f}" for name in _RELOC[7:10])
        counts = " ".join(f"{int(known[name][k]):5d}" for name in _RELOC[17:21])
        rms = " ".join(f"{known[name][k] if name in events else -9.0:6.3f}" for name in _RELOC[21:23])
        second = time.second + time.microsecond / 1e6
        lines.append(
            f"{row.event_id:9d} {row.latitude:10.6f} {row.longitude:11.6f} {row.depth_km:9.3f} {1e3 * x[k]:10.1f} "
            f"{1e3 * y[k]:10.1f} {1e3 * z[k]:10.1f} {errors} {time.year:4d} {time.month:2d} {time.day:2d} {time.hour:2d} "
            f"{time.minute:2d} {second:6.3f} {0.0 if pd.isna(row.magnitude) else row.magnitude:4.1f} {counts} {rms} "
            f"{int(known['cluster'][k]):3d}"
        )
    return "".join(line + "\n" for line in lines)


def write_relocated(catalog: Catalog, path: str | Path, account: Account | None = None) -> Path:
    """Write the events as ``hypoDD.reloc``, see :func:`relocated_text`."""
    ids = (account or Account()).numbers(catalog.events, LARGEST_ID)
    ordered = catalog.events.sort_values(["time", "event_id"])
    return write_text(relocated_text(ordered.assign(event_id=ordered["event_id"].map(ids))), path)


def control_text(stages: list[dict], velocity: pd.DataFrame, kinds: set[str], min_links: int = 8) -> str:
    """A ``hypoDD.inp`` (version 2, LSQR) for the files event.dat, station.dat, dt.ct and dt.cc of one folder.

    Args:
        stages: fields of ``location.Stage``; a damping there is a fraction, HypoDD's is set to 50.
        velocity: velocity table; layers get the mean of their nodes, and begin at sea level.
        kinds: "ct", "cc" or both.
        min_links: fewest catalog (or, without them, correlation) times of a pair.
    """
    top, p, s = layers(velocity)
    sets, names = [], ("cc_p", "cc_s", "cc_sigmas", "cc_max_km", "ct_p", "ct_s", "ct_sigmas", "ct_max_km")
    for stage in stages:
        values = ("-999" if stage.get(name) is None else f"{stage[name]:g}" for name in names)
        sets.append(" ".join([str(stage["iterations"]), *values, "50"]))
    kind = {("cc",): 1, ("ct",): 2, ("cc", "ct"): 3}[tuple(sorted(kinds))]
    least = (0, min_links) if "ct" in kinds else (min_links, 0)
    files = ["dt.cc" if "cc" in kinds else "", "dt.ct" if "ct" in kinds else "", "event.dat", "station.dat"]
    files += ["hypoDD.loc", "hypoDD.reloc", "hypoDD.sta", "hypoDD.res", ""]
    model = [" ".join(f"{v:.4f}" for v in (*line, -9)) for line in (top, p, p / s)]
    lines = ["hypoDD_2", *files, f"{kind} 3 9999", f"{least[0]} {least[1]} -999 -999 -999", f"2 2 1 {len(sets)}", *sets]
    return "".join(line + "\n" for line in [*lines, "1", *model, "0", ""])


def _lines(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines(path, "a file of HypoDD"):
        words = line.split()
        if words:
            yield number, words


def _calendar(path, number: int, date: float, clock: float) -> np.datetime64:
    """A time from YYYYMMDD and HHMMSSss as numbers; years before 1678 are fine, seconds may reach 60."""
    date, clock = int(date), int(clock)
    date += 19000000 if date < 10000000 else 0
    hour, minute, hundredths = clock // 1000000, clock // 10000 % 100, clock % 10000
    try:
        day = np.datetime64(f"{date // 10000:04d}-{date // 100 % 100:02d}-{date % 100:02d}", "us")
    except ValueError as error:
        raise bad(path, number, f"{date} is no date", "write YYYYMMDD") from error
    return later(path, number, day, ((hour * 60 + minute) * 60 * 100 + hundredths) / 100)
