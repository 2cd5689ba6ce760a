"""The engine itself: blocks, reading ahead, memory, half precision, errors, point outputs, time by step."""

import gc
import threading
import time
import tracemalloc

import numpy as np
import pytest
import torch
from obspy import Stream, Trace
from picking_helpers import lively, make_stream, seeded

from course_utils import picking
from course_utils.picking import plan as plans
from course_utils.picking import segments as segments_room
from course_utils.picking import torch_engine
from course_utils.picking.ahead import ahead


def times(picks):
    return picks["time"].astype("int64").to_numpy() / 1e6


def notes(picks, kind):
    return [note for note in picks.attrs["report"]["notes"] if note["kind"] == kind]


def gappy(stream, every_s, gap_s):
    """The stream with a gap each ``every_s`` seconds."""
    pieces = Stream()
    for trace in stream:
        rate = trace.stats.sampling_rate
        for begin in np.arange(0, len(trace.data) / rate, every_s):
            data = trace.data[round(begin * rate) : round((begin + every_s - gap_s) * rate)]
            header = dict(trace.stats) | {"starttime": trace.stats.starttime + begin, "npts": len(data)}
            pieces.append(Trace(data, header))
    return pieces


@pytest.fixture(scope="module")
def silent():
    """A PhaseNet that costs nothing: a P where the vertical is large."""
    model = seeded("PhaseNet", component_order="ZNE")

    def forward(x, logits=False):
        out = torch.zeros(len(x), 3, x.shape[-1])
        out[:, model.labels.index("P")] = (x[:, 0].abs() > 2.5).float() * 0.9
        return out

    model.forward = forward
    return model


@pytest.mark.parametrize(
    ("kind", "arguments", "engine", "anchor"),
    [
        ("PhaseNet", {"default_args": {"blinding": [250, 250]}}, "torch", "segment"),
        ("PhaseNet", {"default_args": {"blinding": [250, 250]}}, "torch", "time"),
        ("PhaseNet", {"default_args": {"blinding": [250, 250]}}, "kernel", "segment"),
        ("PhaseNet", {"default_args": {"blinding": [250, 250]}}, "kernel", "time"),
        ("VariableLengthPhaseNet", {"in_samples": 801, "default_args": {"stacking": "max"}}, "torch", "time"),
        ("GPD", {"phases": "PSN", "default_args": {"stride": 100}}, "torch", "time"),
    ],
)
def test_blocks_change_nothing(monkeypatch, kind, arguments, engine, anchor):
    model = lively(kind, **arguments)
    stream = make_stream(700, start="2024-03-01T00:00:03.33")
    start = stream[0].stats.starttime
    stream = stream.slice(endtime=start + 500) + stream.slice(start + 500.5)
    given = {"engine": engine, "anchor": anchor}
    (whole,) = picking.annotate(stream, model, **given)
    labels = list(model.labels)
    thresholds = {p: float(np.nanquantile(whole.probabilities[labels.index(p)], 0.98)) for p in "PS"}
    picks = picking.pick(stream, model, thresholds=thresholds, **given)
    monkeypatch.setattr(plans, "CPU_BLOCK", 1000)
    (blocks,) = picking.annotate(stream, model, **given)
    assert blocks.start_ns == whole.start_ns
    np.testing.assert_allclose(blocks.probabilities, whole.probabilities, atol=2e-5)
    again = picking.pick(stream, model, thresholds=thresholds, **given)
    totals = picks.attrs["report"]["totals"], again.attrs["report"]["totals"]
    assert totals[1]["windows"] > totals[0]["windows"]
    assert totals[1]["seconds_picked"] == totals[0]["seconds_picked"] == 700
    assert len(again) == len(picks) > 5
    np.testing.assert_allclose(times(again), times(picks), atol=1e-5)


def test_long_records_are_converted_a_share_at_a_time(monkeypatch, phasenet):
    stream = make_stream(900, rate=200)
    whole = picking.pick(stream, phasenet, thresholds=0.5, engine="torch")
    monkeypatch.setattr(segments_room, "CONVERTED_S", 300.0)
    shares = picking.pick(stream, phasenet, thresholds=0.5, engine="torch", anchor="time")
    assert shares.attrs["report"]["totals"]["seconds_picked"] == pytest.approx(900, abs=0.05)
    anchored = picking.annotate(stream, phasenet, engine="torch", anchor="time")
    assert len(anchored) == 3
    edges = [(a.start_ns, a.start_ns + round(a.probabilities.shape[1] * 1e7)) for a in anchored]
    assert edges[0][1] == edges[1][0]
    assert edges[1][1] == edges[2][0]
    monkeypatch.undo()
    together = picking.annotate(stream, phasenet, engine="torch", anchor="time")[0].probabilities
    joined = np.concatenate([a.probabilities for a in anchored], axis=1)
    assert joined.shape == together.shape
    np.testing.assert_allclose(joined[:, 300:-300], together[:, 300:-300], atol=1e-3)
    assert abs(len(whole) - len(shares)) < 0.1 * len(whole)


@pytest.mark.parametrize(
    ("kind", "arguments", "engine"),
    [("PhaseNet", {}, "torch"), ("PhaseNet", {}, "kernel"), ("EQTransformer", {}, "torch")],
)
def test_anchored_picks_do_not_depend_on_the_cut(kind, arguments, engine):
    model = lively(kind, **arguments)
    stream = make_stream(420, start="2024-03-01T00:00:07.77")
    start = stream[0].stats.starttime
    given = {"engine": engine, "anchor": "time"}
    thresholds = {
        p: float(np.nanquantile(picking.annotate(stream, model, **given)[0].probabilities[k], 0.95))
        for k, p in enumerate(model.labels)
        if p in "PS"
    }
    whole = picking.pick(stream, model, thresholds=thresholds, **given)
    first = picking.pick(stream.slice(endtime=start + 240), model, thresholds=thresholds, **given)
    second = picking.pick(stream.slice(start + 180), model, thresholds=thresholds, **given)
    window = model.in_samples / 100 + 10  # and the time that a trigger may last
    for part, begin, end in ((first, 0, 240 - window), (second, 180 + window, 420)):
        a, b = (p[(times(p) > start.timestamp + begin) & (times(p) < start.timestamp + end)] for p in (part, whole))
        assert len(b) > 2
        assert a["phase"].tolist() == b["phase"].tolist()
        np.testing.assert_allclose(times(a), times(b), atol=1e-5)
        np.testing.assert_allclose(a["probability"], b["probability"], atol=1e-4)


def test_ahead_gives_the_same_in_order_and_no_further_than_asked():
    made = []

    def source():
        for number in range(50):
            made.append(number)
            yield number

    items = ahead(source(), 3)
    assert next(items) == 0
    time.sleep(0.3)
    assert len(made) <= 5  # one taken, three waiting, one in hand
    assert list(items) == list(range(1, 50))


def test_ahead_raises_what_the_source_raises():
    def source():
        yield 1
        raise ValueError("torn tape")

    items = ahead(source(), 2)
    assert next(items) == 1
    with pytest.raises(ValueError, match="torn tape"):
        next(items)


@pytest.mark.parametrize("how", ["close", "forget", "error"])
def test_ahead_leaves_no_thread(how):
    closed = threading.Event()

    def source():
        try:
            while True:
                yield np.zeros(10)
        finally:
            closed.set()

    items = ahead(source(), 2)
    next(items)
    if how == "close":
        items.close()
    elif how == "error":
        with pytest.raises(KeyError):
            items.throw(KeyError("reader"))
    del items
    gc.collect()
    assert closed.wait(5)
    assert not [t for t in threading.enumerate() if t.name == "picking-ahead"]


def test_engine_reading_ahead(monkeypatch, phasenet):
    """As on a GPU, but for the GPU."""
    streams = [make_stream(60, seed=k, station=f"XX.S{k}.") for k in range(4)]
    expected = picking.pick(list(streams), phasenet, engine="torch")
    monkeypatch.setattr(torch_engine, "_reads_ahead", lambda plan: True)
    found = picking.pick(list(streams), phasenet, engine="torch")
    assert found["pick_id"].tolist() == expected["pick_id"].tolist()

    def broken():
        yield streams[0]
        raise OSError("the archive is gone")

    with pytest.raises(OSError, match="the archive is gone"):
        picking.pick(broken(), phasenet, engine="torch")
    assert not [t for t in threading.enumerate() if t.name == "picking-ahead"]


def test_batch_stays_small_once_it_did_not_fit():
    model = seeded("PhaseNet", default_args={"blinding": [250, 250]})
    stream = make_stream(400)
    expected = picking.pick(stream, model, engine="torch")
    forward, sizes = model.forward, []

    def narrow(x, logits=False):
        sizes.append(len(x))
        if len(x) > 3:
            raise torch.cuda.OutOfMemoryError("test")
        return forward(x, logits)

    model.forward = narrow
    found = picking.pick(stream, model, batch_size=12)
    assert [n for n in sizes if n > 3] == [12, 6]
    assert np.abs(times(found) - times(expected)).max() <= 0.01
    (note,) = notes(found, "batch halved")
    assert note["count"] == 2
    model.forward = lambda x, logits=False: (_ for _ in ()).throw(torch.cuda.OutOfMemoryError("not even one"))
    with pytest.raises(picking.PickingError, match=r"XX\.SYN\.00 HH at 2024-03-01T00:00:00: not even one"):
        picking.pick(stream, model)


def test_error_in_the_network_names_instrument_and_time(phasenet):
    model = seeded("PhaseNet")
    forward = model.forward

    def fails_late(x, logits=False):
        if fails_late.calls == 2:
            raise RuntimeError("mat1 and mat2")
        fails_late.calls += 1
        return forward(x, logits)

    fails_late.calls = 0
    model.forward = fails_late
    with pytest.raises(
        picking.PickingError, match=r"PhaseNet failed on XX\.TWO\. HH at 2024-03-01T00:0.*mat1 and mat2"
    ):
        picking.pick([make_stream(60), make_stream(60, station="XX.TWO.")], model, batch_size=2)


def test_half_precision_is_asked_for_and_recorded(phasenet):
    stream = make_stream(200)
    full = picking.pick(stream, phasenet, engine="torch")
    half = picking.pick(stream, phasenet, precision="half")
    assert half.attrs["report"]["settings"]["precision"] == "half"
    assert full.attrs["report"]["settings"]["precision"] == "single"
    a, b = (
        picking.annotate(stream, phasenet, engine="torch", precision=p)[0].probabilities for p in ("single", "half")
    )
    assert np.nanmax(np.abs(a - b)) > 0  # bfloat16 was used
    assert np.nanmean(np.abs(a - b)) < 0.05
    near = np.abs(times(half)[:, None] - times(full)).min(axis=1) < 0.1
    assert near.mean() > 0.7
    with pytest.raises(ValueError, match="single precision"):
        picking.pick(stream, phasenet, precision="half", engine="kernel")
    with pytest.raises(ValueError, match="precision is 'double'"):
        picking.pick(stream, phasenet, precision="double")


def test_single_precision_on_a_gpu_is_single_precision():
    before = torch.backends.cudnn.allow_tf32
    with torch_engine._no_tf32("cuda:0"):
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before


def test_memory_does_not_grow_with_the_record(monkeypatch, silent):
    """What is held beside the records themselves."""
    monkeypatch.setattr(plans, "CPU_BLOCK", 100_000)

    def beside(hours):
        random = np.random.default_rng(0)
        stream = make_stream(1)
        for trace in stream:
            trace.data = random.integers(-99, 99, hours * 360_000, dtype=np.int16)
        tracemalloc.start()
        picking.pick(stream, silent)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 2**20

    assert beside(9) < 1.25 * beside(3)


def test_cost_of_gaps_grows_no_faster_than_their_number(silent):
    stream = make_stream(1800)

    def seconds(every_s, gap_s):
        cut = gappy(stream, every_s, gap_s)
        spent = []
        for _ in range(2):
            began = time.process_time()
            picks = picking.pick(cut, silent)
            spent.append(time.process_time() - began)
        assert len(picks)
        return min(spent)

    for gap_s in (0.3, 1.5):
        assert seconds(8, gap_s) < 9 * seconds(32, gap_s)  # four times the gaps; in proportion to their square: 16


def test_seconds_by_step(silent):
    began = time.perf_counter()
    totals = picking.pick(make_stream(300), silent).attrs["report"]["totals"]
    wall = time.perf_counter() - began
    steps = [totals[f"{step}_s"] for step in ("prepare", "model", "peaks", "measure")]
    assert min(steps) >= 0
    assert 0 < sum(steps) <= wall
