"""Local Cartesian coordinates around a network, and distances on the ellipsoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class LocalFrame:
    """Azimuthal equidistant projection (WGS84) around a point: x east and y north, in km.

    Distances from the centre are exact; between two points 200 km off centre they are wrong by less than
    one part in 1,000 (Snyder 1987, Map projections, USGS Professional Paper 1395).
    """

    latitude: float
    longitude: float

    @classmethod
    def around(cls, stations: pd.DataFrame) -> LocalFrame:
        """Frame centred on the middle of the stations; ValueError without stations."""
        if not len(stations):
            raise ValueError("stations: the table is empty; a local frame needs at least one station")
        # the mean of unit vectors is right on both sides of the date line
        lat, lon = np.radians(stations["latitude"].to_numpy()), np.radians(stations["longitude"].to_numpy())
        x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
        return cls(float(np.degrees(np.arctan2(z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x))))

    @cached_property
    def _projection(self):
        from pyproj import Proj

        return Proj(proj="aeqd", lat_0=self.latitude, lon_0=self.longitude, datum="WGS84", units="km")

    def to_xy_km(self, latitude, longitude) -> tuple[np.ndarray, np.ndarray]:
        """East and north coordinates in km, shaped as the input."""
        return self._project(longitude, latitude)

    def to_geographic(self, x_km, y_km) -> tuple[np.ndarray, np.ndarray]:
        """Latitude and longitude in degrees, shaped as the input."""
        longitude, latitude = self._project(x_km, y_km, inverse=True)
        return latitude, longitude

    def _project(self, first, second, inverse: bool = False) -> tuple[np.ndarray, np.ndarray]:
        first, second = np.broadcast_arrays(np.asarray(first, float), np.asarray(second, float))
        if first.size == 1:  # pyproj turns arrays of one value into scalars, which NumPy is about to refuse
            pair = self._projection(first.item(), second.item(), inverse=inverse)
            return tuple(np.full(first.shape, value) for value in pair)
        return self._projection(first, second, inverse=inverse)


def distance_azimuth(latitude, longitude, to_latitude, to_longitude) -> tuple[np.ndarray, np.ndarray]:
    """Geodesic distance in km and azimuth in degrees (0 to 360, clockwise from north); arguments broadcast.

    Karney (2013), Algorithms for geodesics, J. Geodesy 87.
    """
    from pyproj import Geod

    a, b, c, d = np.broadcast_arrays(*(np.asarray(v, float) for v in (longitude, latitude, to_longitude, to_latitude)))
    # lists, since pyproj takes an array of length one for a scalar, which NumPy is about to refuse
    azimuth, _, distance = Geod(ellps="WGS84").inv(*(v.ravel().tolist() for v in (a, b, c, d)))
    return np.reshape(distance, a.shape) / 1000.0, np.mod(np.reshape(azimuth, a.shape), 360.0)


def azimuthal_gap(azimuths_deg) -> float:
    """Largest angle in degrees between neighbouring azimuths; 360 for fewer than two of them."""
    azimuths = np.unique(np.mod(np.asarray(azimuths_deg, float), 360.0))
    if len(azimuths) < 2:
        return 360.0
    return float(np.diff(np.append(azimuths, azimuths[0] + 360.0)).max())
