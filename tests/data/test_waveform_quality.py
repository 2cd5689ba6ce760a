"""Quality control of waveforms: every kind of fault is found where it was put, and not in good records."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.tables import conform
from course_utils.data.channel_faults import FAULTS, dead_times, jumps, pile_up
from course_utils.data.orientation import clock_shift, orientation
from course_utils.data.quality import check_archive, check_stream, joined, peterson
from course_utils.synthetic import World
from course_utils.synthetic.faults import inject

NAME = "SY.FERD.00"
NEAR = pd.Timedelta("1s")


@pytest.fixture(scope="module")
def world():
    return World.tiny(seed=2, stations=1)


@pytest.fixture(scope="module")
def clean(world):
    return world.waveforms(NAME)


def _kinds(table):
    return set(table["kind"])


def test_a_good_record_has_no_faults_and_its_numbers_are_right(world, clean):
    metrics, faults, spectra = check_stream(clean, world.start, world.end, inventory=world.inventory)
    known = world.truth.transients
    known = known[(known["station"] == NAME) & (known["kind"] == "spike")]
    assert not (_kinds(faults) - {"spike"}) and len(faults) <= len(known)
    assert metrics["percent_available"].tolist() == [100.0] * 3
    vertical = metrics.set_index("channel").loc["HHZ"]
    data = clean.select(channel="HHZ")[0].data
    assert vertical["samples"] == len(data) and vertical["highest"] == data.max()
    assert vertical["rms"] == pytest.approx(np.std(data), rel=0.01)
    assert set(spectra["unit"]) == {"(m/s**2)**2/Hz"}
    for name, table in zip(("metrics", "faults", "spectra"), (metrics, faults, spectra), strict=True):
        pd.testing.assert_frame_equal(conform(table, f"waveform_{name}"), table)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["gap", "overlap", "dead", "spike", "step", "clipping", "rate"])
def test_an_injected_fault_is_found_where_it_is(world, clean, kind, seed):
    faulty, truth = inject(clean, NAME, seed, kinds=[kind])
    found = check_stream(faulty, inventory=world.inventory).faults
    assert not (_kinds(found) - {kind, "spike"})
    for row in truth.itertuples():
        mine = found[
            (found["kind"] == kind)
            & found["channel"].isin([row.channel, *(found["channel"] if row.channel == "*" else ())])
        ]
        near = mine[(mine["start"] <= row.end + NEAR) & (mine["end"] >= row.start - NEAR)]
        assert len(near) >= 1
        assert (near["value"].abs() >= near["threshold"]).all()
        if kind in ("gap", "dead", "spike", "step"):
            assert ((near["start"] - row.start).abs() < NEAR).any()


def test_availability_and_gaps_of_a_window(clean, world):
    from obspy import Stream

    first = clean[0].stats.starttime
    pieces = Stream([clean[0].slice(first, first + 99.99), clean[0].slice(first + 130, first + 199.99)])
    row = check_stream(pieces, world.start, world.start + pd.Timedelta("400s")).metrics.iloc[0]
    assert row["percent_available"] == pytest.approx(100 * 170 / 400, abs=0.01)
    assert (row["gaps"], row["overlaps"]) == (1, 0) and row["longest_gap_s"] == pytest.approx(30.0, abs=0.01)


def test_mixed_rates_and_a_broken_band_code_are_faults(clean):
    mixed = clean.select(channel="HHZ").copy()
    late = mixed[0].copy()
    late.stats.starttime += 1000
    late.stats.sampling_rate = 125.0
    mixed.append(late.slice(late.stats.starttime, late.stats.starttime + 60))
    found = check_stream(mixed).faults
    assert found.loc[found["kind"] == "rate", "value"].tolist() == pytest.approx([0.25])
    slow = clean.copy()
    for trace in slow:
        trace.stats.sampling_rate = 40.0
    assert (check_stream(slow).faults["kind"] == "rate").sum() == 3


def test_noise_below_the_low_noise_model_and_above_the_high_one(world, clean):
    from obspy.signal.spectral_estimation import get_nlnm

    for factor, kind in ((1e-2, "quiet"), (300.0, "loud")):
        changed = clean.select(channel="HHZ").copy()
        changed[0].data = factor * (changed[0].data - np.median(changed[0].data))
        assert kind in _kinds(check_stream(changed, inventory=world.inventory).faults)
    periods, low = get_nlnm()
    assert peterson(periods)[0] == pytest.approx(low) and (peterson(periods)[1] > low).all()


@given(st.integers(0, 2**32 - 1), st.floats(2.5, 4.0), st.floats(50, 1e5))
@settings(max_examples=40, deadline=None)
def test_cut_noise_piles_up_and_whole_noise_does_not(seed, level, scale):
    x = np.rint(np.random.default_rng(seed).normal(0, scale, 60_000)).astype(np.int32)
    assert max(pile_up(x, s)[0] for s in (1, -1)) < FAULTS["clipping"].threshold
    cut = np.clip(x, -int(level * scale), int(level * scale))
    assert min(pile_up(cut, s)[0] for s in (1, -1)) >= (
        FAULTS["clipping"].threshold if level < 3.3 and scale > 500 else 0
    )


@given(st.floats(0.05, 2.0), st.floats(50, 1e5))
@settings(max_examples=30, deadline=None)
def test_the_flat_top_of_a_slow_wave_is_no_clipping(frequency_hz, height):
    x = np.rint(height * np.sin(2 * np.pi * frequency_hz * np.arange(3000) / 100 + 0.3)).astype(np.int32)
    assert pile_up(x[: int(100 / frequency_hz / 2)], 1)[0] < FAULTS["clipping"].threshold


@given(
    st.integers(0, 2**32 - 1),
    st.integers(500, 5000),
    st.integers(1, 3),
    st.integers(-(10**6), 10**6),
    st.sampled_from([1, -1]),
)
@settings(max_examples=40, deadline=None)
def test_a_spike_is_found_at_its_sample_whatever_offset_and_sign(seed, at, width, offset, sign):
    x = np.random.default_rng(seed).normal(0, 100, 6000)
    assert not jumps(x + offset, 100.0)
    x[at : at + width] += sign * 20_000
    assert [(k, a, b) for k, a, b, _ in jumps(sign * x + offset, 100.0)] == [("spike", at, at + width - 1)]


@given(st.integers(0, 2**32 - 1), st.integers(300, 4000), st.integers(1100, 3000))
@settings(max_examples=30, deadline=None)
def test_a_dead_stretch_is_found_to_the_second(seed, at, length):
    random = np.random.default_rng(seed)
    x = np.rint(random.normal(0, 300, 8000)).astype(np.int32)
    assert dead_times(x, 100.0) == []
    x[at : at + length] = 7 + random.integers(0, 2, length)
    ((_, first, last, seconds),) = dead_times(x, 100.0)
    assert abs(first - at) <= 100 and abs(last - (at + length - 1)) <= 100 and seconds >= 10


def _motions(azimuths_deg, incidence_deg=30.0, noise=0.2, seed=0):
    """Covariances of noisy P motions and S-to-P ratios of a good station."""
    random = np.random.default_rng(seed)
    az, i = np.radians(azimuths_deg), np.radians(incidence_deg)
    rays = np.stack([np.cos(i) + 0 * az, np.sin(i) * np.cos(az), np.sin(i) * np.sin(az)], axis=1)
    x = rays[:, :, None] * random.normal(0, 1, (len(az), 1, 20)) + random.normal(0, noise, (len(az), 3, 20))
    c = np.einsum("nat,nbt->nab", x, x)
    ratios = np.stack([random.normal(0.2, 0.3, len(az)), *random.normal(1.2, 0.3, (2, len(az)))], axis=1)
    return c / np.trace(c, axis1=1, axis2=2)[:, None, None], np.asarray(azimuths_deg, float), ratios


AROUND = np.linspace(5, 350, 14)


@pytest.mark.parametrize("order, signs, kind, letters", [
    ([0, 1, 2], [1, 1, 1], None, ""),
    ([0, 2, 1], [1, 1, 1], "swapped", "NE"),
    ([1, 0, 2], [1, 1, 1], "swapped", "ZN"),
    ([2, 1, 0], [1, 1, 1], "swapped", "ZE"),
    ([0, 1, 2], [-1, 1, 1], "flipped", "Z"),
    ([0, 1, 2], [1, -1, 1], "flipped", "N"),
    ([0, 1, 2], [1, 1, -1], "flipped", "E"),
])  # fmt: skip
def test_exchanged_and_reversed_channels(order, signs, kind, letters):
    c, azimuths, ratios = _motions(AROUND)
    c = c[:, order][:, :, order] * np.multiply.outer(signs, signs)
    found, judged = orientation(c, azimuths, ratios[:, order])
    assert [(k, set(who)) for k, who, _ in found] == ([(kind, set(letters))] if kind else [])
    assert kind or set(judged) == {"ZNE", "NE", "Z", "N", "E"}


def test_from_one_azimuth_a_reversed_channel_across_it_is_not_judged():
    c, azimuths, ratios = _motions(np.full(14, 2.0))
    found, judged = orientation(c, azimuths, ratios)
    assert not found and "E" not in judged and "N" in judged
    assert orientation(c[:3], azimuths[:3], ratios[:3]) == ([], [])


def _residuals(n, p, s, seed):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {"phase": ["P"] * n + ["S"] * n, "residual_s": np.r_[random.normal(p, 0.05, n), random.normal(s, 0.1, n)]}
    )


@pytest.mark.parametrize("shift", [-2.0, -0.25, 0.25, 2.0])
def test_a_wrong_clock_shifts_p_and_s_alike_against_the_stations_own_past(shift):
    outside = _residuals(30, 0.3, 0.6, 1)
    found, sure = clock_shift(_residuals(20, 0.3 + shift, 0.6 + shift, 2), outside)
    assert sure and found == pytest.approx(shift, abs=0.08)
    assert not clock_shift(_residuals(20, 0.3, 0.6, 3), outside)[1]
    assert not clock_shift(_residuals(40, 0.3, 0.6 + 3 * shift, 4), outside)[1]  # no clock is late for S alone
    alone = clock_shift(_residuals(3, shift, shift, 5), outside)
    assert np.isnan(alone[0]) and not alone[1]


def test_arrivals_without_azimuths_judge_nothing(world, clean):
    located = world.truth.catalog()
    arrivals = located.assignments.merge(located.picks[["pick_id", "time"]], on="pick_id")
    arrivals = arrivals.assign(residual_s=0.0, azimuth_deg=np.nan)
    checked = check_stream(clean, arrivals=arrivals)
    assert (checked.metrics["p_arrivals"] == 0).all()  # without azimuths nothing is judged, and nothing is said
    assert not _kinds(checked.faults) & {"swapped", "flipped", "clock"}


def test_an_archive_is_checked_window_by_window_and_bad_files_are_counted(clean, tmp_path):
    from course_utils.data import read_waveforms

    clean.write(str(tmp_path / "good.mseed"), format="MSEED")
    (tmp_path / "bad.mseed").write_bytes(b"no waveforms at all" * 50)
    archive, seen = read_waveforms(tmp_path), []
    checked = check_archive(archive, hours=0.1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen) >= 2
    assert len(checked.metrics) == 3 * len(seen) and archive.problem_counts() == ["1 not MiniSEED or SAC"]
    assert len(joined([]).faults) == 0


def test_bad_input_is_refused(clean):
    from obspy import Stream

    with pytest.raises(ValueError, match="0 stations"):
        check_stream(Stream())
    other = clean.copy()
    other[0].stats.station = "ELSE"
    with pytest.raises(ValueError, match="2 stations"):
        check_stream(other)
    holes = clean.copy()
    holes[0].data = holes[0].data.astype(float)
    holes[0].data[5] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        check_stream(holes)


@pytest.mark.parametrize("fault", ["", "Z", "N", "ZE"])
def test_first_motions_on_the_records_tell_the_channels_apart(fault):
    from obspy import Stream, Trace, UTCDateTime

    random, rate, start = np.random.default_rng(4), 100.0, UTCDateTime(2024, 3, 1)
    x, rows = random.normal(0, 5, (3, 12 * 3000)), []
    for k, azimuth in enumerate(np.arange(10, 350, 30)):
        at, az = 1500 + 3000 * k, np.radians(azimuth)
        decay = np.exp(-np.arange(300) / 30) * np.sin(2 * np.pi * 5 * np.arange(300) / rate)
        x[:, at : at + 300] += (
            np.array([0.8, 0.6 * np.cos(az), 0.6 * np.sin(az)])[:, None] * 300 * decay * random.choice([-1, 1])
        )
        x[:, at + 400 : at + 700] += np.array([0.3, 1, 1])[:, None] * 600 * decay
        rows += [(k, phase, start + (at + later) / rate, float(azimuth)) for phase, later in (("P", 0), ("S", 400))]
    arrivals = pd.DataFrame(rows, columns=["event_id", "phase", "time", "azimuth_deg"])
    arrivals["time"] = [pd.Timestamp(t.ns, unit="ns", tz="UTC") for t in arrivals["time"]]
    codes = {"ZE": "ENZ"}.get(fault, "ZNE")
    x *= np.array([[-1 if fault == c else 1] for c in "ZNE"])
    header = {"network": "XX", "station": "AAA", "sampling_rate": rate, "starttime": start}
    stream = Stream(
        [Trace(np.rint(d).astype(np.int32), header | {"channel": f"HH{c}"}) for d, c in zip(x, codes, strict=True)]
    )
    checked = check_stream(stream, arrivals=arrivals.assign(station="XX.AAA.", residual_s=0.0))
    said = {(r.kind, r.channel[-1]) for r in checked.faults.itertuples() if r.kind in ("swapped", "flipped")}
    assert said == {("swapped" if len(fault) == 2 else "flipped", c) for c in fault}
    assert (checked.metrics["p_arrivals"] == 12).all()
