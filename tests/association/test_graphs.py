"""Graphs of picks and candidates: votes find events, messages know no order, Geiger's step finds the place."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from course_utils.association.graphs import Graph, Observed, attention, gather, geiger_step, read_out, vote
from course_utils.earth.coordinates import LocalFrame
from course_utils.earth.traveltime import TravelTimes

STATIONS = pd.DataFrame(
    {
        "station": [f"XX.S{i}." for i in range(8)],
        "latitude": [40.0, 40.3, 39.7, 40.1, 39.9, 40.25, 39.75, 40.05],
        "longitude": [-124.0, -123.7, -124.3, -123.6, -124.4, -124.2, -123.8, -124.05],
        "elevation_m": [0.0, 500, 0, 500, 0, 0, 0, 0],
    }
)
VELOCITY = pd.DataFrame({"depth_km": [0.0, 30.0], "vp_km_s": [5.5, 7.0], "vs_km_s": [3.1, 4.0]})
SOURCES = np.array([[10.0, 5.0, -8.0, 9.0], [14.0, -12.0, 10.0, 12.0]])


@pytest.fixture(scope="module")
def times():
    return TravelTimes.build(STATIONS, VELOCITY, 200, 45, 0.5)


@pytest.fixture(scope="module")
def observed(times):
    """Both phases of two overlapping events at all stations, exact, and 20 noise picks; truth in ``event``."""
    x, y = LocalFrame.around(STATIONS).to_xy_km(STATIONS["latitude"], STATIONS["longitude"])
    rng, rows = np.random.default_rng(3), []
    for k, (t0, ex, ny, z) in enumerate(SOURCES):
        for code, phase in enumerate("PS"):
            t = times.times(phase, np.arange(8), np.hypot(x - ex, y - ny), z)
            rows += [(t0 + t[j], j, code, k) for j in range(8)]
    rows += [(rng.uniform(5, 50), rng.integers(8), rng.integers(2), -1) for _ in range(20)]
    time_s, station, phase, event = (np.array(c) for c in zip(*sorted(rows), strict=True))
    return Observed(station, phase, time_s, x, y, np.ones(8, bool), times), event


def test_votes_propose_places_near_the_events(observed):
    candidates, votes = vote(observed[0], observed[0].nodes((14, 14, 3), (3, 25)))
    for source in SOURCES:
        near = np.abs(candidates[:, 0] - source[0]) < 2
        assert votes[near].max() >= 12
        best = candidates[near][votes[near].argmax()]
        assert np.hypot(*(best[1:3] - source[1:3])) < 12
    assert (np.diff(candidates[:, 0]) > 0).all()


def test_one_node_and_quiet_picks_give_no_candidates(observed):
    o = observed[0]
    first = replace(o, station=o.station[:3], phase=o.phase[:3], time_s=o.time_s[:3])
    candidates, votes = vote(first, np.array([[0.0, 0.0, 8.0]]), min_votes=5)
    assert candidates.shape == (0, 4) and votes.shape == (0,)
    assert Graph.build(first, candidates).n_sources == 0


def test_edges_join_what_the_travel_time_allows(observed):
    o, event = observed
    graph = Graph.build(o, SOURCES)
    source, pick = graph.source_of_edge.numpy(), graph.pick_of_edge.numpy()
    own = event[pick] == source
    assert own.sum() == 32  # every true pick has its edge
    assert np.abs(graph.residual.numpy()[own]).max() < 0.05
    assert np.array_equal((graph.node_of_edge % 8).numpy(), o.station[pick])


def test_geiger_finds_the_place_if_the_right_picks_are_trusted(observed):
    o, event = observed
    where = SOURCES + np.array([0.8, 6.0, -5.0, 3.0])
    for _ in range(6):
        graph = Graph.build(o, where)
        own = torch.tensor(event[graph.pick_of_edge.numpy()] == graph.source_of_edge.numpy())
        where = where + geiger_step(graph, 100.0 * own.float()).numpy()
    assert np.abs(where[:, 0] - SOURCES[:, 0]).max() < 0.05
    assert np.hypot(*(where - SOURCES)[:, 1:3].T).max() < 0.3


def test_the_step_can_be_differentiated_by_the_weights(observed):
    graph = Graph.build(observed[0], SOURCES[:1] + np.array([0.3, 2.0, 1.0, 0.5]))
    weights = torch.rand(len(graph.residual), dtype=torch.float64, requires_grad=True)
    double = replace(graph, residual=graph.residual.double(), rows=graph.rows.double())
    assert torch.autograd.gradcheck(lambda w: geiger_step(double, w), weights)


def test_joined_graphs_do_not_touch(observed):
    parts = [Graph.build(observed[0], SOURCES), Graph.build(observed[0], SOURCES[:1] + 1.0)]
    whole = Graph.join(parts)
    assert (whole.n_sources, whole.n_nodes) == (3, 24)
    weights = torch.ones(len(whole.residual))
    steps = torch.cat([geiger_step(g, torch.ones(len(g.residual))) for g in parts])
    assert torch.allclose(geiger_step(whole, weights), steps, atol=1e-4)
    assert whole.near_to[-1] < 24 and (whole.near_to // 8 == whole.near_from // 8).all()


def test_attention_adds_up_to_one_and_survives_large_scores():
    index = torch.tensor([0, 0, 1, 1, 1])
    weight = attention(torch.tensor([[500.0], [499.0], [0.0], [0.0], [-500.0]]), index, 2)
    assert torch.allclose(gather(weight, index, 2), torch.ones(2, 1))
    assert weight[0] > weight[1] and weight[2] == weight[3]


def test_each_pick_goes_to_one_event(observed):
    o, event = observed
    candidates = np.concatenate([SOURCES, SOURCES[:1] + 0.2])  # an echo of the first
    graph = Graph.build(o, candidates)
    belongs = (event[graph.pick_of_edge.numpy()] == graph.source_of_edge.numpy() % 2) * 0.9
    chosen, of_event, of_pick = read_out(o, graph, [0.9, 0.9, 0.8], belongs, min_picks=8)
    assert sorted(chosen) == [0, 1]
    assert len(np.unique(of_pick)) == len(of_pick) == 32
    assert (event[of_pick] == chosen[of_event]).all()
    assert len(read_out(o, graph, [0.9, 0.9, 0.8], belongs, min_picks=17)[0]) == 0


def test_from_a_picks_table(times):
    begin = pd.Timestamp("2020-01-01", tz="UTC")
    picks = pd.DataFrame(
        {"station": ["XX.S3.", "XX.S0."], "phase": ["S", "P"], "time": [begin, begin + pd.Timedelta("2.5s")]}
    )
    o = Observed.of(picks, times, LocalFrame.around(STATIONS))
    assert o.time_s.tolist() == [0, 2.5] and o.station.tolist() == [3, 0] and o.phase.tolist() == [1, 0]
    assert o.alive.sum() == 2
    with pytest.raises(KeyError, match=r"XX\.NONE"):
        Observed.of(picks.replace("XX.S3.", "XX.NONE."), times, LocalFrame.around(STATIONS))
    with pytest.raises(ValueError, match="empty"):
        Observed.of(picks[:0], times, LocalFrame.around(STATIONS))
