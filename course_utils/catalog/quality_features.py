"""What the tables of a catalog say about the quality of each event: one row of numbers per event, no waveforms.

Numbers compare an event with the rest of its catalog where they can (residuals with those usual at the station, amplitudes with
those of the other stations), so that catalogs of other networks, units and pickers give similar numbers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.matching import near_in_time
from course_utils.catalog.tables import UTC_DTYPE, Catalog

FEATURES = {
    "n_p": "P picks",
    "n_s": "S picks",
    "n_stations": "stations with a pick",
    "gap_deg": "largest azimuth between neighbouring stations",
    "nearest_km": "epicentral distance of the nearest station with a pick",
    "nearest_depths": "that distance over the depth (at least 1 km)",
    "rms_s": "root mean square of the residuals",
    "rms_ratio": "that over the catalog's median",
    "residual_worst": "largest residual, in robust standard deviations of the station and phase",
    "residual_second": "second largest",
    "residual_bad_share": "share of picks beyond four of them",
    "unused_share": "share of picks that the location gave a weight below 0.1",
    "vpvs": "median of the ratio of S to P travel time",
    "vpvs_scatter": "robust scatter of that ratio over stations",
    "s_before_p": "share of stations with both phases where S is not later than P",
    "probability": "median of the picker's confidence",
    "probability_least": "smallest",
    "snr_db": "median signal-to-noise ratio of the picks",
    "amplitude_scatter": "robust scatter of log10 amplitudes after distance and station",
    "amplitude_worst": "largest deviation among them, in robust standard deviations of the catalog",
    "s_over_p_least": "smallest log10 ratio of S to P amplitude, less the catalog's median",
    "magnitude_residual": "deviation of the magnitude from what its amplitudes say, absolute",
    "depth_km": "depth below sea level",
    "below_ground_km": "depth below the ground, whose height comes from the stations'",
    "outside_km": "distance outside the polygon around the stations, 0 inside",
    "horizontal_error_km": "as located",
    "depth_error_km": "as located",
    "missing_share": "share of working stations, up to the distance of most picks, without a pick",
    "nearer_silent": "working stations nearer than the nearest with a pick",
    "neighbour": "separation from the nearest other event in time and space, in units of seconds and kilometres or location errors",
    "neighbour_size": "log2 of that event's picks over its own",
    "neighbour_overlap": "share of its stations that this event has too: two parts of one event share few",
    "shared_picks": "share of its picks that another event has too",
    "coincident_picks": "share of its picks beside a pick of another event at the same station and phase, within 0.5 s",
    "local_hour": "local solar time; blasts come by day",
}
NEIGHBOUR_S, NEIGHBOUR_KM, NEIGHBOUR_DEPTH_KM = 1.5, 8.0, 20.0
_MOST_ERROR_KM, _KM_S = 30.0, 6.0  # of the errors of location, and how they trade with origin time
FARTHEST = 10.0  # ``neighbour`` of an event that stands alone
_WITHIN_S, _COINCIDENT_S = 15.0, 0.5
_WORKING = pd.Timedelta("2h")
_PRIOR = 8  # picks that the whole catalog's scatter counts beside those of one station and phase
_LEAST_S = 0.02
_CHUNK = 2000


def features(catalog: Catalog) -> pd.DataFrame:
    """The numbers of :data:`FEATURES` for every event, with event_id, in the order of the events.

    NaN stands where the tables do not say: without residuals, amplitudes, probabilities or stations, or for a single event what
    compares events. Nothing is located or measured again.
    """
    events = catalog.events
    pairs = _pairs(catalog)
    out = pd.DataFrame(index=pd.Index(events["event_id"], name="event_id"), columns=list(FEATURES), dtype=float)
    for part in (_counts, _residuals, _s_minus_p, _amplitudes):
        found = part(pairs, events)
        out[found.columns] = found.reindex(out.index).astype(float)
    given = events.set_index("event_id")
    for name, column in (("n_p", "n_p"), ("n_s", "n_s"), ("gap_deg", "azimuthal_gap_deg"), ("rms_s", "rms_s")):
        out[name] = out[name].fillna(given[column])
    for name in ("depth_km", "horizontal_error_km", "depth_error_km"):
        out[name] = given[name]
    out["rms_ratio"] = out["rms_s"] / max(out["rms_s"].median(), _LEAST_S)
    out["nearest_depths"] = out["nearest_km"] / out["depth_km"].clip(lower=1.0)
    out["local_hour"] = (_seconds(given["time"]) / 3600 + given["longitude"] / 15) % 24
    _places(out, catalog, pairs)
    _neighbours(out, events, pairs)
    return out.reset_index()


def _pairs(catalog: Catalog) -> pd.DataFrame:
    """Assigned picks with all that picks, stations and events say about them, in an order of their own."""
    pairs = catalog.assignments.sort_values(["event_id", "pick_id"], kind="stable")
    picks = ["pick_id", "time", "probability", "amplitude", "amplitude_unit", "snr_db"]
    pairs = pairs.merge(catalog.picks[picks], on="pick_id", how="left")
    stations = catalog.stations[["station", "latitude", "longitude", "elevation_m"]]
    pairs = pairs.merge(stations, on="station", how="left")
    events = catalog.events[["event_id", "time", "latitude", "longitude", "depth_km"]]
    pairs = pairs.merge(events, on="event_id", suffixes=("", "_event"))
    km, azimuth = _distance_azimuth(
        pairs["latitude_event"], pairs["longitude_event"], pairs["latitude"], pairs["longitude"]
    )
    for name, values in (("distance_km", km), ("azimuth_deg", azimuth)):
        pairs[name] = pairs[name].where(pairs[name].notna(), values)
    pairs["travel_s"] = _seconds(pairs["time"]) - _seconds(pairs["time_event"])
    return pairs


def _seconds(times: pd.Series) -> pd.Series:
    return times.astype(UTC_DTYPE).astype("int64").where(times.notna()) / 1e6


def _distance_azimuth(latitude, longitude, to_latitude, to_longitude):
    """Great-circle distance in km and azimuth in degrees on a sphere, good to 0.5 %."""
    a, b, c, d = (np.radians(np.asarray(v, float)) for v in (latitude, to_latitude, longitude, to_longitude))
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin((d - c) / 2) ** 2
    north = np.cos(a) * np.sin(b) - np.sin(a) * np.cos(b) * np.cos(d - c)
    azimuth = np.degrees(np.arctan2(np.sin(d - c) * np.cos(b), north)) % 360
    return 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(half, 0, 1))), azimuth


def _spread(values: pd.Series) -> float:
    """Robust standard deviation."""
    return 1.4826 * float((values - values.median()).abs().median()) if len(values) else np.nan


def _spread_by(values: pd.Series, by) -> pd.Series:
    """Robust standard deviation of each group."""
    return 1.4826 * (values - values.groupby(by).transform("median")).abs().groupby(by).median()


def _counts(pairs: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    by = pairs.groupby("event_id")
    azimuth = pairs.dropna(subset="azimuth_deg").sort_values(["event_id", "azimuth_deg"])["azimuth_deg"]
    turns = azimuth.groupby(pairs["event_id"])
    inside, first, last = turns.diff().groupby(pairs["event_id"]).max().fillna(0), turns.min(), turns.max()
    out = pd.DataFrame(
        {
            "n_p": pairs["phase"].eq("P").groupby(pairs["event_id"]).sum(),
            "n_s": pairs["phase"].eq("S").groupby(pairs["event_id"]).sum(),
            "n_stations": by["station"].nunique(),
            "gap_deg": np.maximum(inside, 360 - last + first),
            "nearest_km": by["distance_km"].min(),
            "probability": by["probability"].median(),
            "probability_least": by["probability"].min(),
            "snr_db": by["snr_db"].median(),
        }
    )
    return out


def _residuals(pairs: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    rows = pairs.dropna(subset="residual_s")
    rows = rows.assign(z=_standard(rows, "residual_s", _LEAST_S).abs())
    by = rows.sort_values(["event_id", "z"], ascending=[True, False]).groupby("event_id")
    return pd.DataFrame(
        {
            "rms_s": np.sqrt((rows["residual_s"] ** 2).groupby(rows["event_id"]).mean()),
            "residual_worst": by["z"].first(),
            "residual_second": by["z"].nth(1).set_axis(by["event_id"].nth(1)),
            "residual_bad_share": (rows["z"] > 4).groupby(rows["event_id"]).mean(),
            "unused_share": (rows["weight"] < 0.1).where(rows["weight"].notna()).groupby(rows["event_id"]).mean(),
        }
    )


def _standard(rows: pd.DataFrame, column: str, least: float) -> pd.Series:
    """Values less what is usual at their station and phase, over the robust scatter there; both lean on the phase's where there are few."""
    here, phase = rows.groupby(["station", "phase"])[column], rows.groupby("phase")[column]
    n = here.transform("size")
    middle = (n * here.transform("median") + _PRIOR * phase.transform("median")) / (n + _PRIOR)
    square = (n * here.transform(_spread) ** 2 + _PRIOR * phase.transform(_spread) ** 2) / (n + _PRIOR)
    return (rows[column] - middle) / np.sqrt(square).clip(lower=least)


def _s_minus_p(pairs: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    wide = pairs.pivot_table(index=["event_id", "station"], columns="phase", values="travel_s", aggfunc="min")
    wide = wide.reindex(columns=["P", "S"]).dropna()
    each = wide["S"] / wide["P"].where(wide["P"] > 0.1)
    event = wide.index.get_level_values("event_id")
    ratio = each.groupby(event)
    return pd.DataFrame(
        {
            "vpvs": ratio.median(),
            "vpvs_scatter": _spread_by(each, event).where(ratio.count() > 1),
            "s_before_p": (wide["S"] <= wide["P"]).groupby(event).mean(),
        }
    )


def _amplitudes(pairs: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    rows = pairs[(pairs["amplitude"] > 0) & pairs["distance_km"].notna()].copy()
    r = np.hypot(rows["distance_km"], rows["depth_km"] + rows["elevation_m"].fillna(0) / 1000).clip(lower=1.0)
    # of Hutton and Boore (1987); what is wrong in it here, a line in distance takes up
    rows["log"] = np.log10(rows["amplitude"]) + 1.11 * np.log10(r / 100) + 0.00189 * (r - 100)
    rows["unit"] = rows["amplitude_unit"]
    by = [rows["event_id"], rows["phase"], rows["unit"]]
    rows["rest"] = rows["log"] - rows.groupby(by)["log"].transform("median")
    x = np.log10(r) - np.log10(r).groupby(by).transform("median")
    used = rows["rest"].abs() < 1
    slope = float((x * rows["rest"])[used].sum() / max((x**2)[used].sum(), 1e-9))
    rows["rest"] -= slope * x
    rows["rest"] -= rows.groupby(["station", "phase", "unit"])["rest"].transform(
        lambda v: v.median() * len(v) / (len(v) + _PRIOR)
    )
    scale = max(_spread(rows["rest"]), 0.05) if len(rows) else np.nan
    wide = rows.pivot_table(index=["event_id", "station", "unit"], columns="phase", values="log", aggfunc="median")
    wide = wide.reindex(columns=["P", "S"])
    ratio = (wide["S"] - wide["P"]).dropna()
    level = rows.assign(level=rows["log"] - slope * np.log10(r))[rows["phase"] == "S"].groupby(["event_id", "unit"])[
        "level"
    ]
    level = level.mean().groupby("event_id").first()
    group = rows["rest"].groupby(rows["event_id"])
    return pd.DataFrame(
        {
            "amplitude_scatter": _spread_by(rows["rest"], rows["event_id"]).where(group.size() > 2),
            "amplitude_worst": rows["rest"].abs().groupby(rows["event_id"]).max().where(group.size() > 2) / scale,
            "s_over_p_least": (ratio - ratio.median()).groupby("event_id").min(),
            "magnitude_residual": _magnitude_residual(level, events.set_index("event_id")["magnitude"]),
        }
    )


def _magnitude_residual(level: pd.Series, magnitude: pd.Series) -> pd.Series:
    """Absolute deviation from a line through magnitude against amplitude level, fitted without its outliers."""
    y = magnitude.reindex(level.index)
    known = level.index[y.notna()]
    if len(known) < 10 or level[known].nunique() < 3:
        return pd.Series(np.nan, index=level.index)
    used = known
    for _ in range(4):
        line = np.polyfit(level[used], y[used], 1)
        rest = (y - np.polyval(line, level)).abs()
        used = known[(rest[known] <= max(2.5 * 1.4826 * rest[known].median(), 0.02)).to_numpy()]
        if len(used) < 5:
            break
    return rest


def _places(out: pd.DataFrame, catalog: Catalog, pairs: pd.DataFrame) -> None:
    """Where the event lies in the network, and which stations are silent."""
    stations, events = catalog.stations.sort_values("station"), catalog.events
    if stations.empty or events.empty:
        return
    lat, lon, height = (stations[c].to_numpy() for c in ("latitude", "longitude", "elevation_m"))
    out["outside_km"] = _outside(events, lat, lon)
    working = _working(catalog, stations["station"].to_numpy())
    has = np.zeros((len(events), len(stations)), bool)
    row, column = pd.Index(events["event_id"]).get_indexer(pairs["event_id"]), pd.Index(stations["station"])
    column = column.get_indexer(pairs["station"])
    has[row[column >= 0], column[column >= 0]] = True
    reach = pairs.drop_duplicates(["event_id", "station"]).groupby("event_id")["distance_km"].quantile(0.75)
    reach = reach.reindex(out.index).to_numpy()
    for first in range(0, len(events), _CHUNK):
        some = slice(first, first + _CHUNK)
        place = (events[c].to_numpy()[some, None] for c in ("latitude", "longitude"))
        km = _distance_azimuth(*place, lat[None], lon[None])[0]
        share = 1 / (km + 1) ** 2  # Shepard (1968)
        ground = (share * height).sum(1) / share.sum(1) / 1000
        near = np.where(has[some], km, np.inf).min(1)
        expected = (working[some] | has[some]) & (km <= reach[some, None] + 0.01)
        ids = out.index[some]
        out.loc[ids, "below_ground_km"] = events["depth_km"].to_numpy()[some] + ground
        silent = np.where(np.isfinite(near), (working[some] & ~has[some] & (km < near[:, None])).sum(1), np.nan)
        out.loc[ids, "nearer_silent"] = silent
        with np.errstate(invalid="ignore"):
            out.loc[ids, "missing_share"] = (expected & ~has[some]).sum(1) / np.where(
                expected.any(1), expected.sum(1), np.nan
            )


def _outside(events: pd.DataFrame, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    from scipy.spatial import ConvexHull

    scale = np.array([111.2, 111.2 * np.cos(np.radians(lat.mean()))])
    xy = (np.column_stack([lat, lon]) - [lat.mean(), lon.mean()]) * scale
    if len(xy) < 3 or np.linalg.matrix_rank(xy - xy[0], tol=0.1) < 2:
        return np.full(len(events), np.nan)
    at = (events[["latitude", "longitude"]].to_numpy() - [lat.mean(), lon.mean()]) * scale
    planes = ConvexHull(xy).equations
    return np.maximum((at @ planes[:, :2].T + planes[:, 2]).max(1), 0.0)


def _working(catalog: Catalog, names: np.ndarray) -> np.ndarray:
    """Whether each station has a pick within two hours of each event, (events, stations)."""
    time = catalog.events["time"].astype(UTC_DTYPE).astype("int64").to_numpy()
    wide = _WORKING // pd.Timedelta("1us")
    picks = {
        s: np.sort(t.astype(UTC_DTYPE).astype("int64").to_numpy()) for s, t in catalog.picks.groupby("station")["time"]
    }
    none = np.zeros(0, np.int64)
    found = [picks.get(name, none) for name in names]
    return np.stack([np.searchsorted(t, time + wide) > np.searchsorted(t, time - wide) for t in found], axis=1)


def _neighbours(out: pd.DataFrame, events: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """The event most alike, and picks in common."""
    left, right, dt_s = near_in_time(events["time"], events["time"], _WITHIN_S)
    left, right, dt_s = (v[left != right] for v in (left, right, dt_s))
    lat, lon, depth = (events[c].to_numpy() for c in ("latitude", "longitude", "depth_km"))
    km = _distance_azimuth(lat[left], lon[left], lat[right], lon[right])[0]
    error = np.minimum(events["horizontal_error_km"].fillna(0.0).to_numpy(), _MOST_ERROR_KM)
    error = np.hypot(error[left], error[right])
    apart = np.sqrt(
        (dt_s / np.hypot(NEIGHBOUR_S, error / _KM_S)) ** 2
        + (km / np.hypot(NEIGHBOUR_KM, error)) ** 2
        + ((depth[left] - depth[right]) / NEIGHBOUR_DEPTH_KM) ** 2
    )
    # of two events of as many picks the one with the larger rms counts as the smaller, so that only one of them gives way
    size = (out["n_p"] + out["n_s"]).fillna(0.0).to_numpy()
    rank = np.empty(len(out))
    rank[np.lexsort((-out.index.to_numpy(), -out["rms_s"].fillna(np.inf).to_numpy(), size))] = np.arange(len(out))
    size = np.maximum(size, 1.0) * (1 + 1e-3 * rank / max(len(out), 1))
    pair = pd.DataFrame({"e": left, "other": right, "apart": apart, "size": size[right] / size[left]})
    best = pair.sort_values(["e", "apart", "size"]).drop_duplicates("e").set_index("e").reindex(range(len(out)))
    out["neighbour"] = best["apart"].fillna(FARTHEST).clip(upper=FARTHEST).to_numpy()
    close = best["apart"].to_numpy() < FARTHEST
    out["neighbour_size"] = np.where(close, np.log2(best["size"].clip(1 / 64, 64)).to_numpy(), 0.0)
    out["neighbour_overlap"] = 0.0
    if pairs.empty:
        return
    ids = out.index.to_numpy()
    near = pd.DataFrame({"event_id": ids[close], "other": ids[best["other"].to_numpy()[close].astype(int)]})
    at = pairs[["event_id", "station"]].drop_duplicates()
    both = near.merge(at, on="event_id").merge(at.rename(columns={"event_id": "other"}), on=["other", "station"])
    share = both.groupby("event_id").size() / at.groupby("event_id").size()
    out["neighbour_overlap"] = share.reindex(out.index).fillna(0.0)
    event = pairs["event_id"].to_numpy()
    count = pairs.groupby("event_id").size()
    twice = pairs[["event_id", "pick_id"]].merge(pairs[["event_id", "pick_id"]], on="pick_id", suffixes=("", "_other"))
    twice = twice[twice["event_id"] != twice["event_id_other"]]
    rows = pairs.reset_index(drop=True)
    timed = rows.index[rows["time"].notna()].to_numpy()
    channel = rows.groupby(["station", "phase"]).ngroup().to_numpy()[timed]
    time = rows["time"].iloc[timed]
    a, b, _ = near_in_time(time, time, _COINCIDENT_S, channel, channel)
    beside = pd.DataFrame({"event_id": event[timed[a]], "event_id_other": event[timed[b]], "row": timed[a]})
    beside = beside[beside["event_id"] != beside["event_id_other"]].drop_duplicates()
    for name, found in (("shared_picks", twice), ("coincident_picks", beside)):
        most = found.groupby(["event_id", "event_id_other"]).size().groupby("event_id").max()
        out[name] = (most.reindex(count.index).fillna(0.0) / count).reindex(out.index)
