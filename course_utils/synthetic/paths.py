"""True rays between the events and the stations of a world: through the true medium, not the published one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.earth.coordinates import LocalFrame, distance_azimuth
from course_utils.earth.traveltime import TravelTimes
from course_utils.earth.velocity import sample
from course_utils.synthetic.medium import TrueMedium
from course_utils.synthetic.path import Ray
from course_utils.synthetic.seismicity import CENTRE, Event

# one grid for all worlds: a station's arrivals must not depend on which other stations a world has
MAX_DEPTH_KM = 46.0
MAX_DISTANCE_KM = 240.0
SPACING_KM = 0.3
HIGHEST_M = 1500.0

# ak135 (Kennett, Engdahl and Buland 1995, GJI 122), source at 20 km: distance in degrees, P and S time in s,
# angles of incidence of P and S at the surface in degrees
_AK135 = np.array(
    [
        (30, 367.2, 664.1, 27.5, 29.2),
        (40, 453.3, 817.8, 25.7, 27.8),
        (50, 532.8, 962.5, 23.3, 25.7),
        (60, 605.1, 1096.6, 21.0, 23.6),
        (70, 670.1, 1219.5, 18.7, 21.4),
        (80, 727.9, 1330.8, 16.4, 19.1),
        (90, 778.0, 1429.9, 14.0, 16.8),
    ]
)


@dataclass(frozen=True)
class Paths:
    """Rays of all pairs as arrays of shape (events, stations); times in s after the origin time, angles in degrees.

    ``s_time_s`` is NaN where there is no S. Velocities are those at the source, shape (events,).
    """

    distance_km: np.ndarray
    azimuth_deg: np.ndarray
    hypocentral_km: np.ndarray
    p_time_s: np.ndarray
    s_time_s: np.ndarray
    takeoff_p_deg: np.ndarray
    takeoff_s_deg: np.ndarray
    incidence_p_deg: np.ndarray
    incidence_s_deg: np.ndarray
    vp_km_s: np.ndarray
    vs_km_s: np.ndarray

    def ray(self, event: int, station: int) -> Ray:
        """The ray of one pair."""
        fields = Ray.__dataclass_fields__
        pair = {n: float(getattr(self, n)[event, station]) for n in fields if n in self._PAIRS}
        return Ray(**pair, vp_km_s=float(self.vp_km_s[event]), vs_km_s=float(self.vs_km_s[event]))

    _PAIRS = (
        "distance_km",
        "azimuth_deg",
        "hypocentral_km",
        "p_time_s",
        "s_time_s",
        "takeoff_p_deg",
        "takeoff_s_deg",
        "incidence_p_deg",
        "incidence_s_deg",
    )


def true_paths(events: list[Event], stations: pd.DataFrame, medium: TrueMedium) -> Paths:
    """Rays from every event to every station: eikonal first arrivals in the true layers, plus the delays of the
    lateral field and of the stations."""
    lat, lon, depth = np.array([(e.latitude, e.longitude, e.depth_km) for e in events]).reshape(-1, 3).T
    far = np.array([e.source.kind == "teleseism" for e in events], bool)
    distance, azimuth = distance_azimuth(
        lat[:, None], lon[:, None], stations["latitude"].to_numpy()[None], stations["longitude"].to_numpy()[None]
    )
    station = np.arange(len(stations))[None, :]
    height = stations["elevation_m"].to_numpy()[None, :] / 1000.0
    near = distance[~far]
    table = _table(stations, medium)
    shape = distance.shape
    values = {name: np.full(shape, np.nan) for name in Paths._PAIRS}
    values["distance_km"], values["azimuth_deg"] = distance, azimuth
    values["hypocentral_km"] = np.hypot(distance, depth[:, None] + height)
    vp, vs = sample(medium.velocity, depth)
    frame: LocalFrame = CENTRE
    x0, y0 = frame.to_xy_km(lat[~far], lon[~far])
    x1, y1 = frame.to_xy_km(stations["latitude"], stations["longitude"])
    terms = medium.station_terms_s(stations)
    for phase in ("P", "S"):
        small = phase.lower()
        where = (station, near, depth[~far, None])
        time = table.times(phase, *where)
        time = time + medium.delay_s(phase, x0[:, None], y0[:, None], x1[None], y1[None], time) + terms[phase][None]
        values[f"{small}_time_s"][~far] = time
        values[f"takeoff_{small}_deg"][~far] = table.takeoff_deg(phase, *where)
        values[f"incidence_{small}_deg"][~far] = table.incidence_deg(phase, *where)
    _teleseismic(values, far, distance, terms)
    silent = np.array([e.source.kind == "surface event" for e in events], bool)
    values["s_time_s"][silent] = np.nan
    return Paths(**values, vp_km_s=vp, vs_km_s=vs)


def _table(stations: pd.DataFrame, medium: TrueMedium) -> TravelTimes:
    if stations["elevation_m"].max() > HIGHEST_M:
        raise ValueError(f"a station lies above {HIGHEST_M:.0f} m; raise HIGHEST_M")
    # an imaginary summit fixes the top of the grid
    summit = stations.iloc[:1].assign(station="SUMMIT", elevation_m=HIGHEST_M)
    return TravelTimes.build(
        pd.concat([stations, summit], ignore_index=True), medium.velocity, MAX_DISTANCE_KM, MAX_DEPTH_KM, SPACING_KM
    )


def _teleseismic(values: dict, far: np.ndarray, distance_km: np.ndarray, terms: dict) -> None:
    if not far.any():
        return
    degrees = distance_km[far] / 111.19
    if degrees.min() < _AK135[0, 0] or degrees.max() > _AK135[-1, 0]:
        raise ValueError(
            f"a teleseism lies {degrees.min():.0f} to {degrees.max():.0f} degrees away; the table has 30 to 90"
        )
    p, s, ip, i_s = (np.interp(degrees, _AK135[:, 0], column) for column in _AK135.T[1:])
    values["p_time_s"][far], values["s_time_s"][far] = p + terms["P"], s + terms["S"]
    values["incidence_p_deg"][far], values["incidence_s_deg"][far] = ip, i_s
    values["takeoff_p_deg"][far], values["takeoff_s_deg"][far] = ip, i_s
