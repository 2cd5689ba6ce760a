"""What the truth measures on the noise-free seismograms of one station: size, SNR, Wood-Anderson amplitude."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from course_utils.synthetic.ground_motion import GroundMotion
from course_utils.synthetic.magnitudes import wood_anderson_log_mm
from course_utils.synthetic.noise import SNR_BAND_HZ
from course_utils.synthetic.receivers import cultural_level
from course_utils.synthetic.snr import WINDOW_S, phase_rms

if TYPE_CHECKING:
    from course_utils.synthetic.world import World

SCREEN_DB = -4.0  # pairs expected below this over the noise keep their expectation: they are never visible
_STEP_S = 0.1


@dataclass(frozen=True)
class Measured:
    """All events at one station; dictionaries by phase, arrays of shape (events,).

    ``rms_m_s``: rms ground velocity of the phase alone in the 2 s after its onset, 1-16 Hz, over the components.
    ``snr_db``: that over the expected rms of everything else there: noise, for S the P coda, and the waves of all
    other events that pass in these 2 s, so that a phase under the coda of a larger event does not count as visible.
    ``wood_anderson_log_mm``: log10 of the amplitude on a Wood-Anderson seismograph, NaN where it was not measured.
    """

    rms_m_s: dict[str, np.ndarray]
    snr_db: dict[str, np.ndarray]
    wood_anderson_log_mm: np.ndarray


def measure(world: World, station: int) -> Measured:
    """Measure every event at a station; those far below the noise keep their expectation."""
    made, receiver, paths = world.seismograms, world.receivers[station], world.paths
    origin = np.array([e.time_s for e in world.event_list])
    onset = {"P": paths.p_time_s[:, station], "S": paths.s_time_s[:, station]}
    busy = np.round(20 * cultural_level(world.start.timestamp() + origin)) / 20
    quiet = np.array([_over(receiver.noise_rms(float(level))) for level in busy])
    rms = {phase: made.expected[phase][:, station].copy() for phase in "PS"}
    under, written = np.zeros(len(origin)), np.full(len(origin), np.nan)

    loudest = np.fmax(rms["P"], rms["S"])
    heard = (loudest > quiet * 10 ** (SCREEN_DB / 20)) | ~made.is_local
    recorded = (origin + onset["P"] < world.scenario.seconds) & (origin + np.fmax(onset["P"], onset["S"]) > -5)
    passing = _Passing(len(origin))
    for i in np.flatnonzero(heard).tolist():
        motion = made.motion(i, station)
        passing.add(i, origin[i], motion)
        if not recorded[i]:
            continue
        rms["P"][i] = _over(phase_rms(motion, "P", onset["P"][i]))
        if np.isfinite(onset["S"][i]):
            rms["S"][i] = _over(phase_rms(motion, "S", onset["S"][i]))
            under[i] = _over(phase_rms(motion, "S", onset["S"][i], of="P"))
        written[i] = wood_anderson_log_mm(motion)
    snr = {}
    for phase, coda in (("P", 0.0), ("S", under)):
        others = passing.others(origin + onset[phase])
        snr[phase] = 20 * np.log10(rms[phase] / np.sqrt(quiet**2 + coda**2 + others))
    return Measured(rms, snr, written)


def _over(components: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(components))))


class _Passing:
    """Energy, 1-16 Hz, of every event's waves as they pass: cumulative, on a grid of 0.1 s."""

    def __init__(self, count: int):
        self._start = np.full(count, np.nan)
        self._energy: dict[int, np.ndarray] = {}

    def add(self, event: int, origin_s: float, motion: GroundMotion) -> None:
        rate, n = motion.sampling_rate_hz, motion.p.shape[1]
        padded = fft.next_fast_len(n, real=True)
        f = fft.rfftfreq(padded, 1 / rate)
        spectrum = fft.rfft(motion.total, padded)
        spectrum[:, (f < SNR_BAND_HZ[0]) | (f > SNR_BAND_HZ[1])] = 0.0
        power = np.mean(np.square(fft.irfft(spectrum, padded)[:, :n]), axis=0)
        step = round(_STEP_S * rate)
        usable = n // step * step
        self._start[event] = origin_s + motion.start_s
        self._energy[event] = np.concatenate([[0.0], np.cumsum(power[:usable].reshape(-1, step).sum(axis=1))]) / rate

    def others(self, onsets_s: np.ndarray) -> np.ndarray:
        """Mean square ground velocity (events,) of all other events in the 2 s after the onset of each."""
        ends = np.array([len(self._energy[k]) * _STEP_S if k in self._energy else 0.0 for k in range(len(self._start))])
        out = np.zeros(len(onsets_s))
        for i, onset in enumerate(onsets_s.tolist()):
            if not np.isfinite(onset):
                continue
            with np.errstate(invalid="ignore"):
                near = np.flatnonzero((self._start < onset + WINDOW_S) & (self._start + ends > onset))
            for k in near.tolist():
                if k == i:
                    continue
                energy, at = self._energy[k], (onset - self._start[k]) / _STEP_S
                grid = np.clip([at, at + WINDOW_S / _STEP_S], 0, len(energy) - 1)
                low, high = np.interp(grid, np.arange(len(energy)), energy)
                out[i] += (high - low) / WINDOW_S
        return out
