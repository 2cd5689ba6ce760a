"""Banks of the synthetic Earth for training: noise-free signals with P and S apart, and noise, made once.

The Earth of training is wider than that of the lessons: more and stronger P coda, more near events, so that what is
learned does not hang on one choice of its parameters.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from course_utils.picking.training.banks import Bank, bank_from_arrays
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.records import Records, Setting, crustal_setting, records
from course_utils.synthetic.snr import WINDOW_S, band_rms

RATE_HZ = 100.0
ONSET_S = 5.0  # P in the signals: a quiet beginning, so that a window may begin before the event
SIGNAL_S, NOISE_S = 40.0, 60.0
KINDS = {"earthquake": 0.89, "quarry blast": 0.06, "low-frequency": 0.04, "surface event": 0.01}
_CODES = ("BH", "EH", "EP", "HH", "HN")
_TRIES = 12


def training_setting(draws: Draws, kind: str) -> Setting:
    """:func:`crustal_setting`, a quarter of the earthquakes near (hypocentre within 3 to 40 km), P scattered more."""
    vary = draws.child("vary")
    most_km = vary.loguniform(3.0, 40.0) if kind == "earthquake" and vary.chance(0.25) else np.inf
    made = crustal_setting(draws, kind)
    for number in range(_TRIES):
        if made.ray is None or made.ray.hypocentral_km <= most_km:
            break
        made = crustal_setting(draws.child(f"try {number}"), kind)
    attenuation = replace(
        made.attenuation,
        early_p=made.attenuation.early_p * vary.lognormal(1.3, 0.5),
        early_s=made.attenuation.early_s * vary.lognormal(1.3, 0.5),
        p_scattering_per_km=made.attenuation.p_scattering_per_km * vary.lognormal(1.4, 0.6),
    )
    return replace(made, attenuation=attenuation)


def signal_bank(n: int, seed: int, workers: int = 1) -> Bank:
    """``n`` noise-free events (n, 6, 4000): the P part and the S part. About 8 ms of one core each.

    The bank is the same whatever the number of ``workers`` (processes).
    """
    made = _in_pieces(
        workers,
        n,
        seed,
        duration_s=SIGNAL_S,
        sampling_rate_hz=RATE_HZ,
        noise_fraction=0.0,
        kinds=KINDS,
        noise=False,
        p_at_s=(ONSET_S, ONSET_S + 1e-9),
        phases_apart=True,
        setting=training_setting,
    )
    table = made.table
    p = table["p_sample"].to_numpy()
    s = table["s_sample"].to_numpy()
    surface = (table["kind"] == "surface event").to_numpy()
    level = np.where(surface, table["peak_m_s"] / 3.0, table["p_rms_m_s"]) * table["gain"].to_numpy()
    picks = pd.concat(
        [
            pd.DataFrame({"record": np.arange(n), "phase": "P", "sample": p}),
            pd.DataFrame({"record": np.arange(n), "phase": "S", "sample": s}).dropna(),
        ]
    )
    return bank_from_arrays(
        made.waveforms,
        picks,
        sampling_rate_hz=RATE_HZ,
        kind="signals",
        level=level,
        group=table["instrument"].map(_CODES.index).to_numpy(),
        s_db=20 * np.log10(table["s_rms_m_s"].to_numpy().clip(1e-30) * table["gain"].to_numpy() / level.clip(1e-30)),
        s_limit_db=_s_over_coda_db(made.waveforms, s),
        labelled=~surface,
        name=f"synthetic signals, seed {seed}",
    )


def noise_bank(n: int, seed: int, workers: int = 1) -> Bank:
    """``n`` windows of noise (n, 3, 6000) with their transients. About 6 ms of one core each."""
    made = _in_pieces(workers, n, seed, duration_s=NOISE_S, sampling_rate_hz=RATE_HZ, noise_fraction=1.0)
    table = made.table
    return bank_from_arrays(
        made.waveforms,
        sampling_rate_hz=RATE_HZ,
        kind="noise",
        level=(table["noise_rms_m_s"] * table["gain"]).to_numpy(),
        group=table["instrument"].map(_CODES.index).to_numpy(),
        name=f"synthetic noise, seed {seed}",
    )


def _in_pieces(workers: int, n: int, seed: int, **how) -> Records:
    """:func:`records`, made by several processes: each record depends on its own number alone."""
    if workers <= 1 or n < 2 * workers:
        return records(n, seed, **how)
    pieces = np.array_split(np.arange(n), 4 * workers)
    with ProcessPoolExecutor(workers) as pool:
        made = list(pool.map(partial(_piece, seed, how), [piece.tolist() for piece in pieces]))
    table = pd.concat([one.table for one in made], ignore_index=True)
    return Records(np.concatenate([one.waveforms for one in made]), table, made[0].sampling_rate_hz)


def _piece(seed: int, how: dict, numbers: list[int]) -> Records:
    return records(len(numbers), seed, numbers=numbers, **how)


def _s_over_coda_db(waveforms: np.ndarray, s: np.ndarray) -> np.ndarray:
    """S over what is left of P at its onset, 1-16 Hz, in the 2 s that define visibility everywhere."""
    width = round(WINDOW_S * RATE_HZ)
    out = np.full(len(s), -np.inf)
    for row in np.flatnonzero(np.isfinite(s)):
        first = round(s[row])
        window = np.zeros((6, width))
        part = waveforms[row, :, first : first + width]
        window[:, : part.shape[1]] = part
        rms = band_rms(window, RATE_HZ)
        p_rms, s_rms = np.sqrt(np.mean(rms[:3] ** 2)), np.sqrt(np.mean(rms[3:] ** 2))
        out[row] = 20 * np.log10(max(s_rms, 1e-30) / max(p_rms, 1e-30))
    return out
