"""Local magnitudes from amplitudes: a scale with its distance correction and station terms, its calibration, and magnitudes with their errors.

``ml = (log10(amplitude) + spreading * log10(r / 100 km) + attenuation_per_km * (r - 100 km) + offset + station term) / slope``, r the hypocentral distance
(Hutton and Boore 1987, BSSA 77, 2074). An event's magnitude is the median over its stations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog

CUT = 3.0  # readings farther off than so many scatters are outliers
FEWEST_STATIONS = 3
_FEWEST_EVENTS, _FEWEST_READINGS, _LEAST_SCATTER = 20, 5, 0.05
_MEDIAN = np.sqrt(np.pi / 2)  # standard error of a median over that of a mean


@dataclass(frozen=True)
class MagnitudeScale:
    """How an amplitude becomes a magnitude.

    Attributes:
        spreading, attenuation_per_km, offset, slope: see the formula of this module.
        min_km, max_km: hypocentral distances that the scale was made for; readings outside are refused.
        unit: of the amplitudes, "mm" on a Wood-Anderson or "m/s".
        station_terms: added at each station; stations without one get none.
        scatter: standard deviation of single stations around the event, in units of magnitude.
        errors: standard errors of the calibrated parameters, by name; empty for a published scale.
        name: for people.
    """

    spreading: float = 1.110
    attenuation_per_km: float = 0.00189
    offset: float = 3.0
    slope: float = 1.0
    min_km: float = 10.0
    max_km: float = 700.0
    unit: str = "mm"
    station_terms: dict[str, float] = field(default_factory=dict)
    scatter: float = 0.25
    errors: dict[str, float] = field(default_factory=dict)
    name: str = "Hutton and Boore (1987)"

    def correction(self, distance_km) -> np.ndarray:
        """What distance takes from log10 of the amplitude: -log A0 of Richter's scale where the slope is 1."""
        r = np.asarray(distance_km, float)
        return self.spreading * np.log10(r / 100) + self.attenuation_per_km * (r - 100) + self.offset

    def magnitude(self, amplitude, distance_km, station=None) -> np.ndarray:
        """Magnitudes of single readings; ``station`` (codes) adds the station terms."""
        terms = 0.0 if station is None else pd.Series(station).map(self.station_terms).fillna(0.0).to_numpy()
        return (np.log10(np.asarray(amplitude, float)) + self.correction(distance_km) + terms) / self.slope


HUTTON_BOORE = MagnitudeScale()


@dataclass(frozen=True)
class MagnitudeRun:
    """Magnitudes of a catalog, and what became of every reading and event.

    Attributes:
        catalog: events have magnitude, magnitude_type ("ML"), ``magnitude_error`` and ``magnitude_stations``; those without
            a magnitude keep what they had.
        readings: those that came in, with ``magnitude``, ``residual`` (to the event's magnitude) and ``reason``; those that
            count have an empty reason.
        outcomes: event_id, ``outcome`` ("magnitude", "no reading", "fewer than 3 stations").
        scale: the scale that was used.
    """

    catalog: Catalog
    readings: pd.DataFrame
    outcomes: pd.DataFrame
    scale: MagnitudeScale

    def summary(self) -> str:
        """Counts of events and readings, in words."""
        lines = [f"{name}: {n}" for name, n in self.outcomes["outcome"].value_counts().items()]
        used = self.readings["reason"] == ""
        out = [f"{len(self.outcomes)} events ({'; '.join(lines)})", f"scale: {self.scale.name}"]
        out.append(f"{int(used.sum())} of {len(self.readings)} readings used")
        out += [f"  {n} left out: {why}" for why, n in self.readings.loc[~used, "reason"].value_counts().items()]
        return "\n".join(out)


def local_magnitudes(catalog: Catalog, readings: pd.DataFrame, scale: MagnitudeScale = HUTTON_BOORE) -> MagnitudeRun:
    """Magnitudes of the events of a catalog from readings of :mod:`course_utils.catalog.amplitudes`.

    Readings more than three scatters from the median of their event are left out once. The standard error of a magnitude is that of a median over
    its stations, whose scatter is the scale's, corrected by the event's own readings as far as there are many; what all stations have in common (the
    scale itself, the depth) is not in it. Small events are read where they are heard best: without station terms their magnitudes come out high.

    Raises:
        ValueError: readings lack a column, or their unit is not the scale's.
    """
    rows = _checked(readings, scale.unit)
    good = (rows["reason"] == "").to_numpy()
    outside = good & ~rows["distance_km"].between(scale.min_km, scale.max_km).to_numpy()
    rows.loc[outside, "reason"] = "distance outside the scale's"
    good = good & ~outside
    rows["magnitude"] = np.nan
    used = rows[good]
    rows.loc[good, "magnitude"] = scale.magnitude(used["amplitude"], used["distance_km"], used["station"].to_numpy())
    for last in (False, True):
        middle = rows[rows["reason"] == ""].groupby("event_id")["magnitude"].median()
        rows["residual"] = rows["magnitude"] - rows["event_id"].map(middle)
        if not last:
            rows.loc[(rows["reason"] == "") & (rows["residual"].abs() > CUT * scale.scatter), "reason"] = "outlier"
    used = rows[rows["reason"] == ""].groupby("event_id")
    count, squares = used.size(), used["residual"].agg(lambda r: float(np.square(r).sum()))
    prior = 5  # the scale's scatter counts as much as so many stations
    spread = np.sqrt((prior * scale.scatter**2 + squares) / (prior + count - 1))
    result = pd.DataFrame({"magnitude": middle, "error": _MEDIAN * spread / np.sqrt(count), "n": count})
    enough = result[result["n"] >= FEWEST_STATIONS]
    events = catalog.events.copy()
    mine = events["event_id"].isin(enough.index)
    ids = events.loc[mine, "event_id"]
    for column in ("magnitude_error", "magnitude_stations"):
        events[column] = events.get(column, np.nan)
    events.loc[mine, "magnitude_type"] = "ML"
    for column, name in (("magnitude", "magnitude"), ("magnitude_error", "error"), ("magnitude_stations", "n")):
        events.loc[mine, column] = ids.map(enough[name]).astype(float)
    seen = events["event_id"].isin(result.index)
    words = np.select([mine, seen], ["magnitude", f"fewer than {FEWEST_STATIONS} stations"], "no reading")
    outcomes = pd.DataFrame({"event_id": events["event_id"], "outcome": words})
    return MagnitudeRun(catalog.replace(events=events), rows, outcomes, scale)


def calibrate(readings: pd.DataFrame, magnitudes: pd.Series | None = None, name: str = "calibrated") -> MagnitudeScale:
    """A scale of your own: distance correction and station terms from the readings of many events at many stations.

    Least squares for spreading, attenuation, station terms (zero mean) and the events' magnitudes, reweighted by Tukey's biweight so that outliers
    drop out. Attenuation that comes out negative is set to zero. Readings alone cannot say how large an event of magnitude 3 is: the level is set so that the
    correction, on average over the readings, is that of Hutton and Boore (1987), and the mean magnitude stays. With known ``magnitudes`` their scale
    is taken over instead, its level and its ``slope``; this also gives amplitudes in m/s a scale.

    Args:
        readings: as of :func:`course_utils.catalog.amplitudes.wood_anderson` or ``from_picks``; rows with a reason are left out.
        magnitudes: known magnitudes by event_id, at least 20; their own errors are taken as small.

    Raises:
        ValueError: fewer than 20 events at 3 stations or more, or distances that span less than a factor of 2.
    """
    rows = _checked(readings)
    rows = rows[rows["reason"] == ""]
    if magnitudes is not None:
        rows = rows[rows["event_id"].map(magnitudes).notna()]
    rows = rows[rows.groupby("event_id")["station"].transform("size") >= FEWEST_STATIONS]
    r, events = rows["distance_km"].to_numpy(), rows["event_id"].nunique()
    if events < _FEWEST_EVENTS:
        raise ValueError(
            f"calibration needs {_FEWEST_EVENTS} events read at {FEWEST_STATIONS} stations or more, there are {events}; use a published scale"
        )
    if np.percentile(r, 95) < 2 * np.percentile(r, 5):
        raise ValueError(
            f"distances of {np.percentile(r, 5):.0f} to {np.percentile(r, 95):.0f} km cannot tell how amplitudes fall with distance; use a published scale"
        )
    units = rows["amplitude_unit"].unique()
    if len(units) > 1:
        raise ValueError(f"readings are in {' and '.join(units)}; calibrate one unit at a time")
    if magnitudes is None and units[0] != "mm":
        raise ValueError(f"amplitudes in {units[0]} have no level of their own; give known magnitudes")
    known = None if magnitudes is None else rows["event_id"].map(magnitudes).to_numpy(float)
    fit = _fit(rows, known, attenuate=True)
    if fit.value["attenuation_per_km"] < 0:
        fit = _fit(rows, known, attenuate=False)
    slope = fit.value.get("slope", 1.0)
    scale = MagnitudeScale(
        **{"attenuation_per_km": 0.0, "offset": 0.0} | fit.value,
        min_km=float(r.min()),
        max_km=float(r.max()),
        unit=str(units[0]),
        station_terms=fit.terms,
        scatter=max(fit.scatter / slope, _LEAST_SCATTER),
        errors=fit.error,
        name=f"{name} ({events} events, {rows['station'].nunique()} stations)",
    )
    if known is None:
        scale = replace(scale, offset=float(np.mean(HUTTON_BOORE.correction(r) - scale.correction(r))))
    return scale


@dataclass(frozen=True)
class _Fit:
    value: dict[str, float]
    error: dict[str, float]
    terms: dict[str, float]
    scatter: float  # of log10 amplitude


def _fit(rows: pd.DataFrame, known: np.ndarray | None, attenuate: bool) -> _Fit:
    """log10 amplitude = slope * magnitude - correction - station term, by reweighted least squares."""
    y, r = np.log10(rows["amplitude"].to_numpy()), rows["distance_km"].to_numpy()
    counts = rows["station"].value_counts()
    stations = sorted(counts.index[counts >= _FEWEST_READINGS])  # the others say too little, and get no term
    columns = {"spreading": -np.log10(r / 100)}
    if attenuate:
        columns["attenuation_per_km"] = -(r - 100)
    if known is not None:
        columns |= {"slope": known, "offset": -np.ones(len(r))}
    names = list(columns)
    at = np.column_stack(
        [*columns.values(), -(rows["station"].to_numpy()[:, None] == np.array(stations)).astype(float)]
    )
    event = pd.factorize(rows["event_id"])[0]
    weight = np.ones(len(y))
    freedom = at.shape[1] - 1 + (0 if known is not None else event.max() + 1)  # the mean of the terms is no parameter
    if len(y) <= freedom + _FEWEST_READINGS:
        raise ValueError(f"{len(y)} readings for {freedom} unknowns; calibration needs more stations per event")
    for _ in range(30):
        a, b = at, y
        if known is None:  # events' magnitudes drop out with the weighted mean of each
            total = np.bincount(event, weight)
            means = [np.bincount(event, weight * c) / np.maximum(total, 1e-12) for c in (y, *at.T)]
            b, a = y - means[0][event], at - np.column_stack(means[1:])[event]
        root = np.sqrt(weight)
        solution = np.linalg.lstsq(a * root[:, None], b * root, rcond=1e-10)[0]
        residual = b - a @ solution
        scatter = 1.4826 * np.median(np.abs(residual)) * np.sqrt(len(y) / (len(y) - freedom))
        before, weight = weight, np.maximum(1 - (residual / (4.685 * max(scatter, 1e-6))) ** 2, 0.0) ** 2
        if np.abs(weight - before).max() < 1e-4:
            break
    covariance = scatter**2 * np.linalg.pinv((a * weight[:, None]).T @ a, rcond=1e-12)
    value = dict(zip(names, map(float, solution), strict=False))
    error = dict(zip(names, map(float, np.sqrt(covariance.diagonal())), strict=False))
    terms = solution[len(names) :]
    if known is not None:
        value["offset"] += float(terms.mean())
    return _Fit(value, error, dict(zip(stations, map(float, terms - terms.mean()), strict=True)), float(scatter))


def _checked(readings: pd.DataFrame, unit: str | None = None) -> pd.DataFrame:
    """A copy with reasons for what cannot be used."""
    needed = {"event_id", "station", "distance_km", "amplitude", "amplitude_unit", "reason"}
    if missing := sorted(needed - set(readings.columns)):
        raise ValueError(f"readings have no column {', '.join(missing)}; take them from wood_anderson or from_picks")
    rows = readings.reset_index(drop=True).copy()
    twice = rows.duplicated(["event_id", "station"]).to_numpy()
    if twice.any():
        raise ValueError(f"readings row {int(twice.argmax())}: event and station stand twice; drop one of the rows")
    usable = rows["reason"] == ""
    if unit and (other := set(rows.loc[usable, "amplitude_unit"]) - {unit}):
        raise ValueError(
            f"amplitudes are in {other.pop()}, the scale is for {unit}; calibrate one with known magnitudes"
        )
    bad = usable & ~((rows["amplitude"] > 0) & np.isfinite(rows["amplitude"]) & (rows["distance_km"] > 0))
    rows.loc[bad, "reason"] = "no amplitude or distance"
    return rows
