"""What the metadata of any SeisBench data set says about events, stations, times and picks, whoever wrote it.

The names are SeisBench's (Woollam et al. 2022, Seismological Research Letters 93, doi:10.1785/0220210324): trace_*, path_*,
source_*, station_*. Sets differ in which columns they hold; what is not there is unknown, not wrong.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from .settings import CurationError

_EVENT_COLUMNS = ("source_id", "event_id", "source_event_id")
_ARRIVAL = re.compile(r"trace_(.+)_arrival_sample")


def pick_columns(metadata: pd.DataFrame) -> dict[str, str]:
    """Arrival columns and the phase of each, P or S: what SeisBench's labellers take as ``label_columns``.

    Pg, Pn, p and P2 (the second P in a window) are all P. Columns of other phases are left out.
    """
    found = {}
    for column in metadata.columns:
        named = _ARRIVAL.fullmatch(str(column))
        if named and named.group(1)[0].upper() in "PS":
            found[column] = named.group(1)[0].upper()
    return found


def event_column(metadata: pd.DataFrame) -> str:
    """Name of the column that says which event a trace belongs to; CurationError when there is none."""
    for column in _EVENT_COLUMNS:
        if column in metadata.columns and metadata[column].notna().any():
            return column
    raise CurationError(
        f"metadata: no column tells events apart (looked for {', '.join(_EVENT_COLUMNS)}); "
        "name yours source_id, or split by station or time"
    )


def event_ids(metadata: pd.DataFrame) -> list[tuple[str, ...]]:
    """Every event with a pick in each trace, its own first; () for noise."""
    own = metadata[event_column(metadata)]
    own = own.where(own.notna(), "").astype(str)
    if "trace_source_ids" not in metadata.columns:
        return [(one,) if one else () for one in own]
    also = metadata["trace_source_ids"]
    also = also.where(also.notna(), "").astype(str)
    return [tuple(dict.fromkeys(n for n in (a, *b.split(";")) if n)) for a, b in zip(own, also, strict=True)]


def station_names(metadata: pd.DataFrame) -> np.ndarray:
    """ "NET.STA" of each trace. Sensors of one station share the ground's motion and count as one."""
    if "station_code" not in metadata.columns:
        raise CurationError("metadata: no column station_code; stations cannot be told apart")
    code = metadata["station_code"].astype(str)
    if "station_network_code" in metadata.columns:
        network = metadata["station_network_code"]
        code = network.where(network.notna(), "").astype(str) + "." + code
    return code.to_numpy(dtype=object)


def sample_counts(metadata: pd.DataFrame) -> np.ndarray:
    """Samples of each trace, from trace_npts or from the place in its block that SeisBench writes; NaN if unknown."""
    count = np.full(len(metadata), np.nan)
    if "trace_npts" in metadata.columns:
        count = pd.to_numeric(metadata["trace_npts"], errors="coerce").to_numpy(float, copy=True)
    if "trace_name" in metadata.columns and np.isnan(count).any():
        last = metadata["trace_name"].astype(str).str.extract(r":(\d+)$")[0]
        count = np.where(np.isnan(count), pd.to_numeric(last, errors="coerce").to_numpy(float), count)
    return count


def magnitudes(metadata: pd.DataFrame) -> np.ndarray:
    """Magnitude of each trace's event, from the first column that knows it; NaN if unknown."""
    out = np.full(len(metadata), np.nan)
    for column in ("source_magnitude", "preferred_source_magnitude", "source_local_magnitude"):
        if column in metadata.columns:
            out = np.where(np.isnan(out), pd.to_numeric(metadata[column], errors="coerce").to_numpy(float), out)
    return out


def rates_hz(metadata: pd.DataFrame) -> np.ndarray:
    """Sampling rate of each trace in Hz; NaN if unknown."""
    if "trace_sampling_rate_hz" in metadata.columns:
        return pd.to_numeric(metadata["trace_sampling_rate_hz"], errors="coerce").to_numpy(float)
    if "trace_dt_s" in metadata.columns:
        return 1.0 / pd.to_numeric(metadata["trace_dt_s"], errors="coerce").to_numpy(float)
    return np.full(len(metadata), np.nan)


def times_s(metadata: pd.DataFrame, column: str) -> np.ndarray:
    """A column of times as seconds since 1970, to the microsecond; NaN where missing or unreadable."""
    if column not in metadata.columns:
        return np.full(len(metadata), np.nan)
    times = metadata[column]
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        times = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    since = times - pd.Timestamp(0, tz="UTC")
    return since.dt.total_seconds().to_numpy(float)


def spans_s(metadata: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """First and last moment of each trace, seconds since 1970; NaN if unknown."""
    start = times_s(metadata, "trace_start_time")
    return start, start + sample_counts(metadata) / rates_hz(metadata)


def overlapping(metadata: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of traces of one station that share some time: two arrays of positions (pairs,)."""
    start, end = spans_s(metadata)
    station = pd.factorize(pd.Series(station_names(metadata)))[0]
    known = np.flatnonzero(np.isfinite(start) & np.isfinite(end))
    order = known[np.lexsort((start[known], station[known]))]
    start, end, station = start[order], end[order], station[order]
    first, second = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for step in range(1, len(order)):
        both = np.flatnonzero((station[step:] == station[:-step]) & (start[step:] < end[:-step]))
        if not len(both):  # starts are in order: what does not reach this far reaches no farther
            break
        first.append(order[both])
        second.append(order[both + step])
    return np.concatenate(first), np.concatenate(second)
