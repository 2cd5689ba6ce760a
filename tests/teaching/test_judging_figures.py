"""Pictures of scores show what the tables say, and their texts too."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")
from matplotlib.figure import Figure

from course_utils.picking import evaluation as ev
from course_utils.teaching.figures import judging


@pytest.fixture(scope="module")
def scored():
    """Ten events; a good picker with probabilities, and one that is silent about S."""
    start = pd.Timestamp("2000-01-01", tz="UTC")
    rows = [(f"XX.{n:06d}.", phase, 10 + 4 * (phase == "S")) for n in range(10) for phase in "PS"]
    labels = pd.DataFrame(rows, columns=["station", "phase", "since"])
    labels["event"] = labels["station"]
    labels["snr_db"] = np.repeat(np.arange(10.0), 2)
    labels["time"] = start + pd.to_timedelta(labels["since"], unit="s")
    good = labels.assign(probability=np.linspace(0.2, 0.95, 20), time=labels["time"] + pd.Timedelta("0.1s")).iloc[4:]
    table = pd.DataFrame({"station": labels["station"].unique(), "seconds": 60.0, "kind": "event"})
    records = ev.LabelledRecords(table.assign(event=table["station"]), labels, lambda row: None)
    found = ev.compare_pickers(
        _unread(records), {"good": lambda streams: good, "silent": lambda streams: good[good["phase"] == "P"]}
    )
    return found, good, labels


def _unread(records):
    """Records whose waveforms nobody reads."""
    object.__setattr__(records, "streams", lambda: iter(()))
    return records


def test_each_picture_says_what_the_table_says(scored):
    found, good, labels = scored
    figure = Figure()
    axes = figure.subplots(2, 4).ravel()
    judged = found.judgements["good"]
    curve = ev.curve(good, labels)
    texts = [
        judging.comparison((axes[0], axes[1]), found),
        judging.precision_recall(axes[2], {"good": curve}),
        judging.against_threshold(axes[3], curve, chosen=0.3),
        judging.reliability(axes[4], judged),
        judging.residuals(axes[5], judged),
        judging.broken_down(axes[6], judged.by("snr_db", [0, 5, 10]), "snr_db", "dB"),
    ]
    figure.canvas.draw()
    assert (
        "good P: recall 0.80, precision 1.00" in texts[0] and "silent S: recall 0.00, precision undefined" in texts[0]
    )
    assert "good 0.80" in texts[1] and "F1 is largest, 0.89" in texts[2]
    assert "of 8 picks" in texts[3] and "median 0.10 s" in texts[4]
    assert "0 to 5; 5 to 10): P 0.60, 1.00" in texts[5]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["good", "silent"]
    shown = {text.get_text() for text in axes[6].texts}
    assert shown == {"5"}
