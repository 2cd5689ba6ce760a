"""qm-volcanotectonic: 20 volcano-tectonic events on a network in Iceland, with QuakeMigrate's results."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..fetching import fetch
from ..manifests import Dataset, files
from .opened import Opened

NETWORK = "Z7"
_RESULTS = "examples/benchmarks/Volcanotectonic_Iceland/"
_INPUTS = "examples/Volcanotectonic_Iceland/inputs/"
# One standard deviation in one dimension -> semi-major axis of the ellipse that holds 68 % of the epicenter
_TO_ELLIPSE = math.sqrt(-2.0 * math.log(1.0 - 0.68))


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Waveforms, stations, velocity, and QuakeMigrate's events, picks and modelled arrivals.

    The reference is automatic (QuakeMigrate: migration and stacking), not an analyst's, and weak for some events.

    ``stations``     12 rows, network Z7; the files' kilometres of elevation are metres here.
    ``velocity``     nodes from 3 km above sea level down; linear between them, as QuakeMigrate reads the file.
    ``waveforms``    ObsPy Stream, counts at 100 Hz, of 12 stations x HHE, HHN, HHZ; the 20 overlapping windows of 32.5 s are
                     merged: two gap-free pieces per channel, 00:01:00.14-00:02:17.51 and 00:02:24.42-00:06:57.83.
    ``events``       20 rows; time and position of the peak of coalescence, depth below sea level, ML. ``horizontal_error_km`` is the
                     larger standard deviation of the Gaussian fit, scaled to the 68 % ellipse; ``qm_id`` is the upstream name.
    ``picks``        picks that QuakeMigrate made (a -1 in its file means none): ``pick_error_s``, ``onset_snr`` (a ratio of
                     its onset function, not of amplitudes in dB).
    ``assignments``  which pick belongs to which event; residual against QuakeMigrate's model.
    ``modelled``     predicted arrival of both phases at every station: event_id, station, phase, time.

    Winder et al. (2020), doi:10.5281/zenodo.4442748.
    """
    folder = fetch(entry.name, progress=progress)
    names = sorted(p.removesuffix(".event") for p in files(entry.name) if p.endswith(".event"))
    stations = pd.read_csv(folder / _INPUTS / "iceland_stations.txt")
    stations = pd.DataFrame(
        {
            "station": NETWORK + "." + stations["Name"] + ".",
            "latitude": stations["Latitude"],
            "longitude": stations["Longitude"],
            "elevation_m": (1000.0 * stations["Elevation"]).round(3),
            "channels": "HH",
        }
    )
    velocity = pd.read_csv(folder / _INPUTS / "iceland_vmodel.txt")
    velocity.columns = ["depth_km", "vp_km_s", "vs_km_s"]
    events = _events(pd.concat([pd.read_csv(folder / f"{name}.event") for name in names], ignore_index=True))
    arrivals = _arrivals(folder, names, events)
    picked = arrivals[arrivals["time"].notna()].drop(columns="modelled_time").sort_values("time", ignore_index=True)
    return Opened(
        entry,
        folder,
        read,
        stations=stations,
        velocity=velocity,
        waveforms=_waveforms(folder),
        events=events,
        picks=picked.drop(columns=["event_id", "residual_s"]).drop_duplicates("pick_id"),
        assignments=picked[["event_id", "pick_id", "station", "phase", "residual_s"]],
        modelled=arrivals[["event_id", "station", "phase", "modelled_time"]].rename(columns={"modelled_time": "time"}),
    )


def _events(raw: pd.DataFrame) -> pd.DataFrame:
    from ...catalog.tables import conform

    events = pd.DataFrame(
        {
            "time": raw["DT"],
            "latitude": raw["Y"],
            "longitude": raw["X"],
            "depth_km": raw["Z"],
            "magnitude": raw["ML"],
            "magnitude_type": "ML",
            "horizontal_error_km": _TO_ELLIPSE * raw[["GAU_ErrX", "GAU_ErrY"]].max(axis=1),
            "depth_error_km": raw["GAU_ErrZ"],
            "event_type": "earthquake",
            "qm_id": raw["EventID"].astype(str),
        }
    )
    return conform(events, "events").sort_values("time", ignore_index=True)


def _arrivals(folder, names: list[str], events: pd.DataFrame) -> pd.DataFrame:
    """Both phases at every station of every event; time is missing where QuakeMigrate made no pick."""
    from ...catalog.tables import UTC_DTYPE, stable_ids

    ids = dict(zip(events["qm_id"], events["event_id"], strict=True))
    tables = []
    for name in names:
        table = pd.read_csv(folder / f"{name}.picks", dtype={"PickTime": str})
        tables.append(table.assign(event_id=ids[name.rsplit("/", 1)[1]]))
    raw = pd.concat(tables, ignore_index=True)
    made = raw["PickTime"] != "-1"
    out = pd.DataFrame(
        {
            "event_id": raw["event_id"],
            "station": NETWORK + "." + raw["Station"] + ".",
            "channel": "HH",
            "phase": raw["Phase"],
            "time": pd.to_datetime(raw["PickTime"].where(made), utc=True, format="ISO8601").astype(UTC_DTYPE),
            "model": "QuakeMigrate",
            "pick_error_s": raw["PickError"].where(made, np.nan),
            "onset_snr": raw["SNR"].where(made, np.nan),
            "residual_s": raw["Residual"].where(made, np.nan),
            "modelled_time": pd.to_datetime(raw["ModelledTime"], utc=True, format="ISO8601").astype(UTC_DTYPE),
        }
    )
    keys = (out["station"], out["channel"], out["phase"], out["time"], out["model"], pd.Series([None] * len(out)))
    out["pick_id"] = stable_ids(*keys)
    return out


def _waveforms(folder):
    """The windows as one Stream; equal samples where windows overlap are joined, and nothing is filled."""
    import obspy

    stream = obspy.Stream()
    for where in sorted((folder / _RESULTS).glob("*.m")):
        stream += obspy.read(where, format="MSEED")
    stream.merge(method=-1)
    stream.sort(["network", "station", "channel", "starttime"])
    return stream
