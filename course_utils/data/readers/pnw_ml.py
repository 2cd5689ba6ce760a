"""pnw-ml: the event list of the Pacific Northwest 2018-2022 behind the PNW data set, and the metadata of its micro set."""

from __future__ import annotations

import pandas as pd

from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_EVENTS = "notebooks/pnsn_comcat_2018-2022.csv"
_MICRO = "data/microPNW/microPNW_metadata.csv"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """13950 events of the Pacific Northwest Seismic Network, and what is known about 50 records of different kinds.

    ``events``    2018 to 2022; 11262 earthquakes, 2664 explosions, 17 other events, 7 quarry blasts as analysts named them
                  (``event_type``), depth -3.09 to 102 km, magnitude 0 to 4.58 (ML, Md, Mh); ``source_id`` (PNSN's), ``n_picks``
    ``records``   50 rows: SeisBench's metadata of microPNW (10 each of earthquake, explosion, surface event, thunder, sonic
                  boom) with ``station`` ("NET.STA.LOC"), ``channel``, ``time`` of the first sample, ``p_sample``,
                  ``s_sample``, ``sampling_rate_hz``. Location and magnitude are known for earthquakes and explosions alone.
    ``picks``     the analysts' picks of these records: ``pick_error_s``, ``onset``, ``polarity``, ``source_id``. What is
                  called P of thunder or of a surface event is the onset of the signal, not a P wave.
    ``stations``  the stations of these records

    The *waveforms are not here* (microPNW's are too large to be mirrored; SeisBench has the whole set of 65 GB and miniPNW,
    see the larger sets of the manifest). The ids of the records that are not earthquakes or explosions are in no event list.

    Ni et al. (2023), doi:10.26443/seismica.v2i1.368.
    """
    folder = fetch(entry.name, [_EVENTS, _MICRO], progress=progress)
    raw = pd.read_csv(folder / _EVENTS)
    units = ["year", "month", "day", "hour", "minute", "second", "microsecond"]
    events = pd.DataFrame(
        {
            # the timestamp beside them is a rounded float
            "time": pd.to_datetime(raw[units].rename(columns={"microsecond": "us"}), utc=True),
            "latitude": raw["latitude"],
            "longitude": raw["longitude"],
            "depth_km": raw["depth"],
            "magnitude": raw["magnitude"],
            "magnitude_type": raw["magnitude_type"].map({"ml": "ML", "md": "Md", "mh": "Mh"}),
            "event_type": raw["event_type"],
            "source_id": raw["source_id"],
            "n_picks": raw["number_of_pick"],
        }
    ).sort_values(["time", "source_id"], ignore_index=True)
    records = pd.read_csv(folder / _MICRO, dtype={"station_location_code": str})
    location = records["station_location_code"].fillna("").replace("--", "")
    records["station"] = records["station_network_code"] + "." + records["station_code"] + "." + location
    records["channel"] = records["station_channel_code"]
    records["time"] = pd.to_datetime(records["trace_start_time"], format="ISO8601", utc=True)
    records["sampling_rate_hz"] = records["trace_sampling_rate_hz"].astype(float)
    for phase in "PS":
        records[f"{phase.lower()}_sample"] = records[f"trace_{phase}_arrival_sample"]
    stations = records.rename(
        columns={
            "station_latitude_deg": "latitude",
            "station_longitude_deg": "longitude",
            "station_elevation_m": "elevation_m",
        }
    )[["station", "latitude", "longitude", "elevation_m"]]
    picks = pd.concat([_picks(records, phase) for phase in "PS"], ignore_index=True)
    return Opened(
        entry,
        folder,
        read,
        stations=stations.drop_duplicates("station"),
        events=events,
        picks=picks.sort_values(["time", "station"], ignore_index=True),
        records=records,
    )


def _picks(records: pd.DataFrame, phase: str) -> pd.DataFrame:
    some = records[records[f"trace_{phase}_arrival_sample"].notna()]
    since = some[f"trace_{phase}_arrival_sample"] / some["sampling_rate_hz"]
    return pd.DataFrame(
        {
            "station": some["station"],
            "channel": some["channel"],
            "phase": phase,
            "time": some["time"] + pd.to_timedelta((since * 1e6).round().astype("int64"), unit="us"),
            "model": "analyst",
            "pick_error_s": some[f"trace_{phase}_arrival_uncertainty_s"],
            "onset": some[f"trace_{phase}_onset"],
            "polarity": some["trace_P_polarity"] if phase == "P" else None,
            "source_id": some["event_id"],
        }
    )
