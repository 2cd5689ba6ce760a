"""Bulletins of OGS (north-eastern Italy) and the HYPO71 files (Lee and Lahr 1972, USGS Open-File Report 75-311) that they are.

``.dat``: a card per station with its phases, ``.pun``: summary cards, ``.hpl``: the print-out with both, ``.txt``: the published
list. Years have two digits with a 1 before them from 2000 on. Times are good to 0.01 s, places to 0.01 minute (``.txt``: 0.001 s,
0.0001 degree), depths to 0.01 km. A phase class from 0 to 4 becomes the weight 1, 0.75, 0.5, 0.25 or 0 of HYPO71. Events are
numbered by year: the 17th of 2024 is 2024000017. ERH and ERZ are HYPO71's, of one axis and one standard deviation.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np

from course_utils.catalog.formats.text import (
    Account,
    Layout,
    bad,
    calendar,
    fields,
    frame_of,
    gathered,
    known,
    later,
    lines,
    numbers,
)
from course_utils.catalog.tables import Catalog

_DAT: Layout = {
    "code": (1, 4),
    "p": (5, 8),
    "century": (9, 9),
    "date": (10, 19),
    "p_seconds": (20, 24, 2),
    "s_seconds": (32, 36, 2),
    "s": (37, 40),
    "number": (76, 79, 0),
}
_PUN: Layout = {
    "century": (1, 1),
    "date": (2, 7),
    "clock": (8, 11),
    "seconds": (13, 17, 2),
    "latitude": (19, 26),
    "longitude": (29, 36),
    "depth_km": (39, 43, 2),
    "duration_magnitude": (46, 50, 2),
    "azimuthal_gap_deg": (55, 57, 0),
    "rms_s": (63, 67, 2),
    "horizontal_error_km": (68, 72, 1),
    "depth_error_km": (73, 77, 1),
    "grade": (79, 79),
}
_HPL_EVENT: Layout = {
    "number": (1, 6, 0),
    "century": (7, 7),
    "date": (8, 13),
    "clock": (15, 18),
    "seconds": (20, 24, 2),
    "latitude": (26, 33),
    "longitude": (36, 43),
    "depth_km": (46, 50, 2),
    "duration_magnitude": (52, 57, 2),
    "azimuthal_gap_deg": (65, 67, 0),
    "rms_s": (70, 74, 2),
    "horizontal_error_km": (75, 79, 1),
    "depth_error_km": (80, 84, 1),
    "grade": (86, 86),
    "n_local": (113, 114, 0),
    "local_magnitude": (116, 119, 1),
}
_HPL_PHASE: Layout = {
    "code": (8, 11),
    "distance_km": (13, 17, 1),
    "azimuth_deg": (19, 21, 0),
    "p": (27, 30),
    "clock": (32, 35),
    "p_seconds": (37, 41, 2),
    "p_residual_s": (60, 65, 2),
    "s": (106, 109),
    "s_seconds": (111, 115, 2),
    "s_residual_s": (122, 127, 2),
}
_TXT = re.compile(
    r"^(?P<number>\d{5})\s+\S+\s+(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+)(?P<values>(?:\s+[-.\d]+){9})\s(?P<place>.*)\[(?P<type>.*)\]\s*$"
)


def read_dat(path: str | Path, account: Account | None = None) -> Catalog:
    """Picks of a phase file and the events that they were assigned to; there are no locations.

    Events end with a card that has nothing before its column 18; those without a number are counted through the file.
    """
    account, rows, count = account or Account(), [], 1
    for number, line in lines(path, "a phase file of HYPO71"):
        if not line[:17].strip():
            count += bool(line.strip())
            continue
        row = fields(path, number, line, _DAT)
        base = _minute(path, number, row["century"], row["date"])
        event = _event_id(row["date"], row["century"], row["number"] if known(row["number"]) else count)
        found = _phases(path, number, row, base)
        account.row("picks", "neither P nor S on the card", int(not found))
        rows += [phase | {"event_id": event} for phase in found]
    return gathered(path, [], rows, account)


def read_pun(path: str | Path, account: Account | None = None) -> Catalog:
    """Events of summary cards, numbered within their year; the magnitude is that of duration. Cards without a place are counted."""
    account, events, counts = account or Account(), [], {}
    for number, line in lines(path, "summary cards of HYPO71"):
        if not line.strip() or "ORIGIN" in line:
            continue
        row = fields(path, number, line, _PUN)
        if not row["date"].isdigit():
            raise bad(path, number, f"{row['date']!r} is no date", "write YYMMDD in columns 2 to 7")
        event = _event(path, number, row, account)
        year = _year(row["century"], row["date"])
        counts[year] = counts.get(year, 0) + 1
        events += [event | {"event_id": year * 1_000_000 + counts[year]}] if event else []
    return gathered(path, events, [], account)


def read_hpl(path: str | Path, account: Account | None = None) -> Catalog:
    """Events with picks of a print-out; ``place`` is the line "^..." before an event. Events without location are counted.

    The magnitude is ML where stations gave one, else that of duration, which is in ``duration_magnitude`` too. Times and weights of phases are as read, residuals as
    printed.
    """
    account, events, phases, place, event, base = account or Account(), [], [], None, None, None
    for number, line in lines(path, "a print-out of HYPO71"):
        if line.startswith("^"):
            place = line[1:].strip()
        elif not line.strip() or line.startswith("*"):
            continue
        elif re.match(r"[ \d]{6}[ 1]\d{6} [ \d]{4}", line):
            row = fields(path, number, line, _HPL_EVENT)
            event = _event(path, number, row, account)
            base = np.datetime64(_minute(path, number, row["century"], row["date"] + "0000"), "D").astype(
                "datetime64[us]"
            )
            if event:
                if known(row["n_local"]) and row["n_local"] > 0:
                    event |= {"magnitude": row["local_magnitude"], "magnitude_type": "ML"}
                event |= {"event_id": _event_id(row["date"], row["century"], row["number"]), "place": place}
                events.append(event)
            place = None
        elif event is not None:
            row = fields(path, number, line, _HPL_PHASE)
            clock = row["clock"].rjust(4).replace(" ", "0")
            if not clock.isdigit():
                raise bad(path, number, f"{row['clock']!r} is no hour and minute", "is this a print-out of OGS?")
            minute = base + np.timedelta64(int(clock[:2]) * 60 + int(clock[2:]), "m")
            if minute < events[-1]["time"] - np.timedelta64(12, "h"):
                minute += np.timedelta64(1, "D")  # the phase came after midnight
            more = {name: row[name] for name in ("distance_km", "azimuth_deg")} | {"event_id": event["event_id"]}
            phases += [phase | more for phase in _phases(path, number, row, minute)]
    counts = Counter((phase["event_id"], phase["phase"]) for phase in phases)
    for event in events:
        event |= {name: counts[event["event_id"], kind] for name, kind in (("n_p", "P"), ("n_s", "S"))}
    return gathered(path, events, phases, account)


def read_txt(path: str | Path, account: Account | None = None) -> Catalog:
    """Events of a published list with ``place`` and ``duration_magnitude``; rows without a place on the map are counted.

    The column headed t_err is the RMS of HYPO71. ML counts, else the magnitude of duration.
    """
    account, rows = account or Account(), []
    for number, line in lines(path, "a published list of OGS"):
        if number == 1 or not line.strip():
            continue
        match = _TXT.match(line)
        if not match:
            if "---" in line and re.match(r"\d{5} ", line):
                account.row("events", "no location")
                continue
            raise bad(path, number, line[:60], "a row has number, id, time, nine values, place and [type]")
        words = ["nan" if set(word) == {"-"} else word for word in match["values"].split()]
        rms, latitude, longitude, erh, depth, erz, gap, local, duration = numbers(path, number, words)
        if np.isnan([latitude, longitude, depth]).any():
            account.row("events", "no location")
            continue
        rows.append(
            {
                "event_id": int(match["time"][:4]) * 1_000_000 + int(match["number"]),
                "time": calendar(path, number, *re.split("[-T:]", match["time"])),
                "latitude": latitude,
                "longitude": longitude,
                "depth_km": depth,
                "magnitude": duration if np.isnan(local) else local,
                "magnitude_type": None if np.isnan(local) and np.isnan(duration) else "MD" if np.isnan(local) else "ML",
                "horizontal_error_km": erh,
                "depth_error_km": erz,
                "rms_s": rms,
                "azimuthal_gap_deg": gap,
                "event_type": match["type"],
                "duration_magnitude": duration,
                "place": match["place"].strip(),
            }
        )
    return Catalog(frame_of(rows, "events", path))


def _event(path, number: int, row: dict, account: Account) -> dict | None:
    """A located event without its id; None, and counted, when it has no place."""
    if not row["latitude"] or not row["longitude"] or np.isnan(row["depth_km"]):
        account.row("events", "no location")
        return None
    minute = _minute(path, number, row["century"], row["date"] + row["clock"].rjust(4).replace(" ", "0"))
    magnitude = row["duration_magnitude"]
    return {
        "time": later(path, number, minute, row["seconds"]),
        "latitude": _angle(path, number, row["latitude"]),
        "longitude": _angle(path, number, row["longitude"]),
        "magnitude": magnitude,
        "magnitude_type": "MD" if known(magnitude) else None,
        "duration_magnitude": magnitude,
        "grade": row["grade"] or None,
        **{
            name: row[name]
            for name in ("depth_km", "azimuthal_gap_deg", "rms_s", "horizontal_error_km", "depth_error_km")
        },
    }


def _phases(path, number: int, row: dict, minute: np.datetime64) -> list[dict]:
    """P and S of a card: remarks hold onset, phase, polarity and class (blank is 0); seconds count from the minute, also past 60."""
    out = []
    for phase, low in (("P", "p"), ("S", "s")):
        remark, seconds = row[low].upper(), row[f"{low}_seconds"]
        if np.isnan(seconds) or not (phase in remark or re.fullmatch(r"[IE?]? *[CDU+-]? *\d?", remark)):
            continue
        quality = remark[-1] if remark[-1:].isdigit() else "0"
        out.append(
            {
                "station": f".{row['code']}.",
                "phase": phase,
                "time": later(path, number, minute, seconds),
                "weight": 1.0 - min(int(quality), 4) / 4.0,
                "residual_s": row.get(f"{low}_residual_s", np.nan),
            }
        )
    return out


def _year(century: str, date: str) -> int:
    return (2000 if century == "1" else 1900) + int(date[:2])


def _event_id(date: str, century: str, number: float) -> int:
    return _year(century, date) * 1_000_000 + int(number)


def _minute(path, number: int, century: str, text: str) -> np.datetime64:
    text = text.replace(" ", "0")
    if len(text) != 10 or not text.isdigit():
        raise bad(path, number, f"{text!r} is no date and minute", "write YYMMDDHHMM; is this the right format?")
    return calendar(path, number, _year(century, text), text[2:4], text[4:6], text[6:8], text[8:])


def _angle(path, number: int, text: str) -> float:
    """Degrees of "46-21.00"; a minus before them makes them negative."""
    degrees, _, minutes = text.lstrip("-").partition("-")
    value = sum(v / 60**i for i, v in enumerate(numbers(path, number, [degrees, minutes])))
    return -value if text.startswith("-") else value
