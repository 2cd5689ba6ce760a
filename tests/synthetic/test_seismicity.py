"""Medium, network and events of a world."""

import numpy as np
import pandas as pd
import pytest

from course_utils.earth.coordinates import distance_azimuth
from course_utils.earth.traveltime import TravelTimes
from course_utils.synthetic import World
from course_utils.synthetic.etas import Etas, Sequence, simulate
from course_utils.synthetic.medium import GIL7, TrueMedium, published
from course_utils.synthetic.network import MENDOCINO, stations_of, stations_table
from course_utils.synthetic.randomness import Draws
from course_utils.synthetic.receivers import cultural_level
from course_utils.synthetic.scenario import preset
from course_utils.synthetic.seismicity import CENTRE, events, fault_planes, working_seconds


def _first(magnitude: float) -> Sequence:
    return Sequence(
        np.zeros(1), np.array([magnitude]), np.zeros((1, 3)), np.zeros(1, int), np.zeros(1, int), np.full(1, -1)
    )


def test_the_true_medium_differs_from_the_published_one_as_stated():
    given = published()
    for seed in range(8):
        true = TrueMedium(seed).velocity
        assert (true["depth_km"] == given["depth_km"]).all()
        layers = slice(0, len(GIL7) - 1)
        vp = (true["vp_km_s"] / given["vp_km_s"])[layers]
        ratio = ((true["vp_km_s"] / true["vs_km_s"]) / (given["vp_km_s"] / given["vs_km_s"]))[layers]
        for change in (vp, ratio):
            assert ((change - 1).abs() >= 0.03 - 1e-9).all() and ((change - 1).abs() <= 0.05 + 1e-9).all()
        assert ((true["vs_km_s"] / given["vs_km_s"] - 1).abs()[layers] < 0.021).all()
    assert not TrueMedium(0).velocity.equals(TrueMedium(1).velocity)
    assert World.tiny().velocity.equals(given)


def test_the_lateral_field_is_the_mean_of_slowness_along_the_line():
    medium = TrueMedium(3)
    x0, y0, x1, y1 = -20.0, 5.0, 31.0, -44.0
    share = (np.arange(4000) + 0.5) / 4000
    x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
    for phase in "PS":
        at_points = medium.delay_s(phase, x, y, x + 1e-6, y, 1.0)
        whole = float(medium.delay_s(phase, x0, y0, x1, y1, 10.0))
        assert whole == pytest.approx(10.0 * at_points.mean(), abs=1e-5)
    grid = np.linspace(-200, 200, 60)
    gx, gy = np.meshgrid(grid, grid)
    field = medium.delay_s("P", gx, gy, gx + 1e-6, gy, 1.0)
    assert 0.006 < field.std() < 0.02
    step = medium.delay_s("P", gx + 3, gy, gx + 3 + 1e-6, gy, 1.0) - field
    assert np.abs(step).max() < 0.5 * field.std()  # smooth: 3 km away it is nearly the same
    with pytest.raises(KeyError, match="phase"):
        medium.delay_s("Pn", 0, 0, 1, 1, 1.0)


def test_true_arrivals_are_the_table_plus_the_delays():
    world = World.tiny(seed=5, stations=5)
    paths, listed, stations = world.paths, world.event_list, world.stations
    table = TravelTimes.build(stations, world.true_velocity, 150.0, 46.0, spacing_km=0.2)
    x1, y1 = CENTRE.to_xy_km(stations["latitude"], stations["longitude"])
    terms = world.medium.station_terms_s(stations)
    published_table = TravelTimes.build(stations, world.velocity, 150.0, 46.0, spacing_km=0.4)
    misfit = []
    for i, event in enumerate(listed):
        distance, _ = distance_azimuth(event.latitude, event.longitude, stations["latitude"], stations["longitude"])
        x0, y0 = (v[0] for v in CENTRE.to_xy_km([event.latitude] * 2, [event.longitude] * 2))
        for phase, times in (("P", paths.p_time_s[i]), ("S", paths.s_time_s[i])):
            straight = table.times(phase, np.arange(5), distance, event.depth_km)
            delay = world.medium.delay_s(phase, x0, y0, x1, y1, straight) + terms[phase]
            assert np.abs(times - straight - delay).max() < 0.02
            misfit.append(times - published_table.times(phase, np.arange(5), distance, event.depth_km))
    # what users are given is wrong by tenths of a second, not by nothing and not by seconds
    spread = np.concatenate(misfit)
    assert 0.05 < np.sqrt(np.mean((spread - spread.mean()) ** 2)) < 1.0
    under_water = stations["elevation_m"].to_numpy() < 0
    assert (terms["S"][under_water] > 2 * terms["P"][under_water] - 1e-12).all() and (terms["P"][under_water] > 0).all()


def test_the_network_is_what_the_course_needs():
    table = stations_table(stations_of("mendocino"))
    assert len(table) == 24 and table["station"].str.fullmatch(r"SY\.[A-Z]{4}\.00").all()
    assert (table["elevation_m"] < 0).sum() == 4 and (table["setting"] == "seafloor").sum() == 4
    assert sorted(table["rate_hz"].unique()) == [40.0, 100.0, 200.0]
    assert (table["rate_hz"] == 40).sum() == 2 and (table["rate_hz"] == 200).sum() == 1
    assert set(table["channels"]) == {"HH", "EH", "EP", "HN", "BH"}
    lat, lon = table["latitude"].to_numpy(), table["longitude"].to_numpy()
    apart, _ = distance_azimuth(lat[:, None], lon[:, None], lat[None], lon[None])
    nearest = np.sort(apart, axis=1)[:, 1]
    assert nearest.min() > 8 and 15 < np.median(nearest) < 40
    assert len({s.code for s in MENDOCINO}) == 24
    with pytest.raises(ValueError, match="nowhere"):
        stations_of("nowhere")


def test_etas_recovers_b_and_p():
    etas = Etas(productivity=0.1, min_magnitude=0.0, max_magnitude=5.0)
    days = 30.0
    grown = simulate(etas, Draws(1, "test"), _first(6.2), days)
    m = grown.magnitude[grown.generation > 0]
    assert len(m) > 2000
    # Aki (1965), for the truncated law close enough at five units of magnitude
    b = 1 / (np.log(10) * (m.mean() - etas.min_magnitude))
    assert b == pytest.approx(etas.b, abs=0.06)
    t = grown.days[grown.generation == 1]
    grid = np.linspace(0.9, 1.4, 251)
    likelihood = []
    for p in grid:  # Ogata (1983): maximum likelihood of the Omori-Utsu decay, c known
        total = np.log((1 - (1 + days / etas.c_days) ** (1 - p)) / (p - 1)) if abs(p - 1) > 1e-9 else np.nan
        likelihood.append(-p * np.log1p(t / etas.c_days).sum() - len(t) * total)
    assert grid[int(np.nanargmax(likelihood))] == pytest.approx(etas.p, abs=0.05)
    assert (np.diff(grown.days) >= 0).all() and grown.days.max() < days
    with pytest.raises(ValueError, match="branching ratio"):
        Etas(productivity=0.6)


def test_direct_aftershocks_number_as_their_mean():
    etas = Etas(productivity=0.05, min_magnitude=1.0, max_magnitude=3.0)
    mean = etas.productivity * 10 ** (etas.alpha * 4.0) * float(etas.decayed(5.0))
    counts = [(simulate(etas, Draws(s, "n"), _first(5.0), 5.0).generation == 1).sum() for s in range(30)]
    assert np.mean(counts) == pytest.approx(mean, abs=4 * np.sqrt(mean / 30))


def test_every_aftershock_names_the_event_that_triggered_it():
    grown = simulate(Etas(productivity=0.1, min_magnitude=1.0), Draws(3, "parents"), _first(5.0), 5.0)
    given = grown.parent < 0
    assert (given == (grown.generation == 0)).all() and len(grown.days) > 50
    assert (grown.generation[~given] == grown.generation[grown.parent[~given]] + 1).all()
    assert (grown.days[~given] > grown.days[grown.parent[~given]]).all() and grown.generation.max() > 1
    off = grown.on_plane_km[~given] - grown.on_plane_km[grown.parent[~given]]
    assert np.hypot(off[:, 0], off[:, 1]).max() <= 8.0 + 1e-9  # no aftershock is farther from its parent

    truth = World(seed=4, preset="day").truth
    parents = truth.parents
    assert (parents["event_id"] == truth.events["event_id"]).all()
    assert (parents["triggered"] == (truth.events["cluster"] == "aftershock")).all()
    when = truth.events.set_index("event_id")["time"]
    known = parents[parents["parent_id"] != -1]
    assert len(known) > 500 and set(known["parent_id"]) <= set(when.index)
    assert (when[known["parent_id"]].to_numpy() < when[known["event_id"]].to_numpy()).all()
    main = truth.events.loc[truth.events["cluster"] == "main shock", "event_id"].item()
    assert known["parent_id"].value_counts().idxmax() == main


def test_aftershocks_lie_on_the_two_planes():
    found = [e for e in events(4, preset("day")) if e.cluster == "aftershock"]
    planes = fault_planes(4)
    x, y = CENTRE.to_xy_km([e.latitude for e in found], [e.longitude for e in found])
    where = np.column_stack([x, y, [e.depth_km for e in found]])
    off, use = [], []
    for plane in planes:
        local = (where - [plane.east_km, plane.north_km, plane.depth_km]) @ plane.axes.T
        off.append(np.abs(local[:, 2]))
    off = np.min(off, axis=0)
    use = np.argmin(off)
    assert use >= 0 and len(found) > 500
    assert np.quantile(off, 0.75) < 1.0
    crossing = abs(planes[0].strike_deg - planes[1].strike_deg) % 180
    assert 60 < crossing < 120


def test_the_day_has_every_type_of_event():
    found = events(2, preset("day"))
    kinds = pd.Series([e.source.kind for e in found]).value_counts()
    assert set(kinds.index) >= {"earthquake", "quarry blast", "surface event", "teleseism"}
    clusters = {e.cluster.split()[0] for e in found}
    assert clusters >= {"main", "aftershock", "background", "repeater", "swarm", "quarry", "slope", "teleseism"}
    times = np.array([e.time_s for e in found])
    assert (np.diff(times) >= 0).all()
    main = next(e for e in found if e.cluster == "main shock")
    assert main.source.mw == 6.4 and main.time_s == pytest.approx(5.3 * 3600)


def test_the_swarm_has_two_seconds_between_events_and_repeaters_one_place():
    found = events(2, preset("day"))
    swarm = np.array([e.time_s for e in found if e.cluster == "swarm"])
    assert len(swarm) == 40 and np.abs(np.diff(swarm) - 2.0).max() <= 0.6001
    for family in ("repeater 1", "repeater 2", "repeater 3"):
        members = [e for e in found if e.cluster == family]
        at = np.array([(e.latitude, e.longitude, e.depth_km) for e in members])
        assert len(members) >= 3 and np.ptp(at[:, 2]) < 0.1 and np.ptp(at[:, 0]) < 0.001
        assert len({e.path_key for e in members}) == 1 and len({e.key for e in members}) == len(members)


def test_blasts_keep_working_hours():
    scenario = preset("month")
    blasts = [e for e in events(3, scenario) if e.source.kind == "quarry blast"]
    assert len(blasts) > 40
    for e in blasts:
        local = scenario.start_time + pd.Timedelta(e.time_s, "s") - pd.Timedelta("8h")
        assert local.dayofweek < 5 and 10 <= local.hour < 15 and e.depth_km == 0.0
        assert len(e.source.delays_s) >= 8 and min(e.source.delays_s) == 0.0
    assert len(working_seconds(preset("tiny"))) == 1
    assert not len(working_seconds(preset("lesson", start="2023-05-13T20:00:00")))  # a Saturday


def test_people_are_busy_by_day_and_on_weekdays():
    tuesday = pd.Timestamp("2023-05-16T20:00:00Z").timestamp()  # noon
    assert cultural_level(tuesday) > 0.6 > 0.2 > cultural_level(tuesday + 14 * 3600)
    assert cultural_level(tuesday) > 1.5 * cultural_level(tuesday - 2 * 86400)


def test_repeaters_write_the_same_seismogram():
    world = World.lesson(seed=3, stations=2)
    family = [i for i, e in enumerate(world.event_list) if e.cluster == "repeater 1"][:2]
    a, b = (world.seismograms.motion(i, 0).total for i in family)
    assert a.shape == b.shape
    shift = range(-3, 4)  # origins fall between samples
    best = max(np.corrcoef(a[0, 10:-10], np.roll(b[0], k)[10:-10])[0, 1] for k in shift)
    assert best > 0.9
