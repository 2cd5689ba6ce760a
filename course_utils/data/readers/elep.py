"""elep-mount-st-helens: four hours of continuous records at two stations, with an analyst's picks at one."""

from __future__ import annotations

import pandas as pd

from ..fetching import fetch
from ..manifests import Dataset
from .opened import Opened

_FOLDER = "docs/tutorials/data/"
_FILES = [_FOLDER + name for name in ("PB.B204..EH.ms", "UW.SHW..HH.ms", "PB.B204.2022.037.csv")]


def read(entry: Dataset, progress: bool = True) -> Opened:
    """Continuous records near Mount St. Helens, 2022-02-06 00:00-04:00 UTC, and the picks of PNSN's analysts.

    ``waveforms``  ObsPy Stream, 6 traces at 100 Hz without gaps: PB.B204 (borehole, EH1, EH2, EHZ: the horizontals are not N and
                   E) and UW.SHW (HHE, HHN, HHZ).
    ``picks``      16 manual picks of PB.B204 over the *whole* day; ``within_waveforms`` marks the four inside the four hours.
                   ``pick_error_s``, ``onset``, ``polarity``, ``component`` (full channel code) and ``source_id`` (the PNSN event
                   that a pick belongs to) are the analysts'.

    The set has no station coordinates and no event locations. Analysts picked events worth locating only: a
    detection without a pick is not proof of a false detection.

    Yuan et al. (2023) IEEE TGRS, doi:10.1109/TGRS.2023.3320148.
    """
    import obspy

    folder = fetch(entry.name, _FILES, progress=progress)
    stream = obspy.Stream()
    for path in _FILES[:2]:
        stream += obspy.read(folder / path, format="MSEED")
    stream.sort()
    raw = pd.read_csv(folder / _FILES[2], dtype={"location": str})
    location = raw["location"].fillna("").replace("--", "")
    picks = pd.DataFrame(
        {
            "station": raw["network"] + "." + raw["station"] + "." + location,
            "channel": raw["channel"].str[:2],
            "phase": raw["phase"],
            # the columns from year to microsecond hold the time exactly, the epoch seconds are a rounded float
            "time": pd.to_datetime(
                raw[["year", "month", "day", "hour", "minute", "second", "microsecond"]].rename(
                    columns={"microsecond": "us"}
                ),
                utc=True,
            ),
            "model": "analyst",
            "component": raw["channel"],
            "pick_error_s": raw["uncertainty"],
            "onset": raw["onset"],
            "polarity": raw["polarity"],
            "source_id": raw["source_id"],
        }
    ).sort_values("time", ignore_index=True)
    start, end = (pd.Timestamp(t.datetime, tz="UTC") for t in (stream[0].stats.starttime, stream[0].stats.endtime))
    picks["within_waveforms"] = picks["time"].between(start, end)
    return Opened(entry, folder, read, waveforms=stream, picks=picks)
