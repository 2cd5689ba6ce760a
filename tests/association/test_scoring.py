"""Scores count what they say, on cases small enough to count by hand."""

import numpy as np
import pandas as pd
import pytest

from course_utils.association import score, score_events


def table(groups):
    rows = [(event, pick) for event, picks in groups.items() for pick in picks]
    return pd.DataFrame(rows, columns=["event_id", "pick_id"]).assign(station="A.A.", phase="P")


TRUTH = table({1: range(10), 2: range(10, 20), 3: range(20, 24)})


def test_perfect():
    scored = score(TRUTH, TRUTH, n_noise=5)
    assert (scored.event_f1, scored.pick_f1, scored.noise_assigned) == (1.0, 1.0, 0.0)
    assert (scored.split, scored.merged) == (0, 0)


def test_counts():
    # event 7: eight of event 1 and two noise picks; event 8: five and five of two events, so nobody's.
    found = table({7: [*range(8), 90, 91], 8: [*range(10, 15), *range(20, 23), 92, 93]})
    scored = score(found, TRUTH, n_noise=8)
    assert scored.pairs[["event_id", "reference_id", "shared"]].values.tolist() == [[7, 1, 8]]
    assert (scored.event_recall, scored.event_precision) == (pytest.approx(1 / 3), 0.5)
    assert (scored.n_right, scored.n_assigned, scored.n_true) == (8, 20, 24)
    assert scored.noise_assigned == 0.5
    assert scored.merged == 1


def test_the_limit_of_sixty_percent_is_inclusive():
    assert len(score(table({7: [0, 1, 2, 90, 91]}), TRUTH).pairs) == 1
    assert len(score(table({7: [0, 1, 90, 91]}), TRUTH).pairs) == 0


def test_a_split_event_counts_once():
    scored = score(table({7: range(6), 8: range(6, 10)}), TRUTH)
    assert len(scored.pairs) == 1
    assert scored.pairs["event_id"].tolist() == [7]  # the larger piece
    assert scored.split == 1


def test_small_true_events_are_neither_required_nor_held_against():
    scored = score(TRUTH, TRUTH, min_picks=5)
    assert (scored.n_reference, scored.n_events, scored.event_precision, scored.pick_precision) == (2, 2, 1.0, 1.0)
    assert score(TRUTH[TRUTH["event_id"] != 3], TRUTH, min_picks=5).event_recall == 1.0


def test_empty():
    none = TRUTH.iloc[:0]
    assert score(none, TRUTH).event_recall == 0.0
    assert np.isnan(score(none, TRUTH).event_precision)
    assert score(TRUTH, none).event_precision == 0.0


def test_a_pick_with_two_true_events_is_refused():
    with pytest.raises(ValueError, match="belongs to two events"):
        score(TRUTH, pd.concat([TRUTH, TRUTH.iloc[:1].assign(event_id=2)]))


def test_interval_by_drawing_events_anew():
    """A hundred true events, eighty of them found: the recall is binomial."""
    truth = table({i: range(10 * i, 10 * i + 10) for i in range(100)})
    found = truth[truth["event_id"] < 80]
    scored = score(found, truth)
    low, high = scored.interval("event_recall", draws=4000)
    assert (low + high) / 2 == pytest.approx(0.8, abs=0.01)
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.8 * 0.2 / 100), rel=0.1)
    assert scored.interval("event_precision") == (1.0, 1.0)
    assert scored.interval("event_f1", level=0.5)[0] > scored.interval("event_f1")[0]
    assert score(TRUTH, TRUTH).interval("pick_f1") == (1.0, 1.0)
    assert np.isnan(score(TRUTH.iloc[:0], TRUTH.iloc[:0]).interval("event_f1")).all()
    with pytest.raises(ValueError, match="no rate 'f1'; there are event_recall"):
        scored.interval("f1")
    with pytest.raises(ValueError, match="level is 95"):
        scored.interval("event_f1", level=95)


def test_against_a_catalog_by_time_and_place():
    def events(seconds, latitude=50.0):
        times = pd.Timestamp("2024-01-01T00:00:00Z") + pd.to_timedelta(seconds, unit="s")
        return pd.DataFrame({"time": times, "latitude": latitude, "longitude": 7.0, "depth_km": 5.0})

    reference = events([0, 60, 120, 121, 300])
    # the second in two pieces, the third and fourth in one, the last far away, and one more
    mine = pd.concat([events([0.2, 59.5, 60.5, 120.5, 500]), events([300], 51.0)])
    scored = score_events(mine, reference, max_dt_s=1.0, max_km=10.0)
    assert (len(scored.pairs), scored.n_events, scored.n_reference) == (3, 6, 5)
    assert (scored.event_recall, scored.event_precision) == (0.6, 0.5)
    assert (scored.split, scored.merged) == (1, 1)
    assert np.isnan(scored.pick_recall)
    low, high = scored.interval("event_f1")
    assert low < scored.event_f1 < high


def test_ids_of_64_bits_keep_every_digit():
    ids = [9007199254740993, 9223372036854775807]  # a float holds neither
    truth = table({ids[0]: range(10), ids[1]: range(10, 20)})
    scored = score(table({ids[1]: range(10), 5: range(30, 40)}), truth)  # one found, one missed, one false
    assert scored.pairs[["event_id", "reference_id"]].values.tolist() == [[ids[1], ids[0]]]
