"""pnw-classification: records of earthquakes, explosions and surface events of the Pacific Northwest."""

from __future__ import annotations

import warnings

import pandas as pd

from ..fetching import fetch
from ..manifests import Dataset, files
from .opened import Opened

_PNSN = "data/binary_classification_waveforms/"
_ESEC = "data/iris_esec_waveforms/IRIS_ESEC/waveforms/"
_CATALOG = "data/IRISExoticEventCatalog.txt"


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Records of 50 earthquakes, 17 explosions (2018-2022) and 36 surface events (1980s to 2022, 42-49.5 N).

    ``events``     one row per event: ``source_id`` ("uw61348817" of pnw-ml, or "esec10"), time, place, ``event_type``
                   ("earthquake", "explosion", "surface event"), depth_km (0 for surface events, whose catalog has none),
                   magnitude, ``subtype`` and ``name`` of surface events, ``n_files``.
    ``records``    one row per station of an event: ``event_id``, ``source_id``, ``event_type``, ``station``, ``channel`` (band and
                   instrument code), ``components``, ``sampling_rate_hz``, ``start``, ``seconds``, ``pieces``, ``origin_s`` (s after
                   the first sample: 50 for earthquakes and explosions, 70 for surface events).
    ``waveforms``  list of ObsPy Streams, one for each row of ``records``: vertical only for earthquakes and explosions (150 s), three
                   components for surface events (180 s).

    Traps. Class and archive coincide: the two groups differ in length, components, rate, networks, years and place of the event in the
    window; origin times stand at 50 s in all records of earthquakes and explosions. The time in the names of their files is wrong (the
    header's is right). Rates run from 0.1 to 500 Hz, channels include LHZ and VHZ, some records have gaps.

    Kharita et al., doi:10.5281/zenodo.14963739; types of pnw-ml: Ni et al. (2023), doi:10.26443/seismica.v2i1.368; ESEC: Collins et al.
    (2022), Allstadt et al. (2017).
    """
    import obspy

    names = [name for name in files(entry.name) if name.endswith(".mseed")]
    folder = fetch(entry.name, [*names, _CATALOG], progress=progress)
    groups: dict[tuple[str, str, str], list[str]] = {}
    for name in sorted(names):
        if name.startswith(_PNSN):
            event, code = name.removeprefix(_PNSN).split("_", 1)
            network, station, channel = code.split(".")[:3]
            key = (event, f"{network}.{station}", channel[:2])
        else:
            number, code = name.removeprefix(_ESEC).split("/", 1)
            network, station, _, channel = code.split("__", 1)[0].split(".")
            key = (f"esec{number}", f"{network}.{station}", channel[:2])
        groups.setdefault(key, []).append(name)
    events = _events(entry, folder, {event for event, _, _ in groups}, progress)
    by_source = events.set_index("source_id")
    rows, streams = [], []
    for (event, _, channel), members in groups.items():
        stream = obspy.Stream()
        for name in members:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # records of odd length at the end of some files
                stream += obspy.read(str(folder / name), format="MSEED")
        first = stream[0].stats
        start = min(t.stats.starttime for t in stream)
        known = by_source.loc[event]
        time = pd.Timestamp(start.datetime, tz="UTC").as_unit("us")
        rows.append(
            {
                "event_id": known["event_id"],
                "source_id": event,
                "event_type": known["event_type"],
                "station": f"{first.network}.{first.station}.{first.location}",
                "channel": channel,
                "components": "".join(sorted({t.stats.channel[-1] for t in stream}, key="ZNE12".find)),
                "sampling_rate_hz": first.sampling_rate,
                "start": time,
                "seconds": max(t.stats.endtime for t in stream) - start,
                "pieces": len(stream) // max(len({t.stats.channel for t in stream}), 1),
                "origin_s": (known["time"] - time).total_seconds(),
            }
        )
        streams.append(stream)
    events["n_files"] = events["source_id"].map(pd.Series([k[0] for k in groups]).value_counts())
    return Opened(entry, folder, read, events=events, records=pd.DataFrame(rows), waveforms=streams)


def _events(entry: Dataset, folder, wanted: set[str], progress: bool) -> pd.DataFrame:
    from course_utils.catalog.tables import conform

    from . import open_dataset

    known = open_dataset("pnw-ml", progress).events
    known = known[known["source_id"].isin(wanted)]
    columns = ["source_id", "time", "latitude", "longitude", "depth_km", "magnitude", "magnitude_type", "event_type"]
    raw = pd.read_csv(folder / _CATALOG, sep="|", dtype=str)
    raw = raw[("esec" + raw["eventid"]).isin(wanted)]
    surface = pd.DataFrame(
        {
            "source_id": "esec" + raw["eventid"],
            "time": pd.to_datetime(raw["starttime"], format="%Y_%m_%d %H%M%S", utc=True),
            "latitude": raw["latitude"].astype(float),
            "longitude": raw["longitude"].astype(float),
            "depth_km": 0.0,
            "event_type": "surface event",
            "subtype": raw["subtype"],
            "name": raw["name"],
        }
    )
    both = pd.concat([known[columns], surface], ignore_index=True)
    return conform(both.sort_values(["time", "source_id"], ignore_index=True), "events")
