"""The kernel gives what the torch engine gives, with any vector instructions and any number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picking_helpers import make_stream, seeded

from course_utils import picking

TOLERANCE = 5e-5  # half the bar against SeisBench; these networks are steeper than any real one
AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+fma"}


def both(stream, model, **arguments):
    """Annotations of both engines: lists of arrays."""
    arguments = {"max_gap_s": 0, **arguments}
    kernel = picking.annotate(stream, model, engine="kernel", **arguments)
    reference = picking.annotate(stream, model, engine="torch", **arguments)
    assert [a.start_ns for a in kernel] == [a.start_ns for a in reference]
    return [a.probabilities for a in kernel], [a.probabilities for a in reference]


def assert_equal(stream, model, **arguments):
    for ours, theirs in zip(*both(stream, model, **arguments), strict=True):
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"norm": "peak", "phases": "PSN"},
        {"default_args": {"blinding": [250, 100]}},
        {"default_args": {"overlap": 0.3, "blinding": [0, 7]}},
    ],
)
def test_network(arguments):
    assert_equal(make_stream(400), seeded("PhaseNet", **arguments))


@settings(max_examples=12, deadline=None)
@given(seconds=st.floats(30.01, 1000), overlap=st.integers(0, 2800), threads=st.integers(1, 5), anchor=st.booleans())
def test_any_windows_and_threads(seconds, overlap, threads, anchor):
    model = seeded("PhaseNet")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        stream = make_stream(min(seconds, 30 + (3001 - overlap) * 0.6))  # at most about 60 windows
        assert_equal(stream, model, overlap=overlap, anchor="time" if anchor else "segment")
    finally:
        torch.set_num_threads(before)


def test_pieces_of_many_instruments_share_the_lanes():
    stream = make_stream(70)
    for number in range(9):
        stream += make_stream(31 + 3 * number, seed=number, station=f"XX.S{number:02d}.00")
    assert_equal(stream, seeded("PhaseNet"))


def test_offset_far_above_the_signal_and_a_dead_component():
    stream = make_stream(60)
    for trace in stream:
        trace.data = trace.data.astype(np.float64) + 3e6
    stream[1].data[2000:] = 1234.0  # constant windows become zeros in both engines
    model = seeded("PhaseNet")
    (ours,), (theirs,) = both(stream, model)
    # an offset of 1e5 deviations costs float32 digits, in the torch engine more than here
    assert np.abs(ours - theirs).max() < 0.05
    flat = [picking.pick(stream, model, engine=engine).attrs["report"]["notes"] for engine in ("kernel", "torch")]
    counts = [sum(note["count"] for note in notes if note["kind"] == "flat") for notes in flat]
    assert counts[0] == counts[1] > 0


def test_picks_are_the_same():
    stream, model = make_stream(600), seeded("PhaseNet")
    kernel, reference = (picking.pick(stream, model, engine=engine) for engine in ("kernel", "torch"))
    assert len(kernel) > 50
    assert kernel.attrs["report"]["settings"]["engine"] == "kernel"
    assert reference.attrs["report"]["settings"]["engine"] == "torch"
    np.testing.assert_array_equal(kernel["pick_id"], reference["pick_id"])
    np.testing.assert_allclose(kernel["probability"], reference["probability"], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda: seeded("EQTransformer"), "PhaseNet, not EQTransformer"),
        (lambda: seeded("PhaseNet", filter_factor=2), "filter_factor = 1, not 2"),
        (lambda: seeded("PhaseNet", norm_detrend=True), "normalisation"),
        (lambda: seeded("PhaseNet", default_args={"stacking": "max"}), "average"),
    ],
)
def test_what_it_does_not_serve_runs_on_torch(model, reason):
    model, stream = model(), make_stream(61)
    with pytest.raises(ValueError, match=reason):
        picking.pick(stream, model, engine="kernel")
    assert picking.pick(stream, model).attrs["report"]["settings"]["engine"] == "torch"


def test_changed_networks_are_seen():
    """A hook or another forward sees every window, so the kernel must not stand in for them."""
    model, stream, seen = seeded("PhaseNet"), make_stream(61), []
    with model.inc.register_forward_hook(lambda *a: seen.append(1)):
        assert picking.pick(stream, model).attrs["report"]["settings"]["engine"] == "torch"
    assert seen
    assert picking.pick(stream, model).attrs["report"]["settings"]["engine"] == "kernel"


def test_an_engine_that_is_not_there():
    with pytest.raises(ValueError, match="engine is 'cuda'; use one of auto, torch, kernel"):
        picking.pick(make_stream(31), seeded("PhaseNet"), engine="cuda")


PROGRAM = """
import numpy as np
tiny = np.float32(1e-40)
from picking_helpers import make_stream, seeded
from course_utils import picking
from course_utils.picking import lanes
found = [picking.annotate(make_stream(333), seeded("PhaseNet"), engine=e)[0].probabilities for e in ("kernel", "torch")]
print(lanes.INSTRUCTIONS, lanes.LANES, np.abs(found[0] - found[1]).max(), tiny * np.float32(0.5) > 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "name"), [(AVX2, "AVX2 8"), ({"NUMBA_CPU_NAME": "generic"}, "plain 4")], ids=["AVX2", "plain"]
)
def test_other_processors(environment, name, tmp_path):
    """Each kind of processor of a mixed cluster compiles its own code; denormal numbers survive it."""
    import platform

    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("this test compiles for x86-64 processors")
    environment = {
        **os.environ,
        **environment,
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.path.dirname(__file__),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *words, difference, denormal = done.stdout.split()
    if name == "AVX2 8" and words != ["AVX2", "8"]:
        pytest.fail(f"compiled for {words}")
    assert " ".join(words) == name
    assert float(difference) < TOLERANCE
    assert denormal == "True"
