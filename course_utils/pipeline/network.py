"""The stations and the velocity model of a run, from files, matched with the stations that have records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from course_utils.catalog.store import read_table
from course_utils.pipeline.config import Config, ConfigError


def reconcile(stations: pd.DataFrame, recorded: list[str]) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """The stations that have records, with the location codes of the records where the table leaves them open.

    Stations without records say nothing about where there was no earthquake; they would mislead the associator.
    A row "NC.ABC." stands for every sensor "NC.ABC.xx" of the records that has no row of its own.

    Returns:
        The table, and what was left out: recorded stations without a row, rows without records.
    """
    known = set(stations["station"])
    blank = {row.rsplit(".", 1)[0]: row for row in known if row.endswith(".")}
    extra, unused = [], []
    for name in sorted(set(recorded) - known):
        row = blank.get(name.rsplit(".", 1)[0])
        if row is None:
            unused.append({"what": name, "reason": "its records have no row in the stations table"})
        else:
            extra.append(stations[stations["station"] == row].assign(station=name))
    table = pd.concat([stations, *extra], ignore_index=True)
    stood_in = {
        blank[name.rsplit(".", 1)[0]] for name in recorded if name not in known and name.rsplit(".", 1)[0] in blank
    }
    for name in sorted(known - set(recorded) - stood_in):
        unused.append({"what": name, "reason": "the stations table names it, but there are no records of it"})
    return table[table["station"].isin(recorded)].sort_values("station", ignore_index=True), unused


def leave_out_strays(stations: pd.DataFrame) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """The stations without those 20 times farther from the network's middle than half of them are (and over 300 km).

    One wrong sign of a longitude would otherwise stretch the study area over an ocean.
    """
    from course_utils.earth import distance_azimuth

    middle = stations["latitude"].median(), stations["longitude"].median()
    distance_km, _ = distance_azimuth(*middle, stations["latitude"], stations["longitude"])
    usual_km = float(pd.Series(distance_km).median())
    stray = distance_km > max(20 * usual_km, 300.0)
    left_out = [
        {
            "what": name,
            "reason": f"stands {far:.0f} km from the middle of the network, half of the stations within {usual_km:.0f} km; "
            "check its latitude and longitude",
        }
        for name, far in zip(stations.loc[stray, "station"], distance_km[stray], strict=True)
    ]
    return stations[~stray].reset_index(drop=True), left_out


def stations_of_picks(path: Path, picks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The stations of a file (CSV, StationXML, or a run's own Parquet) that the picks name, see :func:`reconcile`, and the picks.

    A pick at "NC.ABC", as pickers write without location code, goes to the sensor of that station where the file has but one.
    Picks at fewer than three stations make no event, which is a result like another: all stations are then returned.

    Raises:
        ConfigError: there are picks, but none at a station of the file.
    """
    from course_utils.data import read_stations

    table = read_table(path, "stations") if path.suffix == ".parquet" else read_stations(path)
    sensors = table["station"].groupby(table["station"].str.rsplit(".", n=1).str[0]).agg(["first", "size"])
    only = sensors.loc[sensors["size"] == 1, "first"]
    picks = picks.assign(station=picks["station"].map(only).fillna(picks["station"]).astype(picks["station"].dtype))
    named, _ = reconcile(table, sorted(picks["station"].unique()))
    if len(picks) and not len(named):
        raise ConfigError(
            f"{path}: no pick is at one of its stations; they are called {_some(table['station'])} there and "
            f"{_some(picks['station'])} in the picks; write NET.STA.LOC in both (NET.STA. where there is no LOC)"
        )
    if len(named) >= 3:
        return named, picks
    return pd.concat([named, table]).drop_duplicates("station").sort_values("station", ignore_index=True), picks


def velocity_of(path: Path, interpolation: str = "linear") -> pd.DataFrame:
    """A velocity model from CSV, or from a run's own Parquet, which holds nodes whatever it was made of."""
    from course_utils.earth import read_velocity

    return read_table(path, "velocity") if path.suffix == ".parquet" else read_velocity(path, interpolation)


def read_network(config: Config) -> tuple[pd.DataFrame, Any]:
    """The stations table, and the inventory when the file is StationXML (amplitudes are then in m/s)."""
    from course_utils.data import read_stations

    path = config.path(config.input.stations)
    if not path.is_file():
        raise FileNotFoundError(f"stations {path}: no such file; give a CSV (station, latitude, ...) or StationXML")
    table, inventory = read_stations(path), None
    with open(path, "rb") as handle:
        is_xml = handle.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if is_xml:
        import obspy

        inventory = obspy.read_inventory(path)
    return table, inventory


def read_responses(path: Path | None) -> Any:
    """The inventory of ``--inventory``, None where that is not given; ConfigError when ObsPy cannot read the file."""
    if path is None:
        return None
    import obspy

    if not path.is_file():
        raise FileNotFoundError(f"--inventory {path}: no such file; give StationXML")
    try:
        return obspy.read_inventory(path)
    except Exception as error:  # obspy raises many kinds for what is not an inventory
        raise ConfigError(f"--inventory {path}: cannot be read; give StationXML with responses ({error})") from error


def configured_velocity(config: Config) -> pd.DataFrame:
    from course_utils.earth import read_velocity

    return read_velocity(config.path(config.input.velocity), config.input.velocity_interpolation or "linear")


def _some(names: pd.Series) -> str:
    unique = names.drop_duplicates()
    return ", ".join(unique.head(2)) + (", ..." if len(unique) > 2 else "") if len(unique) else "(no rows)"
