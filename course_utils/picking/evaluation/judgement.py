"""Picks against labels: which are right, which are missed, and what follows from it.

Rules. A pick is right when it is paired with a label of its station and phase at most ``tolerance_s`` away, one to one
(``catalog.matching.match_picks``). Recall counts labels. Precision counts the picks *near* labels, from ``before_s``
before an event's first label at a station to ``after_s`` after its last (5 s before P to 5 s after S), since elsewhere
labels are often missing although an earthquake is there; precision of whole records stands beside it. False picks on
records that are known to be noise are counted apart, by the hour.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from course_utils.catalog import tables
from course_utils.catalog.matching import match_picks

from .borders import clean_labels, event_nearby, facts_of_records, require_probability

WIDE_S = 3.0  # offsets up to here tell a late pick from a missed one


@dataclass(frozen=True)
class Judgement:
    """Every label and every pick with its verdict; the methods count.

    Attributes:
        labels: the labels that were scored, with ``event``, ``found``, ``residual_s`` (pick minus label, NaN where not
            found), ``offset_s`` (the same of pairs up to 3 s apart) and ``pick_probability``.
        picks: the picks, with ``event`` (the one they are near to, or of their record), ``right``, ``near`` and ``noise``
            (made on a record of noise).
        tolerance_s: largest time difference of a right pick.
        noise_hours: hours of noise records.
        left_out: what was not scored, and how often.
    """

    labels: pd.DataFrame
    picks: pd.DataFrame
    tolerance_s: float
    noise_hours: float = 0.0
    left_out: dict[str, int] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """One row per phase.

        Columns: phase, tolerance_s, n_labels, n_found, n_near (picks near labels), n_picks (on records with labels),
        recall, precision, f1, precision_whole, residual_median_s and residual_mad_s (of pairs up to 3 s apart; MAD is the
        median absolute deviation, not scaled), outlier_share (of those pairs, the ones beyond the tolerance), n_noise,
        noise_hours, false_per_hour, note (why a score is missing). A score without anything to divide by is NaN.
        """
        return pd.DataFrame([self._row(phase) for phase in tables.PHASES])

    def by(self, column: str, bins=None) -> pd.DataFrame:
        """Recall and precision by a column of the labels: SNR, distance, magnitude, station, anything.

        Args:
            bins: edges for numbers (left edge included); None: quartiles of a number with more than eight values, else
                each value by itself.

        Returns:
            phase, the column (an interval or a value), n_labels, n_found, recall, n_near, precision,
            residual_median_s. Picks near a label's event count in the bin of that event's labels of the phase; where
            an event has labels in several bins, in the first. Labels without a value are one bin, "unknown".

        Raises:
            ValueError: the labels have no such column.
        """
        if column not in self.labels.columns:
            raise ValueError(f"labels have no column {column!r}; they have {', '.join(map(str, self.labels.columns))}")
        labels = self.labels.assign(bin=_binned(self.labels[column], bins))
        rows = []
        for phase in tables.PHASES:
            mine = labels[labels["phase"] == phase]
            of_event = mine.drop_duplicates(["station", "event"]).set_index(["station", "event"])["bin"]
            near = self.picks[self.picks["near"] & (self.picks["phase"] == phase)]
            keys = pd.MultiIndex.from_frame(near[["station", "event"]])
            at = of_event.index.get_indexer(keys) if len(of_event) else np.full(len(near), -1)
            bin_of = np.where(at >= 0, of_event.to_numpy(dtype=object)[at] if len(of_event) else None, None)
            for value in dict.fromkeys(mine.sort_values(column)["bin"]):
                some, close = mine[mine["bin"] == value], near[bin_of == value]
                rows.append(
                    {
                        "phase": phase,
                        column: value,
                        "n_labels": len(some),
                        "n_found": int(some["found"].sum()),
                        "recall": _ratio(some["found"].sum(), len(some)),
                        "n_near": len(close),
                        "precision": _ratio(close["right"].sum(), len(close)),
                        "residual_median_s": float(some["residual_s"].median()),
                    }
                )
        names = ["phase", column, "n_labels", "n_found", "recall", "n_near", "precision", "residual_median_s"]
        return pd.DataFrame(rows, columns=names)

    def intervals(self, level: float = 0.95, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
        """Bootstrap intervals of recall, precision, F1 and whole precision, drawn over events.

        Events are drawn with replacement, each with all its labels and picks: those of one event share its path and
        its noise, so drawing picks would give intervals that are too narrow (Efron and Tibshirani 1993).

        Returns:
            phase, score, value, low, high, n_events. Intervals are percentiles, widened where needed to hold the value.

        Raises:
            ValueError: ``level`` outside 0 to 1, or fewer than one draw.
        """
        if not 0 < level < 1 or draws < 1:
            raise ValueError(f"level is {level}, draws {draws}; give a level between 0 and 1 and at least one draw")
        rows = []
        for phase in tables.PHASES:
            counts = self._counts(phase)
            rng = np.random.default_rng(seed)
            n = len(counts)
            weights = rng.multinomial(n, np.full(n, 1 / n), size=draws) if n else np.zeros((draws, 0), int)
            drawn = _scores(*(weights @ counts.to_numpy()).T)
            for name, value in _scores(*counts.sum().to_numpy()).items():
                known = drawn[name][np.isfinite(drawn[name])]
                low, high = np.nan, np.nan
                if np.isfinite(value) and len(known):
                    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
                    low, high = min(low, value), max(high, value)
                rows.append((phase, name, float(value), low, high, n))
        return pd.DataFrame(rows, columns=["phase", "score", "value", "low", "high", "n_events"])

    def calibration(self, bins: int = 10) -> pd.DataFrame:
        """Reliability diagram: does a pick of probability 0.7 stand for an arrival seven times in ten?

        A pick's probability is the peak of the model's output. It is judged as the forecast that the pick is right,
        within ``tolerance_s`` and one to one; picks near labels and picks on noise records are judged, others are not,
        because nobody knows about them. Picks below the threshold were never made, so the lowest bins may be empty. Labels
        with ``visible=False`` take their picks with them: judge against all arrivals when weak ones are often picked.

        Returns:
            phase, low, high, n, mean_probability, share_right of each bin (equal widths, 0 to 1), and in
            ``frame.attrs["expected_calibration_error"]`` per phase the mean ``abs(share_right - mean_probability)`` weighted by
            n (Guo et al. 2017, arXiv:1706.04599).

        Raises:
            ValueError: a pick without probability.
        """
        if bins < 1:
            raise ValueError(f"bins is {bins}; give at least one")
        require_probability(self.picks, "a reliability diagram")
        edges = np.linspace(0, 1, bins + 1)
        rows, errors = [], {}
        for phase in tables.PHASES:
            some = self.picks[(self.picks["phase"] == phase) & (self.picks["near"] | self.picks["noise"])]
            probability, right = some["probability"].to_numpy(), some["right"].to_numpy(float)
            which = np.clip(np.digitize(probability, edges) - 1, 0, bins - 1)
            n = np.bincount(which, minlength=bins)
            with np.errstate(invalid="ignore"):
                mean = np.bincount(which, probability, bins) / n
                share = np.bincount(which, right, bins) / n
            used = n > 0
            errors[phase] = (
                float(np.sum(n[used] * np.abs(share - mean)[used]) / n.sum()) if used.any() else float("nan")
            )
            rows.append(
                pd.DataFrame(
                    {
                        "phase": phase,
                        "low": edges[:-1],
                        "high": edges[1:],
                        "n": n,
                        "mean_probability": mean,
                        "share_right": share,
                    }
                )
            )
        frame = pd.concat(rows, ignore_index=True)
        frame.attrs["expected_calibration_error"] = errors
        return frame

    def __repr__(self) -> str:
        text = []
        for row in self.table().itertuples():
            text.append(f"{row.phase}: recall {row.recall:.3f}, precision {row.precision:.3f} of {row.n_labels} labels")
        text += [f"left out: {kind} {count}" for kind, count in self.left_out.items() if count]
        return f"Judgement({'; '.join(text)})"

    def _row(self, phase: str) -> dict:
        labels = self.labels[self.labels["phase"] == phase]
        picks = self.picks[self.picks["phase"] == phase]
        near, on_noise = picks["near"], picks["noise"]
        n_found, n_picks = int(labels["found"].sum()), int((~on_noise).sum())
        scores = _scores(n_found, len(labels), int(near.sum()), n_picks)
        offset = labels["offset_s"].dropna()
        median = float(offset.median())
        n_noise = int(on_noise.sum())
        why = []
        if not len(labels):
            why.append(f"recall: no {phase} labels")
        if not near.any():
            why.append(f"precision: no {phase} picks near labels")
        return {
            "phase": phase,
            "tolerance_s": self.tolerance_s,
            "n_labels": len(labels),
            "n_found": n_found,
            "n_near": int(near.sum()),
            "n_picks": n_picks,
            **{name: float(value) for name, value in scores.items()},
            "residual_median_s": median,
            "residual_mad_s": float((offset - median).abs().median()),
            "outlier_share": _ratio((offset.abs() > self.tolerance_s + 5e-7).sum(), len(offset)),
            "n_noise": n_noise,
            "noise_hours": self.noise_hours,
            "false_per_hour": _ratio(n_noise, self.noise_hours),
            "note": "; ".join(why),
        }

    def _counts(self, phase: str) -> pd.DataFrame:
        """Labels found, labels, picks near labels and all picks, of each event."""
        labels = self.labels[self.labels["phase"] == phase].groupby("event")["found"].agg(["sum", "size"])
        picks = self.picks[(self.picks["phase"] == phase) & ~self.picks["noise"]]
        picks = picks.groupby("event")["near"].agg(["sum", "size"]).add_suffix("_picks")
        return labels.join(picks, how="outer").fillna(0)


def judge(
    picks: pd.DataFrame,
    labels: pd.DataFrame,
    records: pd.DataFrame | None = None,
    *,
    tolerance_s: float = 0.5,
    before_s: float = 5.0,
    after_s: float = 5.0,
) -> Judgement:
    """Judge picks by labels.

    Args:
        picks: picks table.
        labels: picks table of what is taken for truth; its column ``event`` (or ``event_id``) says which labels belong
            together, without it each label stands alone. Where ``visible`` (of the truth's arrivals) is False, a label need
            not be found: missing it is no miss, and a pick of it counts neither for nor against. Further columns can be
            used by :meth:`Judgement.by`.
        records: one row per labelled record, for cut-out records and for noise: ``station`` as in the other tables,
            ``seconds``, ``kind`` ("noise" where there is nothing to find) and ``event``. None: continuous data.
        tolerance_s, before_s, after_s: see the module.

    Labels that stand twice, and all labels of an event at a station where S is not after P, are left out and counted, as are
    picks of stations that ``records`` does not have.

    Raises:
        TableError: a table breaks its schema.
        ValueError: times that cannot be, or nothing to score against.
    """
    for name, value in {"tolerance_s": tolerance_s, "before_s": before_s, "after_s": after_s}.items():
        if not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} is {value}; give seconds above 0")
    if tolerance_s > min(before_s, after_s):
        raise ValueError(
            f"tolerance_s is {tolerance_s}, longer than before_s {before_s} or after_s {after_s}: a right pick would "
            "not count as near; lengthen those"
        )
    labels, left_out = clean_labels(labels)
    picks = tables.conform(picks, "picks")
    noise_hours, noisy, event_of = 0.0, set(), pd.Series(dtype=object)
    if records is not None:
        noise_hours, noisy, event_of = facts_of_records(records)
        known = picks["station"].isin(records["station"])
        if not known.all():
            left_out["picks of other stations"] = int((~known).sum())
            picks = picks[known].reset_index(drop=True)
        stray = ~labels["station"].isin(records["station"]) | labels["station"].isin(noisy)
        if stray.any():
            raise ValueError(f"labels of station {labels.loc[stray, 'station'].iloc[0]!r}, which is noise or no record")
    if not len(labels) and not noise_hours:
        raise ValueError("labels is empty and there is no noise: there is nothing to score against")

    with warnings.catch_warnings():
        if records is not None:  # picks on noise alone share no station with the labels, and that is no mistake
            warnings.simplefilter("ignore")
        pairs = match_picks(picks, labels, tolerance_s).matched
        warnings.simplefilter("ignore")  # said once
        wide = match_picks(picks, labels, max(WIDE_S, tolerance_s)).matched
    paired = pairs.set_index("reference_id")
    at = paired.index.get_indexer(labels["pick_id"])
    probability = picks.set_index("pick_id")["probability"]
    found = at >= 0
    labels["found"] = found
    labels["residual_s"] = _taken(paired["residual_s"].to_numpy(), at)
    apart = wide.set_index("reference_id")["residual_s"]
    labels["offset_s"] = _taken(apart.to_numpy(), apart.index.get_indexer(labels["pick_id"]))
    labels["pick_probability"] = _taken(probability.reindex(paired["pick_id"]).to_numpy(), at)

    picks["right"] = picks["pick_id"].isin(pairs["pick_id"])
    picks["noise"] = picks["station"].isin(noisy)
    event = event_nearby(picks, labels, before_s, after_s)
    picks["near"] = event.notna()
    of_label = labels.set_index("pick_id")["event"].reindex(paired.index)
    own = pd.Series(of_label.to_numpy(), index=paired["pick_id"].to_numpy(), dtype=object)
    event = picks["pick_id"].map(own).astype(object).where(picks["right"], event)
    elsewhere = picks["station"].map(event_of) if len(event_of) else picks["station"]
    picks["event"] = event.where(event.notna(), elsewhere).astype(str)
    labels["event"] = labels["event"].astype(str)
    if "visible" in labels.columns:
        hidden = labels["visible"].eq(False).to_numpy()
        of_hidden = picks["pick_id"].isin(paired["pick_id"].reindex(labels.loc[hidden, "pick_id"]).dropna()).to_numpy()
        left_out |= {"labels that need not be found": int(hidden.sum()), "picks of such labels": int(of_hidden.sum())}
        labels, picks = labels[~hidden].reset_index(drop=True), picks[~of_hidden].reset_index(drop=True)
    return Judgement(labels, picks, float(tolerance_s), noise_hours, left_out)


def _binned(values: pd.Series, bins) -> pd.Series:
    number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if bins is None and not (number and values.nunique() > 8):
        return values.astype(object).where(values.notna(), "unknown")
    if not number:
        raise ValueError(f"bins were given for {values.name!r}, whose values are no numbers; leave them out")
    edges = np.unique(values.quantile([0, 0.25, 0.5, 0.75, 1])) if bins is None else np.asarray(bins, float)
    if bins is None:
        edges[-1] = np.nextafter(edges[-1], np.inf)
    cut = pd.cut(values, edges, right=False).astype(object)
    return cut.where(cut.notna(), "unknown")


def _scores(found, labels, near, picks) -> dict:
    with np.errstate(divide="ignore", invalid="ignore"):
        found, labels, near, picks = (np.asarray(x, np.float64) for x in (found, labels, near, picks))
        recall = np.where(labels > 0, found / labels, np.nan)
        precision = np.where(near > 0, found / near, np.nan)
        f1 = np.where((labels > 0) & (labels + near > 0), 2 * found / (labels + near), np.nan)
        whole = np.where(picks > 0, found / picks, np.nan)
    return {"recall": recall, "precision": precision, "f1": f1, "precision_whole": whole}


def _taken(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    out = np.full(len(at), np.nan)
    out[at >= 0] = values[at[at >= 0]]
    return out


def _ratio(part, whole) -> float:
    return float(part) / float(whole) if whole else float("nan")
