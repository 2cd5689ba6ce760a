"""Labels to look at twice, in the metadata of any SeisBench data set.

Nothing here is proof: each function names rows and says why, and a person looks at them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...earth import distance_azimuth
from .columns import event_column, pick_columns, rates_hz, sample_counts, station_names, times_s
from .settings import CurationError

MIN_SNR_DB = 1.0
OUTLIER_MADS, LEAST_RESIDUAL_S = 6.0, 1.0
SLOWEST_S_MINUS_P_S_KM = 0.35  # S minus P over hypocentral distance: 1 / 8 to 1 / 5 in rock; more is mud or a mistake


def suspicious_labels(
    metadata: pd.DataFrame, min_snr_db: float = MIN_SNR_DB, least_residual_s: float = LEAST_RESIDUAL_S
) -> pd.DataFrame:
    """Picks that cannot be, or hardly can be.

    Reasons: "not a number" (infinite, or text), "outside the trace", "S not after P", "P off the line" (travel time
    from origin to P against a robust straight line over hypocentral distance, farther off than six median absolute
    deviations and ``least_residual_s``; likewise "S off the line"), "S minus P too long" for the distance, "low SNR"
    (below ``min_snr_db``, from trace_P_snr_db or the best component in trace_snr_db).

    Returns:
        row (position in ``metadata``), phase, reason, value, unit; a row may have several. What the metadata do not
        hold is not tested: ``.attrs["not_tested"]`` says what and why.
    """
    picks, out, not_tested = pick_columns(metadata), [], {}
    if not picks:
        raise CurationError("metadata: no column trace_*_arrival_sample; there are no labels to test")
    rate, count = rates_hz(metadata), sample_counts(metadata)
    first = {"P": np.full(len(metadata), np.nan), "S": np.full(len(metadata), np.nan)}
    for column, phase in picks.items():
        given = metadata[column]
        values = pd.to_numeric(given, errors="coerce").to_numpy(float)
        broken = np.isinf(values) | (np.isnan(values) & given.notna().to_numpy())
        outside = np.isfinite(values) & ((values < 0) | (values > count - 1))
        out += [(row, phase, "not a number", np.nan, "") for row in np.flatnonzero(broken)]
        out += [(row, phase, "outside the trace", values[row], "samples") for row in np.flatnonzero(outside)]
        if not column.removeprefix("trace_").removesuffix("_arrival_sample")[-1].isdigit():  # not those of other events
            first[phase] = np.fmin(first[phase], np.where(np.isinf(values), np.nan, values))
    apart = (first["S"] - first["P"]) / rate
    out += [(row, "S", "S not after P", apart[row], "s") for row in np.flatnonzero(apart <= 0)]
    distance = hypocentral_km(metadata)
    if np.isfinite(distance).any():
        far = apart > 1.0 + SLOWEST_S_MINUS_P_S_KM * distance
        out += [(row, "S", "S minus P too long", apart[row], "s") for row in np.flatnonzero(far)]
    start, origin = times_s(metadata, "trace_start_time"), times_s(metadata, "source_origin_time")
    for phase in "PS":
        travel = start + first[phase] / rate - origin
        residual = line_residuals(distance, travel)
        if not np.isfinite(residual).any():
            not_tested[f"{phase} off the line"] = "origin time, start time or distance is unknown, or there are too few"
            continue
        spread = 1.4826 * np.nanmedian(np.abs(residual))
        off = np.abs(residual) > max(OUTLIER_MADS * spread, least_residual_s)
        out += [(row, phase, f"{phase} off the line", residual[row], "s") for row in np.flatnonzero(off)]
        snr = _snr_db(metadata, phase)
        if snr is None:
            not_tested[f"low SNR of {phase}"] = "there is no column of its SNR"
            continue
        low = (snr < min_snr_db) & np.isfinite(first[phase])
        out += [(row, phase, "low SNR", snr[row], "dB") for row in np.flatnonzero(low)]
    table = pd.DataFrame(out, columns=["row", "phase", "reason", "value", "unit"]).astype({"row": "int64"})
    table = table.sort_values(["row", "phase", "reason"], ignore_index=True)
    table.attrs["not_tested"] = not_tested
    return table


def constant_picks(metadata: pd.DataFrame, tolerance: float = 1.0) -> pd.DataFrame:
    """Whether picks always lie in one place, so that a model can answer without looking.

    Returns:
        One row per arrival column: column, phase, picks, median_sample, share (of picks within ``tolerance`` samples of the
        median), spread_s (10th to 90th percentile), constant (``share`` above a half).
    """
    rows, rate = [], rates_hz(metadata)
    for column, phase in pick_columns(metadata).items():
        values = pd.to_numeric(metadata[column], errors="coerce").to_numpy(float)
        known = np.isfinite(values)
        if not known.any():
            continue
        some = values[known]
        middle = float(np.median(some))
        share = float((np.abs(some - middle) <= tolerance).mean())
        low, high = np.percentile(some / rate[known], [10, 90])
        rows.append((column, phase, int(known.sum()), middle, share, float(high - low), share > 0.5))
    names = ["column", "phase", "picks", "median_sample", "share", "spread_s", "constant"]
    return pd.DataFrame(rows, columns=names)


def duplicated_events(metadata: pd.DataFrame, max_dt_s: float = 2.0, max_km: float = 10.0) -> pd.DataFrame:
    """Events with different ids that are probably one: origins within ``max_dt_s`` and ``max_km``.

    ``metadata`` may also be an events table.

    Returns:
        first, second (ids), dt_s, distance_km; by time.
    """
    ours = {"time": "source_origin_time", "latitude": "source_latitude_deg", "longitude": "source_longitude_deg"}
    if set(ours) <= set(metadata.columns):
        metadata = metadata.rename(columns=ours)
    column = event_column(metadata)
    wanted = {"source_latitude_deg", "source_longitude_deg", "source_origin_time"}
    if wanted - set(metadata.columns):
        raise CurationError(f"metadata: no column {', '.join(sorted(wanted - set(metadata.columns)))}")
    rows = metadata[metadata[column].notna()].drop_duplicates(column)
    events = pd.DataFrame(
        {
            "id": rows[column].to_numpy(),
            "time_s": times_s(rows, "source_origin_time"),
            "latitude": pd.to_numeric(rows["source_latitude_deg"], errors="coerce").to_numpy(float),
            "longitude": pd.to_numeric(rows["source_longitude_deg"], errors="coerce").to_numpy(float),
        }
    )
    events = events.dropna().sort_values("time_s", ignore_index=True)
    found, time_s = [], events["time_s"].to_numpy()
    for step in range(1, len(events)):
        near = np.flatnonzero(time_s[step:] - time_s[:-step] <= max_dt_s)
        if not len(near):
            break
        a, b = events.iloc[near], events.iloc[near + step]
        distance, _ = distance_azimuth(
            a["latitude"].to_numpy(), a["longitude"].to_numpy(), b["latitude"].to_numpy(), b["longitude"].to_numpy()
        )
        pairs = zip(
            a["id"], b["id"], b["time_s"].to_numpy() - a["time_s"].to_numpy(), distance, a["time_s"], strict=True
        )
        found += [pair for pair in pairs if pair[3] <= max_km]
    table = pd.DataFrame(found, columns=["first", "second", "dt_s", "distance_km", "time_s"])
    return table.sort_values("time_s", ignore_index=True).drop(columns="time_s")


def duplicated_records(metadata: pd.DataFrame) -> pd.DataFrame:
    """Traces of one station and channel that start within a sample of each other: row, group (from 0)."""
    start = times_s(metadata, "trace_start_time")
    if not np.isfinite(start).any():
        raise CurationError("metadata: trace_start_time is unknown; duplicated records cannot be told")
    channel = (
        _text(metadata, "trace_channel")
        + _text(metadata, "station_channel_code")
        + _text(metadata, "station_location_code")
    )
    where = pd.Series(station_names(metadata)) + " " + channel.reset_index(drop=True)
    step = np.nan_to_num(1.0 / rates_hz(metadata), nan=0.01)
    order = np.lexsort((start, where.to_numpy(str)))
    order = order[np.isfinite(start[order])]
    names = where.to_numpy(str)[order]
    new = np.ones(len(order), bool)
    new[1:] = (names[1:] != names[:-1]) | (np.diff(start[order]) > step[order][1:])
    group = np.cumsum(new) - 1
    several = np.bincount(group, minlength=1)[group] > 1 if len(group) else np.zeros(0, bool)
    table = pd.DataFrame({"row": order[several], "group": pd.factorize(group[several])[0]})
    return table


def hypocentral_km(metadata: pd.DataFrame) -> np.ndarray:
    """Hypocentral distance of each trace in km, from path_* columns or from the coordinates; NaN if unknown."""
    for column in ("path_hyp_distance_km", "path_hypo_distance_km"):
        if column in metadata.columns:
            return pd.to_numeric(metadata[column], errors="coerce").to_numpy(float)
    names = ["station_latitude_deg", "station_longitude_deg", "source_latitude_deg", "source_longitude_deg"]
    if not set(names) <= set(metadata.columns):
        return np.full(len(metadata), np.nan)
    places = np.column_stack([pd.to_numeric(metadata[n], errors="coerce").to_numpy(float) for n in names])
    known = np.isfinite(places).all(axis=1)
    epicentral = np.full(len(metadata), np.nan)
    if known.any():
        epicentral[known] = distance_azimuth(*places[known].T)[0]
    depth = np.zeros(len(metadata))
    if "source_depth_km" in metadata.columns:
        depth = np.nan_to_num(pd.to_numeric(metadata["source_depth_km"], errors="coerce").to_numpy(float))
    return np.hypot(epicentral, depth)


def line_residuals(distance_km: np.ndarray, travel_s: np.ndarray) -> np.ndarray:
    """Travel times minus a line through most of them; NaN where unknown, or all over with fewer than 8.

    From 40 times on the line may bend at two distances, since waves from deeper layers are faster. Least absolute
    deviations by reweighted least squares, so that wrong picks do not bend it.
    """
    out = np.full(len(travel_s), np.nan)
    known = np.isfinite(distance_km) & np.isfinite(travel_s)
    if known.sum() < 8:
        return out
    x, y = distance_km[known], travel_s[known]
    bends = np.quantile(x, [1 / 3, 2 / 3]) if len(x) >= 40 else []
    design = np.column_stack([np.ones_like(x), x, *(np.maximum(x - at, 0.0) for at in bends)])
    weight = np.ones_like(x)
    for _ in range(50):
        root = np.sqrt(weight)
        line = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        weight = 1.0 / np.maximum(np.abs(y - design @ line), 1e-3)
    out[known] = y - design @ line
    return out


def _snr_db(metadata: pd.DataFrame, phase: str) -> np.ndarray | None:
    if f"trace_{phase}_snr_db" in metadata.columns:
        return pd.to_numeric(metadata[f"trace_{phase}_snr_db"], errors="coerce").to_numpy(float)
    if phase == "P" and "trace_snr_db" in metadata.columns:  # "10.1|19.5|9.8" in the set of Ni et al. (2023)
        parts = metadata["trace_snr_db"].astype(str).str.split("|", expand=True)
        return parts.apply(pd.to_numeric, errors="coerce").max(axis=1).to_numpy(float)
    return None


def _text(metadata: pd.DataFrame, column: str) -> pd.Series:
    if column not in metadata.columns:
        return pd.Series([""] * len(metadata), index=metadata.index)
    return metadata[column].where(metadata[column].notna(), "").astype(str)
