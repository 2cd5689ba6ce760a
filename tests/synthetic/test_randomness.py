import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_utils.synthetic.randomness import Draws

EXPECTED_RAW = [6055495438155380549, 10533480176124937812]
EXPECTED_NORMAL = [-0.44469783936732554, 0.1789744153310866]
KEYS = st.lists(st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=8)), min_size=1, max_size=4)


def test_the_stream_is_the_one_that_earlier_versions_gave():
    draws = Draws(1, "noise", "NC.KCT.", 7)
    assert draws.raw(2).tolist() == EXPECTED_RAW
    assert Draws(1, "noise", "NC.KCT.", 7).normal(size=2) == pytest.approx(EXPECTED_NORMAL, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(KEYS)
def test_a_key_gives_the_same_numbers_wherever_it_is_made(key):
    above = Draws(*key[:-1] or key)
    above.uniform(size=3)
    below = above.child(key[-1]) if len(key) > 1 else Draws(*key)
    assert np.array_equal(below.raw(5), Draws(*key).raw(5))


def test_numbers_texts_and_their_order_make_different_keys():
    first = {tuple(Draws(*key).raw(2)) for key in [(1, 2), (2, 1), ("1", 2), (12,), ("1\x1f2",), (1, "2")]}
    assert len(first) == 6


@pytest.mark.parametrize("key", [(), (1.5,), (None,), (b"x",)])
def test_a_key_of_anything_else_is_refused(key):
    with pytest.raises(TypeError):
        Draws(*key)


def test_uniforms_normals_and_exponentials_follow_their_distributions():
    draws = Draws(3, "distributions")
    assert stats.kstest(draws.uniform(size=20000), "uniform").pvalue > 1e-3
    assert stats.kstest(draws.normal(2.0, 3.0, 20000), "norm", (2, 3)).pvalue > 1e-3
    assert stats.kstest(draws.exponential(2.0, 20000), "expon", (0, 2)).pvalue > 1e-3
    counts = [draws.poisson(3.5) for _ in range(4000)]
    assert np.mean(counts) == pytest.approx(3.5, abs=0.15)
    assert np.var(counts) == pytest.approx(3.5, abs=0.4)
    assert {draws.integers(0, 4) for _ in range(200)} == {0, 1, 2, 3}
    picked = [draws.choice("ab", [3, 1]) for _ in range(4000)]
    assert picked.count("a") / 4000 == pytest.approx(0.75, abs=0.03)


def test_complex_normals_have_independent_unit_parts():
    z = Draws(4, "spectrum").complex_normal((3, 40001))
    assert z.shape == (3, 40001)
    for part in (z.real, z.imag):
        assert stats.kstest(part.ravel()[:20000], "norm").pvalue > 1e-3
        assert part.var() == pytest.approx(1.0, abs=0.02)
    assert np.mean(z.real * z.imag) == pytest.approx(0.0, abs=0.02)
    assert np.abs(z).max() > 4.0
