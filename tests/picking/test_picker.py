"""What the picker does beyond SeisBench: instruments apart, gaps, fragments, bad data, stretch, report, refusals."""

import numpy as np
import pandas as pd
import pytest
import torch
from picking_helpers import make_stream, seeded

from course_utils import picking
from course_utils.catalog import tables


def notes(picks, kind):
    return [note for note in picks.attrs["report"]["notes"] if note["kind"] == kind]


def times(picks):
    return picks["time"].astype("int64").to_numpy() / 1e6


@pytest.fixture(scope="module")
def stream():
    return make_stream(150)


@pytest.fixture(scope="module")
def picks(stream, phasenet):
    return picking.pick(stream, phasenet)


def test_table(stream, picks):
    tables.conform(picks, "picks")
    assert len(picks) > 10
    assert picks["time"].is_monotonic_increasing
    assert picks["pick_id"].is_unique
    assert set(picks["channel"]) == {"HH"}
    assert set(picks["station"]) == {"XX.SYN.00"}
    assert set(picks["model"]) == {"PhaseNet"}
    assert set(picks["weights"]) == {"custom"}
    assert set(picks["amplitude_unit"]) == {"counts"}
    assert picks.attrs["report"]["settings"]["component_order"] == "ENZ"
    assert picks.attrs["report"]["totals"]["seconds_picked"] == 150


def test_two_runs_give_the_same_bytes_and_leave_the_input_alone(stream, picks, phasenet):
    before = stream.copy()
    again = picking.pick(stream, phasenet)
    pd.testing.assert_frame_equal(again, picks)
    assert stream == before
    assert all(a.stats == b.stats and a.data.dtype == b.data.dtype for a, b in zip(stream, before, strict=True))


def test_batches_do_not_matter(stream, picks, phasenet):
    both = stream + make_stream(40, seed=4, station="XX.TWO.00")
    for size in (3, 500):
        some = picking.pick(both, phasenet, batch_size=size)
        same = some[some["station"] == "XX.SYN.00"].reset_index(drop=True)
        assert np.abs(times(same) - times(picks)).max() <= 0.01
    assert some["station"].nunique() == 2


def test_seismometer_and_accelerometer_at_one_location(stream, picks, phasenet):
    both = stream + make_stream(150, seed=9, band="HN")
    mixed = picking.pick(both, phasenet)
    seismometer = mixed[mixed["channel"] == "HH"].reset_index(drop=True)
    assert np.array_equal(seismometer["pick_id"], picks["pick_id"])
    assert (mixed["channel"] == "HN").any()


def test_small_gap_is_bridged_and_large_one_is_not(stream, phasenet):
    start = stream[0].stats.starttime
    small = stream.slice(start, start + 79.99) + stream.slice(start + 80.5)
    assert len(picking.annotate(small, phasenet)) == 1
    assert len(picking.annotate(small, phasenet, max_gap_s=0.4)) == 2
    assert len(picking.annotate(stream.slice(start, start + 79.99) + stream.slice(start + 81.5), phasenet)) == 2
    joined = picking.pick(small, phasenet)
    (note,) = [n for n in notes(joined, "gap interpolated") if n["channel"] == "HHZ"]
    assert note["seconds"] == pytest.approx(0.5)
    in_gap = (times(joined) > start.timestamp + 79.99) & (times(joined) < start.timestamp + 80.5)
    assert not in_gap.any()


def test_bridged_gap_is_a_straight_line():
    from course_utils.picking.records import instruments

    ramp = make_stream(60, codes="Z")
    ramp[0].data = np.arange(6000, dtype=np.int32)
    start = ramp[0].stats.starttime
    (instrument,) = instruments(ramp.slice(start, start + 20) + ramp.slice(start + 20.7), "ZNE", 1.0, picking.Report())
    (piece,) = instrument.pieces["Z"]
    assert np.array_equal(piece.data, np.arange(6000))
    assert piece.filled == ((2001, 2070),)


def test_short_fragment_is_padded_and_edge_picks_are_dropped(stream, phasenet):
    start = stream[0].stats.starttime
    piece = stream.slice(start + 20, start + 40)
    (annotation,) = picking.annotate(piece, phasenet)
    assert annotation.probabilities.shape == (3, 2001)
    assert annotation.start_ns == (start + 20).ns
    comb = seeded("PhaseNet")  # a P every 0.25 s, whatever the data

    def forward(x, logits=False):
        out = torch.zeros(len(x), 3, x.shape[-1])
        out[:, comb.labels.index("P"), ::25] = 0.9
        return out

    comb.forward = forward
    found = picking.pick(piece, comb)
    assert len(notes(found, "fragment padded")) == 1
    assert times(found).min() == pytest.approx((start + 20.5).timestamp, abs=1e-5)
    assert times(found).max() == pytest.approx((start + 39.5).timestamp, abs=1e-5)
    assert len(found) == 77
    assert notes(found, "picks at padding")[0]["count"] == 81 - 77
    nothing = picking.pick(stream.slice(start, start + 4), phasenet)
    assert len(nothing) == 0
    assert len(notes(nothing, "fragment skipped")) == 1
    assert list(nothing.columns) == list(tables.empty("picks").columns)


def test_overlaps_that_agree_and_that_disagree(stream, picks, phasenet):
    start = stream[0].stats.starttime
    agreeing = stream.slice(start, start + 100) + stream.slice(start + 60)
    found = picking.pick(agreeing, phasenet)
    assert np.array_equal(found["pick_id"], picks["pick_id"])
    assert len(notes(found, "overlap merged")) == 3
    other = stream.slice(start + 100, start + 110).copy()
    for trace in other:
        trace.data = trace.data + 5
    annotations = picking.annotate(stream + other, phasenet, max_gap_s=0)
    assert [a.probabilities.shape[1] for a in annotations] == [10000, 15000 - 11001]
    (note,) = [n for n in notes(picking.pick(stream + other, phasenet), "overlap disagrees") if n["channel"] == "HHZ"]
    assert note["seconds"] == pytest.approx(10.01)


def test_bad_data_is_counted_and_the_rest_is_picked(stream, picks, phasenet, tmp_path):
    from obspy import Stream

    holes = stream.copy()
    holes[0].data = holes[0].data.astype(np.float64)
    holes[0].data[5000:5020] = np.nan
    found = picking.pick(holes, phasenet)
    assert notes(found, "not a number")[0]["seconds"] == pytest.approx(0.2)
    dead = make_stream(60, station="XX.DEAD.")
    for trace in dead:
        trace.data[:] = 123457
    slow = make_stream(600, rate=1, station="XX.SLOW.", band="LH")
    text = make_stream(1, station="XX.LOG.", codes="Z")
    text[0].data = np.array([b"a"] * 100)
    nothing = make_stream(1, station="XX.NONE.", codes="Z")
    nothing[0].data = nothing[0].data[:0]
    hydrophone = make_stream(60, codes="H", station="XX.SYN.00")
    found = picking.pick(Stream([*stream, *dead, *slow, *text, *nothing, *hydrophone]), phasenet)
    assert np.array_equal(found["pick_id"], picks["pick_id"])
    assert {(n["kind"], n["station"]) for n in found.attrs["report"]["notes"]} == {
        ("flat", "XX.DEAD."),
        ("wrong rate", "XX.SLOW."),
        ("unreadable", "XX.LOG."),
        ("empty", "XX.NONE."),
        ("component ignored", "XX.SYN.00"),
    }
    file = tmp_path / "broken.mseed"
    file.write_bytes(b"\x00" * 600)
    stream.write(str(tmp_path / "day[1].mseed"))
    found = picking.pick(tmp_path, phasenet)
    assert np.array_equal(found["pick_id"], picks["pick_id"])
    assert len(notes(found, "unreadable")) == 1


def test_a_dead_stretch_does_not_become_noise(stream, phasenet):
    """A constant minus its rounded mean over its zero deviation is anything; such windows are read as zeros."""
    dead = stream.copy()
    for trace in dead:
        trace.data[2000:12000] = 16777217
    found = picking.pick(dead, phasenet)
    zeros = stream.copy()
    for trace in zeros:
        trace.data[2000:12000] = 0
    start = stream[0].stats.starttime
    middle = [
        a.probabilities[:, 5500:8000] for a in (*picking.annotate(dead, phasenet), *picking.annotate(zeros, phasenet))
    ]
    np.testing.assert_allclose(middle[0], middle[1], atol=1e-6)
    assert notes(found, "flat")
    assert start == stream[0].stats.starttime


def test_codes_1_and_2_give_way_to_n_and_e(stream, picks, phasenet):
    extra = stream + make_stream(150, seed=5, codes=("1", "2"))
    found = picking.pick(extra, phasenet)
    assert np.array_equal(found["pick_id"], picks["pick_id"])
    assert {n["channel"] for n in notes(found, "component ignored")} == {"HH1", "HH2"}


@pytest.mark.parametrize("stretch", [0.5, 2.0, 2.5])
def test_time_stretch_equals_relabelled_data(phasenet, stretch):
    """Playing at half speed = the same samples with half the rate in the header; times then map back to the sample."""
    stream = make_stream(110, start="2024-03-01T00:00:00.003")
    relabelled = stream.copy()
    start = stream[0].stats.starttime
    for trace in relabelled:
        trace.stats.sampling_rate /= stretch
    slow = picking.pick(relabelled, phasenet, thresholds=0.4)
    fast = picking.pick(stream, phasenet, thresholds=0.4, time_stretch=stretch)
    assert len(fast) == len(slow) > 5
    expected = start.timestamp + (times(slow) - start.timestamp) / stretch
    np.testing.assert_allclose(times(fast), expected, atol=2e-6 + 0.005)  # the grid is absolute: half a sample
    np.testing.assert_allclose(np.diff(times(fast)), np.diff(expected), atol=3e-6)
    assert set(fast["weights"]) == {f"custom, time stretch {stretch:g}"}


def test_generator_of_streams_is_worked_through_one_by_one(stream, picks, phasenet):
    alive = []

    def units():
        for day in range(3):
            alive.append(day)
            yield make_stream(60, seed=day, station=f"XX.S{day}.")

    seen = []
    found = picking.pick(units(), phasenet, progress=lambda done, name: seen.append((done, len(alive))))
    assert found["station"].nunique() == 3
    assert [done for done, _ in seen] == [0, 1, 2, 3]
    assert seen[0][1] == 1  # the first was at work before the second was made
    assert np.array_equal(picking.pick(list(stream), phasenet)["pick_id"], picks["pick_id"])


def test_errors_surface_at_once_and_say_where(stream):
    model = seeded("PhaseNet")

    def broken(batch, argdict):
        raise RuntimeError("half a tensor")

    model.annotate_batch_pre = broken
    with pytest.raises(picking.PickingError, match=r"XX\.SYN\.00 HH at 2024-03-01T00:00:00.*half a tensor"):
        picking.pick(stream, model)


def test_out_of_memory_halves_the_batch(stream, picks):
    model = seeded("PhaseNet", component_order="ENZ", default_args={"blinding": [250, 250]})
    forward, sizes = model.forward, []

    def narrow(x, logits=False):
        sizes.append(len(x))
        if len(x) > 3:
            raise torch.cuda.OutOfMemoryError("test")
        return forward(x, logits)

    model.forward = narrow
    found = picking.pick(stream, model, batch_size=8)
    assert max(sizes) == 8
    assert np.abs(times(found) - times(picks)).max() <= 0.01


def test_model_is_left_as_it_was(stream):
    model = seeded("PhaseNet").train()
    picking.pick(stream, model)
    assert model.training


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thresholds": 0}, "threshold of P is 0"),
        ({"thresholds": {"Pn": 0.3}}, "thresholds name Pn"),
        ({"overlap": 3001}, "overlap is 3001"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"max_gap_s": -1}, "max_gap_s is -1"),
        ({"time_stretch": 0}, "time_stretch is 0"),
    ],
)
def test_refusals(stream, phasenet, arguments, message):
    with pytest.raises(ValueError, match=message):
        picking.pick(stream, phasenet, **arguments)


def test_models_that_it_does_not_serve(stream):
    import seisbench.models

    with pytest.raises(
        ValueError, match=r"PhaseTEAM reads the records grouped by 'full'.*PhaseNet.*EQTransformer.*GPD"
    ):
        picking.pick(stream, seisbench.models.PhaseTEAM())
    with pytest.raises(ValueError, match="DeepDenoiser reads the records grouped by 'channel'"):
        picking.pick(stream, seisbench.models.DeepDenoiser())
    with pytest.raises(ValueError, match="DPPDetector has outputs of type None"):
        picking.pick(stream, seisbench.models.DPPDetector())
    with pytest.raises(ValueError, match="Linear is no SeisBench waveform model"):
        picking.pick(stream, torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="GPD gives no labels, neither P nor S"):
        picking.pick(stream, seisbench.models.GPD())
    with pytest.raises(ValueError, match="neither P nor S"):
        picking.pick(stream, seisbench.models.CRED())
    with pytest.raises(TypeError, match="got int"):
        picking.pick(3, seeded("PhaseNet"))
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        picking.pick("nowhere.mseed", seeded("PhaseNet"))
