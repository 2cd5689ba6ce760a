"""Files of NonLinLoc (Lomax et al. 2000, doi:10.1007/978-94-015-9536-0_5): phases, hypocenters, stations, layers.

A station is one label, here network, code and location joined by underscores: ``AK_RC01_--`` is "AK.RC01.". Phase times have four
decimals of a second, hypocenters six decimals of degrees, kilometres and seconds. Grids are in
:mod:`~course_utils.catalog.formats.grids`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.formats.text import (
    Account,
    assigned,
    bad,
    calendar,
    checked,
    clock,
    gathered,
    id_text,
    known,
    lines,
    microseconds,
    numbers,
    parse_id,
    west_to_east,
)
from course_utils.catalog.store import write_text
from course_utils.catalog.tables import Catalog, conform, stable_ids

LONGEST_LABEL = 64  # characters; programs before version 7 take fewer
_MINUTE = 60_000_000  # microseconds
CHI2_68 = 2.2789  # 68 % of two degrees of freedom, in variances


def station_name(label: str) -> str:
    """``AK_RC01_--`` as "AK.RC01.", ``BOO`` as ".BOO."; what a malformed label lacks stays empty."""
    if "_" not in label:
        return f".{label}."
    parts = [part.replace("--", "") for part in label.split("_")]
    return ".".join([*parts, "", ""][:3])


def station_label(name: str) -> str:
    """The label of a station: "AK.RC01." as ``AK_RC01_--``, ".BOO." as ``BOO``."""
    network, code, location = [*name.split(".", 2), "", ""][:3]
    return code if not network and not location else f"{network}_{code}_{location or '--'}"


# ---- phases --------------------------------------------------------------------------------------------------------------------------


def read_obs(path: str | Path, account: Account | None = None) -> Catalog:
    """Picks of a NLLOC_OBS file and the blocks, divided by empty lines, that they were assigned to; there are no events.

    ``event_id`` of an assignment comes from the block's PUBLIC_ID, else it is the number of the block. Phases other than P
    and S are left out and counted.

    Raises:
        TableError: a line that cannot be read.
    """
    account, rows, block, filled, ids = account or Account(), [], 1, False, {}
    for number, line in lines(path, "a NLLOC_OBS phase file"):
        words = line.split()
        if not words:
            block, filled = block + filled, False
        elif words[0] == "PUBLIC_ID":
            ids[block] = _public_id(words)
        elif not words[0].startswith("#") and words[0] != "FOCALMECH":
            row = _phase(path, number, words)
            if row["phase"] in ("P", "S"):
                rows.append(row | {"event_id": block})
            else:
                account.row("picks", "neither P nor S")
            filled = True
    for row in rows:
        named = ids.get(row["event_id"])
        row["event_id"] = row["event_id"] if named is None else named
    return gathered(path, [], rows, account)


def _phase(path, number: int, words: list[str]) -> dict:
    if len(words) < 11 or words[9] != "GAU":
        raise bad(path, number, f"not a phase line of NLLOC_OBS: {' '.join(words)[:60]!r}", "it has 11 words and GAU")
    seconds, error = numbers(path, number, [words[8], words[10]])
    date, minute = words[6], words[7].zfill(4)
    if not (date + minute).isdigit() or len(date) != 8 or int(minute[:2]) > 23 or int(minute[2:]) > 59:
        raise bad(path, number, f"{words[6]} {words[7]} is no date and minute", "write YYYYMMDD HHMM")
    return {
        "station": station_name(words[0]),
        "channel": words[2][:2] if words[2] != "?" else "",
        "phase": words[4],
        "time": calendar(path, number, date[:4], date[4:6], date[6:], minute[:2], minute[2:], seconds),
        "pick_error_s": error,
    }


def _public_id(words: list[str]) -> int | None:
    text = words[1] if len(words) > 1 else "None"
    ours = re.fullmatch(r"smi:local/event/([0-9a-f]{16})", text)
    return None if text == "None" else parse_id(ours.group(1) if ours else text)


def write_obs(catalog: Catalog, path: str | Path, account: Account | None = None, default_error_s: float = 0.1) -> Path:
    """Write the assigned picks as blocks, one per event in order of time, or all picks as one block where none is assigned.

    NonLinLoc needs an error of every time: ``default_error_s`` stands where ``pick_error_s`` is unknown, and is counted.
    """
    account = account or Account()
    if len(catalog.assignments):
        blocks = assigned(catalog, "100us", account)
    else:
        us = microseconds(catalog.picks["time"], "100us")
        blocks = {0: catalog.picks.assign(us=us).sort_values(["us", "pick_id"]).to_dict("records")}
    labels = account.labels(
        catalog.picks["station"], station_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    out = []
    for event_id, rows in sorted((pair for pair in blocks.items() if pair[1]), key=lambda pair: pair[1][0]["us"]):
        if len(catalog.assignments):
            out.append(f"PUBLIC_ID smi:local/event/{id_text(event_id)}\n")
        for row in rows:
            if not row["pick_error_s"] > 0:
                account.value("picks", f"error unknown, written as {default_error_s:g} s")
                row["pick_error_s"] = default_error_s
            out.append(f"{_phase_words(row, labels)}\n")
        out.append("\n")
    return write_text("".join(out), path)


def _phase_words(row: dict, labels: dict[str, str]) -> str:
    channel = f"{row['channel']}Z" if known(row["channel"]) and row["channel"] else "?"
    return (
        f"{labels[row['station']]:<12s} ?    {channel:<4s} ? {row['phase']:<6s} ? {clock(row['us'] // _MINUTE * _MINUTE, '%Y%m%d %H%M')} "
        f"{row['us'] % _MINUTE / 1e6:8.4f} GAU {row['pick_error_s']:9.2e} -1.00e+00 -1.00e+00 -1.00e+00 1.0"
    )


# ---- hypocenters ---------------------------------------------------------------------------------------------------------------------


def read_hyp(path: str | Path, account: Account | None = None) -> Catalog:
    """Events, picks and assignments of a ``.hyp`` file of one or more hypocenters.

    Maximum-likelihood hypocenters; ``horizontal_error_km`` is the semi-major axis of the 68 % ellipse of the covariance,
    ``depth_error_km`` one standard deviation. Weights may pass 1. Hypocenters that were not located, and phases other than P
    and S, are left out and counted.

    Raises:
        TableError: a hypocenter without the lines it must have, or a number that is none.
    """
    account, events, phases, block = account or Account(), [], [], []
    for number, line in lines(path, "a NonLinLoc hypocenter file"):
        words = line.split()
        if words:
            block.append((number, words))
        if words[:1] == ["END_NLLOC"]:
            _hypocenter(path, block, events, phases, account)
            block = []
    if any(words[0] not in ("END_NLLOC",) for _, words in block):
        _hypocenter(path, block, events, phases, account)
    return gathered(path, events, phases, account)


def _hypocenter(path, block: list, events: list[dict], phases: list[dict], account: Account) -> None:
    first = {words[0]: (number, words) for number, words in reversed(block)}
    needed = ("GEOGRAPHIC", "QUALITY", "STATISTICS")
    missing = [name for name in needed if name not in first]
    if missing:
        raise bad(path, block[0][0], f"no {', '.join(missing)} line", "is this a NonLinLoc hypocenter file?")
    if len(first.get("NLLOC", (0, []))[1]) > 2 and first["NLLOC"][1][2].strip('"') not in ("LOCATED", "ABORTED"):
        account.row("events", f"NonLinLoc calls it {first['NLLOC'][1][2]}")
        return
    number, place = first["GEOGRAPHIC"]
    quality, spread = first["QUALITY"], first["STATISTICS"]
    xx, xy, yy, zz = (_after(path, spread, key) for key in ("CovXX", "XY", "YY", "ZZ"))
    row = {
        "time": calendar(path, number, *numbers(path, number, place[2:8])),
        "latitude": _after(path, (number, place), "Lat"),
        "longitude": _after(path, (number, place), "Long"),
        "depth_km": _after(path, (number, place), "Depth"),
        "horizontal_error_km": _root(CHI2_68 * np.linalg.eigvalsh([[xx, xy], [xy, yy]]).max()),
        "depth_error_km": _root(zz),
        "rms_s": _after(path, quality, "RMS"),
        "azimuthal_gap_deg": _after(path, quality, "Gap"),
        "magnitude": np.nan,
        "magnitude_type": None,
    }
    for key, kind in (("Mdur", "MD"), ("Mamp", "ML")):
        if key in quality[1] and _after(path, quality, key) > -9.0:
            row |= {"magnitude": _after(path, quality, key), "magnitude_type": kind}
    row["event_id"] = _public_id(first.get("PUBLIC_ID", (0, []))[1])
    if row["event_id"] is None:
        row["event_id"] = int(stable_ids(pd.Series([str(row["time"])]), pd.Series([row["latitude"]]))[0])
    found = []
    keywords = [words[0] for _, words in block]  # a summary file has no phases
    for number, words in block[keywords.index("PHASE") + 1 :] if "PHASE" in keywords else []:
        if words[0].startswith("END_PHASE"):
            break
        phase = _phase(path, number, words)
        if phase["phase"] not in ("P", "S"):
            account.row("picks", "neither P nor S")
            continue
        at = words.index(">") if ">" in words else len(words)
        if len(words) < at + 9:
            raise bad(path, number, f"{len(words)} words after {words[0]}", "a located phase has nine words after '>'")
        residual, weight, *_, distance, azimuth = numbers(path, number, words[at + 2 : at + 9])
        found.append(
            phase
            | {"residual_s": residual, "weight": weight, "distance_km": distance, "azimuth_deg": azimuth}
            | {"event_id": row["event_id"]}
        )
    used = [phase["phase"] for phase in found if phase["weight"] > 0]
    events.append(row | {"n_p": used.count("P"), "n_s": used.count("S")})
    phases += found


def _root(variance: float) -> float:
    return float(np.sqrt(variance)) if variance > 0 else np.nan


def _after(path, line: tuple[int, list[str]], key: str) -> float:
    number, words = line
    if key not in words[:-1]:
        raise bad(path, number, f"no {key} in {words[0]}", "is this a NonLinLoc hypocenter file?")
    return numbers(path, number, [words[words.index(key) + 1]])[0]


def write_hyp(catalog: Catalog, path: str | Path, account: Account | None = None) -> Path:
    """Write events, in order of time, with their assigned picks as hypocenters; what NonLinLoc knows besides is -1.

    Errors become an isotropic covariance whose 68 % ellipse has the horizontal error as radius. Magnitudes other than ML and
    MD stand as amplitude magnitude. Stations have no coordinates in the phase lines.
    """
    account = account or Account()
    labels = account.labels(
        catalog.assignments["station"], station_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    by_event, out = assigned(catalog, "100us", account), []
    for event in catalog.events.sort_values(["time", "event_id"]).itertuples():
        out += _hypocenter_lines(event, by_event.get(event.event_id, []), labels, account)
    return write_text("".join(line + "\n" for line in out), path)


def _hypocenter_lines(event, pairs: list[dict], labels: dict[str, str], account: Account) -> list[str]:
    time, seconds = event.time, event.time.second + event.time.microsecond / 1e6
    horizontal, vertical = (v if known(v) else 0.0 for v in (event.horizontal_error_km, event.depth_error_km))
    cov = horizontal**2 / CHI2_68
    rms, gap = (value if known(value) else -1.0 for value in (event.rms_s, event.azimuthal_gap_deg))
    magnitude = event.magnitude if known(event.magnitude) else -9.9
    duration = known(event.magnitude_type) and event.magnitude_type.upper() == "MD"
    if known(event.magnitude) and str(event.magnitude_type).upper() not in ("ML", "MD"):
        kind = event.magnitude_type if known(event.magnitude_type) else "unknown"
        account.value("events", f"magnitude of type {kind} stands as amplitude magnitude")
    amplitude, duration = (-9.9, magnitude) if duration else (magnitude, -9.9)
    longitude, n = west_to_east(event.longitude), sum(row["weight"] != 0 for row in pairs)
    head = [
        'NLLOC "catalog" "LOCATED" "Written from a catalog."',
        f"PUBLIC_ID smi:local/event/{id_text(event.event_id)}",
        f'SIGNATURE "   obs:catalog   NLLoc:none   run:{time:%d%b%Y %Hh%Mm%S}"',
        'COMMENT ""',
        "GRID  0 0 0  0 0 0  0 0 0 PROB_DENSITY",
        "SEARCH NONE",
        f"HYPOCENTER  x 0.0 y 0.0 z {event.depth_km:.6f}  OT {seconds:.6f}  ix -1 iy -1 iz -1",
        f"GEOGRAPHIC  OT {time:%Y %m %d  %H %M} {seconds:.6f}  Lat {event.latitude:.6f} Long {longitude:.6f} Depth {event.depth_km:.6f}",
        f"QUALITY  Pmax 0 MFmin 0 MFmax 0 RMS {rms:.6f} Nphs {n} Gap {gap:.4f} Dist -1 "
        f"Mamp {amplitude:5.3f} 0 Mdur {duration:5.3f} 0",
        "VPVSRATIO  VpVsRatio -1  Npair 0  Diff 0",
        f"STATISTICS  ExpectX 0 Y 0 Z {event.depth_km:.6f}  CovXX {cov:.9g} XY 0 XZ 0 YY {cov:.9g} YZ 0 ZZ {vertical**2:.9g} "
        "EllAz1  0 Dip1  0 Len1  0 Az2  0 Dip2  0 Len2  0 Len3  0",
        f"STAT_GEOG  ExpectLat {event.latitude:.6f} Long {longitude:.6f} Depth {event.depth_km:.6f}",
        "TRANSFORM  NONE",
        f"QML_OriginQuality  assocPhCt {len(pairs)}  usedPhCt {n}  assocStaCt {len({row['station'] for row in pairs})}  usedStaCt -1  "
        f"depthPhCt -1  stdErr {rms:.6f}  azGap {gap:.4f}  secAzGap -1  gtLevel -  minDist -1 maxDist -1 medDist -1",
        f"QML_OriginUncertainty  horUnc {horizontal or -1:.6f}  minHorUnc {horizontal or -1:.6f}  maxHorUnc {horizontal or -1:.6f}  azMaxHorUnc 0",
        "PHASE ID Ins Cmp On Pha  FM Date     HrMn   Sec     Err  ErrMag    Coda      Amp       Per       PriorWt  >   "
        "TTpred    Res       Weight    StaLoc(X  Y         Z)        SDist    SAzim  RAz  RDip RQual    Tcorr       TTerr",
    ]
    origin_us = time.value // 1000
    for row in pairs:
        residual, weight, distance, azimuth = (
            row[name] if known(row[name]) else default
            for name, default in (("residual_s", 0.0), ("weight", 1.0), ("distance_km", -1.0), ("azimuth_deg", -1.0))
        )
        shown = row | {"pick_error_s": row["pick_error_s"] if row["pick_error_s"] > 0 else 0.0}
        head.append(
            f"{_phase_words(shown, labels)} > {(row['us'] - origin_us) / 1e6 - residual:9.4f} {residual:9.4f} {weight:9.4f} "
            f"0.0 0.0 0.0 {distance:9.4f} {azimuth:6.2f} {azimuth:6.1f} 0.0  0 0.0 0.0"
        )
    return [*head, "END_PHASE", "END_NLLOC", ""]


# ---- stations and layers -------------------------------------------------------------------------------------------------------------


def read_stations(path: str | Path) -> pd.DataFrame:
    """Stations table from ``GTSRCE label LATLON latitude longitude depth elevation`` lines (km)."""
    rows = []
    for number, words in _keyword(path, "GTSRCE"):
        if len(words) < 7 or words[2] != "LATLON":
            raise bad(path, number, " ".join(words)[:60], "only GTSRCE label LATLON lat lon depth elevation is read")
        latitude, longitude, depth, elevation = numbers(path, number, words[3:7])
        rows.append((station_name(words[1]), latitude, longitude, 1000.0 * (elevation - depth)))
    return checked(pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m"]), "stations", path)


def write_stations(stations: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write stations as GTSRCE lines, six decimals of degrees and whole millimetres of elevation."""
    labels = (account or Account()).labels(
        stations["station"], station_label, LONGEST_LABEL, lambda label, _: station_name(label)
    )
    out = [
        f"GTSRCE  {labels[row.station]:<12s} LATLON {row.latitude:11.6f} {west_to_east(row.longitude):12.6f}  0.0 {row.elevation_m / 1e3:9.6f}\n"
        for row in conform(stations, "stations").itertuples()
    ]
    return write_text("".join(out), path)


def read_layers(path: str | Path) -> pd.DataFrame:
    """Velocity table from the LAYER lines of a control file: depth, Vp and its gradient, Vs and its gradient."""
    rows = []
    for number, words in _keyword(path, "LAYER"):
        if len(words) < 6:
            raise bad(path, number, " ".join(words), "LAYER needs depth, Vp, gradient, Vs, gradient")
        rows.append(numbers(path, number, words[1:6]))
    if not rows:
        raise bad(path, 1, "no LAYER line", "is this a NonLinLoc control file?")
    top, vp, vp_slope, vs, vs_slope = np.array(rows).T
    thick = np.diff(top)
    nodes = [(top[0], vp[0], vs[0])]
    for i, h in enumerate(thick):
        nodes.append((top[i + 1], vp[i] + vp_slope[i] * h, vs[i] + vs_slope[i] * h))
        nodes.append((top[i + 1], vp[i + 1], vs[i + 1]))
    return checked(pd.DataFrame(nodes, columns=["depth_km", "vp_km_s", "vs_km_s"]), "velocity", path)


def write_layers(velocity: pd.DataFrame, path: str | Path, account: Account | None = None) -> Path:
    """Write the model as LAYER lines, gradients included; NonLinLoc continues the first layer upwards. Density is a dummy 2.7."""
    depth, vp, vs = (conform(velocity, "velocity")[c].to_numpy(float) for c in ("depth_km", "vp_km_s", "vs_km_s"))
    out = []
    for i in range(len(depth)):
        thick = depth[i + 1] - depth[i] if i + 1 < len(depth) else np.inf
        if thick > 0:
            slopes = [(v[i + 1] - v[i]) / thick if np.isfinite(thick) else 0.0 for v in (vp, vs)]
            out.append(f"LAYER {depth[i]:9.4f} {vp[i]:8.4f} {slopes[0]:12.8f} {vs[i]:8.4f} {slopes[1]:12.8f} 2.7 0.0\n")
    return write_text("".join(out), path)


def _keyword(path, keyword: str):
    for number, line in lines(path, "a file of NonLinLoc"):
        words = line.split()
        if words and words[0] == keyword:
            yield number, words
