"""Seismometers and digitisers: poles and zeros, gain, 24-bit range and self-noise, by class."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

FULL_SCALE_COUNTS = 2**23 - 1


@dataclass(frozen=True)
class Instrument:
    """A sensor with its digitiser.

    ``poles`` and ``zeros`` are in rad/s and belong to ``quantity`` ("velocity" or "acceleration"). ``gain`` is in
    counts per m/s or per m/s**2 at ``reference_hz``. ``self_noise_db`` is the sensor's own noise as equivalent
    ground acceleration, dB relative to 1 (m/s**2)**2/Hz, at ``self_noise_hz``; the digitiser adds white noise of
    ``digitiser_noise_counts`` rms.
    """

    name: str
    code: str
    quantity: str
    poles: tuple[complex, ...]
    zeros: tuple[complex, ...]
    reference_hz: float
    gain: float
    self_noise_hz: tuple[float, ...]
    self_noise_db: tuple[float, ...]
    digitiser_noise_counts: float = 1.2
    components: str = "ZNE"

    def with_gain(self, gain: float) -> Instrument:
        """The same sensor with another gain (counts per m/s or m/s**2)."""
        return replace(self, gain=float(gain))

    @property
    def normalisation(self) -> float:
        """A0: makes the pole-zero response one at ``reference_hz``."""
        return 1.0 / abs(_pole_zero(self.poles, self.zeros, np.array([self.reference_hz]))[0])

    @property
    def input_units(self) -> str:
        return "M/S" if self.quantity == "velocity" else "M/S**2"

    def response(self, frequencies_hz, sampling_rate_hz: float | None = None) -> np.ndarray:
        """Counts per m/s of ground velocity, complex, at ``frequencies_hz`` (any shape).

        With ``sampling_rate_hz`` the digitiser's anti-alias filter is included: a linear-phase filter whose delay
        the digitiser takes out of its time stamps, as real ones do, hence real-valued here.
        """
        f = np.asarray(frequencies_hz, float)
        values = self.gain * self.normalisation * _pole_zero(self.poles, self.zeros, f)
        if self.quantity == "acceleration":
            values = values * (2j * np.pi * f)
        if sampling_rate_hz is not None:
            values = values * anti_alias(f, sampling_rate_hz)
        return values

    def self_noise_velocity_psd(self, frequencies_hz, sampling_rate_hz: float = 100.0) -> np.ndarray:
        """Self-noise of sensor and digitiser as equivalent ground velocity, (m/s)**2/Hz, at frequencies above 0."""
        f = np.maximum(np.asarray(frequencies_hz, float), 1e-4)
        db = np.interp(np.log10(f), np.log10(self.self_noise_hz), self.self_noise_db)
        sensor = 10 ** (db / 10) / (2 * np.pi * f) ** 2
        white = self.digitiser_noise_counts**2 / (sampling_rate_hz / 2)
        return sensor + white / np.maximum(np.abs(self.response(f)), self.gain * 1e-6) ** 2


def anti_alias(frequencies_hz, sampling_rate_hz: float) -> np.ndarray:
    """Amplitude of the digitiser's anti-alias filter: flat to about 0.4, gone at 0.5 of the sampling rate."""
    f = np.asarray(frequencies_hz, float)
    return 1.0 / np.sqrt(1.0 + (f / (0.43 * sampling_rate_hz)) ** 32)


def _pole_zero(poles, zeros, frequencies_hz) -> np.ndarray:
    s = 2j * np.pi * np.asarray(frequencies_hz, float)
    values = np.ones(s.shape, complex)
    for zero in zeros:
        values = values * (s - zero)
    for pole in poles:
        values = values / (s - pole)
    return values


def _pendulum(period_s: float, damping: float) -> tuple[complex, complex]:
    """The pole pair of a damped pendulum."""
    omega = 2 * np.pi / period_s
    root = np.sqrt(complex(damping**2 - 1))
    return complex(omega * (-damping + root)), complex(omega * (-damping - root))


_FREQUENCIES = (0.001, 0.01, 0.1, 1.0, 10.0, 50.0)

BROADBAND = Instrument(
    "broadband seismometer, 120 s",
    "HH",
    "velocity",
    (*_pendulum(120.0, 0.707), *_pendulum(1 / 80.0, 0.707)),
    (0j, 0j),
    1.0,
    6.29e8,
    _FREQUENCIES,
    (-175.0, -188.0, -192.0, -188.0, -178.0, -165.0),
)
SHORT_PERIOD = Instrument(
    "short-period seismometer, 1 s",
    "EH",
    "velocity",
    _pendulum(1.0, 0.7),
    (0j, 0j),
    5.0,
    4.0e8,
    _FREQUENCIES,
    (-90.0, -110.0, -145.0, -175.0, -172.0, -160.0),
)
GEOPHONE = Instrument(
    "geophone, 4.5 Hz",
    "EP",
    "velocity",
    _pendulum(1 / 4.5, 0.7),
    (0j, 0j),
    20.0,
    1.2e8,
    _FREQUENCIES,
    (-50.0, -80.0, -115.0, -150.0, -165.0, -155.0),
)
STRONG_MOTION = Instrument(
    "force-balance accelerometer, 2 g",
    "HN",
    "acceleration",
    _pendulum(1 / 180.0, 0.7),
    (),
    1.0,
    4.27e5,
    _FREQUENCIES,
    (-105.0, -118.0, -128.0, -132.0, -132.0, -130.0),
)
OCEAN_BOTTOM = Instrument(
    "ocean-bottom broadband seismometer, 60 s",
    "BH",
    "velocity",
    (*_pendulum(60.0, 0.707), *_pendulum(1 / 50.0, 0.707)),
    (0j, 0j),
    1.0,
    3.0e8,
    _FREQUENCIES,
    (-165.0, -178.0, -184.0, -182.0, -172.0, -160.0),
)

INSTRUMENTS = {i.code: i for i in (BROADBAND, SHORT_PERIOD, GEOPHONE, STRONG_MOTION, OCEAN_BOTTOM)}


def clip(counts: np.ndarray) -> np.ndarray:
    """Whole counts (int32) as a 24-bit digitiser writes them: rounded, cut at its full scale."""
    return np.clip(np.rint(counts), -FULL_SCALE_COUNTS - 1, FULL_SCALE_COUNTS).astype(np.int32)
