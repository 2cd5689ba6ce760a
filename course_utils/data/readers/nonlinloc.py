"""nonlinloc-samples: the 2018 Anchorage sequence as NonLinLoc reads it, and as NonLinLoc located it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ...catalog.tables import conform, stable_ids
from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FOLDER = "nlloc_sample/"
_CONTROL = _FOLDER + "run/nlloc_sample.in"
_STATIONS = _FOLDER + "obs/station_coordinates.txt"
_PICKS = _FOLDER + "obs/2018-11-30-mww70-southern-alaska.obs"
_OUTPUT = _FOLDER + "original_output/"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """The Mw 7.0 Anchorage earthquake of 30 November 2018 and six aftershocks, from picks to hypocenters.

    ``picks``        274 rows, 214 P and 60 S; ``pick_error_s`` as the file states it, 0.01 to 0.22 s for most.
    ``stations``     the coordinates file. Five of the picks' 69 labels are not in it; their picks are kept.
    ``velocity``     the LAYER lines of the control file, nine layers, as nodes with two rows per interface.
    ``events``       what NonLinLoc found: maximum-likelihood hypocenter, horizontal_error_km from its covariance, and
                     depth_error_km, one standard deviation. Two events are well constrained (depths 45 and 37 km); the
                     other five ended at the top of the search, 4 to 5 km *above* sea level, and are no truth.
    ``assignments``  which pick was offered to which event; ``weight`` as NonLinLoc used it, 0 for a pick it left out.

    Labels NET_STA_LOC become "NET.STA.LOC" ("--" is an empty location); the malformed ones keep the parts they have.

    Raises:
        WrongContent: a line that cannot be read, or a block of picks without a hypocenter.

    Lomax et al. (2000), doi:10.1007/978-94-015-9536-0_5.
    """
    outputs = sorted(f.path for f in entry.files if f.path.startswith(_OUTPUT) and f.path.endswith(".loc.hyp"))
    outputs = [path for path in outputs if ".sum." not in path]
    folder = fetch(entry.name, [_CONTROL, _STATIONS, _PICKS, *outputs], progress=progress)
    picks = read_observations(folder / _PICKS)
    found = [read_hypocenter(folder / path) for path in outputs]
    events = pd.DataFrame([event for event, _ in found]).sort_values("time", ignore_index=True)
    events.insert(0, "event_id", stable_ids(events["time"].astype(str)))
    blocks = picks.pop("block")
    block_event = _event_of_block(picks["time"].groupby(blocks).min(), events)
    ids = events["event_id"].to_numpy()[blocks.map(block_event)]
    pairs = picks[["pick_id", "station", "phase"]].assign(event_id=ids)
    used = pd.concat([phases.assign(time=event["time"]) for event, phases in found])
    used = used.merge(events[["event_id", "time"]], on="time").drop(columns="time")
    pairs = pairs.merge(used.drop_duplicates(["event_id", "station", "phase"]), how="left")
    return Opened(
        entry,
        folder,
        read,
        stations=read_stations(folder / _STATIONS),
        velocity=read_layers(folder / _CONTROL),
        picks=picks,
        events=events,
        assignments=pairs.assign(weight=pairs["weight"].fillna(0.0)),
    )


def read_layers(path: Path) -> pd.DataFrame:
    """Velocity table from the LAYER lines of a control file: depth, Vp and its gradient, Vs and its gradient."""
    rows = []
    for number, words in _lines(path, "LAYER"):
        values = _numbers(words[1:6], path, number)
        if len(values) < 5:
            raise WrongContent(f"{path.name}, line {number}: LAYER needs depth, Vp, gradient, Vs, gradient")
        rows.append(values)
    if not rows:
        raise WrongContent(f"{path.name}: no LAYER line; is this a NonLinLoc control file?")
    top, vp, vp_slope, vs, vs_slope = np.array(rows).T
    thick = np.diff(top)
    nodes = [(top[0], vp[0], vs[0])]
    for i, h in enumerate(thick):
        nodes.append((top[i + 1], vp[i] + vp_slope[i] * h, vs[i] + vs_slope[i] * h))
        nodes.append((top[i + 1], vp[i + 1], vs[i + 1]))
    return conform(pd.DataFrame(nodes, columns=["depth_km", "vp_km_s", "vs_km_s"]), "velocity")


def read_stations(path: Path) -> pd.DataFrame:
    """Stations table from ``GTSRCE label LATLON latitude longitude depth elevation`` lines (km)."""
    rows = []
    for number, words in _lines(path, "GTSRCE"):
        if len(words) < 7 or words[2] != "LATLON":
            raise WrongContent(f"{path.name}, line {number}: only GTSRCE label LATLON lat lon depth elevation is read")
        latitude, longitude, depth, elevation = _numbers(words[3:7], path, number)
        rows.append((station_name(words[1]), latitude, longitude, 1000.0 * (elevation - depth)))
    return conform(pd.DataFrame(rows, columns=["station", "latitude", "longitude", "elevation_m"]), "stations")


def read_observations(path: Path) -> pd.DataFrame:
    """Picks table from a NLLOC_OBS file, with the column ``block``: events are separated by empty lines."""
    rows, block, empty = [], 0, True
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            block, empty = block + (not empty), True
            continue
        if words[0].startswith("#"):
            continue
        if len(words) < 11 or words[9] != "GAU" or words[4] not in ("P", "S"):
            raise WrongContent(f"{path.name}, line {number}: not a P or S phase line of NLLOC_OBS: {line[:60]!r}")
        seconds, error = _numbers([words[8], words[10]], path, number)
        try:
            minute = pd.to_datetime(words[6] + words[7].zfill(4), format="%Y%m%d%H%M", utc=True)
        except ValueError as problem:
            raise WrongContent(f"{path.name}, line {number}: {words[6]} {words[7]} is no date and minute") from problem
        time = minute + pd.to_timedelta(round(seconds * 1e6), unit="us")
        band = words[2][:2] if words[2] != "?" else ""
        rows.append((station_name(words[0]), band, words[4], time, error, block))
        empty = False
    columns = ["station", "channel", "phase", "time", "pick_error_s", "block"]
    return conform(pd.DataFrame(rows, columns=columns), "picks")


def read_hypocenter(path: Path) -> tuple[dict, pd.DataFrame]:
    """One NonLinLoc ``.hyp`` file: the event as a row of the events table, and station, phase, weight of its phases."""
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    first = {words[0]: words for words in reversed(lines) if words}
    needed = ("GEOGRAPHIC", "QUALITY", "STATISTICS", "PHASE")
    missing = [name for name in needed if name not in first]
    if missing:
        raise WrongContent(f"{path.name}: no {', '.join(missing)} line; is this a NonLinLoc hypocenter file?")
    geographic, quality, spread = first["GEOGRAPHIC"], first["QUALITY"], first["STATISTICS"]
    year, month, day, hour, minute = map(int, geographic[2:7])
    time = pd.Timestamp(year, month, day, hour, minute, tz="UTC")
    covariance = {key: float(_after(spread, key)) for key in ("CovXX", "XY", "YY", "ZZ")}
    plane = [[covariance["CovXX"], covariance["XY"]], [covariance["XY"], covariance["YY"]]]
    start = next(i for i, words in enumerate(lines) if words[:1] == ["PHASE"]) + 1
    phases = []
    for words in lines[start:]:
        if not words or words[0].startswith("END_PHASE"):
            break
        phases.append((station_name(words[0]), words[4], float(words[words.index(">") + 3])))
    phases = pd.DataFrame(phases, columns=["station", "phase", "weight"])
    used = phases.loc[phases["weight"] > 0, "phase"]
    event = {
        "time": time + pd.to_timedelta(round(float(geographic[7]) * 1e6), unit="us"),
        "latitude": float(_after(geographic, "Lat")),
        "longitude": float(_after(geographic, "Long")),
        "depth_km": float(_after(geographic, "Depth")),
        "horizontal_error_km": float(np.sqrt(2.2789 * np.linalg.eigvalsh(plane).max())),
        "depth_error_km": float(np.sqrt(covariance["ZZ"])),
        "rms_s": float(_after(quality, "RMS")),
        "azimuthal_gap_deg": float(_after(quality, "Gap")),
        "n_p": int((used == "P").sum()),
        "n_s": int((used == "S").sum()),
    }
    return event, phases


def station_name(label: str) -> str:
    """ "AK_RC01_--" as "AK.RC01."; what a malformed label lacks stays empty."""
    parts = [part.replace("--", "") for part in label.split("_")]
    return ".".join([*parts, "", ""][:3])


def _event_of_block(first_picks: pd.Series, events: pd.DataFrame) -> dict[int, int]:
    """Position of the event of every block: the last origin before its first pick, at most a minute earlier."""
    out = {}
    for block, first in first_picks.items():
        wait = (first - events["time"]).dt.total_seconds()
        fits = wait[(wait > 0) & (wait < 60)]
        if not len(fits) or int(fits.idxmin()) in out.values():
            raise WrongContent(f"picks from {first}: no hypocenter of their own within the minute before")
        out[int(block)] = int(fits.idxmin())
    return out


def _lines(path: Path, keyword: str):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if words and words[0] == keyword:
            yield number, words


def _numbers(words: list[str], path: Path, number: int) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as problem:
        raise WrongContent(f"{path.name}, line {number}: {problem}") from problem


def _after(words: list[str], key: str) -> str:
    return words[words.index(key) + 1]
