"""The features by name: unit and definition of every column of :func:`~course_utils.discrimination.features.features`."""

from __future__ import annotations

import pandas as pd

BANDS_HZ = ((1.0, 1.6), (1.6, 2.5), (2.5, 4.0), (4.0, 6.3), (6.3, 10.0), (10.0, 15.0))
BINS = (5, 30, 300)  # 300 is a multiple of the others, so that one histogram serves all (the paper has 500)

_REPRESENTATIONS = {"waveform": "s", "envelope": "s", "spectrum": "Hz", "cepstrum": "s"}  # unit of the axis u
_GENERAL = {
    "centroid": ("u", "energy-weighted mean of the axis"),
    "spread": ("u", "energy-weighted standard deviation of the axis"),
    "axis_skewness": ("1", "energy-weighted skewness along the axis"),
    "axis_kurtosis": ("1", "energy-weighted kurtosis along the axis"),
    "position_of_max": ("u", "where the largest absolute value stands"),
    "mean_over_max": ("1", "mean absolute value over the largest"),
    "std_over_max": ("1", "standard deviation over the largest absolute value"),
    "skewness": ("1", "skewness of the values"),
    "kurtosis": ("1", "kurtosis of the values (3 for Gaussian ones)"),
    "energy_std": ("1", "standard deviation of the squared values over their mean"),
    "energy_skewness": ("1", "skewness of the squared values"),
    "energy_kurtosis": ("1", "kurtosis of the squared values"),
    **{f"shannon_{b}": ("bit", f"Shannon entropy of the histogram of the values, {b} bins") for b in BINS},
    **{f"renyi2_{b}": ("bit", f"Renyi entropy of order 2, {b} bins") for b in BINS},
    **{f"renyi_inf_{b}": ("bit", f"Renyi entropy of infinite order, {b} bins") for b in BINS},
    "attack": ("1/sample", "largest rise of the squared value from one sample to the next, over its maximum"),
    "decay": ("1/sample", "largest fall of the squared value from one sample to the next, over its maximum"),
    **{f"silence_{t}": ("1", f"share of samples below {t} % of the largest absolute value") for t in (25, 50, 75)},
    **{f"crossings_{t}": ("1/sample", f"crossings of {t} % of the largest absolute value") for t in (25, 50, 75)},
}
_PARTS = {
    "early": "P part: 3 s from the onset, S excluded",
    "main": "S part: 3 s from S",
    "coda": "5 to 11 s after S",
    "whole": "20 s from the onset",
}
_BANDS = [f"{a:g}_{b:g}_hz" for a, b in BANDS_HZ]
_RELATIVE = "amplitude over the mean of the bands, noise taken off; "
_SEISMIC = {
    "onset": ("s", "where the energy of the next 5 s most exceeds that of the last 15 s, up to the envelope's maximum"),
    "onset_jump": ("dB", "by how much it does"),
    "rise": ("s", "time from the onset to the maximum of the envelope"),
    **{f"duration_{t}": ("s", f"time during which the envelope is above {t} % of its maximum") for t in (10, 20, 50)},
    "energy_80": ("s", "time in which the energy grows from 10 to 90 %"),
    "coda_decay": ("1/s", "slope of the logarithm of the envelope over 20 s behind its maximum (Aki and Chouet 1975)"),
    "onset_sharpness": ("1", "log10 of the energy of 1 s after the onset over that of 3 s before, per second"),
    "zero_crossing_hz": ("Hz", "zero crossings per second, halved"),
    "peak_hz": ("Hz", "frequency of the largest value of the smoothed spectrum"),
    "spectral_flatness": ("1", "geometric over arithmetic mean of the power spectrum, 1-15 Hz"),
    "spectral_modulation": ("1", "sd of log10 spectrum about its 3 Hz mean: the bands of ripple fire (Smith 1989)"),
    **{f"share_{band}": ("1", "share of the energy of 1-15 Hz in this band") for band in _BANDS},
    **{f"{part}_{band}": ("log10", _RELATIVE + text) for part, text in _PARTS.items() for band in _BANDS},
    **{f"{part}_slope": ("log10", f"slope of the bands, high over low; {text}") for part, text in _PARTS.items()},
    **{f"{p}_curvature": ("log10", f"bands: lowest and highest over middle ones; {t}") for p, t in _PARTS.items()},
    **{f"{part}_centroid_hz": ("Hz", f"energy-weighted mean frequency; {text}") for part, text in _PARTS.items()},
    **{
        f"p_over_s_{band}": ("log10", "amplitude of the P part over that of the S part in this band") for band in _BANDS
    },
    "p_over_s_slope": ("log10", "P over S of the highest band minus that of the lowest"),
}
_POLAR = {
    "rectilinearity": ("1", "1 - (second + third) / (2 first) eigenvalue of the covariance of Z, N, E, main part"),
    "planarity": ("1", "1 - 2 third / (first + second) eigenvalue, main part"),
    "steepness": ("1", "absolute vertical component of the main axis of the early part (1 is vertical)"),
    "h_over_z_early": ("log10", "horizontal over vertical amplitude, early part"),
    "h_over_z_main": ("log10", "horizontal over vertical amplitude, main part"),
}


def describe(three_components: bool = False) -> pd.DataFrame:
    """Name, unit and definition of every feature, in the order of the columns of :func:`features`."""
    rows = [
        (f"{name}_{k}", axis if unit == "u" else unit, f"{name}: {text}")
        for name, axis in _REPRESENTATIONS.items()
        for k, (unit, text) in _GENERAL.items()
    ]
    rows += [(k, *what) for k, what in (_SEISMIC | (_POLAR if three_components else {})).items()]
    return pd.DataFrame(rows, columns=["feature", "unit", "definition"])
