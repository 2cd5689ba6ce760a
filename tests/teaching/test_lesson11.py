"""The checks of lesson 11: right answers in other forms pass, wrong ones get a message that helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from course_utils.teaching.checks import lesson11


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A set of two hundred windows: 24 events at six stations, windows that overlap, and noise; as curation writes it."""
    import seisbench.data as sbd

    folder, rng = tmp_path_factory.mktemp("lesson11") / "set", np.random.default_rng(11)
    folder.mkdir()
    start = pd.Timestamp("2023-05-16T19:00:00Z")
    with sbd.WaveformDataWriter(folder / "metadata.csv", folder / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100}
        for row in range(200):
            event, station = divmod(row, 6) if row < 144 else (None, row % 6)
            at = start + pd.Timedelta(25 * event if event is not None else 2000 + 40 * row, "s")
            also = event is not None and event % 4 == 0 and station == 2
            names = [] if event is None else [f"ev{event}"] + [f"ev{event + 1}"] * also
            table = {
                "source_id": None if event is None else f"ev{event}",
                "trace_source_ids": ";".join(names),
                "source_type": None if event is None else "earthquake",
                "source_magnitude": None if event is None else 1.0,
                "station_network_code": "SY",
                "station_code": f"S{station}",
                "trace_start_time": at.isoformat(),
                "trace_sampling_rate_hz": 100.0,
                "trace_npts": 3000,
                "trace_category": "noise" if event is None else "event",
                "trace_P_snr_db": 20.0,
            }
            if event is not None:
                table |= {"trace_P_arrival_sample": 800.0 + row, "trace_S_arrival_sample": 1200.0 + row}
            writer.add_trace(table, rng.normal(size=(3, 30)))
    return sbd.WaveformDataset(folder, component_order="ZNE")


@pytest.fixture(scope="module")
def hours():
    rows = [("earthquake", 3, 700), ("earthquake", 12, 112), ("explosion", 12, 188), ("quarry blast", 12, 4)]
    return pd.DataFrame(rows, columns=["event_type", "local_hour", "events"])


def test_baseline_takes_shares_and_percentages(hours):
    assert lesson11.baseline({"accuracy": 0.812, "balanced accuracy": 0.5}, hours)
    assert lesson11.baseline({"Accuracy": "81.2 %", "balanced_accuracy": "50 %"}, hours)
    said = {
        "rare classes": {"accuracy": 812 / 1004, "balanced accuracy": 0.5},
        "How many answers": {"accuracy": 0.7, "balanced accuracy": 0.5},
        "their mean": {"accuracy": 0.812, "balanced accuracy": 0.812},
        "no balanced accuracy": {"accuracy": 0.812},
        "dictionary": 0.812,
    }
    for message, answer in said.items():
        result = lesson11.baseline(answer, hours)
        assert result.state == "wrong" and message in result.message, result


def test_the_given_split_keeps_ids_whole_and_leaks(dataset):
    from course_utils.picking.curation import leak_report

    given = lesson11.given_split(dataset.metadata)
    assert given.groupby("source_id")["split"].nunique().max() == 1
    report = leak_report(given)
    assert report.count("event") and report.count("station and time")


def test_find_the_leak(dataset):
    given = lesson11.given_split(dataset.metadata)
    right = lesson11._leaking(given)
    assert right
    for form in (sorted, set, np.array, pd.Series):
        assert lesson11.find_the_leak(form(sorted(right)), given)
    train = set(np.flatnonzero(given["split"] == "train"))
    test = next(iter(np.flatnonzero(given["split"] == "test")))
    only_events = {i for i in right if _shares_an_event(given, i)}
    said = {
        "still in both": [],
        "overlap in time": only_events,
        "could have stayed": train,
        "not in the training": [test],
        "positions are": [10_000],
        "array of numbers": ["a"],
    }
    for message, answer in said.items():
        result = lesson11.find_the_leak(answer, given)
        assert result.state == "wrong" and message in result.message, (message, result)


def _shares_an_event(given, row):
    from course_utils.picking.curation import event_ids

    ids = event_ids(given)
    tested = {n for names, part in zip(ids, given["split"], strict=True) if part == "test" for n in names}
    return bool(tested & set(ids[row]))


def test_spoiled_has_five_wrong_rows_and_leaves_the_original_alone(dataset):
    before = dataset.metadata.copy()
    made = lesson11.spoiled(dataset)
    pd.testing.assert_frame_equal(dataset.metadata, before)
    changed = _changed(made, dataset)
    assert len(changed) == 5
    assert (made.metadata["trace_category"].iloc[sorted(changed)] == "noise").sum() == 1
    assert np.array_equal(made.get_waveforms(3), dataset.get_waveforms(3))


def test_wrong_labels(dataset):
    made = lesson11.spoiled(dataset)
    right = _changed(made, dataset)
    for form in (set, list, sorted, np.array):
        assert lesson11.wrong_labels(form(sorted(right)), made, dataset)
    assert lesson11.wrong_labels([float(i) for i in right], made, dataset)
    four = sorted(right)[:4]
    assert "4 of your 4" in lesson11.wrong_labels(four, made, dataset).message
    many = lesson11.wrong_labels(range(20), made, dataset)
    assert many.state == "wrong"
    result = lesson11.wrong_labels(list(range(200)), made, dataset)
    assert "more than five" in result.message
    assert not any(str(i) in result.message.split() for i in right)


def _changed(made, dataset):
    columns = ["trace_P_arrival_sample", "trace_S_arrival_sample"]
    a, b = (d.metadata[columns].fillna(-1).to_numpy() for d in (made, dataset))
    return set(np.flatnonzero((a != b).any(axis=1)).tolist())


def test_choose_a_window():
    s_minus_p = pd.Series(np.linspace(1, 11, 201))  # 95 % below 10.5 s
    right = 5 + 6 + 10.5 + 3
    assert lesson11.choose_a_window({"window_s": right, "pick_at_s": (5, 11)}, s_minus_p)
    assert lesson11.choose_a_window({"window_s": f"{right + 2} s", "pick_at_s": [6.0, 12.0]}, s_minus_p)
    said = {
        "noise before it": {"window_s": right, "pick_at_s": (2, 11)},
        "positions vary": {"window_s": right, "pick_at_s": (5, 9)},
        "last place": {"window_s": right - 5, "pick_at_s": (5, 11)},
        "shorter window": {"window_s": 60, "pick_at_s": (5, 11)},
        "must lie in the window": {"window_s": 10, "pick_at_s": (5, 11)},
        "dictionary": (30, 5, 11),
    }
    for message, answer in said.items():
        result = lesson11.choose_a_window(answer, s_minus_p)
        assert result.state == "wrong" and message in result.message, (message, result)


def test_s_minus_p_comes_from_the_catalog():
    from course_utils.synthetic import World

    catalog = World.tiny(seed=1).truth.catalog()
    times = lesson11.regional_s_minus_p(catalog)
    assert len(times) and (times > 0).all() and times.max() < 60


def test_which_split():
    right = dict(lesson11._CLAIMS) | {
        "reason": "No part of the set holds anything from Chile, so nothing in it can test that."
    }
    assert lesson11.which_split(right)
    assert lesson11.which_split({k.upper() if len(k) == 1 else k: v for k, v in right.items()})
    for name in "abcd":
        for other in lesson11.SPLITS:
            result = lesson11.which_split(right | {name: other})
            assert bool(result) == (other == right[name])
            assert bool(result) or f"about {name}" in result.message
    assert "too few" in lesson11.which_split(right | {"reason": "because"}).message
    assert lesson11.which_split({k: v for k, v in right.items() if k != "reason"}).state == "unanswered"
    assert lesson11.which_split({"a": "event"}).state == "wrong"
    assert lesson11.which_split(right | {"d": ...}).state == "unanswered"
