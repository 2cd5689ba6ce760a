"""From records of events to their types, with the network that the course ships.

    types, refused = classify_events(streams, events)

The shipped network was trained on the synthetic Earth alone (``benchmarks/train_classifier.py``). For a network of one's own, train
:class:`~course_utils.discrimination.cnn.SpectrogramCNN` on one's own labelled windows and give its file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.decision import VISIBLE_DB, combine, tempered
from course_utils.discrimination.forms import Form, cut, prepare

if TYPE_CHECKING:
    import obspy

    from course_utils.discrimination.cnn import SpectrogramCNN

SHIPPED = "classifier_synthetic.safetensors"


def load_classifier(path: str | Path | None = None) -> tuple[SpectrogramCNN, float]:
    """A network and its temperature (from the file of the same name ending in .json, else 1); by default the shipped one."""
    from course_utils.discrimination.cnn import SpectrogramCNN

    path = Path(path or Path(__file__).parent / "weights" / SHIPPED)
    card = path.with_suffix(".json")
    at = json.loads(card.read_text(encoding="utf-8")).get("temperature", 1.0) if card.is_file() else 1.0
    return SpectrogramCNN.load(path), float(at)


def classify_events(
    streams: Sequence[obspy.Stream],
    events: Sequence,
    *,
    picks_s: np.ndarray | None = None,
    classifier: str | Path | None = None,
    at_least: float = 0.5,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The type of each event from all of its records.

    Args:
        streams, events: one station's record of one event each, with 45 s or more, and its event.
        picks_s: first pick in s after the first sample of each stream, where known (else NaN); otherwise the onset is searched.
        classifier: path of a network; by default the shipped one.
        at_least: below this probability the type is "unknown".

    Returns:
        One row per event (index): event_type, event_type_probability, one column per class ("p_earthquake", ...), n_records, n_used,
        n_visible (energy rises by 6 dB); an event without a usable record has type "unclassified" and no probability. And the refused
        records: source (number of the stream), event, reason.
    """
    events = pd.Index(events)
    if len(events) != len(streams):
        raise DiscriminationError(f"{len(streams)} streams, {len(events)} events; give one for each")
    if not 0 <= at_least < 1:
        raise DiscriminationError(f"at_least is {at_least:g}; give a probability from 0 up to 1")
    net, at = load_classifier(classifier)
    form = Form(sampling_rate_hz=net.sampling_rate_hz)
    prepared = prepare(streams, form, picks_s, within_s=50.0 if picks_s is None else 2.0)
    # the onset at three places, probabilities averaged; what one placement refuses another may use
    windows = [cut(prepared, seed) for seed in range(3)]
    parts = [pd.DataFrame(net.predict_proba(w.waveforms), w.source) for w in windows if len(w.source)]
    order = events.unique()
    out = pd.DataFrame({"event_type": "unclassified", "event_type_probability": np.nan}, index=order)
    jump = pd.Series(prepared.jump_db, prepared.source)
    if parts:
        mean = pd.concat(parts).groupby(level=0).mean()
        jump = jump[mean.index]
        # a record without a visible onset says little about the event
        joint = combine(mean.to_numpy(), events[mean.index], np.clip(jump - 3.0, 0.1, 20.0))
        probability = tempered(joint.to_numpy(), at)
        best, likeliest = probability.max(-1), net.classes_[probability.argmax(-1)]
        out.loc[joint.index, "event_type"] = np.where(best >= at_least, likeliest, "unknown")
        out.loc[joint.index, "event_type_probability"] = best
        for k, name in enumerate(net.classes_):
            out.loc[joint.index, f"p_{name.replace(' ', '_')}"] = probability[:, k]
    used = jump.set_axis(events[jump.index])
    refused = pd.concat([prepared.refused, *(w.refused for w in windows)]).drop_duplicates("source")
    refused = refused[~refused["source"].isin(jump.index)]
    refused = refused.assign(event=events[refused["source"].to_numpy(int)])
    for name, which in (("n_used", used), ("n_visible", used[used >= VISIBLE_DB]), ("n_records", events.to_series())):
        out[name] = which.groupby(level=0).size().reindex(order, fill_value=0)
    return out, refused[["source", "event", "reason"]]
