"""How good an association is, against picks whose events are known.

An event counts as found when it shares at least 60 % of its picks with a true event, one to one, the rule of
PyOcto's benchmark (Münchmeyer 2024, Seismica 3, doi:10.26443/seismica.v3i1.1130). Picks are scored by pairs:
a pick is right when it lies in the event that was paired with its true one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..catalog.matching import assign
from ..catalog.tables import conform

SHARED = 0.6


@dataclass(frozen=True)
class AssociationScore:
    """Counts of an association against truth.

    Attributes:
        pairs: columns event_id, reference_id, shared (picks in common), picks (of the event), reference_picks.
        n_events, n_reference: events proposed, and true events that can be found.
        n_right, n_assigned, n_true: picks in the right event, picks assigned, picks of true events that can be found.
        noise_assigned: share of the picks without true event that were assigned; NaN without such picks.
        split, merged: true events found in two or more pieces of at least three picks each, and events that
            hold at least three picks of each of two true events.
    """

    pairs: pd.DataFrame
    n_events: int
    n_reference: int
    n_right: int
    n_assigned: int
    n_true: int
    noise_assigned: float
    split: int
    merged: int

    @property
    def event_recall(self) -> float:
        return _ratio(len(self.pairs), self.n_reference)

    @property
    def event_precision(self) -> float:
        return _ratio(len(self.pairs), self.n_events)

    @property
    def event_f1(self) -> float:
        return _ratio(2 * len(self.pairs), self.n_events + self.n_reference)

    @property
    def pick_recall(self) -> float:
        return _ratio(self.n_right, self.n_true)

    @property
    def pick_precision(self) -> float:
        return _ratio(self.n_right, self.n_assigned)

    @property
    def pick_f1(self) -> float:
        return _ratio(2 * self.n_right, self.n_assigned + self.n_true)

    def __repr__(self) -> str:
        return (
            f"AssociationScore({len(self.pairs)} of {self.n_reference} events found, "
            f"{self.n_events - len(self.pairs)} further; events F1 {self.event_f1:.3f}; picks recall "
            f"{self.pick_recall:.3f}, precision {self.pick_precision:.3f}; noise assigned {self.noise_assigned:.3f}; "
            f"{self.split} split, {self.merged} merged)"
        )


def score(
    assignments: pd.DataFrame, truth: pd.DataFrame, n_noise: int = 0, shared: float = SHARED, min_picks: int = 1
) -> AssociationScore:
    """Score assignments against true assignments.

    Args:
        assignments: assignments table of the association.
        truth: assignments table with the true event of each pick (further picks are noise). Only event_id and
            pick_id are compared.
        n_noise: how many of the picks given to the associator belong to no true event.
        shared: share of an event's picks that must come from its true event, 0 to 1, above it.
        min_picks: true events with fewer picks need not be found, and are left out of recall; an event that
            finds one of them is not held against precision either.

    Raises:
        ValueError: ``shared`` outside 0 to 1, or a pick with two true events.
    """
    if not 0 <= shared <= 1:
        raise ValueError(f"shared is {shared}; give a share between 0 and 1")
    assignments, truth = conform(assignments, "assignments"), conform(truth, "assignments")
    if truth["pick_id"].duplicated().any():
        value = truth.loc[truth["pick_id"].duplicated(), "pick_id"].iloc[0]
        raise ValueError(f"truth: pick {value} belongs to two events; a true pick has one")
    size = assignments.groupby("event_id").size()
    true_size = truth.groupby("event_id").size()
    wanted = true_size.index[true_size >= min_picks]
    both = assignments[["event_id", "pick_id"]].merge(
        truth[["event_id", "pick_id"]], on="pick_id", suffixes=("", "_true")
    )
    overlap = both.groupby(["event_id", "event_id_true"]).size().rename("shared").reset_index()
    pieces = overlap[overlap["shared"] >= 3]

    overlap["picks"] = overlap["event_id"].map(size)
    overlap["reference_picks"] = overlap["event_id_true"].map(true_size)
    good = overlap[overlap["shared"] >= shared * overlap["picks"]].reset_index(drop=True)
    _events, left = np.unique(good["event_id"], return_inverse=True)
    _references, right = np.unique(good["event_id_true"], return_inverse=True)
    most = float(good["shared"].max()) if len(good) else 0.0
    pairs = good.iloc[assign(left, right, most - good["shared"].to_numpy(float))]
    pairs = pairs.rename(columns={"event_id_true": "reference_id"}).reset_index(drop=True)

    # Small true events that were found anyway count neither for nor against.
    small = pairs[~pairs["reference_id"].isin(wanted)]
    pairs = pairs[pairs["reference_id"].isin(wanted)].reset_index(drop=True)
    n_assigned = len(assignments) - int(small["picks"].sum())
    noise = ~assignments["pick_id"].isin(truth["pick_id"])
    return AssociationScore(
        pairs=pairs[["event_id", "reference_id", "shared", "picks", "reference_picks"]],
        n_events=len(size) - len(small),
        n_reference=len(wanted),
        n_right=int(pairs["shared"].sum()),
        n_assigned=n_assigned,
        n_true=int(true_size[wanted].sum()),
        noise_assigned=_ratio(int(noise.sum()), n_noise),
        split=int((pieces.groupby("event_id_true").size() > 1).sum()),
        merged=int((pieces.groupby("event_id").size() > 1).sum()),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
