"""A researcher's own stations: CSV, StationXML or FDSN text into the stations table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..catalog.tables import TableError, conform
from .real_files import is_real_stations, read_real_stations

# other names that people write -> ours; lower case, units taken off only where the name says them
_NAMES = {
    "station": ("station", "id", "code", "name", "sta", "station_code", "station_id", "trace_id"),
    "network": ("network", "net", "network_code", "station_network_code"),
    "location": ("location", "loc", "location_code", "station_location_code"),
    "latitude": ("latitude", "lat", "latitude_deg", "station_latitude_deg", "station_latitude"),
    "longitude": ("longitude", "lon", "long", "lng", "longitude_deg", "station_longitude_deg", "station_longitude"),
    "elevation_m": ("elevation_m", "elev_m", "station_elevation_m", "elevation(m)", "elevation [m]", "height_m"),
    "elevation_km": ("elevation_km", "elev_km", "elevation(km)", "elevation [km]"),
    "elevation": ("elevation", "elev", "height", "altitude", "station_elevation"),
    "channels": ("channels", "channel"),
    "start": ("start", "starttime", "start_date", "starttime_utc"),
    "end": ("end", "endtime", "end_date", "endtime_utc"),
}


def read_stations(path: str | Path, network: str | None = None, elevation_unit: str | None = None) -> pd.DataFrame:
    """Read stations from a CSV file (comma, semicolon, tab or blanks), StationXML, the text form of FDSN services, or the
    associator REAL's station.dat (longitude latitude network code channel elevation_km, without names).

    CSV needs a station, a latitude, a longitude and an elevation whose unit is in its name (``elevation_m``,
    ``elevation_km``) or given here. A station is "NET.STA.LOC", "NET.STA", or a bare code beside a network column (and, if
    there is one, a location column). Codes must be those of the waveform files, or picks will find no station.
    From StationXML and FDSN text (``#Network|Station|...``) comes one row per sensor location, with the elevation of the sensor; of a station without channels, one
    row for all its sensors.

    Args:
        path: the file; its content decides how it is read, not its name.
        network: network code for bare station codes when the file has no network column.
        elevation_unit: "m" or "km", for a column that is just called elevation.

    Returns:
        The stations table, sorted by station.

    Raises:
        TableError: a column is missing or ambiguous, a value out of range, a station twice. FileNotFoundError.
    """
    path = Path(path)
    with open(path, "rb") as handle:
        head = handle.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise TableError(f"{path}: the file is empty; expected stations as CSV or StationXML")
    if is_real_stations(head):
        return read_real_stations(path).sort_values("station", ignore_index=True)
    of_service = head.startswith(b"<") or (head.startswith(b"#") and b"|" in head.split(b"\n")[0])
    table = _from_inventory(path) if of_service else _from_csv(path, network, elevation_unit)
    try:
        return conform(table, "stations").sort_values("station", ignore_index=True)
    except TableError as error:
        raise TableError(f"{path}: {error}") from error


def _from_csv(path: Path, network: str | None, elevation_unit: str | None) -> pd.DataFrame:
    try:
        raw = pd.read_csv(
            path,
            sep=None,
            engine="python",
            dtype=str,
            keep_default_na=False,  # "NA" is a network
            skipinitialspace=True,
            comment="#",
            encoding="utf-8-sig",
        )
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        raise TableError(
            f"{path}: cannot be read as CSV or StationXML ({error}); write columns separated by commas"
        ) from error
    found = _columns(path, list(raw.columns))
    missing = [name for name in ("station", "latitude", "longitude") if name not in found]
    if missing:
        raise TableError(
            f"{path}: no column for {', '.join(missing)}; the columns are {', '.join(map(str, raw.columns))}. "
            f"Name them station, latitude, longitude, elevation_m"
        )
    text = {name: raw[column].fillna("").str.strip() for name, column in found.items()}
    out = pd.DataFrame({"station": _codes(path, text, network)})
    for name in ("latitude", "longitude"):
        out[name] = _numbers(path, text[name], found[name])
    out["elevation_m"] = _elevation(path, text, found, elevation_unit)
    for name in ("channels", "start", "end"):
        if name in text:
            out[name] = text[name].where(text[name] != "", None)
    if "channels" in out:
        out["channels"] = out["channels"].map(_instruments, na_action="ignore")
    return out


def _columns(path: Path, columns: list[str]) -> dict[str, str]:
    """Our name -> the file's column."""
    found: dict[str, str] = {}
    for column in columns:
        for ours, names in _NAMES.items():
            if str(column).strip().lower() in names:
                if ours in found:
                    raise TableError(
                        f"{path}: columns {found[ours]!r} and {column!r} both say {ours}; keep one of them"
                    )
                found[ours] = column
    return found


def _codes(path: Path, text: dict[str, pd.Series], network: str | None) -> pd.Series:
    code = text["station"]
    dots = code.str.count(r"\.")
    nets = text.get("network", pd.Series(network or "", index=code.index))
    bare = (dots == 0) & (nets == "")
    if bare.any():
        at = int(bare.to_numpy().argmax())
        raise TableError(
            f"{path} row {at}: station {code.iloc[at]!r} has no network; write NET.STA.LOC, add a network column, or give network="
        )
    if (dots > 2).any():
        at = int((dots > 2).to_numpy().argmax())
        raise TableError(f"{path} row {at}: station {code.iloc[at]!r} has more than three parts; write NET.STA.LOC")
    location = text.get("location", pd.Series("", index=code.index)).replace({"--": "", "nan": ""})
    full = code.where(dots > 0, nets + "." + code)
    return full.where(dots == 2, full + "." + location)


def _numbers(path: Path, values: pd.Series, column: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        at = int(numbers.isna().to_numpy().argmax())
        raise TableError(f"{path} row {at}: {column} is {values.iloc[at]!r}, not a number; correct or drop the row")
    return numbers.astype(float)


def _elevation(path: Path, text: dict[str, pd.Series], found: dict[str, str], unit: str | None) -> pd.Series:
    if unit not in (None, "m", "km"):
        raise TableError(f"elevation_unit is {unit!r}; use 'm' or 'km'")
    given = [name for name in ("elevation_m", "elevation_km", "elevation") if name in found]
    if not given:
        raise TableError(f"{path}: no elevation column; add elevation_m (0 where unknown, negative under water)")
    if len(given) > 1:
        raise TableError(f"{path}: columns {', '.join(found[g] for g in given)} all say elevation; keep one of them")
    name = given[0]
    unit = {"elevation_m": "m", "elevation_km": "km", "elevation": unit}[name]
    if unit is None:
        raise TableError(
            f"{path}: column {found[name]!r} does not say its unit; call it elevation_m or elevation_km, or give elevation_unit="
        )
    return _numbers(path, text[name], found[name]) * (1000.0 if unit == "km" else 1.0)


def _instruments(channels: str) -> str:
    """Band and instrument codes, each once: "HHE,HHN,HHZ" -> "HH"."""
    codes = [c.strip()[:2] for c in channels.replace(";", ",").replace(" ", ",").split(",") if c.strip()]
    return ",".join(dict.fromkeys(codes))


def _from_inventory(path: Path) -> pd.DataFrame:
    import obspy

    try:
        inventory = obspy.read_inventory(path)
    except Exception as error:  # obspy raises many kinds for what is not an inventory
        raise TableError(f"{path}: neither StationXML nor FDSN text that ObsPy can read ({error})") from error
    rows: dict[str, dict] = {}
    for network in inventory:
        for station in network:
            # a station without channels (level=station) stands for all its sensors: "NET.STA."
            for channel in station.channels or [station]:
                code = f"{network.code}.{station.code}.{getattr(channel, 'location_code', '') or ''}"
                row = rows.setdefault(code, {"codes": [], "starts": [], "ends": [], "latest": None})
                row["codes"] += [channel.code[:2]] if station.channels else []
                row["starts"].append(channel.start_date)
                row["ends"].append(channel.end_date)
                if row["latest"] is None or (channel.start_date or 0) >= (row["latest"].start_date or 0):
                    row["latest"] = channel  # moved stations: the last position counts
    return pd.DataFrame(
        [
            {
                "station": code,
                "latitude": float(row["latest"].latitude),
                "longitude": float(row["latest"].longitude),
                "elevation_m": float(row["latest"].elevation),
                "channels": ",".join(sorted(set(row["codes"]))) or None,
                "start": min(row["starts"]).datetime if all(row["starts"]) else pd.NaT,
                "end": max(row["ends"]).datetime if all(row["ends"]) else pd.NaT,
            }
            for code, row in rows.items()
        ],
        columns=["station", "latitude", "longitude", "elevation_m", "channels", "start", "end"],
    )
