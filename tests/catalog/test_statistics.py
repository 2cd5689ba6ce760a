"""Statistics of magnitudes and times against simulated catalogs whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from course_utils.catalog import statistics
from course_utils.catalog.statistics import COMPLETENESS, b_curve, b_positive, b_value, fit_omori, frequency_magnitude


def magnitudes(rng, n, b=1.0, smallest=1.0, bin_width=0.1):
    """Magnitudes of at least ``smallest``, rounded as in a catalog."""
    raw = smallest - bin_width / 2 + rng.exponential(1 / (b * np.log(10)), n)
    return np.round(np.round(raw / bin_width) * bin_width, 10)


def aftershocks(rng, n, p, c, start, end):
    """Times drawn from a modified Omori law by inverting its integral."""

    def up_to(t):
        return (t + c) ** (1 - p) / (1 - p)

    there = up_to(start) + rng.uniform(size=n) * (up_to(end) - up_to(start))
    return (there * (1 - p)) ** (1 / (1 - p)) - c


@pytest.mark.parametrize("estimate", [lambda m: b_value(m, 1.0), b_positive])
@pytest.mark.parametrize("b", [0.6, 1.0, 1.6])
def test_b_is_unbiased_and_its_error_true(estimate, b):
    rng = np.random.default_rng(1)
    found = [estimate(magnitudes(rng, 500, b)) for _ in range(300)]
    values, errors = np.array([(one.b, one.error) for one in found]).T
    assert abs(values.mean() / b - 1) < 0.02  # one part in the number used is the estimator's own bias
    assert errors.mean() == pytest.approx(values.std(), rel=0.12)
    assert 0.62 < np.mean(np.abs(values - b) < errors) < 0.75
    assert 0.93 < np.mean(np.abs(values - b) < 2 * errors) < 0.98


@settings(max_examples=30, deadline=None)
@given(
    b=st.floats(0.6, 2.0),
    bin_width=st.sampled_from([0.01, 0.1, 0.2]),
    shift=st.integers(-20, 10),
    seed=st.integers(0, 99),
)
def test_b_knows_neither_the_zero_of_the_scale_nor_the_order_nor_the_bins(b, bin_width, shift, seed):
    rng = np.random.default_rng(seed)
    smallest = shift * bin_width
    m = magnitudes(rng, 3000, b, smallest, bin_width)
    one = b_value(m, smallest, bin_width)
    assert abs(one.b - b) < 5 * one.error
    assert b_value(rng.permutation(m) + 10 * bin_width, smallest + 10 * bin_width, bin_width).b == pytest.approx(one.b)
    row = b_curve(m, bin_width).iloc[0]
    assert (one.b, one.error) == pytest.approx((row["b"], row["error"]), rel=1e-4)


def test_wide_bins_do_not_bias_b():
    m = 0.75 + np.random.default_rng(2).exponential(1 / np.log(10), 200_000)
    assert b_value(m, 1.0, 0.5).b == pytest.approx(1.0, abs=0.01)
    simple = np.log10(np.e) / (np.mean(np.round(m * 2) / 2) - 1.0)
    assert simple > 1.3  # Aki's formula on such bins, without their width


def test_completeness_is_found_where_the_catalog_ends_sharply():
    rng = np.random.default_rng(3)
    m = magnitudes(rng, 4000, 1.0, 1.5)
    assert statistics.maximum_curvature(m, correction=0.0) == 1.5
    assert statistics.goodness_of_fit(m) == 1.5
    assert statistics.b_stability(m) == 1.5


@pytest.mark.parametrize("method", COMPLETENESS)
def test_completeness_under_gradual_detection(method):
    """Half of the events of magnitude 1.0 are detected, 98 % of those of 1.4. What is taken as complete gives b to
    10 %; a fit of 90 % is content with less, and its b comes out 15 % low."""
    rng = np.random.default_rng(4)
    found, values = [], []
    for _ in range(10):
        m = rng.exponential(1 / np.log(10), 60_000)
        m = np.round(m[rng.uniform(size=len(m)) < norm.cdf(m, 1.0, 0.2)], 1)
        found.append(COMPLETENESS[method](m))
        values.append(b_value(m, found[-1]).b)
    assert 1.0 <= np.mean(found) <= 1.5
    assert np.mean(values) == pytest.approx(0.85 if method == "goodness of fit" else 1.0, abs=0.1)
    assert b_value(m, 0.8).b < 0.75  # below it, b is the detection's, not the Earth's


def test_b_positive_stands_where_completeness_changes_with_time():
    """After each large event the small ones are lost: from one completeness b is far too low."""
    rng = np.random.default_rng(5)
    m = magnitudes(rng, 40_000, 1.0, 0.5)
    limit = 3.0 - 2.5 * (np.arange(len(m)) % 2000) / 2000
    seen = m[m >= limit - 1e-9]
    assert b_value(seen, 1.0).b < 0.8
    assert abs(b_positive(seen).b - 1.0) < 3 * b_positive(seen).error


@pytest.mark.parametrize("p", [0.9, 1.1])
def test_omori_is_recovered_and_its_errors_true(p):
    rng = np.random.default_rng(6)
    true = {"p": p, "c_days": 0.05}
    fits = [fit_omori(aftershocks(rng, rng.poisson(600), p, 0.05, 0.01, 30), 0.01, 30) for _ in range(100)]
    span = ((30.05) ** (1 - p) - 0.06 ** (1 - p)) / (1 - p)
    true["k"] = 600 / span
    for name, value in true.items():
        error = "c_error_days" if name == "c_days" else f"{name}_error"
        values, errors = (np.array([getattr(f, n) for f in fits]) for n in (name, error))
        assert abs(np.median(values) - value) < 0.4 * errors.mean()
        assert 0.55 < np.mean(np.abs(values - value) < errors) < 0.80
    one = fits[0]
    assert one.expected(0.01, 30) == pytest.approx(one.n, rel=1e-6)
    assert one.expected(1.0, 1.001) / 0.001 == pytest.approx(one.rate(1.0005), rel=1e-5)


def test_omori_where_p_is_one_and_where_c_cannot_be_seen():
    rng = np.random.default_rng(7)
    days = 0.01 * (3000.0 ** rng.uniform(size=3000))  # 1/t from 0.01 to 30 days
    found = fit_omori(days, 0.01, 30)
    assert found.p == pytest.approx(1.0, abs=0.06)
    assert found.c_days < 0.003
    assert found.p_error < 0.05


def test_counts_keep_the_bins_of_the_catalog():
    table = frequency_magnitude([0.1, 0.3, 0.3, 0.7, np.nan, 0.25])
    assert table["magnitude"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert table["count"].tolist() == [1, 0, 3, 0, 0, 0, 1]
    assert table["cumulative"].tolist() == [5, 4, 4, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: b_value([], 1.0), "no magnitude"),
        (lambda: b_value([np.nan] * 30, 1.0), "no magnitude"),
        (lambda: b_value([1.0, 2.0, 999.0] * 10, 1.0), "999"),
        (lambda: b_value([1.0, 2.0] * 3, 1.0), "6 magnitudes of at least 1.00"),
        (lambda: b_value([1.0] * 30, 1.0), "not all alike"),
        (lambda: b_value([1.0, 2.0] * 30, np.nan), "completeness is nan"),
        (lambda: b_value([1.0, 2.0] * 30, 1.0, 0.0), "bin_width is 0"),
        (lambda: b_positive([1.0, 2.0] * 30, -1.0), "smallest_difference"),
        (lambda: statistics.goodness_of_fit([1.0, 1.1, 3.0] * 30, level=0.99), "the best is"),
        (lambda: statistics.goodness_of_fit([1.0] * 30, level=2.0), "level is 2"),
        (lambda: statistics.b_stability([1.0, 1.1] * 8), "does not settle"),
        (lambda: statistics.b_stability([1.0] * 8), "fewer than 10"),
        (lambda: fit_omori([1.0] * 5, 0, 10), "5 events"),
        (lambda: fit_omori([1.0, np.nan] * 50, 0, 10), "no number"),
        (lambda: fit_omori(np.arange(50.0), 10, 1), "interval"),
        (lambda: fit_omori(np.linspace(20, 30, 50) ** 0.5, 0, 10), "ran to its limit"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.real
def test_ridgecrest_b_climbs_with_the_completeness_assumed():
    """The values of the data set's own notes: 0.52 at 1.6, 0.76 at 2.5, 0.86 at 3.0."""
    from course_utils import data

    events = data.open("comcat-reviewed").events
    m = events.loc[(events["sequence"] == "ridgecrest") & (events["event_type"] == "earthquake"), "magnitude"]
    assert statistics.maximum_curvature(m) == pytest.approx(1.6, abs=0.15)
    for smallest, b in ((1.6, 0.52), (2.5, 0.76), (3.0, 0.86)):
        assert b_value(m, smallest).b == pytest.approx(b, abs=0.03)
