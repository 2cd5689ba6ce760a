"""The published records of the Pacific Northwest, and QuakeXNet's published weights."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils import data
from course_utils.discrimination import DiscriminationError
from course_utils.discrimination.forms import cut, prepare

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from _quakexnet import CLASSES, QuakeXNet

real_data = pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
real_weights = pytest.mark.skipif(not os.environ.get("SEISBENCH_CACHE_ROOT"), reason="SEISBENCH_CACHE_ROOT is not set")


@pytest.mark.real
@real_data
def test_the_pacific_northwest_in_one_form(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "real")
    opened = data.open("pnw-classification")
    records = opened.records
    made = prepare(opened.waveforms, origin_s=records["origin_s"].to_numpy())
    counts = made.refused_counts()
    assert counts["rate too low"] > 60 and len(made.source) > 700
    kept = records.iloc[made.source]
    assert kept.groupby("event_type")["source_id"].nunique().to_dict() == {
        "earthquake": 50,
        "explosion": 17,
        "surface event": 36,
    }
    windows, noise = cut(made), cut(made, part="noise", noise_before_s=records["origin_s"].to_numpy())
    assert len(windows.source) == len(made.source) and len(noise.source) > 0.95 * len(made.source)


@pytest.mark.real
@real_data
@real_weights
def test_quakexnet_knows_californian_earthquakes(monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "real")
    waveforms = data.open("phasenet-ncedc").waveforms
    three = waveforms[np.abs(waveforms[:, 1:]).max((1, 2)) > 0]
    net = QuakeXNet.from_cache()
    assert sum(v.numel() for v in net.state_dict().values()) == 71_333
    found = np.array(CLASSES)[net.classify(three, 100.0).argmax(1)]
    assert (found == "earthquake").mean() > 0.9
    with pytest.raises(DiscriminationError, match="Z, N, E"):
        net.classify(three[:, 0], 100.0)
    with pytest.raises(DiscriminationError, match="too short"):
        net.classify(three[..., :3000], 100.0)


def test_quakexnet_without_its_weights_says_where_they_are(tmp_path):
    with pytest.raises(DiscriminationError, match="QuakeScope"):
        QuakeXNet.from_cache(tmp_path)
