"""Honest scores: whole events (and stations) are held out, repeatedly, and every score has an interval.

found = cross_validate(table, labels, events, lambda: Chosen(candidates()), repeats=20)
found.score()          # accuracy, balanced accuracy, with 95 % intervals over events
found.confusion()      # per trace
found.per_event().confusion()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from course_utils.discrimination.decision import combine
from course_utils.discrimination.errors import DiscriminationError


@dataclass(frozen=True)
class Held:
    """Probabilities of rows that were held out.

    Attributes:
        probabilities: shape (repeats, rows, classes); NaN where a row could not be tested.
        labels: true class of each row.
        events: event of each row.
        classes: names, in the order of the last axis.
        chosen: what each fit chose, where it says so (``chosen_``).
        strength: weight of each row in its event.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    events: np.ndarray
    classes: np.ndarray
    chosen: pd.Series
    strength: np.ndarray

    def right(self) -> np.ndarray:
        """Share of the repeats in which each row was right; NaN where it was never tested."""
        tested = np.isfinite(self.probabilities[..., 0])
        guess = self.classes[np.nan_to_num(self.probabilities).argmax(-1)]
        hit = np.where(tested, guess == self.labels, np.nan)
        with np.errstate(invalid="ignore"):
            return np.nansum(hit, 0) / np.where(tested.any(0), tested.sum(0), np.nan)

    def score(self, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
        """Rows "accuracy" and "balanced accuracy": value, low, high (95 % bootstrap over whole events within each class), sd over repeats."""
        right = self.right()
        frame = pd.DataFrame({"label": self.labels, "event": self.events, "right": right}).dropna()
        sums = frame.groupby(["label", "event"])["right"].agg(["sum", "size"])
        rng = np.random.default_rng(seed)
        hits, sizes = [], []
        for label in frame["label"].unique():
            one = sums.loc[label].to_numpy()
            take = rng.integers(0, len(one), (draws, len(one)))
            take[0] = np.arange(len(one))  # the value itself
            hits.append(one[take, 0].sum(1))
            sizes.append(one[take, 1].sum(1))
        hits, sizes = np.array(hits), np.array(sizes)
        values = {"accuracy": hits.sum(0) / sizes.sum(0), "balanced accuracy": (hits / sizes).mean(0)}
        each = self._repeats()
        rows = {k: (v[0], *np.quantile(v[1:], [0.025, 0.975]), each[k].std()) for k, v in values.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "sd over repeats"])

    def _repeats(self) -> pd.DataFrame:
        rows = []
        for one in self.probabilities:
            ok = np.isfinite(one[:, 0])
            hit = pd.Series(self.classes[one[ok].argmax(-1)] == self.labels[ok])
            rows.append((hit.mean(), hit.groupby(self.labels[ok]).mean().mean()))
        return pd.DataFrame(rows, columns=["accuracy", "balanced accuracy"])

    def confusion(self) -> pd.DataFrame:
        """True class by answer, mean number over the repeats."""
        total = np.zeros((len(self.classes),) * 2)
        for one in self.probabilities:
            ok = np.isfinite(one[:, 0])
            true = np.searchsorted(self.classes, self.labels[ok])
            np.add.at(total, (true, one[ok].argmax(-1)), 1.0)
        return pd.DataFrame(total / len(self.probabilities), self.classes, pd.Index(self.classes, name="answer"))

    def mean(self) -> np.ndarray:
        """Mean probabilities (rows, classes) over the repeats."""
        return np.nanmean(self.probabilities, 0)

    def per_event(self) -> Held:
        """The same, decided per event from all its rows (:func:`~course_utils.discrimination.decision.combine`)."""
        parts, names = [], None
        for one in self.probabilities:
            ok = np.isfinite(one[:, 0])
            joint = combine(one[ok], self.events[ok], self.strength[ok])
            names = joint.index if names is None else names
            parts.append(joint.reindex(names).to_numpy())
        label = pd.Series(self.labels, self.events).groupby(level=0).first().reindex(names)
        return Held(np.stack(parts), label.to_numpy(), names.to_numpy(), self.classes, self.chosen, np.ones(len(names)))


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

    Raises:
        DiscriminationError: fewer events in a class than folds, an event with two labels, or nothing left to train on.
    """
    versions = [tables] if isinstance(tables, (pd.DataFrame, np.ndarray)) else list(tables)
    labels, events = np.asarray(labels), np.asarray(events)
    if len(labels) != len(versions[0]) or len(events) != len(labels):
        raise DiscriminationError(
            f"{len(versions[0])} rows, {len(labels)} labels, {len(events)} events; give one for each row"
        )
    classes = np.unique(labels)
    pairs = pd.DataFrame({"label": labels, "event": events}).drop_duplicates()
    if pairs["event"].duplicated().any():
        raise DiscriminationError(f"event {pairs.loc[pairs['event'].duplicated(), 'event'].iloc[0]} has two labels")
    fewest = pairs["label"].value_counts()
    if len(classes) < 2 or fewest.min() < folds:
        raise DiscriminationError(
            f"{fewest.min()} events of class {fewest.idxmin()!r} and {len(classes)} classes; give two classes and at least {folds} events of each, or fewer folds"
        )
    out = np.full((repeats, len(labels), len(classes)), np.nan)
    chosen = []
    for repeat in range(repeats):
        x = versions[repeat % len(versions)]
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + repeat)
        for train, test in splitter.split(np.zeros(len(labels)), labels, events):
            if stations is not None:
                train = train[~np.isin(np.asarray(stations)[train], np.asarray(stations)[test])]
            if len(np.unique(labels[train])) < len(classes):
                raise DiscriminationError(
                    "without the stations under test a class is gone from the training set; use fewer folds"
                )
            fitted = _fit(make(), _rows(x, train), labels[train], events[train])
            out[repeat, test] = fitted.predict_proba(_rows(x, test))
            chosen.append(getattr(fitted, "chosen_", type(fitted).__name__))
    weights = np.ones(len(labels)) if strength is None else np.asarray(strength, float)
    return Held(out, labels, events, classes, pd.Series(chosen, name="chosen").value_counts(), weights)


def _rows(x, index: np.ndarray):
    return x.iloc[index] if isinstance(x, pd.DataFrame) else x[index]


def _fit(model, x, y, groups):
    from course_utils.discrimination.models import Chosen

    return model.fit(x, y, groups=groups) if isinstance(model, Chosen) else model.fit(x, y)
