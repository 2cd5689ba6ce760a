"""What each station of a world is like: instrument, ground, noise; drawn from the world's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from course_utils.synthetic.instruments import INSTRUMENTS, Instrument
from course_utils.synthetic.network import NETWORK, Station
from course_utils.synthetic.noise import NoiseModel, noise_rms
from course_utils.synthetic.path import Attenuation, Site
from course_utils.synthetic.randomness import Draws

LOCAL_TIME_H = -8.0

# noise level between Peterson's models, cultural dB, transients per hour
_NOISE = {
    "rock": (0.42, 5.0, 14.0),
    "soil": (0.49, 9.0, 30.0),
    "town": (0.57, 13.0, 60.0),
    "seafloor": (0.52, 0.0, 18.0),
}


@dataclass(frozen=True)
class Receiver:
    """One station with everything that shapes its records."""

    station: Station
    instrument: Instrument
    site: Site
    noise: NoiseModel

    @property
    def name(self) -> str:
        """NET.STA.LOC"""
        return self.station.name

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return self.station.rate_hz

    def channels(self) -> list[str]:
        """Channel codes in the order Z, N, E."""
        return [self.station.band + component for component in "ZNE"]

    def noise_rms(self, cultural: float) -> np.ndarray:
        """Expected rms ground velocity (3,) in m/s, 1-16 Hz."""
        return noise_rms(self.noise, self.instrument, sampling_rate_hz=self.rate_hz, cultural=cultural)


def receiver(seed: int, station: Station) -> Receiver:
    """The receiver that a world of ``seed`` has at ``station``."""
    draws = Draws(seed, "receiver", station.name)
    base = INSTRUMENTS[station.instrument]
    instrument = base.with_gain(base.gain * round(float(draws.lognormal(1.0, 0.35)), 3))
    level, cultural_db, per_hour = _NOISE[station.setting]
    under_water = station.setting == "seafloor"
    soft = station.setting in ("soil", "town")
    site = Site(
        key=(seed, station.name),
        kappa_s=draws.lognormal(0.030 if under_water or soft else 0.016, 0.25),
        amplification=draws.lognormal(2.0 if under_water else 1.8 if soft else 1.3, 0.15),
        resonance_hz=draws.loguniform(1.5, 5.0) if under_water or soft else 0.0,
        resonance_gain=draws.uniform(0.6, 1.4) if under_water or soft else 0.0,
        sediment_delay_s=draws.lognormal(0.5 if under_water else 0.35 if soft else 0.2, 0.3),
    )
    noise = NoiseModel(
        key=(seed, station.name),
        level=float(np.clip(level + draws.normal(0, 0.06), 0.1, 0.9)),
        microseism_db=draws.uniform(3.0, 8.0) if under_water else draws.uniform(-1.0, 4.0),
        cultural_db=cultural_db * draws.lognormal(1.0, 0.2),
        infragravity_db=draws.uniform(15.0, 25.0) if under_water else 0.0,
        current_db=draws.uniform(10.0, 18.0) if under_water else 0.0,
        transients_per_hour=per_hour * draws.lognormal(1.0, 0.3),
        kind="ocean bottom" if under_water else "land",
    )
    return Receiver(station, instrument, site, noise)


def attenuation(seed: int) -> Attenuation:
    """Q, coda Q and scattering of a world's crust, around values for the northern Coast Ranges."""
    draws = Draws(seed, "attenuation")
    return Attenuation(
        qs0=draws.lognormal(180.0, 0.15),
        qs_exponent=draws.uniform(0.45, 0.6),
        coda_q0=draws.lognormal(120.0, 0.15),
        coda_q_exponent=draws.uniform(0.6, 0.8),
        scattering_per_km=draws.lognormal(0.02, 0.2),
    )


def cultural_level(time_s) -> np.ndarray:
    """How busy people are, 0 (night) to 1 (rush hour on a weekday), at seconds since 1970 UTC."""
    local = np.asarray(time_s, float) + LOCAL_TIME_H * 3600
    hour = local / 3600 % 24
    weekday = (local // 86400 + 3) % 7 < 5  # 1970-01-01 was a Thursday
    day = 1 / (1 + np.exp(-(hour - 6.5) / 0.7)) - 1 / (1 + np.exp(-(hour - 19.0) / 1.2))
    rush = 0.25 * (np.exp(-0.5 * ((hour - 8) / 0.8) ** 2) + np.exp(-0.5 * ((hour - 17) / 1.0) ** 2))
    return np.clip((0.75 * day + rush) * np.where(weekday, 1.0, 0.45), 0.0, 1.0)


def inventory(receivers: list[Receiver], start: pd.Timestamp):
    """Stations with poles and zeros as an ObsPy inventory; ``inventory.write(path, "STATIONXML")`` writes it."""
    from obspy import UTCDateTime
    from obspy.core.inventory import Channel, Inventory, Network
    from obspy.core.inventory import Site as Place
    from obspy.core.inventory import Station as Sensor
    from obspy.core.inventory.response import Response

    begin = UTCDateTime(start.year, 1, 1)
    sensors = []
    for each in receivers:
        place, unit = each.station, each.instrument
        response = Response.from_paz(
            zeros=list(unit.zeros),
            poles=list(unit.poles),
            stage_gain=unit.gain,
            stage_gain_frequency=unit.reference_hz,
            input_units=unit.input_units,
            output_units="COUNTS",
            normalization_frequency=unit.reference_hz,
            normalization_factor=unit.normalisation,
        )
        channels = [
            Channel(
                code,
                "00",
                latitude=place.latitude,
                longitude=place.longitude,
                elevation=place.elevation_m,
                depth=0.0,
                azimuth={"Z": 0.0, "N": 0.0, "E": 90.0}[code[2]],
                dip=-90.0 if code[2] == "Z" else 0.0,
                sample_rate=place.rate_hz,
                start_date=begin,
                response=response,
            )
            for code in each.channels()
        ]
        sensors.append(
            Sensor(
                place.code,
                latitude=place.latitude,
                longitude=place.longitude,
                elevation=place.elevation_m,
                site=Place(name=f"{place.code}, fictional station ({place.setting})"),
                channels=channels,
                start_date=begin,
            )
        )
    text = "Synthetic stations: no such instruments exist"
    return Inventory(networks=[Network(NETWORK, stations=sensors, description=text)], source="course_utils.synthetic")
