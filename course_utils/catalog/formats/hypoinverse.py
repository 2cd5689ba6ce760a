"""Files of HYPOINVERSE-2000 (Klein 2002, USGS Open-File Report 02-171): archive, stations and crustal models.

The archive has fixed columns: an event card, a card per station with its P and S, and a terminator with the event's
number. Times are good to 0.01 s, places to 0.01 minute (18 m), depths, errors and residuals to 0.01 km and 0.01 s. Its
horizontal error is of one axis and one standard deviation, not this course's 68 % ellipse. Cards from before the year
2000 format, whose years have two digits, are read too.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.formats.hypoinverse_cards import EVENT, OLD_EVENT, OLD_PHASE, PHASE, STATION, SUMMARY
from course_utils.catalog.formats.text import (
    Account,
    Overflow,
    assigned,
    bad,
    calendar,
    card,
    clock,
    degrees_minutes,
    fields,
    gathered,
    known,
    layers,
    lines,
    microseconds,
    numbers,
    west_to_east,
)
from course_utils.catalog.store import write_text
from course_utils.catalog.tables import Catalog, conform

_MAGNITUDES = {"L": "ML", "D": "MD", "W": "Mw", "B": "mb", "S": "Ms", "X": "ML"}  # label of the card and type
_HEADING = re.compile(r"(\d{4}|\d\d)[ \d]{12}[ \d]\d[ S][ \d]{4}[ \d]{3}[ E]")  # begins an event card
_MINUTE = 60_000_000  # microseconds
_UNKNOWN = "M"  # written for a magnitude of another or of no type


def read_arc(path: str | Path, account: Account | None = None) -> Catalog:
    """Events, picks and assignments of an archive file, or the events of a summary; shadow cards ("$") are skipped.

    The preferred magnitude counts, else an external one, else the amplitude's (as ML), else the duration's. Weights are those
    that the location used, which may pass 1. Arrivals of other phases than P and S are left out and counted.
    """
    account = account or Account()
    events, phases, of = [], [], []
    for number, line in lines(path, "an archive of HYPOINVERSE-2000"):
        if not line.strip() or line.startswith("$"):
            continue
        if not line[:62].strip():  # the terminator states the event's number
            last = line[62:72].strip()
            if of and not events[-1]["event_id"] and last.isdigit():
                events[-1]["event_id"] = int(last)
            of = []
        elif not of or _HEADING.match(line):  # a summary has no terminators
            new = line[:2] in ("16", "17", "18", "19", "20", "21") and re.match(r" ?0?[1-9]$|1[0-2]$", line[4:6])
            of = [EVENT, PHASE] if new and line[18:19] in " S" else [OLD_EVENT, OLD_PHASE]
            events.append(_event(path, number, fields(path, number, line, of[0])))
        else:
            found = _phases(path, number, fields(path, number, line, of[1]))
            account.row("picks", "neither P nor S on the card", int(not found))
            phases += [(len(events) - 1, row) for row in found]
    for position, event in enumerate(events):
        event["event_id"] = event["event_id"] or position + 1
    rows = [row | {"event_id": events[at]["event_id"]} for at, row in phases]
    return gathered(path, events, rows, account)


def _event(path, number: int, row: dict) -> dict:
    found = [
        (row["magnitude_label"], row["magnitude"]),
        (row.get("external_label", ""), row.get("external_magnitude", np.nan)),
    ]
    # 0 stands for none, and without a label it is how a program fills the columns
    found += [("X", row["amplitude_magnitude"] or np.nan), ("D", row["duration_magnitude"] or np.nan)]
    label, magnitude = next(((a, m) for a, m in found if known(m) and (m != 0 or a)), ("", np.nan))
    n_s = 0 if np.isnan(row["n_s"]) else row["n_s"]
    return {
        "event_id": 0 if np.isnan(row["event_id"]) else int(row["event_id"]),
        "time": _time(path, number, row["time"], row["seconds"]),
        "latitude": _angle(row["latitude"], row["latitude_minutes"], row["south"] == "S"),
        "longitude": _angle(row["longitude"], row["longitude_minutes"], row["east"] != "E"),
        "depth_km": row["depth"],
        "magnitude": magnitude,
        "magnitude_type": _MAGNITUDES.get(label) if known(magnitude) else None,
        "n_p": row["n_phases"] - n_s,
        "n_s": row["n_s"],
        "event_type": "quarry blast" if row["remark"] == "Q" else None,
        **{name: row[name] for name in ("azimuthal_gap_deg", "rms_s", "horizontal_error_km", "depth_error_km")},
    }


def _phases(path, number: int, row: dict) -> list[dict]:
    name = f"{row['network']}.{row['code']}.{row.get('location', '').replace('-', '')}"
    out = []
    for phase, low in (("P", "p"), ("S", "s")):
        seconds = row[f"{low}_seconds"]
        if (
            phase not in row[low].upper()
            or np.isnan(seconds)
            or (phase == "P" and seconds == 99.99 and row["p_weight"] == 0)
        ):
            continue  # a P of 99.99 s stands where only the S was read
        out.append(
            {
                "station": name,
                "channel": row["channel"][:2],
                "phase": phase,
                "time": _time(path, number, row["time"], seconds),
                "residual_s": row[f"{low}_residual_s"],
                "weight": row[f"{low}_weight"],
                "distance_km": row["distance_km"],
                "azimuth_deg": row["azimuth_deg"],
            }
        )
    return out


def _angle(degrees: float, minutes: float, negative: bool) -> float:
    value = (0.0 if np.isnan(degrees) else degrees) + (0.0 if np.isnan(minutes) else minutes) / 60.0
    return -value if negative else value


def _time(path, number: int, text: str, seconds: float) -> np.datetime64:
    text = text.replace(" ", "0") if len(text) in (10, 12) else ""
    if not text.isdigit():
        raise bad(path, number, f"{text!r} is no date and minute", "is this an archive of HYPOINVERSE?")
    year = int(text[:-8])
    month, day, hour, minute = (text[i : i + 2] for i in range(len(text) - 8, len(text), 2))
    year += (1900 if year >= 50 else 2000) if len(text) == 10 else 0
    return calendar(path, number, year, month, day, hour, minute, 0.0 if np.isnan(seconds) else seconds)


def read_sum(path: str | Path, account: Account | None = None) -> Catalog:
    """Events of a readable summary (``H71 3``), whose first line is a heading. Those without a number get one by their order."""
    events = []
    for number, line in lines(path, "a readable summary of HYPOINVERSE-2000"):
        if number == 1 or not line.strip():
            continue
        row = fields(path, number, line, SUMMARY)
        when = re.fullmatch(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d)", f"{row['date']} {row['clock']}")
        if not when or np.isnan([row["seconds"], row["latitude"], row["longitude"], row["depth_km"]]).any():
            raise bad(path, number, line[:48], "a summary begins with YYYY/MM/DD HH:MM, seconds, place and depth")
        text = re.match(r"(-?\d*\.\d+)\s*(\w*)", row.pop("preferred") or row["external"])
        row |= {"event_id": int(row["event_id"]) if row["event_id"] > 0 else len(events) + 1}
        row |= {"time": calendar(path, number, *when.groups(), row.pop("seconds"))}
        row |= {"magnitude": float(text[1]) if text else np.nan}
        row |= {"magnitude_type": (_MAGNITUDES.get(text[2], text[2]) or None) if text else None}
        events.append(
            {name: value for name, value in row.items() if name not in ("date", "clock", "external", "preferred")}
        )
    return gathered(path, events, [], account or Account())


def write_arc(catalog: Catalog, path: str | Path, account: Account | None = None) -> Path:
    """Write the events with their assigned picks, in order of time, as a year 2000 archive.

    Station codes of more than five characters and ids beyond ten digits are replaced; ``account`` notes the names. The code of a pick's
    quality, 0 to 4, is made of its weight: 4 (1 - weight).
    """
    account = account or Account()
    codes = _codes(catalog.assignments["station"], account)
    ids = account.numbers(catalog.events, 10**10 - 1)
    by_event, out = assigned(catalog, "10ms", account), []
    events = catalog.events.sort_values(["time", "event_id"]).assign(us=lambda e: microseconds(e["time"], "10ms"))
    for row in events.to_dict("records"):
        try:
            out.append(card(EVENT, _event_values(row, ids[row["event_id"]]), account, "events"))
        except Overflow as error:
            account.row("events", str(error))
            continue
        out += _phase_cards(by_event.get(row["event_id"], []), codes, account)
        out.append(f"{ids[row['event_id']]:72d}")
    return write_text("".join(line + "\n" for line in out), path)


def _event_values(row: dict, number: int) -> dict:
    south, north = degrees_minutes(row["latitude"], 2), degrees_minutes(west_to_east(row["longitude"]), 2)
    n_p, n_s = (row[name] if known(row[name]) else 0.0 for name in ("n_p", "n_s"))
    blast = known(row["event_type"]) and "blast" in row["event_type"]
    label = {kind.upper(): letter for letter, kind in reversed(_MAGNITUDES.items())}
    return {
        "time": clock(row["us"]),
        "seconds": row["us"] % _MINUTE / 1e6,
        "latitude": south[0],
        "latitude_minutes": south[1],
        "south": "S" if south[2] else None,
        "longitude": north[0],
        "longitude_minutes": north[1],
        "east": None if north[2] else "E",
        "depth": row["depth_km"],
        "n_phases": n_p + n_s if known(row["n_p"]) or known(row["n_s"]) else None,
        "n_s": row["n_s"],
        "remark": "Q" if blast else None,
        "event_id": number,
        "magnitude": row["magnitude"],
        "magnitude_label": label.get(str(row["magnitude_type"]).upper(), _UNKNOWN) if known(row["magnitude"]) else None,
        **{name: row[name] for name in ("azimuthal_gap_deg", "rms_s", "horizontal_error_km", "depth_error_km")},
    }


def _phase_cards(picks: list[dict], codes: dict[str, str], account: Account) -> list[str]:
    """Cards of an event: the first P and the first S of a station and channel share one, further ones have their own."""
    cards: dict[tuple, dict[str, dict]] = {}
    for row in picks:
        place = row["station"], row["channel"] if known(row["channel"]) else ""
        number = 0
        while row["phase"] in cards.get((*place, number), {}):
            number += 1
        cards.setdefault((*place, number), {})[row["phase"]] = row
    out = []
    for (station, channel, _), rows in sorted(cards.items()):
        minute = min(row["us"] for row in rows.values()) // _MINUTE * _MINUTE
        values = _place(station, codes[station]) | {"time": clock(minute)}
        values["channel"] = f"{channel:<2s}Z" if channel else None
        for phase, row in rows.items():
            low, seconds = phase.lower(), (row["us"] - minute) / 1e6
            if seconds >= 999.0:
                account.row("picks", "more than 999 s after the first of its station")
                continue
            weight = row["weight"] if known(row["weight"]) else 1.0
            values |= {
                low: f" {phase}",
                f"{low}_code": min(max(round(4 * (1 - weight)), 0), 4),
                f"{low}_seconds": seconds,
                f"{low}_residual_s": row["residual_s"],
                f"{low}_weight": row["weight"],
                "distance_km": row["distance_km"],
                "azimuth_deg": row["azimuth_deg"],
            }
        out.append(card(PHASE, values, account, "assignments"))
    return out


def _codes(stations, account: Account) -> dict[str, str]:
    """A site code for every station; two locations of one site share it, since columns of their own tell them apart."""
    parts = {name: [*name.split(".", 2), "", ""][:3] for name in stations}
    fit = {name: all(len(p) <= n for p, n in zip(part, (2, 5, 2), strict=True)) for name, part in parts.items()}
    whole = {name: parts[name][1] for name in parts if fit[name]}
    # a replaced station has neither network nor location, whose columns could be too short for them
    return whole | account.labels(set(parts) - set(whole), lambda name: "", 5, lambda label, _: f".{label}.")


def _place(station: str, code: str) -> dict[str, str]:
    network, own, location = [*station.split(".", 2), "", ""][:3]
    return {
        "code": code,
        "network": network if code == own else "",
        "location": (location if code == own else "") or "--",
    }


def read_stations(path: str | Path, account: Account | None = None) -> pd.DataFrame:
    """Stations table of a file in station format 2; a station's channels, one card each, are joined."""
    rows = []
    for number, line in lines(path, "stations of HYPOINVERSE-2000"):
        if not line.strip() or line.startswith("*"):
            continue
        row = fields(path, number, line, STATION)
        if np.isnan(row["latitude"]) or np.isnan(row["longitude"]):
            raise bad(path, number, line[:40], "station format 2 has degrees in columns 16-17 and 27-29")
        rows.append(
            {
                "station": f"{row['network']}.{row['code']}.{row['location'].replace('-', '')}",
                "latitude": _angle(row["latitude"], row["latitude_minutes"], row["south"] == "S"),
                "longitude": _angle(row["longitude"], row["longitude_minutes"], row["east"] != "E"),
                "elevation_m": row["elevation"] if known(row["elevation"]) else 0.0,
                "channels": row["channel"][:2],
            }
        )
    table = pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m", "channels"])
    joined = table.groupby("station", sort=False)["channels"].agg(lambda values: ",".join(sorted(set(values) - {""})))
    table = table.drop_duplicates("station").assign(channels=lambda t: t["station"].map(joined))
    return conform(table, "stations")


def write_stations(stations: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write stations in format 2: minutes with four decimals (0.2 m), whole metres from -999 to 9999, a card per channel code."""
    account, out = account or Account(), []
    codes = _codes(stations["station"], account)
    for row in conform(stations, "stations").to_dict("records"):
        south, north = degrees_minutes(row["latitude"], 4), degrees_minutes(west_to_east(row["longitude"]), 4)
        values = _place(row["station"], codes[row["station"]]) | {
            "latitude": south[0],
            "latitude_minutes": f"{south[1]:7.4f}",
            "south": "S" if south[2] else "N",
            "longitude": north[0],
            "longitude_minutes": f"{north[1]:7.4f}",
            "east": "W" if north[2] else "E",
            "elevation": row["elevation_m"],
        }
        layout = STATION | {name: STATION[name][:2] for name in ("latitude_minutes", "longitude_minutes")}
        try:
            for band in row["channels"].split(",") if known(row["channels"]) and row["channels"] else [""]:
                out.append(card(layout, values | {"channel": f"{band:<2s}Z" if band else None}, account, "stations"))
        except Overflow as error:
            account.row("stations", str(error))
    return write_text("".join(line + "\n" for line in out), path)


def read_crh(p_path: str | Path, s_path: str | Path) -> pd.DataFrame:
    """Velocity table of the two CRH files, P and S, whose layers have constant velocity and must begin at the same depths."""
    tops, speeds = [], []
    for path in (p_path, s_path):
        rows = [
            numbers(path, number, (line[:5], line[5:10]) if len(line.split()) != 2 else line.split())
            for number, line in lines(path, "a crustal model of HYPOINVERSE")
            if number > 1 and line.strip()
        ]
        speeds.append([row[0] for row in rows])
        tops.append([row[1] for row in rows])
    if tops[0] != tops[1] or not tops[0]:
        raise bad(s_path, 1, "layers begin at other depths than those of P", f"use those of {Path(p_path).name}")
    depth, vp, vs = np.repeat(tops[0], 2)[1:], *(np.repeat(v, 2)[:-1] for v in speeds)
    return conform(pd.DataFrame({"depth_km": depth, "vp_km_s": vp, "vs_km_s": vs}), "velocity")


def write_crh(velocity: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write the model as constant layers from sea level down, P to ``NAME_P.crh`` and S to ``NAME_S.crh``; returns the former.

    Velocities and depths have two decimals. What lies above sea level, and gradients within a layer, are lost.
    """
    path = Path(path)
    top, vp, vs = layers(velocity)
    if len(top) > 20:
        warnings.warn(f"{path.name}: {len(top)} layers, HYPOINVERSE may take fewer (20 in its report)", stacklevel=2)
    for letter, speed in (("P", vp), ("S", vs)):
        text = f"{path.stem} {letter} velocity, depth of the top\n"
        text += "".join(f"{v:5.2f}{z:5.2f}\n" for v, z in zip(speed, top, strict=True))
        write_text(text, path.with_name(f"{path.stem}_{letter}.crh"))
    return path.with_name(f"{path.stem}_P.crh")
