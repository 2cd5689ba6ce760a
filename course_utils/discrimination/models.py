"""Classifiers of feature tables: scikit-learn pipelines that expect few events and unequal classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from course_utils.discrimination import DiscriminationError

MODELS = ("majority", "logistic", "svm", "forest", "boosting")
PARTS = ("early", "main", "coda", "whole")
CURVATURES = tuple(f"{part}_curvature" for part in PARTS)


class _SVM(SVC):
    """Probabilities by a softmax of the distances: Platt's, which scikit-learn offers, undo the weights of the classes."""

    def predict_proba(self, x):
        distance = self.decision_function(x)
        return softmax(np.stack([-distance, distance], 1) if distance.ndim == 1 else distance, axis=-1)


def model(name: str, *, columns: Sequence[str] | None = None, best: int | None = None, c: float = 0.1, seed: int = 0):
    """An unfitted pipeline; classes weigh alike whatever their size.

    Args:
        name: one of :data:`MODELS`; "majority" is the baseline, "svm" has a radial kernel.
        columns, best: features to use, by default all; of these so many by their F statistic, chosen anew on every training set.
        c: inverse of the regularisation of "logistic" and "svm".
    """
    if name not in MODELS:
        raise DiscriminationError(f"no model {name!r}; there is {', '.join(MODELS)}")
    shared = {"class_weight": "balanced", "random_state": seed}
    last = {
        "majority": lambda: DummyClassifier(strategy="prior"),
        "logistic": lambda: LogisticRegression(C=c, max_iter=2000, **shared),
        "svm": lambda: _SVM(C=10 * c, gamma=0.01, **shared),
        "forest": lambda: RandomForestClassifier(200, min_samples_leaf=3, max_features=0.2, **shared),
        "boosting": lambda: HistGradientBoostingClassifier(max_iter=80, learning_rate=0.08, max_depth=4, **shared),
    }[name]()
    steps = [] if columns is None else [ColumnTransformer([("chosen", "passthrough", list(columns))])]
    if name in ("logistic", "svm"):
        steps.append(StandardScaler())
    if best is not None:
        steps.append(SelectKBest(k=best))
    return make_pipeline(*steps, last)


def candidates() -> dict[str, object]:
    """What :class:`Chosen` chooses among by default: the curvature of the spectrum alone, some features more, or the whole table."""
    shape = [f"{part}_{what}" for part in PARTS for what in ("slope", "curvature")]
    sets = {"curvatures": CURVATURES, "curvatures, slopes, rise": [*shape, "rise"]}
    out = {f"{name}, C {c:g}": model("logistic", columns=cols, c=c) for name, cols in sets.items() for c in (0.01, 0.1)}
    return out | {f"best {k} of all": model("logistic", best=k) for k in (6, 12)}


class Chosen(ClassifierMixin, BaseEstimator):
    """The candidate with the best balanced accuracy in a cross-validation inside the training set, fitted on all of it.

    Used inside an outer cross-validation this is the nested one (Varma and Simon 2006, BMC Bioinformatics 7, 91): nothing is chosen on
    events that are scored. ``chosen_`` names the choice.
    """

    def __init__(self, candidates: Mapping[str, object], folds: int = 4, seed: int = 0):
        self.candidates, self.folds, self.seed = candidates, folds, seed

    def fit(self, x: pd.DataFrame, y, groups=None) -> Chosen:
        y = np.asarray(y)
        self.classes_ = np.unique(y)
        inner = StratifiedGroupKFold(self.folds, shuffle=True, random_state=self.seed)
        splits = list(inner.split(x, y, np.arange(len(y)) if groups is None else groups))
        guesses = {name: cross_val_predict(one, x, y, cv=splits) for name, one in self.candidates.items()}
        scores = {name: balanced_accuracy_score(y, guess) for name, guess in guesses.items()}
        self.chosen_ = max(scores, key=scores.get)
        self.model_ = clone(self.candidates[self.chosen_]).fit(x, y)
        return self

    def predict_proba(self, x: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(x)

    def predict(self, x: pd.DataFrame) -> np.ndarray:
        return self.classes_[self.predict_proba(x).argmax(-1)]
