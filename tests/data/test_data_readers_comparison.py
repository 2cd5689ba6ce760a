"""Readers of the sets that hold two catalogs of the same earthquakes."""

import os

import numpy as np
import pytest

from course_utils import data
from course_utils.catalog.matching import match_events

real = pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")


@pytest.mark.real
@real
def test_gamma_depths_are_kilometres_and_matches_are_the_published_ones():
    opened = data.open("gamma-ridgecrest", progress=False)
    assert opened.events["depth_km"].max() < 22 and opened.scsn["depth_km"].between(-2, 16).all()
    assert opened.stations["station"].is_unique
    assert opened.stations.set_index("station").loc["CI.CCC.", "channels"] == "BH,HH,HN"
    found = [len(match_events(opened.events, opened.scsn, t, np.inf).matched) for t in (1, 2, 3)]
    assert found == [624, 650, 656]


@pytest.mark.real
@real
def test_ogs_lists_are_the_same_locations_and_codes_are_weights():
    opened = data.open("ogs-2024", progress=False)
    assert (len(opened.events), len(opened.bulletin), len(opened.picks)) == (1778, 1349, 25670)
    found = match_events(opened.events, opened.bulletin, 1, 1)
    assert len(found.matched) == 1349 and found.matched["distance_km"].max() == 0
    weights = opened.assignments["weight"].value_counts()
    assert set(weights.index) == {0.0, 0.25, 0.5, 0.75, 1.0} and weights.idxmax() == 0.5


@pytest.mark.real
@real
def test_askja_differences_are_those_that_the_authors_publish():
    opened = data.open("quakemigrate-manuscript", progress=False)
    found = match_events(opened.events, opened.manual, 3, 5).matched.merge(opened.published, on="event_id")
    assert (found["event_id"] == found["reference_id"]).all() and len(found) == 1706
    assert np.allclose(found["distance_km"], found["epicenter_km"], atol=1e-6)
    assert np.allclose(found["depth_difference_km_x"], found["depth_difference_km_y"])
    assert opened.rutford["label"].value_counts().to_dict() == {1.0: 117, 0.0: 22, 0.5: 10}
