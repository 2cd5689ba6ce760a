"""The AR baseline: onsets that are known, components that are missing, scales, edges, and the synthetic Earth."""

import numpy as np
import pytest
from obspy import Stream
from picking_helpers import make_stream

from course_utils import picking
from course_utils.catalog import tables
from course_utils.catalog.matching import match_picks

EVENTS = ((20.0, 24.0), (55.0, 62.5), (90.0, 92.0))


def earthquakes(events=EVENTS, seconds=120, rate=100.0, scale=1.0, codes="ZNE", seed=2):
    """Noise, and a P strong on the vertical and an S strong on the horizontals of each event."""
    stream = make_stream(seconds, rate=rate, codes=codes)
    random = np.random.default_rng(seed)
    t = np.arange(stream[0].stats.npts) / rate
    for trace in stream:
        p_size, s_size = (900, 300) if trace.stats.channel.endswith("Z") else (150, 2500)
        data = random.normal(0, 20, len(t))
        for p, s in events:
            for onset, size in ((p, p_size), (s, s_size)):
                late = np.maximum(t - onset, 0)
                data += size * (t >= onset) * np.exp(-1.5 * late) * np.sin(2 * np.pi * 6 * late)
        trace.data = data * scale
    return stream


def seconds(picks, stream, phase):
    times = picks.loc[picks["phase"] == phase, "time"].astype("int64").to_numpy() / 1e6
    return times - min(trace.stats.starttime.timestamp for trace in stream)


@pytest.mark.parametrize(("rate", "scale"), [(100.0, 1.0), (50.0, 1e-9), (200.0, 1e5)])
def test_known_onsets_at_any_rate_and_scale(rate, scale, capfd):
    stream = earthquakes(rate=rate, scale=scale)
    before = stream.copy()
    picks = picking.baselines.ar(stream)
    tables.conform(picks, "picks")
    np.testing.assert_allclose(seconds(picks, stream, "P"), [p for p, _ in EVENTS], atol=0.1 if rate >= 100 else 0.2)
    np.testing.assert_allclose(seconds(picks, stream, "S"), [s for _, s in EVENTS], atol=0.2)
    assert set(picks["model"]) == {"AR"}
    assert picks["probability"].isna().all()
    assert (picks["ratio"] >= 4).all()
    assert picks["snr_db"].gt(10).all()
    assert picks.attrs["report"]["settings"]["lta_s"] == 5.0
    assert picks.attrs["report"]["settings"]["ar_pick"]["lta_s"] == 4.0
    assert stream == before
    assert capfd.readouterr().err == ""  # ar_pick complains of logarithms of zero there


def test_it_is_the_picker_of_obspy():
    from obspy.signal.trigger import ar_pick

    stream = earthquakes()
    picks = picking.baselines.ar(stream)
    settings = (1.0, 0.1, 4.0, 1.0, 2, 8, 0.1, 0.2)
    for number, (p, _) in enumerate(EVENTS):
        begin = round((p - 8) * 100)
        cut = [stream.select(channel=f"HH{c}")[0].data[begin : begin + 2800] for c in "ZNE"]
        theirs = np.array(ar_pick(*cut, 100.0, 2.0, 20.0, *settings)) + begin / 100
        ours = seconds(picks, stream, "P")[number], seconds(picks, stream, "S")[number]
        np.testing.assert_allclose(ours, theirs, atol=0.03)


def test_components_that_are_missing():
    whole = picking.baselines.ar(earthquakes())
    alone = picking.baselines.ar(earthquakes(codes="Z"))
    assert set(alone["phase"]) == {"P"}
    assert len(alone) == 3
    assert {n["channel"] for n in alone.attrs["report"]["notes"] if n["kind"] == "component missing"} == {"HHN", "HHE"}
    two = earthquakes().select(channel="HH[ZN]")
    assert (picking.baselines.ar(two)["phase"] == "S").sum() == 3
    assert len(whole) == 6
    horizontal = picking.baselines.ar(earthquakes(codes="NE"))
    assert len(horizontal) == 0
    assert list(horizontal.columns) == list(whole.columns)
    assert [n["channel"] for n in horizontal.attrs["report"]["notes"]] == ["HHZ"]
    gap = earthquakes()
    start = gap[0].stats.starttime
    gap = gap.select(channel="HHZ") + gap.select(channel="HH[NE]").slice(start + 40)
    picks = picking.baselines.ar(gap)
    np.testing.assert_allclose(seconds(picks, gap, "P"), [20, 55, 90], atol=0.1)
    np.testing.assert_allclose(seconds(picks, gap, "S"), [62.5, 92], atol=0.2)


@pytest.mark.parametrize("onset", [5.2, 6.0, 116.0, 118.0, 119.5, 119.95])
def test_onsets_at_the_edges(onset):
    """What lies in the last samples of its arrays makes older versions of ObsPy's ``ar_pick`` write behind them."""
    stream = earthquakes(((onset, onset + 1.5),))
    picks = picking.baselines.ar(stream)
    assert (np.abs(seconds(picks, stream, "P") - onset) < 0.2).all()
    for second in seconds(picks, stream, "S"):
        assert onset < second < 120


def test_flat_and_broken_records_are_counted():
    stream = earthquakes()
    stream[1].data[:] = 7
    stream[2].data[3000:3300] = np.nan
    picks = picking.baselines.ar(stream)
    assert {"flat", "not a number"} <= {n["kind"] for n in picks.attrs["report"]["notes"]}
    assert len(seconds(picks, stream, "P")) == 3
    assert len(picking.baselines.ar(Stream())) == 0


def test_refusals():
    for arguments, message in (
        ({"sta_s": 9}, "sta_s is 9"),
        ({"off": 5}, "on is 4"),
        ({"band_hz": (5, 2)}, "band_hz"),
        ({"before_s": 1}, "before_s is 1"),
    ):
        with pytest.raises(ValueError, match=message):
            picking.baselines.ar(earthquakes(), **arguments)


def test_beside_sta_lta_on_the_synthetic_earth():
    from course_utils.synthetic import World

    world = World.tiny(seed=1)
    stream = Stream()
    for station in world.stations["station"]:
        stream += world.waveforms(station, world.start, world.end)
    truth = world.truth.arrivals
    truth = tables.conform(truth[truth["visible"]][["station", "phase", "time"]], "picks")
    score = {}
    for method in (picking.baselines.sta_lta, picking.baselines.ar):
        picks = method(stream)
        for phase in "PS":
            some = picks[picks["phase"] == phase]
            match = match_picks(some, truth[truth["phase"] == phase], 0.5)
            residual = match.matched["residual_s"]
            score[method.__name__, phase] = match.recall, match.precision, float(residual.abs().median())
    assert score["ar", "P"][0] > 0.8
    assert score["ar", "S"][0] > 0.5
    assert max(score["ar", phase][2] for phase in "PS") < 0.2
    assert score["ar", "P"][1] > score["sta_lta", "P"][1]  # an S on the vertical is not called P
    assert score["ar", "S"][0] > score["sta_lta", "S"][0]
