"""Honest scores: whole events (and stations) are held out, repeatedly, and every score has an interval.

found = cross_validate(table, labels, events, lambda: Chosen(candidates()), repeats=20)
found.score()          # accuracy, balanced accuracy, with 95 % intervals over events
found.confusion()      # per trace
found.per_event().confusion()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import StratifiedGroupKFold

from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.decision import combine
from course_utils.discrimination.feature_table import describe
from course_utils.discrimination.models import Chosen


@dataclass(frozen=True)
class Held:
    """Probabilities of rows that were held out.

    Attributes:
        probabilities: shape (repeats, rows, classes); ``classes`` are their names.
        labels, events, strength: true class, event, and weight in its event, of each row.
        chosen: what each fit chose, where it says so (``chosen_``), and how often.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    events: np.ndarray
    classes: np.ndarray
    chosen: pd.Series
    strength: np.ndarray

    def score(self, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
        """Rows "accuracy" and "balanced accuracy": value, low, high (95 % bootstrap over whole events within each class), sd over repeats."""
        right = (self.classes[self.probabilities.argmax(-1)] == self.labels).mean(0)
        sums = pd.Series(right).groupby([self.labels, self.events]).agg(["sum", "size"])
        rng = np.random.default_rng(seed)
        drawn = []
        for label in pd.unique(self.labels):
            one = sums.loc[label].to_numpy()
            take = rng.integers(0, len(one), (draws, len(one)))
            take[0] = np.arange(len(one))  # the value itself
            drawn.append(one[take].sum(1))
        hits, sizes = np.moveaxis(drawn, -1, 0)
        counts = self._counts()
        rows = {
            "accuracy": (hits.sum(0) / sizes.sum(0), [np.trace(c) / c.sum() for c in counts]),
            "balanced accuracy": ((hits / sizes).mean(0), [np.mean(np.diag(c) / c.sum(1)) for c in counts]),
        }
        table = {k: (v[0], *np.quantile(v[1:], [0.025, 0.975]), pd.Series(r).std()) for k, (v, r) in rows.items()}
        return pd.DataFrame.from_dict(table, orient="index", columns=["value", "low", "high", "sd over repeats"])

    def _counts(self) -> list[np.ndarray]:
        answers = self.classes[self.probabilities.argmax(-1)]
        return [confusion_matrix(self.labels, one, labels=self.classes) for one in answers]

    def confusion(self) -> pd.DataFrame:
        """True class by answer, mean number over the repeats."""
        return pd.DataFrame(np.mean(self._counts(), axis=0), self.classes, pd.Index(self.classes, name="answer"))

    def mean(self) -> np.ndarray:
        """Mean probabilities (rows, classes) over the repeats."""
        return self.probabilities.mean(0)

    def per_event(self) -> Held:
        """The same, decided per event from all its rows (:func:`~course_utils.discrimination.decision.combine`)."""
        joint = [combine(one, self.events, self.strength) for one in self.probabilities]
        label = pd.Series(self.labels, self.events).groupby(level=0).first()
        ones = np.ones(len(label))
        return Held(np.stack(joint), label.to_numpy(), label.index.to_numpy(), self.classes, self.chosen, ones)


def cross_validate(
    tables: pd.DataFrame | Sequence,
    labels: Sequence,
    events: Sequence,
    make: Callable[[], object],
    *,
    folds: int = 5,
    repeats: int = 10,
    seed: int = 0,
    stations: Sequence | None = None,
    strength: Sequence | None = None,
) -> Held:
    """Probabilities of every row from a model that never saw its event (nor, with ``stations``, its station).

    Args:
        tables: features (rows, features), or several versions of them (other random windows) of which each repeat takes the next.
            Arrays of waveforms do as well.
        labels, events: class and event of each row.
        make: gives an unfitted classifier with ``fit`` and ``predict_proba``; :class:`~course_utils.discrimination.models.Chosen` makes
            it the nested cross-validation.
        stations: station of each row; rows of a station under test leave the training set.
        strength: weight of each row when rows are joined per event.
    """
    versions = [tables] if isinstance(tables, (pd.DataFrame, np.ndarray)) else list(tables)
    labels, events = np.asarray(labels), np.asarray(events)
    if len(labels) != len(versions[0]) or len(events) != len(labels):
        raise DiscriminationError(
            f"{len(versions[0])} rows, {len(labels)} labels, {len(events)} events; give one per row"
        )
    classes = np.unique(labels)
    pairs = pd.DataFrame({"label": labels, "event": events}).drop_duplicates()
    twice = pairs.loc[pairs["event"].duplicated(), "event"]
    if len(twice):
        raise DiscriminationError(f"event {twice.iloc[0]} has two labels")
    n = pairs["label"].value_counts()
    if len(classes) < 2 or n.min() < folds:
        raise DiscriminationError(
            f"{dict(n)} events; give two classes with {folds} events or more each, or fewer folds"
        )
    out, chosen = np.zeros((repeats, len(labels), len(classes))), []
    for repeat in range(repeats):
        x = versions[repeat % len(versions)]
        rows = x.iloc if isinstance(x, pd.DataFrame) else x
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + repeat)
        for train, test in splitter.split(np.zeros(len(labels)), labels, events):
            if stations is not None:
                train = train[~np.isin(np.asarray(stations)[train], np.asarray(stations)[test])]
            if len(np.unique(labels[train])) < len(classes):
                raise DiscriminationError("without the stations under test a class has no rows left; use fewer folds")
            fresh = make()
            groups = {"groups": events[train]} if isinstance(fresh, Chosen) else {}
            fitted = fresh.fit(rows[train], labels[train], **groups)
            out[repeat, test] = fitted.predict_proba(rows[test])
            chosen.append(getattr(fitted, "chosen_", type(fitted).__name__))
    weights = np.ones(len(labels)) if strength is None else np.asarray(strength, float)
    return Held(out, labels, events, classes, pd.Series(chosen, name="chosen").value_counts(), weights)


def feature_groups() -> dict[str, list[str]]:
    """The features by what they look at: waveform, envelope, spectrum, cepstrum, P over S, bands of the parts, and the rest."""
    groups: dict[str, list[str]] = {}
    for name in describe()["feature"]:
        first = name.split("_")[0]
        kind = first if first in ("waveform", "envelope", "spectrum", "cepstrum") else "onset, duration, coda"
        kind = "P over S" if name.startswith("p_over_s") else kind
        kind = "bands of P, S, coda" if first in ("early", "main", "coda", "whole") and name != "coda_decay" else kind
        kind = "shape of the spectrum" if first in ("share", "spectral", "peak", "zero") else kind
        groups.setdefault(kind, []).append(name)
    return groups


def group_importance(
    model, x: pd.DataFrame, y: Sequence, groups: Mapping[str, Sequence[str]] | None = None, repeats=5, seed=0
) -> pd.DataFrame:
    """Loss of balanced accuracy when the columns of a group are shuffled together among the records (Breiman 2001).

    Features of one group say nearly the same, so shuffling one alone would cost nothing: its neighbours step in. ``x`` and ``y`` are records
    that the fitted model has not seen. One row per group, the largest first: loss, sd over the repeats, n_features.
    """
    groups = feature_groups() if groups is None else groups
    missing = [c for columns in groups.values() for c in columns if c not in x.columns]
    if missing:
        raise DiscriminationError(f"no feature {missing[0]!r} in the table of {len(x.columns)} columns")
    rng = np.random.default_rng(seed)
    whole = balanced_accuracy_score(y, model.predict(x))
    rows = {}
    for name, columns in groups.items():
        losses = []
        for _ in range(repeats):
            shuffled = x.copy()
            shuffled[list(columns)] = x[list(columns)].to_numpy()[rng.permutation(len(x))]
            losses.append(whole - balanced_accuracy_score(y, model.predict(shuffled)))
        rows[name] = (np.mean(losses), np.std(losses), len(columns))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["loss", "sd", "n_features"])
    return table.sort_values("loss", ascending=False)
