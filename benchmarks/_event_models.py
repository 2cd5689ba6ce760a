"""Variants of the classifier of events in benchmarks/discrimination.py: other ways from the records of an event to its type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import signal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.discrimination.feature_table import BANDS_HZ
from course_utils.discrimination.models import CURVATURES, PARTS, model

P_OVER_S = [f"p_over_s_{a:g}_{b:g}_hz" for a, b in BANDS_HZ]
SLOPES = [f"{part}_slope" for part in PARTS]
BANDS = [f"{part}_{a:g}_{b:g}_hz" for part in PARTS for a, b in BANDS_HZ]


def rayleigh(waveforms: np.ndarray, p_s: np.ndarray, travel_s: np.ndarray, rate_hz: float = 40.0) -> np.ndarray:
    """Log10 amplitude of 0.5-2 Hz between group velocities of 3.2 and 2.2 km/s over that of 4-11 Hz in the 4 s of S; NaN outside the window.

    Short-period Rayleigh waves (Rg) tell that a source is shallow. Distance from the travel time of P and 6 km/s.
    """
    t = np.arange(waveforms.shape[-1]) / rate_hz - p_s[:, None]
    spans = {
        (0.5, 2.0): (travel_s * (6 / 3.2 - 1), travel_s * (6 / 2.2 - 1) + 2),
        (4.0, 11.0): (0.75 * travel_s, 0.75 * travel_s + 4),
    }
    energy = []
    for band, (begin, end) in spans.items():
        x = signal.sosfiltfilt(signal.butter(3, band, "bandpass", fs=rate_hz, output="sos"), waveforms)
        inside = (t >= begin[:, None]) & (t < end[:, None])
        noise = _mean(x**2, (t > -15) & (t < -1))
        energy.append(np.maximum(_mean(x**2, inside) - noise, 0.05 * _mean(x**2, inside)))
    return 0.5 * np.log10(energy[0] / energy[1])


def _mean(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    count = where.sum(-1)
    return np.where(count > 0, (values * where).sum(-1) / np.maximum(count, 1), np.nan)


class OfRecords(ClassifierMixin, BaseEstimator):
    """A logistic model of events, from ``records``: one row per visible record, with columns event, station, log_travel.

    ``fit`` and ``predict_proba`` take a table whose index names the events. With ``distance`` the linear trend of each feature with the
    logarithm of the travel time is taken off, with ``station`` the mean of each station (drawn towards 0 where it has few records), both
    learned without types on the events of the training set. Features are averaged over the stations, or with ``odds`` the log odds are.
    """

    def __init__(
        self, records: pd.DataFrame, columns: Sequence[str], c: float, distance=False, station=False, odds=False
    ):
        self.records, self.columns, self.c = records, columns, c
        self.distance, self.station, self.odds = distance, station, odds

    def __sklearn_clone__(self):
        return type(self)(self.records, self.columns, self.c, self.distance, self.station, self.odds)

    def _table(self, events: pd.Index, learn: bool) -> pd.DataFrame:
        rows = self.records[self.records["event"].isin(events)]
        x = rows[list(self.columns)].set_axis(rows["event"])
        log = rows["log_travel"].to_numpy()
        if self.distance:
            if learn:
                self.trend_ = [np.polyfit(log[k], v[k], 1) for v in x.to_numpy().T for k in [np.isfinite(v)]]
            x = x - np.stack([np.polyval(line, log) for line in self.trend_], axis=1)
        if self.station:
            names = rows["station"].to_numpy()
            if learn:
                groups = (x - x.mean()).groupby(names)
                self.offset_ = groups.sum() / (groups.count() + 4)
            x = x - self.offset_.reindex(names).fillna(0.0).to_numpy()
        return x if self.odds else x.groupby(level=0).mean().reindex(events)

    def fit(self, x: pd.DataFrame, y):
        self.classes_ = np.unique(y)
        table = self._table(x.index, learn=True)
        label = pd.Series(y, x.index)[table.index]
        # every class weighs alike, every event within its class, and all together as much as there are events
        share = 1 / label.groupby(level=0).transform("size")
        weight = share / share.groupby(label.to_numpy()).transform("sum") * len(x) / len(self.classes_)
        steps = SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=self.c, max_iter=2000)
        self.model_ = make_pipeline(*steps).fit(table, label, logisticregression__sample_weight=weight)
        return self

    def predict_proba(self, x: pd.DataFrame) -> np.ndarray:
        table = self._table(x.index, learn=False)
        odds = pd.Series(self.model_.decision_function(table), table.index)
        p = 1 / (1 + np.exp(-odds.groupby(level=0).mean().reindex(x.index).to_numpy()))
        return np.stack([1 - p, p], axis=1)

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return self.classes_[self.predict_proba(x).argmax(-1)]


class Together(ClassifierMixin, BaseEstimator):
    """The mean log odds of several models."""

    def __init__(self, members: Sequence):
        self.members = members

    def __sklearn_clone__(self):
        return Together(self.members)

    def fit(self, x: pd.DataFrame, y):
        self.classes_ = np.unique(y)
        self.fitted_ = [clone(one).fit(x, y) for one in self.members]
        return self

    def predict_proba(self, x: pd.DataFrame) -> np.ndarray:
        logs = np.mean([np.log(np.clip(one.predict_proba(x), 1e-3, 1)) for one in self.fitted_], axis=0)
        return np.exp(logs) / np.exp(logs).sum(-1, keepdims=True)

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return self.classes_[self.predict_proba(x).argmax(-1)]


def variants(records: pd.DataFrame) -> dict[str, object]:
    """Seven ways for two classes, written down before their scores were seen."""
    shape = [*CURVATURES, *SLOPES]
    curvatures = model("logistic", columns=CURVATURES, c=0.01)
    p_over_s = OfRecords(records, P_OVER_S, 0.1, distance=True)
    rg = OfRecords(records, ["rayleigh", "whole_slope"], 0.1, distance=True)
    odds = OfRecords(records, [*BANDS, *P_OVER_S, *shape], 0.01, odds=True)
    station = OfRecords(records, shape, 0.01, station=True)
    everything = OfRecords(records, [*shape, *P_OVER_S, "rayleigh"], 0.01, distance=True)
    return {
        "curvatures": curvatures,
        "p_over_s": p_over_s,
        "rayleigh": rg,
        "log_odds": odds,
        "station_normalised": station,
        "all_features": everything,
        "mean_of_models": Together([curvatures, p_over_s, rg, odds, station]),
    }
