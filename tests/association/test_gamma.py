"""GaMMA through the interface: it finds known events, twice the same, and leaves the process and the disk as they were."""

import os

import numpy as np
import pandas as pd
import pytest

from course_utils.association import associate, associate_with_report, score, settings_for


@pytest.fixture(scope="module")
def result(regional_set):
    return associate_with_report(regional_set.picks, regional_set.stations, regional_set.velocity, "gamma")


def test_regional_network_from_geometry_alone(regional_set, result):
    catalog, report = result
    scored = score(catalog.assignments, regional_set.truth, regional_set.n_noise, min_picks=8)
    assert report.method == "gamma"
    assert scored.event_recall >= 0.95
    assert scored.event_precision >= 0.95
    assert scored.pick_recall >= 0.93
    assert scored.pick_precision >= 0.97


def test_dense_sequence(dense):
    catalog = associate(dense.picks, dense.stations, dense.velocity, "gamma")
    assert score(catalog.assignments, dense.truth, dense.n_noise, min_picks=8).event_f1 >= 0.9


def test_it_is_reproducible_silent_and_leaves_nothing_behind(regional_set, result, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    picks = regional_set.picks.sample(frac=1.0, random_state=1)
    picks["time"] += pd.Timedelta(days=400)
    catalog = associate(picks, regional_set.stations, regional_set.velocity, "gamma")
    assert np.random.random() == expected  # noqa: NPY002
    assert os.listdir(tmp_path) == []
    assert capfd.readouterr() == ("", "")
    assert catalog.assignments["pick_id"].tolist() == result[0].assignments["pick_id"].tolist()
    shifted = catalog.events["time"] - pd.Timedelta(days=400)
    assert shifted.tolist() == result[0].events["time"].tolist()


def test_amplitudes_are_asked_for_in_metres_per_second(regional_set):
    s = regional_set
    with pytest.raises(ValueError, match=r"use_amplitude: \d+ of \d+ picks have no amplitude in m/s"):
        associate(s.picks, s.stations, s.velocity, "gamma", use_amplitude=True)
    # equal amplitudes at all distances fit no magnitude so well that picks are lost, but the run goes through
    picks = s.picks.assign(amplitude=1e-6, amplitude_unit="m/s")
    catalog = associate(picks, s.stations, s.velocity, "gamma", use_amplitude=True, max_amplitude_residual=5.0)
    assert score(catalog.assignments, s.truth, s.n_noise, min_picks=8).event_recall >= 0.9


def test_settings_follow_the_network(dense, regional_set):
    small, large = (settings_for(s.stations, s.velocity, "gamma") for s in (dense, regional_set))
    assert small.dbscan_eps_s < large.dbscan_eps_s
    assert small.max_residual_s < large.max_residual_s
    with pytest.raises(ValueError, match="no setting cutoff_km in GammaSettings"):
        settings_for(dense.stations, dense.velocity, "gamma", cutoff_km=10.0)
    with pytest.raises(ValueError, match="needs GammaSettings"):
        associate(dense.picks, dense.stations, dense.velocity, "gamma", settings_for(dense.stations, dense.velocity))
