"""Which events of a catalog to trust: a grade with its reasons, by rules, and a learned probability that an event is right.

Both read the tables alone (:mod:`course_utils.catalog.quality_features`). The rules say what a seismologist would look for. The
probability comes from gradient-boosted trees (Friedman 2001, Annals of Statistics 29, 1189), calibrated by isotonic regression
(Zadrozny and Elkan 2002, KDD, 694) across catalogs; they have learned from automatic catalogs of the synthetic Earth with known
faults, in which about half of the events are good, and are fitted to that table of numbers when first asked, in some seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd

from course_utils.catalog.quality_features import FEATURES, features
from course_utils.catalog.tables import Catalog

GRADES = ("A", "B", "C", "D")
TRAINING = "quality_training.parquet"
# what depends on the region, the scale or the instruments more than on the event stays out of the learned grade
LEARNED = tuple(n for n in FEATURES if n not in ("local_hour", "rms_s", "nearest_km", "depth_km", "snr_db"))
# what other catalogs may lack; the trees are taught to do without
GROUPS = {
    "picker": ("probability", "probability_least"),
    "amplitude": ("amplitude_scatter", "amplitude_worst", "s_over_p_least", "magnitude_residual"),
    "errors": ("horizontal_error_km", "depth_error_km"),
    "residual": ("rms_ratio", "residual_worst", "residual_second", "residual_bad_share"),
    "weight": ("unused_share",),
    "network": ("below_ground_km", "outside_km", "missing_share", "nearer_silent"),
}
_LACK = 0.3  # chance that a group is left out of the second copy of a training event


@dataclass(frozen=True)
class Rule:
    """One reason for a grade: events for which ``fires`` is true get ``grade`` at best. ``words`` may quote features."""

    grade: str
    words: str
    fires: Callable[[pd.DataFrame], pd.Series]


# NaN compares as false: what is not known speaks against no event, but keeps it from an A
RULES = (
    Rule(
        "D", "{shared_picks:.0%} of its picks are a larger event's", lambda f: (f["shared_picks"] >= 0.4) & _smaller(f)
    ),
    Rule(
        "D",
        "{coincident_picks:.0%} of its picks lie beside a larger event's",
        lambda f: (f["coincident_picks"] >= 0.4) & _smaller(f),
    ),
    Rule("D", "part of a larger event seconds and kilometres away", lambda f: (f["neighbour"] < 1) & _smaller(f)),
    Rule("D", "horizontal error {horizontal_error_km:.0f} km", lambda f: f["horizontal_error_km"] > 10),
    Rule("D", "{outside_km:.0f} km outside the network", lambda f: f["outside_km"] > 40),
    Rule(
        "D",
        "at the ground with residuals {rms_ratio:.1f} times the usual",
        lambda f: (f["below_ground_km"] < 1) & (f["rms_ratio"] > 2),
    ),
    Rule(
        "D",
        "{residual_bad_share:.0%} of its picks are off",
        lambda f: (f["residual_bad_share"] >= 0.2) & (f["rms_ratio"] > 1.5),
    ),
    Rule(
        "D",
        "improbable picks (median {probability:.2f}), {missing_share:.0%} of the stations around silent",
        lambda f: _like_noise(f),
    ),
    Rule("C", "a pick {residual_worst:.0f} standard deviations off", lambda f: f["residual_worst"] > 6),
    Rule("C", "S not later than P", lambda f: f["s_before_p"] > 0),
    Rule("C", "Vp/Vs {vpvs:.2f}", lambda f: (f["vpvs"] < 1.5) | (f["vpvs"] > 2.1)),
    Rule("C", "S over P times differ by {vpvs_scatter:.2f} between stations", lambda f: f["vpvs_scatter"] > 0.15),
    Rule("C", "amplitudes differ by {amplitude_worst:.0f} standard deviations", lambda f: f["amplitude_worst"] > 5),
    Rule("C", "magnitude {magnitude_residual:.1f} off its amplitudes", lambda f: f["magnitude_residual"] > 0.4),
    Rule("C", "gap {gap_deg:.0f} degrees", lambda f: f["gap_deg"] > 270),
    Rule("C", "horizontal error {horizontal_error_km:.1f} km", lambda f: f["horizontal_error_km"].between(5, 10)),
    Rule("C", "none of its picks known", lambda f: ~(f["n_stations"] > 0)),
    Rule("C", "{n_stations:.0f} stations", lambda f: f["n_stations"] < 4),
    Rule("C", "{nearer_silent:.0f} nearer stations silent", lambda f: f["nearer_silent"] >= 3),
    Rule("B", "residuals of its picks unknown", lambda f: f["residual_worst"].isna() & (f["n_stations"] > 0)),
    Rule("B", "gap {gap_deg:.0f} degrees", lambda f: f["gap_deg"].between(180, 270, inclusive="right")),
    Rule(
        "B",
        "horizontal error {horizontal_error_km:.1f} km",
        lambda f: f["horizontal_error_km"].between(2, 5, inclusive="left"),
    ),
    Rule("B", "{n_picks:.0f} picks", lambda f: f["n_picks"] < 10),
    Rule(
        "B", "{missing_share:.0%} of the stations around silent", lambda f: (f["missing_share"] > 0.4) & ~_like_noise(f)
    ),
    Rule("B", "improbable picks (median {probability:.2f})", lambda f: (f["probability"] < 0.5) & ~_like_noise(f)),
    Rule(
        "B",
        "a pick {residual_worst:.1f} standard deviations off",
        lambda f: f["residual_worst"].between(4, 6, inclusive="right"),
    ),
)


def _smaller(f: pd.DataFrame) -> pd.Series:
    return f["neighbour_size"] > 0


def _like_noise(f: pd.DataFrame) -> pd.Series:
    return (f["probability"] < 0.5) & (f["missing_share"] > 0.3)


def grade_by_rules(numbers: pd.DataFrame) -> pd.DataFrame:
    """Grade A to D of each event and the rules that say so.

    Args:
        numbers: as of :func:`course_utils.catalog.quality_features.features`.

    Returns:
        event_id, ``grade`` (the worst of all rules that fire, A where none does), ``reasons`` (those rules with their numbers, the
        worst first, joined by "; "), ``rules_fired``.
    """
    f = numbers.assign(n_picks=numbers["n_p"] + numbers["n_s"])
    worst, reasons = np.zeros(len(f), int), [[] for _ in range(len(f))]
    for rule in RULES:
        rows = np.flatnonzero(rule.fires(f).to_numpy(bool))
        worst[rows] = np.maximum(worst[rows], GRADES.index(rule.grade))
        for row, values in zip(rows, f.iloc[rows].to_dict("records"), strict=True):
            reasons[row].append(rule.words.format(**values))
    return pd.DataFrame(
        {
            "event_id": numbers["event_id"].to_numpy(),
            "grade": pd.Series([GRADES[w] for w in worst], dtype="str"),
            "reasons": pd.Series(["; ".join(r) for r in reasons], dtype="str"),
            "rules_fired": [len(r) for r in reasons],
        }
    )


def fit(numbers: pd.DataFrame, good: np.ndarray, catalog: np.ndarray):
    """A calibrated classifier of events whose truth is known: scikit-learn's, with ``predict_proba``.

    Args:
        numbers: features of events of two catalogs or more; further columns are left aside.
        good: whether each event is right, (events,).
        catalog: which catalog each event is of, (events,): folds of the calibration keep catalogs together.

    Raises:
        ValueError: fewer than two catalogs, or one class alone.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import GroupKFold
    from threadpoolctl import threadpool_limits

    good, catalog = np.asarray(good, bool), np.asarray(catalog)
    names = len(np.unique(catalog))
    if names < 2 or good.all() or not good.any():
        raise ValueError(
            f"learning needs good and bad events of two catalogs or more; given {int(good.sum())} good of {len(good)} "
            f"events of {names}"
        )
    x = numbers[list(LEARNED)].to_numpy(float)
    lacking, random = x.copy(), np.random.default_rng(0)
    for columns in GROUPS.values():
        where = np.isin(LEARNED, columns)
        lacking[np.ix_(random.random(len(x)) < _LACK, where)] = np.nan
    trees = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.08, min_samples_leaf=15, l2_regularization=1.0, random_state=0
    )
    x, good, catalog = np.concatenate([x, lacking]), np.tile(good, 2), np.tile(catalog, 2)
    folds = list(GroupKFold(min(4, names)).split(x, good, catalog))
    with threadpool_limits(limits=1):  # so few events gain nothing from threads, and lose much where cores are busy
        return CalibratedClassifierCV(trees, method="isotonic", cv=folds).fit(x, good)


@lru_cache(maxsize=1)
def shipped():
    """The classifier of the events that come with the package; fitted when first asked for."""
    table = pd.read_parquet(files("course_utils.catalog") / TRAINING)
    return fit(table, table["good"], table["seed"])


def probability(numbers: pd.DataFrame, classifier=None) -> np.ndarray:
    """Probability that each event is right, (events,); by the shipped classifier unless another is given."""
    if not len(numbers):
        return np.zeros(0)
    return (classifier or shipped()).predict_proba(numbers[list(LEARNED)].to_numpy(float))[:, 1]


def grade(catalog: Catalog, classifier=None) -> tuple[Catalog, pd.DataFrame]:
    """Grade every event of a catalog.

    Returns:
        The catalog with ``grade`` and ``quality_probability`` of its events filled in, and a table with one row per event: event_id,
        time, grade, quality_probability, reasons, rules_fired, ``unknown`` (features that its tables do not give), and all features.
    """
    numbers = features(catalog)
    table = grade_by_rules(numbers)
    table["quality_probability"] = probability(numbers, classifier)
    table["unknown"] = numbers[list(FEATURES)].isna().sum(axis=1)
    table.insert(1, "time", catalog.events["time"].to_numpy())
    events = catalog.events.assign(grade=table["grade"], quality_probability=table["quality_probability"])
    order = ["event_id", "time", "grade", "quality_probability", "reasons", "rules_fired", "unknown"]
    return catalog.replace(events=events), table[order].merge(numbers, on="event_id")
