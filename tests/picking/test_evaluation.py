"""Scores of picks: what must hold whatever the picks are, and examples worked out by hand."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog import tables
from course_utils.picking import evaluation as ev
from course_utils.picking.evaluation.labelled import START

pytestmark = pytest.mark.filterwarnings("ignore:picks and reference have no station in common")
few = settings(max_examples=10, deadline=None, derandomize=True)


def table(rows, **more):
    """Picks from (station number, phase, seconds, probability)."""
    frame = pd.DataFrame(rows, columns=["station", "phase", "time", "probability"])
    frame["station"] = [f"XX.{int(n):06d}." for n in frame["station"]]
    frame["time"] = START + pd.to_timedelta(np.rint(frame["time"].astype(float) * 1e6), unit="us")
    return frame.assign(**more) if len(frame) else tables.empty("picks")


def of(result, phase):
    return result.table().set_index("phase").loc[phase]


def labels_of(events):
    """Labels of records 0, 1, ...: (P in s, S minus P in s) each."""
    rows = [row for n, (p, s) in enumerate(events) for row in ((n, "P", p, np.nan), (n, "S", p + s, np.nan))]
    labels = table(rows)
    return labels.assign(event=labels["station"])


def noise_records(labels, hours=0.0):
    records = pd.DataFrame({"station": sorted(set(labels["station"])), "seconds": 60.0, "kind": "event"})
    if hours:
        records.loc[len(records)] = ["XX.999999.", 3600 * hours, "noise"]
    return records.assign(event=records["station"])


events = st.lists(st.tuples(st.floats(6, 25), st.floats(1.5, 20)), min_size=1, max_size=8)


@st.composite
def judged(draw):
    """Labels, and picks that are some of them moved, and some that are nothing."""
    labels = labels_of(draw(events))
    rows = []
    for row in labels.itertuples():
        if draw(st.booleans()):
            since = (row.time - START).total_seconds() + draw(st.floats(-1.2, 1.2))
            rows.append((int(row.station[3:9]), row.phase, since, draw(st.floats(0.01, 1))))
    for _ in range(draw(st.integers(0, 6))):
        rows.append(
            (draw(st.integers(0, 9)), draw(st.sampled_from("PS")), draw(st.floats(0, 60)), draw(st.floats(0.01, 1)))
        )
    frame = table(rows)
    return frame.drop_duplicates(["station", "phase", "time"]), labels


@few
@given(events)
def test_perfect_picks_score_one(truth):
    labels = labels_of(truth)
    result = ev.judge(labels.assign(probability=1.0), labels)
    for row in result.table().itertuples():
        assert (row.recall, row.precision, row.f1, row.precision_whole) == (1, 1, 1, 1)
        assert row.residual_median_s == row.residual_mad_s == row.outlier_share == 0
    assert result.calibration().attrs["expected_calibration_error"] == {"P": 0, "S": 0}


@few
@given(judged())
def test_scores_are_shares_and_order_does_not_matter(case):
    picks, labels = case
    result = ev.judge(picks, labels)
    mixed = ev.judge(picks.sample(frac=1, random_state=1), labels.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(result.table(), mixed.table())
    pd.testing.assert_frame_equal(result.intervals(draws=50), mixed.intervals(draws=50))
    for row in result.table().itertuples():
        assert row.n_found <= min(row.n_labels, row.n_near) and row.n_near <= row.n_picks
        for share in (row.recall, row.precision, row.f1, row.precision_whole, row.outlier_share):
            assert np.isnan(share) or 0 <= share <= 1


@few
@given(judged())
def test_intervals_hold_the_value_and_a_seed_repeats_them(case):
    picks, labels = case
    result = ev.judge(picks, labels)
    found = result.intervals(draws=100, seed=3)
    known = found[found["value"].notna()]
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    pd.testing.assert_frame_equal(found, result.intervals(draws=100, seed=3))
    scores = result.table().melt("phase", ["recall", "precision", "f1", "precision_whole"], "score", "value")
    both = found.merge(scores, on=["phase", "score"])
    np.testing.assert_allclose(both["value_x"], both["value_y"])


@few
@given(judged())
def test_breaking_down_keeps_the_counts(case):
    picks, labels = case
    result = ev.judge(picks, labels.assign(snr_db=np.arange(len(labels)) // 3 * 7.0, group="a"))
    for column, bins in (("group", None), ("snr_db", [0, 10, 100])):
        broken = result.by(column, bins)
        for phase, rows in broken.groupby("phase"):
            whole = of(result, phase)
            assert (rows["n_labels"].sum(), rows["n_found"].sum(), rows["n_near"].sum()) == (
                whole["n_labels"],
                whole["n_found"],
                whole["n_near"],
            )


@few
@given(judged())
def test_recall_falls_with_the_threshold(case):
    picks, labels = case
    scores = ev.curve(picks, labels, thresholds=[0.01, 0.5, 0.9])
    for phase, rows in scores.groupby("phase"):
        assert (np.diff(rows["recall"]) <= 1e-12).all()
        area = ev.average_precision(scores)[phase]
        assert 0 <= area <= rows["recall"].max() + 1e-12


def test_a_constant_answer_does_not_score_once_records_are_cut_at_random():
    """P is always at 30 s in the set: saying "30 s" is perfect there, and worthless after a cut."""
    rng = np.random.default_rng(0)
    waveforms = rng.normal(size=(40, 3, 9000)).astype(np.float32)
    about = pd.DataFrame({"p_sample": 3000, "s_sample": 3300 + 5 * np.arange(40), "sampling_rate_hz": 100.0})
    records = ev.labelled_records(waveforms, about)

    def thirty_seconds(streams):
        for _ in streams:
            pass
        return table([(n, "P", 30.0, 1.0) for n in range(40)])

    assert of(ev.judge(thirty_seconds([]), records.labels, records.table), "P")["recall"] == 1
    cut = records.cut(seed=1)
    result = ev.compare_pickers(cut, {"clock": thirty_seconds}).judgements["clock"]
    assert of(result, "P")["recall"] < 0.1
    lead = (cut.labels.loc[cut.labels["phase"] == "P", "time"] - START).dt.total_seconds()
    assert lead.between(5, 25).all() and lead.std() > 3
    samples, letters, rate = cut.read(7)
    first = round((30 - lead.iloc[7]) * rate)
    assert letters == "ZNE" and samples.shape == (3, 6000)
    np.testing.assert_array_equal(samples, waveforms[7, :, first : first + 6000])
    assert cut.labels.equals(records.cut(seed=1).labels) and not cut.labels.equals(records.cut(seed=2).labels)


def test_rules_by_hand():
    labels = labels_of([(10, 5), (10, 5)])
    picks = table(
        [
            (0, "P", 10.4, 0.9),  # right, late
            (0, "P", 12.0, 0.8),  # near, wrong
            (0, "P", 4.9, 0.7),  # 5.1 s before P: not near
            (0, "P", 19.9, 0.6),  # 4.9 s after S: near, wrong
            (0, "S", 16.5, 0.5),  # 1.5 s late: missed, an outlier
            (1, "P", 40.0, 0.9),  # far away
            (999999, "P", 3.0, 0.3),
            (999999, "P", 9.0, 0.3),
        ]
    )
    result = ev.judge(picks, labels, noise_records(labels, hours=0.5))
    p, s = of(result, "P"), of(result, "S")
    assert (p["n_labels"], p["n_found"], p["n_near"], p["n_picks"], p["n_noise"]) == (2, 1, 3, 5, 2)
    assert (p["recall"], p["precision"], p["precision_whole"], p["false_per_hour"]) == (0.5, 1 / 3, 0.2, 4.0)
    assert p["f1"] == pytest.approx(2 / 5) and p["residual_median_s"] == pytest.approx(0.4)
    assert (s["recall"], s["precision"], s["outlier_share"]) == (0, 0, 1)
    assert s["residual_median_s"] == pytest.approx(1.5)
    assert result.labels.set_index("phase").loc["P", "pick_probability"].dropna().tolist() == [0.9]
    assert of(ev.judge(picks, labels, noise_records(labels, 0.5), tolerance_s=0.3), "P")["n_found"] == 0


def test_one_pick_finds_one_label_and_the_nearer():
    labels = table([(0, "P", 10.0, np.nan), (0, "P", 10.4, np.nan)], event=["a", "b"])
    result = ev.judge(table([(0, "P", 10.3, 0.9)]), labels)
    assert result.labels["found"].tolist() == [False, True]
    assert result.picks["event"].tolist() == ["b"]


def test_a_pick_is_near_a_long_event_that_holds_a_short_one():
    """The longer of two overlapping events began first; a pick after the shorter one is near the longer."""
    labels = table(
        [(0, "P", 10, np.nan), (0, "S", 50, np.nan), (0, "P", 20, np.nan), (0, "S", 22, np.nan)],
        event=["long", "long", "short", "short"],
    )
    result = ev.judge(table([(0, "P", 45, 0.5), (0, "P", 56, 0.5), (0, "P", 23, 0.5)]), labels)
    by_time = result.picks.sort_values("time")
    assert by_time["near"].tolist() == [True, True, False]
    assert by_time["event"].tolist()[:2] == ["short", "long"]


def test_a_threshold_above_all_gives_no_precision_and_says_why():
    labels = labels_of([(10, 5)])
    scores = ev.curve(table([(0, "P", 10, 0.6), (0, "S", 15, 0.7)]), labels, thresholds=[0.5, 0.99])
    high = scores[scores["threshold"] == 0.99]
    assert (high["recall"] == 0).all() and high["precision"].isna().all() and (high["f1"] == 0).all()
    assert high["note"].tolist() == ["precision: no P picks near labels", "precision: no S picks near labels"]
    empty = ev.judge(tables.empty("picks"), labels)
    assert empty.table()["recall"].tolist() == [0, 0] and empty.table()["precision"].isna().all()
    assert empty.calibration()["n"].sum() == 0 and empty.intervals()["value"].notna().sum() == 4


def test_what_cannot_be_seen_need_not_be_found():
    """Truth knows arrivals below the noise: finding one is no fault, missing one neither; a wrong pick beside it is."""
    labels = labels_of([(10, 5), (10, 5)]).assign(visible=[True, True, False, False])
    found = [(0, "P", 10, 0.9), (0, "S", 15, 0.9), (1, "P", 10, 0.9)]
    result = ev.judge(table(found), labels)
    assert (result.table()[["n_labels", "n_found", "n_near"]] == 1).all(axis=None)
    assert result.left_out == {"labels that need not be found": 2, "picks of such labels": 1}
    assert of(ev.judge(table([*found, (1, "P", 12, 0.9)]), labels), "P")["precision"] == 0.5
    about = pd.DataFrame(
        {"p_sample": [500, 600], "s_sample": [900, 950], "sampling_rate_hz": 100.0, "p_visible": [True, False]}
    )
    records = ev.labelled_records(np.zeros((2, 3, 3000), np.float32), about)
    judged = ev.judge(tables.empty("picks"), records.labels, records.table).table().set_index("phase")
    assert judged["n_labels"].to_dict() == {"P": 1, "S": 2}


def test_average_precision_of_a_toy():
    """Picks by falling probability: right, wrong, right; two labels. AP = 1/2 * 1 + 1/2 * 2/3."""
    labels = labels_of([(10, 5), (10, 5)])
    picks = table([(0, "P", 10, 0.9), (0, "P", 12, 0.8), (1, "P", 10, 0.7)])
    scores = ev.curve(picks, labels)
    assert ev.average_precision(scores)["P"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert ev.average_precision(scores)["S"] == 0
    one_each = ev.curve({0.75: picks[picks["probability"] > 0.75], 0.85: picks.head(1)}, labels)
    assert one_each[one_each["phase"] == "P"]["precision"].tolist() == [0.5, 1.0]


def test_threshold_is_chosen_on_one_table_for_another():
    labels = labels_of([(10, 5)] * 4)
    rows = [(n, "P", 10, 0.5 + 0.1 * n) for n in range(4)] + [(n, "S", 15, 0.5 + 0.1 * n) for n in range(4)]
    picks = table([*rows, (0, "P", 13, 0.55), (1, "P", 13, 0.45), (2, "P", 13, 0.35)])
    scores = ev.curve(picks, labels, thresholds=[0.3, 0.4, 0.5, 0.6, 0.7])
    assert ev.choose_threshold(scores) == {"P": 0.5, "S": 0.3}
    assert ev.choose_threshold(scores, slack=0.1)["P"] == 0.4
    assert ev.choose_threshold(scores, precision=0.99)["P"] == 0.6
    wrong = picks.assign(time=picks["time"].where(picks["phase"] == "S", picks["time"] + pd.Timedelta(seconds=2)))
    with pytest.raises(ValueError, match="no P label is found"):
        ev.choose_threshold(ev.curve(wrong, labels, thresholds=[0.3]))
    half = pd.concat([picks, picks.assign(time=picks["time"] + pd.Timedelta(seconds=1.5), probability=1.0)])
    with pytest.raises(ValueError, match=r"never keeps a precision of 0\.9: the best is"):
        ev.choose_threshold(ev.curve(half, labels, thresholds=[0.3, 0.6]), precision=0.9)


def test_calibration_by_hand():
    labels = labels_of([(10, 5)] * 4)
    rows = [(n, "P", 10 if n < 3 else 13, 0.75) for n in range(4)] + [(0, "P", 40, 0.95), (999999, "P", 5, 0.25)]
    result = ev.judge(table(rows), labels, noise_records(labels, 0.1))
    diagram = result.calibration(bins=4)
    p = diagram[diagram["phase"] == "P"]
    assert p["n"].tolist() == [0, 1, 0, 4], "a pick far from labels is not judged, one on noise is"
    assert p["share_right"].tolist()[3] == 0.75 and p["share_right"].tolist()[1] == 0
    assert diagram.attrs["expected_calibration_error"]["P"] == pytest.approx(0.25 / 5)


def test_bootstrap_draws_events_not_picks():
    """Ten events of ten labels each, all right or all wrong: the interval is that of ten, not of a hundred."""
    labels = table([(n, "P", 10 + 8 * k, np.nan) for n in range(10) for k in range(10)])
    labels["event"] = labels["station"]
    found = ev.judge(labels[labels["station"] < "XX.000005."].assign(probability=1.0), labels).intervals(draws=2000)
    recall = found[(found["phase"] == "P") & (found["score"] == "recall")].iloc[0]
    assert recall["value"] == 0.5 and recall["n_events"] == 10
    assert recall["high"] - recall["low"] == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 10), abs=0.1)


def test_bad_labels_are_counted_and_bad_arguments_refused():
    labels = labels_of([(10, 5), (10, -2), (10, 5)])
    doubled = pd.concat([labels, labels.tail(1)])
    result = ev.judge(table([(0, "P", 10, 0.9), (7, "P", 10, 0.9)]), doubled, noise_records(labels))
    assert result.left_out == {
        "labels that stand twice": 1,
        "labels with S not after P": 2,
        "picks of other stations": 1,
    }
    assert "left out" in repr(result) and of(result, "P")["n_labels"] == 2
    good = labels_of([(10, 5)])
    with pytest.raises(ValueError, match="nothing to score against"):
        ev.judge(good, tables.empty("picks"))
    with pytest.raises(ValueError, match="tolerance_s is -1"):
        ev.judge(good, good, tolerance_s=-1)
    with pytest.raises(ValueError, match="longer than before_s"):
        ev.judge(good, good, tolerance_s=6)
    with pytest.raises(ValueError, match="which is noise or no record"):
        ev.judge(good, good, noise_records(labels).assign(kind="noise"))
    with pytest.raises(tables.TableError, match="phase"):
        ev.judge(good, good.assign(phase="Pn"))
    nameless = ev.judge(good, good)
    for ask in (nameless.calibration, lambda: ev.curve(good, good)):
        with pytest.raises(ValueError, match="needs the probability of each pick, but 2 have none"):
            ask()
    with pytest.raises(ValueError, match="labels have no column 'magnitude'"):
        nameless.by("magnitude")


def test_records_that_cannot_be_used_are_counted():
    waveforms = np.zeros((4, 3, 3000), np.float32)
    about = pd.DataFrame(
        {
            "p_sample": [500, 4000, np.nan, np.nan],
            "s_sample": [900, 1000, np.nan, np.nan],
            "sampling_rate_hz": 100.0,
            "kind": ["event", "event", "noise", "event"],
            "snr_db": [10.0, 20.0, np.nan, np.nan],
        }
    )
    records = ev.labelled_records(waveforms, about)
    assert records.left_out == {"labels outside their record": 1, "records without labels that are not noise": 1}
    assert len(records) == 3 and records.table["kind"].tolist() == ["event", "event", "noise"]
    assert records.labels["snr_db"].tolist() == [10, 10, 20]
    assert len(records.select(np.array([True, False, True]))) == 2
    with pytest.raises(ValueError, match="shape"):
        ev.labelled_records(waveforms[:3], about)
    with pytest.raises(ValueError, match="said to be noise"):
        ev.labelled_records(waveforms, about.assign(kind="noise"))
    with pytest.raises(ValueError, match="lead_s"):
        records.cut(0, seconds=10, lead_s=(5, 25))


def test_mean_over_cuts():
    labels = labels_of([(10, 5), (10, 5)])
    both = [ev.judge(labels.head(n), labels).table() for n in (2, 4)]
    mean = ev.mean_scores(both).set_index("phase")
    assert mean.loc["P", "recall"] == 0.75 and mean.loc["P", "recall_spread"] == 0.5 and mean.loc["P", "n_cuts"] == 2
    with pytest.raises(ValueError, match="no table"):
        ev.mean_scores([])
    about = pd.DataFrame({"p_sample": [3000, 3000], "s_sample": [3500, 3900], "sampling_rate_hz": 100.0})
    records = ev.labelled_records(np.zeros((2, 3, 9000), np.float32), about)
    clock = {"clock": lambda streams: table([(n, "P", 15.0, 1.0) for n in range(2)])}
    over, cuts = ev.compare_over_cuts(records, clock, seeds=range(4), lead_s=(14, 16))
    alone = [ev.compare_pickers(records.cut(seed, lead_s=(14, 16)), clock).table["recall"].iloc[0] for seed in range(4)]
    assert len(cuts) == 4 and over["recall"].iloc[0] == np.mean(alone) and 0 < np.mean(alone) < 1


@pytest.mark.real
def test_published_weights_beat_the_trigger_on_records_they_probably_knew(published):
    """phasenet-ncedc by the benchmark's rules; which records trained the published weights is not known, but these belong there."""
    if not os.environ.get("COURSE_DATA_MIRROR"):
        pytest.skip("COURSE_DATA_MIRROR is not set")
    from course_utils import data

    records = ev.labelled_records(*data.open("phasenet-ncedc")["waveforms", "records"]).cut(0)
    model = published("phasenet:original")
    scores = ev.compare_pickers(records, {"published": model, "sta_lta": "sta_lta"}).table
    scores = scores.set_index(["picker", "phase"])
    assert scores.loc[("published", "P"), ["recall", "precision"]].min() >= 0.93
    assert scores.loc[("published", "S"), ["recall", "precision"]].min() >= 0.85
    assert abs(scores.loc[("published", "P"), "residual_median_s"]) < 0.05
    assert scores.loc[("sta_lta", "P"), "precision"] < 0.9 and scores.loc[("sta_lta", "S"), "recall"] < 0.3
