"""seisbench-dummy: a small data set in SeisBench's own format, and an event list of northern Chile."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..errors import WrongContent
from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_SET = "tests/examples/dummydataset/"
_CATALOG = "tests/examples/chunkeddummydataset/raw_catalog.csv"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """100 records of station CX.PB01 in SeisBench's format, and 18236 events of the IPOC catalog.

    ``dataset_folder``  folder for ``seisbench.data.WaveformDataset`` (metadata.csv, waveforms.hdf5)
    ``waveforms``       shape (100, 3, 1200), components Z, N, E, 20 Hz, counts
    ``records``         one row per record: ``record``, ``station``, ``channel``, ``time`` (of the first sample, which is the
                        origin time of the event), ``event_id``, ``sampling_rate_hz``, ``split`` as published
    ``stations``        the one station
    ``events``          2007-01-01 to 2008-06-25; magnitude ML; ``magnitude_ma`` and both uncertainties besides; ``event_class``
                        says where in the subduction zone (ID: intermediate depth, P1 to P3: plate interface, UP: upper plate)

    There are *no picks*, so nothing can be trained or judged on it: it serves to learn the format. At 20 Hz it is below
    what pickers expect. Published split: by trace, not by event.

    Woollam et al. (2022), doi:10.1785/0220210324; events: Sippl et al. (2018), doi:10.1002/2017JB015384.
    """
    import h5py

    from ...catalog.tables import conform

    folder = fetch(entry.name, [_SET + "metadata.csv", _SET + "waveforms.hdf5", _CATALOG], progress=progress)
    raw = pd.read_csv(folder / _CATALOG)
    events = conform(
        pd.DataFrame(
            {
                "time": pd.to_datetime(raw["time"], format="%Y/%m/%d %H:%M:%S.%f", utc=True),
                "latitude": raw["latitude"],
                "longitude": raw["longitude"],
                "depth_km": raw["depth"],
                "magnitude": raw["ML"],
                "magnitude_type": "ML",
                "event_type": "earthquake",
                "magnitude_error": raw["std_ML"],
                "magnitude_ma": raw["MA"],
                "magnitude_ma_error": raw["std_MA"],
                "event_class": raw["cls"],
            }
        ),
        "events",
    )
    metadata = pd.read_csv(folder / _SET / "metadata.csv")
    time = pd.to_datetime(metadata["trace_start_time"], format="%Y/%m/%d %H:%M:%S.%f", utc=True)
    with h5py.File(folder / _SET / "waveforms.hdf5", "r") as file:
        rate = float(file["data_format/sampling_rate"][()])
        waveforms = np.stack([_trace(file["data"], name) for name in metadata["trace_name"]])
    station = metadata["station_network_code"] + "." + metadata["station_code"] + "."
    records = pd.DataFrame(
        {
            "record": metadata["trace_name"],
            "station": station,
            "channel": metadata["station_type"],
            "time": time.astype("datetime64[us, UTC]"),
            "event_id": _events_of(time, metadata, events),
            "sampling_rate_hz": rate,
            "split": metadata["split"],
        }
    )
    stations = pd.DataFrame(
        {
            "station": station,
            "latitude": metadata["station_latitude_deg"],
            "longitude": metadata["station_longitude_deg"],
            "elevation_m": metadata["station_elevation_m"],
            "channels": metadata["station_type"],
        }
    ).drop_duplicates("station")
    return Opened(
        entry,
        folder,
        read,
        stations=stations,
        waveforms=waveforms,
        events=events,
        records=records,
        dataset_folder=folder / _SET,
    )


def _trace(data, name: str) -> np.ndarray:
    """One record of a bucket, whose name is "bucket0$17,:3,:1200"."""
    match = re.fullmatch(r"(\w+)\$(\d+),:(\d+),:(\d+)", name)
    if not match or match[1] not in data:
        raise WrongContent(
            f"trace name {name!r}", expected='such as "bucket0$17,:3,:1200"', remedy="fetch the set again"
        )
    row, components, samples = map(int, match.groups()[1:])
    return data[match[1]][row, :components, :samples]


def _events_of(time: pd.Series, metadata: pd.DataFrame, events: pd.DataFrame) -> np.ndarray:
    keys = pd.MultiIndex.from_arrays([events["time"], events["latitude"], events["longitude"]])
    wanted = [time.astype("datetime64[us, UTC]"), metadata["source_latitude_deg"], metadata["source_longitude_deg"]]
    at = keys.get_indexer(pd.MultiIndex.from_arrays(wanted))
    if (at < 0).any():
        raise WrongContent(
            f"record {int((at < 0).argmax())} of the data set is of no event of the list", remedy="fetch the set again"
        )
    return events["event_id"].to_numpy()[at]
