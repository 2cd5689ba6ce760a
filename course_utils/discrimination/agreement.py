"""Labels of several people who disagree: how much they agree, and what is probably true.

Labels come as a table (items, labellers) with the names of classes; missing where somebody did not look.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import softmax

from course_utils.discrimination import DiscriminationError


def _counts(labels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Votes (items, classes) and the classes."""
    values = labels.to_numpy(object)
    there = labels.notna().to_numpy()
    if not there.any(axis=1).all():
        raise DiscriminationError(f"item {labels.index[~there.any(axis=1)][0]!r} has no label at all; drop it")
    classes = np.unique(values[there].astype(str))
    return np.stack([((values == k) & there).sum(1) for k in classes], 1), classes


def fleiss_kappa(labels: pd.DataFrame) -> float:
    """Agreement beyond chance of several labellers: 1 is full, 0 that of chance (Fleiss 1971, Psychol. Bull. 76, 378-382).

    Items with fewer than two labels say nothing and are left out; numbers of labels may differ between items.
    """
    votes = _counts(labels)[0]
    votes = votes[votes.sum(1) >= 2]
    n = votes.sum(1)
    if not len(n):
        raise DiscriminationError("no item has two labels; agreement cannot be measured")
    agree = ((votes * (votes - 1)).sum(1) / (n * (n - 1))).mean()
    chance = float(((votes.sum(0) / votes.sum()) ** 2).sum())
    return 1.0 if chance == 1.0 else float((agree - chance) / (1 - chance))


def majority(labels: pd.DataFrame) -> pd.DataFrame:
    """The most frequent label of each item, its share of the votes, and whether it is tied (then the first in the alphabet is given)."""
    votes, classes = _counts(labels)
    top = votes.max(1)
    tied = (votes == top[:, None]).sum(1) > 1
    return pd.DataFrame({"label": classes[votes.argmax(1)], "share": top / votes.sum(1), "tied": tied}, labels.index)


def dawid_skene(
    labels: pd.DataFrame, rounds: int = 200, tolerance: float = 1e-6
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """What is probably true, and how reliable each labeller is, found together (Dawid and Skene 1979, Appl. Stat. 28, 20-28).

    Expectation maximisation from the shares of votes; a pseudo-count in each row of a confusion matrix, most of it on the diagonal, keeps
    rare classes finite. Returns probabilities (items, classes), and for each labeller that of each answer (columns) given the truth (rows).
    """
    votes, classes = _counts(labels)
    k = len(classes)
    answers = np.stack([pd.Index(classes).get_indexer(labels[c].astype(object)) for c in labels.columns], 1)
    one_hot = (answers[..., None] == np.arange(k)).astype(float)  # items, labellers, answer; missing: all zero
    truth = votes / votes.sum(1, keepdims=True)
    prior = np.full((k, k), 0.5 / k) + 0.5 * np.eye(k)
    for _ in range(rounds):
        confusion = np.einsum("it,ija->jta", truth, one_hot) + prior
        confusion /= confusion.sum(-1, keepdims=True)
        share = (truth.sum(0) + 1.0 / k) / (len(truth) + 1.0)
        before, truth = truth, softmax(np.log(share) + np.einsum("ija,jta->it", one_hot, np.log(confusion)), axis=1)
        if np.abs(truth - before).max() < tolerance:
            break
    axes = pd.Index(classes, name="true"), pd.Index(classes, name="answer")
    people = {str(name): pd.DataFrame(matrix, *axes) for name, matrix in zip(labels.columns, confusion, strict=True)}
    return pd.DataFrame(truth, labels.index, classes), people
