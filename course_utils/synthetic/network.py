"""The network of a synthetic world: 24 fictional stations around Cape Mendocino, on land and on the sea floor.

Network code SY is the one that the FDSN keeps for synthetic data; no station of these names exists.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from course_utils.catalog.tables import conform

NETWORK = "SY"


@dataclass(frozen=True)
class Station:
    """One station: place, instrument, sampling rate.

    Attributes:
        code: station code.
        latitude, longitude: degrees, WGS84.
        elevation_m: above sea level, negative on the sea floor.
        instrument: key of ``course_utils.synthetic.instruments.INSTRUMENTS``.
        rate_hz: samples per second.
        setting: "rock", "soil", "town" or "seafloor"; sets noise and site amplification.
    """

    code: str
    latitude: float
    longitude: float
    elevation_m: float
    instrument: str
    rate_hz: float
    setting: str

    @property
    def name(self) -> str:
        """NET.STA.LOC"""
        return f"{NETWORK}.{self.code}.00"

    @property
    def band(self) -> str:
        """Band and instrument code by the SEED convention: H or E from 80 Hz on, B below; N for accelerometers."""
        if self.rate_hz < 80:
            return "B" + self.instrument[1]
        return ("E" if self.instrument[0] == "E" else "H") + self.instrument[1]


# nearest the faults first, so that a world of fewer stations keeps a sensible network
MENDOCINO = (
    Station("FERD", 40.5690, -124.2310, 78, "HH", 100.0, "soil"),
    Station("PTRO", 40.3250, -124.2790, 110, "HH", 100.0, "rock"),
    Station("RDEL", 40.4960, -124.0560, 160, "EH", 100.0, "rock"),
    Station("KNLD", 40.7220, -123.9280, 823, "HH", 100.0, "rock"),
    Station("OBSA", 40.5420, -124.6480, -410, "BH", 100.0, "seafloor"),
    Station("BRGV", 40.4610, -123.8020, 540, "EH", 100.0, "rock"),
    Station("HNYD", 40.2290, -124.0630, 330, "HH", 40.0, "rock"),
    Station("EURK", 40.7960, -124.1580, 22, "HN", 100.0, "town"),
    Station("CMEN", 40.4390, -124.3950, 96, "HN", 100.0, "rock"),
    Station("MYRF", 40.2530, -123.8510, 245, "EP", 200.0, "rock"),
    Station("TRND", 41.0550, -124.1290, 61, "HH", 100.0, "soil"),
    Station("OBSB", 40.2700, -124.6700, -1180, "BH", 100.0, "seafloor"),
    Station("SHEL", 40.0380, -124.0410, 175, "HH", 100.0, "rock"),
    Station("MADR", 40.4170, -123.5240, 870, "EH", 100.0, "rock"),
    Station("WILO", 40.9420, -123.6530, 410, "EH", 100.0, "rock"),
    Station("GARB", 40.0610, -123.7640, 390, "HN", 100.0, "town"),
    Station("OBSC", 40.7950, -124.6050, -620, "BH", 100.0, "seafloor"),
    Station("BALD", 40.9030, -123.9010, 905, "EH", 100.0, "rock"),
    Station("ZENI", 40.1910, -123.4620, 1120, "HH", 100.0, "rock"),
    Station("HAYF", 40.5590, -123.1810, 735, "HH", 100.0, "rock"),
    Station("OBSD", 40.4480, -125.0520, -2140, "BH", 100.0, "seafloor"),
    Station("ORIK", 41.2740, -124.0260, 120, "HN", 100.0, "soil"),
    Station("LEGT", 39.8640, -123.6980, 310, "EH", 100.0, "rock"),
    Station("FORK", 40.9720, -123.2540, 690, "HH", 40.0, "rock"),
)
REGIONS = {"mendocino": MENDOCINO}


def stations_of(region: str, count: int | None = None) -> tuple[Station, ...]:
    """The first ``count`` stations of a region, or all; ValueError names what there is."""
    if region not in REGIONS:
        raise ValueError(f"region {region!r}: there is {', '.join(REGIONS)}")
    everything = REGIONS[region]
    count = len(everything) if count is None else count
    if not 1 <= count <= len(everything):
        raise ValueError(f"{count} stations: region {region!r} has 1 to {len(everything)}")
    return everything[:count]


def stations_table(some: tuple[Station, ...]) -> pd.DataFrame:
    """The stations as a stations table with two further columns: rate_hz and setting."""
    rows = [(s.name, s.latitude, s.longitude, float(s.elevation_m), s.band, s.rate_hz, s.setting) for s in some]
    names = ["station", "latitude", "longitude", "elevation_m", "channels", "rate_hz", "setting"]
    return conform(pd.DataFrame(rows, columns=names), "stations")
