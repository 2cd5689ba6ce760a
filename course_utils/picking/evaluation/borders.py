"""Checks of what comes in to be judged: labels, records, probabilities; and which event a pick is near to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog import tables

NOISE = "noise"


def clean_labels(labels: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Labels as a picks table with a column ``event``, without what cannot be; and how often that was."""
    left_out = {}
    if {"station", "phase", "time"} <= set(labels.columns):
        twice = labels.duplicated(["station", "phase", "time"])
        if twice.any():
            left_out["labels that stand twice"] = int(twice.sum())
            labels = labels[~twice]
    labels = tables.conform(labels, "picks")
    if "event" not in labels.columns:
        labels["event"] = labels["event_id"] if "event_id" in labels.columns else labels["pick_id"]
    labels["event"] = labels["event"].astype(object).where(labels["event"].notna(), labels["pick_id"])
    keys = ["station", "event"]
    first_p, first_s = (labels[labels["phase"] == phase].groupby(keys)["time"].min() for phase in tables.PHASES)
    both = first_p.index.intersection(first_s.index)
    wrong = both[(first_s[both] <= first_p[both]).to_numpy()]
    bad = pd.MultiIndex.from_frame(labels[keys]).isin(wrong) if len(wrong) else np.zeros(len(labels), bool)
    if bad.any():
        left_out["labels with S not after P"] = int(bad.sum())
        labels = labels[~bad].reset_index(drop=True)
    return labels, left_out


def require_probability(picks: pd.DataFrame, what: str) -> None:
    """Raise ValueError for the first pick without a probability."""
    unknown = picks["probability"].isna().to_numpy()
    if unknown.any():
        row = picks.iloc[int(unknown.argmax())]
        raise ValueError(
            f"{what} needs the probability of each pick, but {int(unknown.sum())} have none, the first at station "
            f"{row['station']!r} ({row['model']}, {row['time']}); baselines have no probabilities: leave them out"
        )


def facts_of_records(records: pd.DataFrame) -> tuple[float, set, pd.Series]:
    """Hours of noise, which stations are noise, and the event of each station."""
    absent = {"station", "seconds", "kind"} - set(records.columns)
    if absent:
        raise ValueError(f"records has no column {', '.join(sorted(absent))}")
    twice = records["station"].duplicated()
    if twice.any():
        raise ValueError(f"records has station {records.loc[twice, 'station'].iloc[0]!r} twice; a record has one code")
    quiet = records["kind"] == NOISE
    event = records["event"] if "event" in records.columns else records["station"]
    named = event.astype(object).where(event.notna(), records["station"])
    event_of = pd.Series(named.to_numpy(), index=records["station"].to_numpy())
    return float(records.loc[quiet, "seconds"].sum() / 3600), set(records.loc[quiet, "station"]), event_of


def event_nearby(picks: pd.DataFrame, labels: pd.DataFrame, before_s: float, after_s: float) -> pd.Series:
    """The event whose labels a pick is near to; missing where there is none."""
    nothing = pd.Series([None] * len(picks), index=picks.index, dtype=object)
    if not len(labels) or not len(picks):
        return nothing
    spans = labels.groupby(["station", "event"], sort=False)["time"].agg(["min", "max"]).reset_index()
    spans["begin"] = spans["min"] - pd.Timedelta(seconds=before_s)
    spans["end"] = spans["max"] + pd.Timedelta(seconds=after_s)
    spans = spans.sort_values(["station", "begin"], ignore_index=True)
    # of the spans that began, the one that ends last: a later and shorter one may lie inside it
    microseconds = spans["end"].astype("int64")
    latest = microseconds.groupby(spans["station"]).cummax()
    holder = pd.Series(np.where(microseconds == latest, np.arange(len(spans)), -1)).groupby(spans["station"]).cummax()
    spans["last_end"] = spans["end"].to_numpy()[holder]
    spans["last_event"] = spans["event"].to_numpy()[holder]
    left = picks[["station", "time"]].reset_index(names="row").sort_values("time")
    right = spans[["station", "begin", "end", "event", "last_end", "last_event"]].sort_values("begin")
    joined = pd.merge_asof(left, right, left_on="time", right_on="begin", by="station")
    event = joined["event"].where(joined["time"] <= joined["end"], joined["last_event"])
    event = event.where(joined["time"] <= joined["last_end"])
    nothing.loc[joined["row"].to_numpy()] = event.astype(object).where(event.notna(), None).to_numpy()
    return nothing
