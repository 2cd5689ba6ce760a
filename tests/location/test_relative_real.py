"""Relocation against the official results of HypoDD's examples, and against itself on halves of the picks."""

import os

import numpy as np
import pytest

from course_utils import data, location
from course_utils.earth import LocalFrame
from course_utils.location.relative_solve import weighted_rms

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set"),
]


@pytest.fixture(scope="module")
def opened():
    return data.open("hypodd-examples")


def centred(events, ids):
    """Places in km around their mean, in the order of ids."""
    events = events.set_index("event_id").loc[ids]
    frame = LocalFrame(float(events["latitude"].mean()), float(events["longitude"].mean()))
    place = np.column_stack([*frame.to_xy_km(events["latitude"], events["longitude"]), events["depth_km"]])
    return place - place.mean(axis=0)


def thickness_km(place):
    """Standard deviation across the plane that fits best."""
    return np.linalg.svd(place)[1][-1] / np.sqrt(len(place))


def test_hayward_fault_is_where_hypodd_puts_it(opened):
    run = location.run_relocation(opened.catalog, opened.differences, stages=opened.stages)
    p, cc = run.problem, run.problem.links.cc
    assert ((run.links["kind"] == "cc") & (run.links["phase"] == "P")).sum() == 881
    assert ((run.links["kind"] == "cc") & (run.links["phase"] == "S")).sum() == 731
    assert weighted_rms(p.residual[cc], p.weight[cc]) <= 0.0047
    assert (p.weight[cc] > 0).mean() >= 0.93
    ids = opened.relocated["event_id"]
    ours, official, before = (centred(e, ids) for e in (run.catalog.events, opened.relocated, opened.located))
    assert np.sqrt(((ours - official) ** 2).sum(axis=1).mean()) <= 0.006  # the gate is 0.02
    assert thickness_km(before) == pytest.approx(0.229, abs=0.002)
    assert thickness_km(ours) == pytest.approx(thickness_km(official), abs=0.001) == pytest.approx(0.007, abs=0.001)
    first = run.history.iloc[0]
    assert (first["links_ct"], first["links_cc"]) == (2012, 1612)


def test_known_shape_comes_back_in_a_half_space_and_a_distant_millennium(opened):
    four = opened.example4
    run = location.run_relocation(four["catalog"], four["differences"])
    ids = four["truth"]["event_id"]
    found, truth, start = (centred(e, ids) for e in (run.catalog.events, four["truth"], four["catalog"].events))
    assert np.sqrt(((start - truth) ** 2).sum(axis=1).mean()) > 0.6
    assert np.sqrt(((found - truth) ** 2).sum(axis=1).mean()) <= 0.005  # the gate is 0.01
    assert run.catalog.events["time"].dt.year.min() == 1001 and run.catalog.events["time"].dt.year.max() == 1021
    assert run.history["rms_ct_s"].iloc[-1] < 0.0005


def test_default_weights_agree_with_the_official_ones(opened):
    run = location.run_relocation(opened.catalog, opened.differences)
    ids = opened.relocated["event_id"]
    off = centred(run.catalog.events, ids) - centred(opened.relocated, ids)
    assert np.sqrt((off**2).sum(axis=1).mean()) < 0.05
