"""The world: records as a pure function of seed, station and time; instruments; truth that the data show."""

import hashlib
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.tables import TableError, conform
from course_utils.synthetic import Parts, World, ambience
from course_utils.synthetic.ambience import BLOCK_S, FADE_S, block_transients
from course_utils.synthetic.measurements import measure
from course_utils.synthetic.receivers import cultural_level
from course_utils.synthetic.snr import VISIBLE_DB, band_rms, snr_db

SEED = 2
STATIONS = 10  # with one station at 40 Hz, one at 200 Hz, strong motion and the sea floor


@pytest.fixture(scope="module")
def world():
    return World.tiny(seed=SEED, stations=STATIONS)


@pytest.fixture(scope="module")
def whole(world):
    return {name: world.waveforms(name) for name in ("SY.FERD.00", "SY.HNYD.00", "SY.MYRF.00", "SY.CMEN.00")}


def _noise_rms(world, event: int, station: int) -> np.ndarray:
    busy = round(20 * float(cultural_level(world.start.timestamp() + world.event_list[event].time_s))) / 20
    return world.receivers[station].noise_rms(busy)


def _digest(stream) -> str:
    return hashlib.sha256(b"".join(trace.data.tobytes() for trace in stream)).hexdigest()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["SY.FERD.00", "SY.HNYD.00"]), st.integers(0, 599_000_000), st.integers(1, 90_000_000))
def test_any_piece_equals_that_piece_of_the_whole(world, whole, name, begin_us, length_us):
    start = world.start + pd.Timedelta(begin_us, "us")
    end = min(start + pd.Timedelta(length_us, "us"), world.end)
    rate = whole[name][0].stats.sampling_rate
    first, last = (int(np.ceil((t - world.start).value / 1e9 * rate - 1e-6)) for t in (start, end))
    if first == last:
        with pytest.raises(ValueError, match="no sample"):
            world.waveforms(name, start, end)
        return
    piece = world.waveforms(name, start, end)
    for part, full in zip(piece, whole[name], strict=True):
        assert part.stats.channel == full.stats.channel
        assert part.data.tobytes() == full.data[first:last].tobytes()
        assert part.stats.starttime.ns == full.stats.starttime.ns + round(first * 1e9 / rate)


def test_another_process_and_another_order_give_the_same_bytes(whole):
    code = (
        "import hashlib, pandas as pd\n"
        "from course_utils.synthetic import World\n"
        f"w = World.tiny(seed={SEED}, stations=2)\n"
        "w.waveforms('SY.PTRO.00', w.start + pd.Timedelta('5min'), w.start + pd.Timedelta('6min'))\n"
        "s = w.waveforms('SY.FERD.00')\n"
        "print(hashlib.sha256(b''.join(t.data.tobytes() for t in s)).hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == _digest(whole["SY.FERD.00"])


def test_records_do_not_depend_on_how_many_stations_the_world_has(world, whole):
    fewer = World.tiny(seed=SEED, stations=2)
    minute = fewer.waveforms("SY.FERD.00", fewer.start, fewer.start + pd.Timedelta("1min"))
    for trace, full in zip(minute, whole["SY.FERD.00"], strict=True):
        assert trace.data.tobytes() == full.data[:6000].tobytes()
    assert len(fewer.truth.events) == len(world.truth.events)


def test_seeds_make_different_worlds(world, whole):
    other = World.tiny(seed=SEED + 1, stations=1)
    noise = other.waveforms("SY.FERD.00", other.start, other.start + pd.Timedelta("20s"))
    assert _digest(noise) != _digest(whole["SY.FERD.00"].slice(endtime=whole["SY.FERD.00"][0].stats.starttime + 19.99))
    assert not set(other.truth.events["event_id"]) & set(world.truth.events["event_id"])


def test_streams_are_three_channels_of_whole_counts(world, whole):
    for name, stream in whole.items():
        row = world.stations.set_index("station").loc[name]
        assert [t.stats.channel for t in stream] == [row["channels"] + c for c in "ZNE"]
        assert all(t.data.dtype == np.int32 and t.stats.npts == 600 * row["rate_hz"] for t in stream)
        assert ".".join(stream[0].id.split(".")[:3]) == name
    assert {s[0].stats.sampling_rate for s in whole.values()} == {100.0, 40.0, 200.0}


def test_what_lies_outside_is_refused(world):
    with pytest.raises(KeyError, match=r"SY\.NONE\.00.*SY\.FERD\.00"):
        world.waveforms("SY.NONE.00")
    with pytest.raises(ValueError, match="outside this world"):
        world.waveforms("SY.FERD.00", world.start - pd.Timedelta("1s"), world.end)
    with pytest.raises(ValueError, match="no sample"):
        world.waveforms("SY.FERD.00", world.end, world.start)
    for wrong in (
        {"seed": -1},
        {"preset": "huge"},
        {"region": "nowhere"},
        {"stations": 99},
        {"quakes": 3},
        {"hours": 0},
    ):
        with pytest.raises(ValueError, match=r"seed|preset|region|stations|ingredient|hours"):
            World(**{"seed": 1, "preset": "tiny", **wrong})


def test_tables_conform_and_hang_together(world):
    truth = world.truth
    for table, name in (
        (world.stations, "stations"),
        (world.velocity, "velocity"),
        (world.true_velocity, "velocity"),
        (truth.events, "events"),
        (truth.arrivals, "arrivals"),
    ):
        pd.testing.assert_frame_equal(conform(table, name), table)
    arrivals = truth.arrivals
    assert arrivals["event_id"].isin(truth.events["event_id"]).all()
    assert arrivals["station"].isin(world.stations["station"]).all()
    assert ((arrivals["time"] >= world.start) & (arrivals["time"] < world.end)).all()
    assert (arrivals["visible"] == (arrivals["snr_db"] >= VISIBLE_DB)).all()
    assert not arrivals.duplicated(["event_id", "station", "phase"]).any()
    pairs = arrivals.set_index(["event_id", "station", "phase"])["time"].unstack("phase").dropna()  # noqa: PD010
    assert (pairs["S"] > pairs["P"]).all()
    with pytest.raises(TableError):
        conform(truth.arrivals.drop(columns="snr_db"), "arrivals")


def test_the_truth_as_a_catalog(world):
    catalog = world.truth.catalog()
    visible = world.truth.arrivals[world.truth.arrivals["visible"]]
    assert len(catalog.picks) == len(catalog.assignments) == len(visible) > 100
    joined = catalog.assignments.merge(catalog.picks, on="pick_id").merge(visible, on=["event_id", "time"])
    assert (joined["station"] == joined["station_x"]).all() and (joined["phase"] == joined["phase_x"]).all()
    assert len(world.truth.catalog(min_snr_db=20).picks) < len(visible)
    assert catalog.velocity.equals(world.velocity)


def test_every_event_has_a_moment_tensor_or_a_force(world):
    events = world.truth.events
    tensor, force = events.filter(regex="^m_").notna().all(axis=1), events.filter(regex="^f_").notna().all(axis=1)
    assert (tensor ^ force).all()
    blast = events[events["event_type"] == "quarry blast"].iloc[0]
    assert blast["m_nn"] == blast["m_ee"] == blast["m_dd"] == 1.0 and blast["depth_km"] == 0.0
    quakes = events[events["event_type"] == "earthquake"]
    assert np.allclose(quakes[["m_nn", "m_ee", "m_dd"]].sum(axis=1), 0, atol=1e-9)
    assert quakes[["strike_deg", "dip_deg", "rake_deg"]].notna().all(axis=None)


def test_snr_is_that_of_the_one_definition_when_nothing_else_passes(world):
    """An event alone has the SNR of :func:`snr_db`; one under the coda of another has less."""
    arrivals = world.truth.arrivals
    loud = arrivals[arrivals["snr_db"] > 0]
    ids = world.truth.events["event_id"].tolist()
    same, lower = 0, 0
    for row in loud.itertuples():
        i, j = ids.index(row.event_id), world.stations["station"].tolist().index(row.station)
        motion, paths = world.seismograms.motion(i, j), world.paths
        values = snr_db(motion, paths.p_time_s[i, j], paths.s_time_s[i, j], _noise_rms(world, i, j))
        alone = values["PS".index(row.phase)]
        assert row.amplitude_m_s == pytest.approx(values[2 + "PS".index(row.phase)])
        assert row.snr_db <= alone + 1e-9
        same, lower = same + (row.snr_db > alone - 0.05), lower + (row.snr_db < alone - 1)
    assert same > 0.3 * len(loud) and lower > 0


def test_arrivals_left_to_expectation_are_never_visible(world):
    """Pairs too faint for their seismogram to be measured would not have been visible if they had been."""
    checked, made, paths = 0, world.seismograms, world.paths
    for j in range(len(world.receivers)):
        for i in np.flatnonzero(np.isnan(measure(world, j).wood_anderson_log_mm)).tolist():
            onset = world.event_list[i].time_s + paths.p_time_s[i, j]
            if not 0 < onset < 580 or checked > 25:
                continue
            p, s, *_ = snr_db(made.motion(i, j), paths.p_time_s[i, j], paths.s_time_s[i, j], _noise_rms(world, i, j))
            assert p < VISIBLE_DB and s < VISIBLE_DB
            checked += 1
    assert checked > 0


def test_the_data_show_what_the_truth_says(world, whole):
    """Measured signal over noise around visible P, against the truth's number."""
    arrivals, difference = world.truth.arrivals, []
    for name, stream in whole.items():
        rate, gain = stream[0].stats.sampling_rate, np.array([float(t.data.std()) for t in stream])
        data = np.array([t.data.astype(float) for t in stream])
        assert (gain > 0).all()
        mine = arrivals[(arrivals["station"] == name) & (arrivals["phase"] == "P") & (arrivals["snr_db"] > 12)]
        every = arrivals[arrivals["station"] == name]["time"]
        for row in mine.itertuples():
            before = row.time - pd.Timedelta("12s")
            if before < world.start or every.between(before, row.time, inclusive="left").any():
                continue  # another phase is in the noise window
            at = round((row.time - world.start).total_seconds() * rate)
            window = round(2 * rate)
            signal = np.sqrt(np.mean(band_rms(data[:, at : at + window], rate) ** 2))
            noise = np.median(
                [
                    np.sqrt(np.mean(band_rms(data[:, at - k * window : at - (k - 1) * window], rate) ** 2))
                    for k in range(2, 6)
                ]
            )
            difference.append(20 * np.log10(signal / noise) - row.snr_db)
    assert len(difference) >= 10
    assert abs(np.median(difference)) < 4


@pytest.mark.parametrize("name", ["SY.FERD.00", "SY.CMEN.00", "SY.MYRF.00"])
def test_counts_become_ground_motion_through_the_inventory(world, whole, name):
    """ObsPy's remove_response on the records gives the noise-free ground velocity within a few per cent."""
    j = world.stations["station"].tolist().index(name)
    expected = np.maximum(world.seismograms.expected["P"][:, j], np.nan_to_num(world.seismograms.expected["S"][:, j]))
    inside = [i for i, e in enumerate(world.event_list) if 20 < e.time_s < 540]
    i = max(inside, key=lambda k: expected[k])
    motion = world.seismograms.motion(i, j)
    begin = pd.Timedelta(world.seismograms.first_sample(i, j) / motion.sampling_rate_hz, "s")
    ground = whole[name].copy()
    for trace in ground:
        trace.data = trace.data.astype(float) - np.median(trace.data)
    ground.remove_response(world.inventory, output="VEL", pre_filt=(0.5, 1.0, 25.0, 35.0), water_level=None)
    first = round(begin.total_seconds() * motion.sampling_rate_hz)
    seconds = int(12 * motion.sampling_rate_hz)
    f = np.fft.rfftfreq(seconds, 1 / motion.sampling_rate_hz)
    keep = (f > 2) & (f < 20)

    def band(x):
        spectrum = np.fft.rfft(x * np.hanning(seconds))
        return np.fft.irfft(spectrum * keep, seconds)

    for c in range(3):
        truth, seen = band(motion.total[c, :seconds]), band(ground[c].data[first : first + seconds])
        assert np.dot(seen, truth) / np.dot(truth, truth) == pytest.approx(1.0, abs=0.04)


def test_inventory_is_valid_stationxml_with_differing_gains(world):
    from obspy import read_inventory

    text = io.BytesIO()
    world.inventory.write(text, "STATIONXML", validate=True)
    text.seek(0)
    again = read_inventory(text)
    codes = {f"{n.code}.{s.code}.{c.location_code}" for n in again for s in n for c in s}
    assert codes == set(world.stations["station"])
    gains = [s[0].response.instrument_sensitivity.value for s in again[0]]
    assert len({round(g) for g in gains}) == len(gains)
    units = {s[0].response.instrument_sensitivity.input_units for s in again[0]}
    assert units == {"M/S", "M/S**2"}


def test_large_signals_clip_at_24_bits():
    world = World.tiny(seed=1, stations=1, main_shock_hour=0.02, background_per_hour=0.1)
    peak = max(abs(int(t.data.max())) for t in world.waveforms("SY.FERD.00"))
    assert peak == 2**23 - 1


def test_detectable_counts_visible_arrivals(world):
    truth = world.truth
    seen = truth.arrivals[truth.arrivals["visible"]]
    for row in truth.detectable().itertuples():
        mine = seen[seen["event_id"] == row.event_id]
        assert len(mine) >= 8 and mine["station"].nunique() >= 4
        assert row.event_type in ("earthquake", "quarry blast") and row.swarm == (row.cluster == "swarm")
    assert len(truth.detectable(arrivals=2, stations=1)) >= len(truth.detectable()) > 3


def test_disturbances_stand_where_the_table_says(world, whole):
    table = world.truth.transients
    spikes = table[(table["unit"] == "counts") & (table["end"] < world.end) & (table["start"] > world.start)]
    assert len(table) > 5 and (table["end"] > table["start"]).all()
    for row in spikes[spikes["station"].isin(list(whole))].itertuples():
        stream = whole[row.station].copy()
        rate = stream[0].stats.sampling_rate
        at = int((row.start - world.start).total_seconds() * rate)
        jump = max(np.abs(np.diff(t.data[max(at - 3, 0) : at + 5].astype(float))).max() for t in stream)
        assert jump > 0.3 * row.size
    blocks = block_transients(SEED, world.receivers[0], 1644788)
    assert blocks == block_transients(SEED, world.receivers[0], 1644788)


def test_local_magnitude_follows_moment_magnitude(world):
    both = world.truth.local_magnitudes.merge(world.truth.events, on="event_id")
    quakes = both[both["event_type"] == "earthquake"]
    assert len(quakes) >= 8 and (both["stations"] >= 3).all()
    slope, _ = np.polyfit(quakes["magnitude"], quakes["ml"], 1)
    assert 1.0 < slope < 2.2  # grows faster than Mw at these sizes
    assert (quakes["ml"] - quakes["magnitude"]).abs().max() < 1.0


def test_noise_is_as_strong_where_blocks_meet_as_elsewhere():
    """The cross-fade keeps the power, and the power is that of the noise model."""
    world = World.tiny(seed=4, stations=1)
    quiet = replace(
        world.receivers[0],
        noise=replace(world.receivers[0].noise, transients_per_hour=0.0, cultural_db=0.0),
    )
    rate, meets, elsewhere = 100, [], []
    for block in range(1644000, 1644012):
        first = (block * BLOCK_S - FADE_S) * rate  # epoch 0: samples since 1970
        counts = ambience.samples(4, quiet, first, 3 * FADE_S * rate, 0)
        parts = np.split(counts, 3, axis=1)
        power = [float(np.mean(band_rms(p, rate, (2.0, 16.0)) ** 2)) for p in parts]
        meets.append(power[0])
        elsewhere.append(power[2])
    assert np.mean(meets) / np.mean(elsewhere) == pytest.approx(1.0, abs=0.12)
    f = np.linspace(2, 16, 200)
    psd = quiet.noise.velocity_psd(f, 0.5) + quiet.instrument.self_noise_velocity_psd(f, rate)
    expected = np.mean(psd * np.abs(quiet.instrument.response(f)) ** 2) * 14
    assert np.mean(elsewhere) / expected == pytest.approx(1.0, abs=0.15)


def test_without_coda_the_records_are_shorter():
    one, bare = World.tiny(seed=2, stations=2), World.tiny(seed=2, stations=2, parts=Parts(coda=False))
    i = int(np.nanargmax(one.seismograms.expected["S"][:, 0]))
    a, b = one.seismograms.motion(i, 0), bare.seismograms.motion(i, 0)
    late = round((one.paths.s_time_s[i, 0] + 4 - a.start_s) * a.sampling_rate_hz)
    assert np.square(b.total[:, late:]).sum() < 0.05 * np.square(a.total[:, late:]).sum()


def test_training_records_come_from_the_same_physics(world):
    records = world.records(3, 11)
    assert records.waveforms.shape[:2] == (3, 3) and len(records.table) == 3
    assert world.records(3, 11).waveforms.tobytes() == records.waveforms.tobytes()
