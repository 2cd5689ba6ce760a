"""How good an association is, against picks whose events are known.

An event counts as found when it shares at least 60 % of its picks with a true event, one to one, the rule of
PyOcto's benchmark (Münchmeyer 2024, Seismica 3, doi:10.26443/seismica.v3i1.1130). Picks are scored by pairs:
a pick is right when it lies in the event that was paired with its true one. Where no pick has a true event, a
published catalog can be compared by time and place (:func:`score_events`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..catalog.matching import assign, match_events
from ..catalog.tables import conform

SHARED = 0.6

# numerator and denominator of each rate, as weights of the columns of AssociationScore._counts
_RATES = {
    "event_recall": ((1, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0)),
    "event_precision": ((1, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0)),
    "event_f1": ((2, 0, 0, 0, 0, 0), (0, 1, 1, 0, 0, 0)),
    "pick_recall": ((0, 0, 0, 1, 0, 0), (0, 0, 0, 0, 0, 1)),
    "pick_precision": ((0, 0, 0, 1, 0, 0), (0, 0, 0, 0, 1, 0)),
    "pick_f1": ((0, 0, 0, 2, 0, 0), (0, 0, 0, 0, 1, 1)),
}


@dataclass(frozen=True)
class AssociationScore:
    """Counts of an association against truth, or against another catalog.

    Attributes:
        units: what is counted, one row per found, missed or false event: event_id and reference_id (missing where there
            is none), shared (picks in common), picks (of the event), reference_picks.
        noise_assigned: share of the picks without true event that were assigned; NaN without such picks.
        split, merged: true events found in two or more pieces of at least three picks each, and events that
            hold at least three picks of each of two true events; by time and place: further events within the gates
            of a found reference event, and missed reference events within the gates of an event.
    """

    units: pd.DataFrame
    noise_assigned: float
    split: int
    merged: int

    @property
    def pairs(self) -> pd.DataFrame:
        """Found events: event_id, reference_id, shared, picks, reference_picks."""
        found = self.units.dropna(subset=["event_id", "reference_id"])
        return found.astype({"event_id": "int64", "reference_id": "int64"}).reset_index(drop=True)

    @property
    def n_events(self) -> int:
        """Events proposed."""
        return int(self.units["event_id"].notna().sum())

    @property
    def n_reference(self) -> int:
        """True events that can be found."""
        return int(self.units["reference_id"].notna().sum())

    @property
    def n_right(self) -> int:
        """Picks in the right event."""
        return int(self.units["shared"].sum())

    @property
    def n_assigned(self) -> int:
        """Picks of proposed events."""
        return int(self.units["picks"].sum())

    @property
    def n_true(self) -> int:
        """Picks of true events that can be found."""
        return int(self.units["reference_picks"].sum())

    def interval(self, name: str, level: float = 0.95, draws: int = 1000, seed: int = 0) -> tuple[float, float]:
        """Bootstrap interval of a rate, e.g. ``interval("event_f1")``: found, missed and false events are drawn anew.

        It says how far another sequence of as many events of this kind might differ, not how a network with other
        stations or noise would (Efron and Tibshirani 1993, An introduction to the bootstrap).

        Raises:
            ValueError: unknown rate, or ``level`` outside 0 to 1.
        """
        if name not in _RATES:
            raise ValueError(f"no rate {name!r}; there are {', '.join(_RATES)}")
        if not 0 < level < 1:
            raise ValueError(f"level is {level}; give a number between 0 and 1")
        rng, n = np.random.default_rng(seed), len(self.units)
        counts = self._counts()
        weights = rng.multinomial(n, np.full(n, 1.0 / n), draws) if n else np.zeros((draws, 0))
        part, whole = (weights @ (counts @ np.array(c)) for c in _RATES[name])
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = part / whole
        low, high = (
            np.nanquantile(rates, [(1 - level) / 2, (1 + level) / 2]) if np.isfinite(rates).any() else (np.nan,) * 2
        )
        return float(low), float(high)

    def _counts(self) -> np.ndarray:
        """Of every unit: found, proposed, wanted, right picks, assigned picks, true picks; shape (units, 6)."""
        u = self.units
        event, reference = u["event_id"].notna(), u["reference_id"].notna()
        return np.column_stack(
            [event & reference, event, reference, u["shared"], u["picks"], u["reference_picks"]]
        ).astype(float)

    def _rate(self, name: str) -> float:
        total = self._counts().sum(axis=0)
        return _ratio(*(float(total @ np.array(c)) for c in _RATES[name]))

    @property
    def event_recall(self) -> float:
        return self._rate("event_recall")

    @property
    def event_precision(self) -> float:
        return self._rate("event_precision")

    @property
    def event_f1(self) -> float:
        return self._rate("event_f1")

    @property
    def pick_recall(self) -> float:
        return self._rate("pick_recall")

    @property
    def pick_precision(self) -> float:
        return self._rate("pick_precision")

    @property
    def pick_f1(self) -> float:
        return self._rate("pick_f1")

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
    missed = wanted.difference(pairs["reference_id"])
    false = size.index.difference(pairs["event_id"]).difference(small["event_id"])
    units = _stack(
        [
            pairs[["event_id", "reference_id", "shared", "picks", "reference_picks"]],
            pd.DataFrame(
                {"reference_id": missed, "shared": 0, "picks": 0, "reference_picks": true_size[missed].to_numpy()}
            ),
            pd.DataFrame({"event_id": false, "shared": 0, "picks": size[false].to_numpy(), "reference_picks": 0}),
        ]
    )
    noise = ~assignments["pick_id"].isin(truth["pick_id"])
    return AssociationScore(
        units=_whole(units),
        noise_assigned=_ratio(int(noise.sum()), n_noise),
        split=int((pieces.groupby("event_id_true").size() > 1).sum()),
        merged=int((pieces.groupby("event_id").size() > 1).sum()),
    )


def score_events(events: pd.DataFrame, reference: pd.DataFrame, max_dt_s: float, max_km: float) -> AssociationScore:
    """Score events against a catalog by origin time and epicenter, one to one
    (:func:`~course_utils.catalog.matching.match_events`).

    Picks are not compared: their rates are NaN.

    Args:
        events, reference: events tables.
        max_dt_s, max_km: gates of a pair.
    """
    match = match_events(events, reference, max_dt_s, max_km)
    units = _stack(
        [
            match.matched[["event_id", "reference_id"]],
            match.missed[["event_id"]].set_axis(["reference_id"], axis=1),
            match.proposed[["event_id"]],
        ]
    )
    units = units.assign(shared=0, picks=0, reference_picks=0)
    return AssociationScore(
        units=_whole(units),
        noise_assigned=float("nan"),
        split=len(match_events(match.proposed, reference, max_dt_s, max_km).matched),
        merged=len(match_events(events, match.missed, max_dt_s, max_km).matched),
    )


def _stack(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Parts one below the other; on the way through floats, ids of 64 bits would lose their last digits."""
    ids = ("event_id", "reference_id")
    return pd.concat([p.astype({c: "Int64" for c in ids if c in p}) for p in parts], ignore_index=True)


def _whole(units: pd.DataFrame) -> pd.DataFrame:
    ids, counts = ["event_id", "reference_id"], ["shared", "picks", "reference_picks"]
    return units.reindex(columns=ids + counts).astype(dict.fromkeys(ids, "Int64") | dict.fromkeys(counts, "int64"))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
