"""The Earth and the search region as the likelihood needs them, and the location of many events in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from course_utils.catalog.tables import conform
from course_utils.earth import LocalFrame, azimuthal_gap, sample
from course_utils.earth.traveltime import TravelTimes
from course_utils.location import kernels, likelihood
from course_utils.location.arrivals import USED_WEIGHT, corrected, spans
from course_utils.location.settings import LocationSettings

ELLIPSE_68 = 2.2789  # chi-square, 2 degrees of freedom, at 0.68
ELLIPSOID_68 = 3.5059  # 3 degrees of freedom
_GROUND_NODES = 48


@dataclass(frozen=True)
class Solution:
    """Hypocenters and uncertainties of all events, arrays of one length (the covariance (events, 3, 3), km^2).

    ``x_km`` east, ``y_km`` north in the locator's frame, ``depth_km`` below sea level, ``time_us`` since 1970. ``mean``
    and ``covariance`` are moments of the posterior. ``limit`` says at which bound of the search an event lies
    ("ground", "bottom", "side"), ``reason`` why one could not be located; both are empty otherwise.
    """

    found: np.ndarray
    reason: np.ndarray
    limit: np.ndarray
    x_km: np.ndarray
    y_km: np.ndarray
    depth_km: np.ndarray
    time_us: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    horizontal_error_km: np.ndarray
    depth_error_km: np.ndarray
    rms_s: np.ndarray
    azimuthal_gap_deg: np.ndarray
    n_p: np.ndarray
    n_s: np.ndarray
    effective_samples: np.ndarray

    @classmethod
    def blank(cls, n: int) -> Solution:
        """Nothing located yet."""
        numbers = {name: np.full(n, np.nan) for name in cls.__dataclass_fields__}
        text = {name: np.full(n, "", dtype=object) for name in ("reason", "limit")}
        return cls(
            **{
                **numbers,
                **text,
                "found": np.zeros(n, bool),
                "time_us": np.zeros(n, np.int64),
                "mean": np.full((n, 3), np.nan),
                "covariance": np.full((n, 3, 3), np.nan),
            }
        )


class Locator:
    """Locates events of one network in one velocity model; build it once, use it for many catalogs.

    Args:
        stations: stations table.
        velocity: velocity table.
        settings: see :class:`LocationSettings`.
        corrections: station terms to add to predicted times: station, phase, term_s.
    """

    def __init__(self, stations, velocity, settings: LocationSettings | None = None, corrections=None):
        self.settings = settings or LocationSettings()
        self.stations = conform(stations, "stations")
        self.velocity = conform(velocity, "velocity")
        if not len(self.velocity):
            raise ValueError("velocity: the table is empty; locating needs a velocity model")
        if len(self.stations) < self.settings.min_stations:
            raise ValueError(
                f"stations: {len(self.stations)} rows; locating needs {self.settings.min_stations} stations"
            )
        self.corrections = corrections
        self.frame = LocalFrame.around(self.stations)
        self.x_km, self.y_km = self.frame.to_xy_km(self.stations["latitude"], self.stations["longitude"])
        widths = np.ptp(self.x_km), np.ptp(self.y_km)
        margin = self.settings.margin_km
        margin = float(np.clip(0.5 * max(widths), 20.0, 100.0)) if margin is None else margin
        bottom = self.settings.max_depth_km
        bottom = float(np.clip(self.velocity["depth_km"].max(), 15.0, 100.0)) if bottom is None else bottom
        reach = float(np.hypot(*(w + margin for w in widths))) * 1.02 + 1.0
        spacing = None if reach < 250.0 else min(reach / 500.0, 1.0)
        self.times = TravelTimes.build(self.stations, self.velocity, reach, bottom, spacing)
        top, spacing = self.times.section.top_km, self.times.section.spacing_km
        rows = top + spacing * np.arange(self.times.tables["P"].shape[1])
        vp, vs = sample(self.velocity, rows)
        self._tables = (self.times.tables["P"], self.times.tables["S"], top, spacing, 1.0 / vp, 1.0 / vs)
        self._ground = self._ground_surface(margin)
        bounds = [
            self.x_km.min() - margin,
            self.x_km.max() + margin,
            self.y_km.min() - margin,
            self.y_km.max() + margin,
            float(self._ground[0].min()),
            bottom,
        ]
        edge = max((bounds[1] - bounds[0]) / 20, (bounds[3] - bounds[2]) / 20, 1.0)
        self.box = np.array([*bounds, edge])

    def _ground_surface(self, margin: float):
        """Depth of the ground on a grid, from the stations' heights by inverse squared distance (Shepard 1968)."""
        width = max(np.ptp(self.x_km), np.ptp(self.y_km)) + 2 * margin
        step = width / (_GROUND_NODES - 1)
        x0, y0 = (0.5 * (v.min() + v.max() - width) for v in (self.x_km, self.y_km))
        gx, gy = np.meshgrid(x0 + step * np.arange(_GROUND_NODES), y0 + step * np.arange(_GROUND_NODES))
        near = 1.0 / ((gx[..., None] - self.x_km) ** 2 + (gy[..., None] - self.y_km) ** 2 + step**2)
        height = (near * self.stations["elevation_m"].to_numpy()).sum(-1) / near.sum(-1) / 1000.0
        return -height, float(x0), float(y0), float(step)

    def ground_km(self, x_km: float, y_km: float) -> float:
        """Depth of the ground below sea level in km (negative on land), the shallowest depth an event may have."""
        return float(likelihood.ground_depth(float(x_km), float(y_km), *self._ground))

    def columns(self, arrivals: pd.DataFrame) -> dict[str, np.ndarray]:
        """The columns of arrivals that :meth:`event_arrays` reads, as arrays, station terms among them."""
        out = {c: arrivals[c].to_numpy() for c in ("station_index", "code", "time_us", "error_s", "used")}
        out["term"] = corrected(arrivals, self.corrections)
        return out

    def event_arrays(self, columns: dict[str, np.ndarray], rows: np.ndarray) -> tuple[tuple, int]:
        """Used arrivals of one event as the kernels take them, and the time in microseconds they count from."""
        at, times = columns["station_index"][rows], columns["time_us"][rows]
        reference = int(times.min())
        observed = (times - reference) / 1e6 - columns["term"][rows]
        code = columns["code"][rows]
        arrays = (self.x_km[at], self.y_km[at], code, self.times.level[at], observed, columns["error_s"][rows])
        return arrays, reference

    @property
    def _method(self) -> int:
        return likelihood.EDT if self.settings.method == "edt" else likelihood.L2

    @property
    def model_error(self) -> np.ndarray:
        """Fraction, least and largest standard error of predicted times, and the correlation of errors."""
        s = self.settings
        return np.array([s.model_error_fraction, s.model_error_min_s, s.model_error_max_s, s.error_correlation])

    def model_spread(self, times_s: np.ndarray, code: int) -> np.ndarray:
        """Standard error in s of predicted P (code 0) or S (code 1) times."""
        out = np.zeros(np.size(times_s))
        times = np.ravel(times_s).astype(float)
        likelihood.total_variance(times, np.full(out.size, code), np.zeros(out.size), self.model_error, 0.0, 0.0, out)
        return np.sqrt(out).reshape(np.shape(times_s))

    def run_event(self, arrays, samples: int, seed: int):
        """Run the compiled search on one event's arrays; returns its result, residuals and weights."""
        residual, weight = np.empty(len(arrays[0])), np.empty(len(arrays[0]))
        rng = np.random.default_rng(seed)
        result = kernels.locate_event(
            self._method,
            self.box,
            *arrays,
            self.model_error,
            self._tables,
            self._ground,
            samples,
            rng,
            residual,
            weight,
        )
        return result, residual, weight

    def density(self, arrays, points: np.ndarray, peak: np.ndarray) -> np.ndarray:
        """Log-likelihood at points (n, 3) relative to that at the maximum ``peak``."""
        return kernels.density(
            self._method, np.ascontiguousarray(points), peak, *arrays, self.model_error, self._tables, self._ground
        )

    def arrival_times(self, x_km, y_km, depth_km) -> np.ndarray:
        """Travel times in s with station terms from points (n,) to all stations, shape (2 phases, n, stations)."""
        distance = np.hypot(np.asarray(x_km)[:, None] - self.x_km, np.asarray(y_km)[:, None] - self.y_km)
        index = np.broadcast_to(np.arange(len(self.stations)), distance.shape)
        depth = np.broadcast_to(np.asarray(depth_km)[:, None], distance.shape)
        out = np.stack([self.times.times(phase, index, distance, depth) for phase in ("P", "S")])
        names = self.stations["station"]
        for code, phase in enumerate(("P", "S")):
            out[code] += corrected(pd.DataFrame({"station": names, "phase": phase}), self.corrections)
        return out

    def solve(
        self, arrivals: pd.DataFrame, event_ids: np.ndarray, only=None, previous: Solution | None = None
    ) -> tuple[Solution, pd.DataFrame]:
        """Locate every event (or those of the mask ``only``, the others as in ``previous``).

        Returns the solution and the arrivals with residual_s, weight, distance_km and azimuth_deg.
        """
        n = len(event_ids)
        out = (
            Solution.blank(n)
            if previous is None
            else replace(previous, **{k: getattr(previous, k).copy() for k in Solution.__dataclass_fields__})
        )
        arrivals = arrivals.copy()
        results = {}
        for name in ("residual_s", "weight", "distance_km", "azimuth_deg"):
            results[name] = arrivals[name].to_numpy(copy=True) if name in arrivals else np.full(len(arrivals), np.nan)
        starts = spans(arrivals["event"].to_numpy(), n)
        columns = self.columns(arrivals)
        for e in range(n) if only is None else np.flatnonzero(only):
            rows = np.arange(starts[e], starts[e + 1])
            self._solve_one(e, int(event_ids[e]), rows, columns, results, out)
        for name, values in results.items():
            arrivals[name] = values
        return out, arrivals

    def _solve_one(self, e, event_id, rows, columns, results, out: Solution) -> None:
        for name, values in results.items():
            values[rows] = 0.0 if name == "weight" else np.nan
        rows = rows[columns["used"][rows]]
        out.found[e], out.limit[e] = False, ""
        out.reason[e] = self.refusal(columns, rows)
        if out.reason[e]:
            return
        arrays, reference = self.event_arrays(columns, rows)
        seed = (event_id ^ (self.settings.seed * 2654435761)) & 0x7FFFFFFF
        (found, best, origin, points, share, _, n_eff), residual, weight = self.run_event(
            arrays, self.settings.samples, seed
        )
        if not found:
            out.reason[e] = "no place below ground and inside the travel-time tables"
            return
        out.found[e] = True
        out.x_km[e], out.y_km[e], out.depth_km[e] = best
        out.time_us[e] = reference + round(origin * 1e6)
        out.limit[e] = self._limit(best)
        mean = share @ points
        centred = points - mean
        covariance = (share[:, None] * centred).T @ centred
        out.mean[e], out.covariance[e] = mean, covariance
        out.horizontal_error_km[e] = np.sqrt(ELLIPSE_68 * np.linalg.eigvalsh(covariance[:2, :2]).max())
        out.depth_error_km[e] = half_width(points[:, 2], share)
        out.effective_samples[e] = n_eff
        out.rms_s[e] = np.sqrt((weight * residual**2).sum() / weight.sum())
        east, north, code = arrays[0] - best[0], arrays[1] - best[1], arrays[2]
        azimuth = np.mod(np.degrees(np.arctan2(east, north)), 360.0)
        counts = weight >= USED_WEIGHT
        out.azimuthal_gap_deg[e] = azimuthal_gap(azimuth[counts])
        out.n_p[e], out.n_s[e] = (counts & (code == 0)).sum(), (counts & (code == 1)).sum()
        results["residual_s"][rows], results["weight"][rows] = residual, weight
        results["distance_km"][rows], results["azimuth_deg"][rows] = np.hypot(east, north), azimuth

    def refusal(self, columns, rows) -> str:
        """Why an event with these arrivals cannot be located; empty when it can."""
        least, fewest = self.settings.min_arrivals, self.settings.min_stations
        if len(rows) < least:
            return f"{len(rows)} arrivals, fewer than min_arrivals {least}"
        n_stations = len(np.unique(columns["station_index"][rows]))
        if n_stations < fewest:
            return f"arrivals at {n_stations} stations, fewer than min_stations {fewest}"
        spread = float(np.ptp(columns["time_us"][rows])) / 1e6
        if spread > 2.0 * float(self.times.tables["S"].max()):
            return f"arrivals spread over {spread:.0f} s, more than waves need across the network"
        return ""

    def _limit(self, point) -> str:
        x, y, z = point
        near = 0.02
        if z <= self.ground_km(x, y) + near:
            return "ground"
        if z >= self.box[5] - near:
            return "bottom"
        inside = self.box[0] < x < self.box[1] and self.box[2] < y < self.box[3]
        return "" if inside else "side"


def half_width(values: np.ndarray, share: np.ndarray, probability: float = 0.68) -> float:
    """Half the width of the central interval that holds ``probability`` of weighted values."""
    order = np.argsort(values)
    middle = np.cumsum(share[order]) - 0.5 * share[order]
    low, high = np.interp([0.5 - probability / 2, 0.5 + probability / 2], middle, values[order])
    return float(high - low) / 2.0
