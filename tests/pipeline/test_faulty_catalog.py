import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from course_utils.catalog.quality import grade
from course_utils.catalog.tables import Catalog
from course_utils.pipeline.faulty_catalog import faulty_catalog
from course_utils.synthetic.catalog_faults import KINDS, inject
from course_utils.synthetic.catalog_picks import catalog_picks

SEED, N = 2**127 + 11, 100


@pytest.fixture(scope="module")
def made():
    return faulty_catalog(SEED, N)


def test_same_seed_same_bytes(made):
    again = faulty_catalog(SEED, N)
    for name in ("events", "assignments", "picks"):
        pd.testing.assert_frame_equal(getattr(again.catalog, name), getattr(made.catalog, name), check_exact=True)
    pd.testing.assert_frame_equal(again.truth_labels, made.truth_labels, check_exact=True)


def test_labels_stand_for_the_events_in_order(made):
    labels = made.truth_labels
    assert labels["event_id"].tolist() == made.catalog.events["event_id"].tolist()
    assert set(labels["kind"]) == set(KINDS)
    assert (labels["good"] == (labels["kind"] == "good")).all()
    assert 0.45 < labels["good"].mean() < 0.75
    real = labels["true_event_id"] >= 0
    assert labels.loc[real, "true_event_id"].isin(made.truth_events["event_id"]).all()
    assert (real == (labels["kind"] != "false")).all()


def test_kinds_are_what_they_say(made):
    labels = made.truth_labels.set_index("event_id")
    good = labels[labels["good"]]
    assert good["error_km"].median() < 1.5
    assert not good["true_event_id"].duplicated().any()
    for kind in ("timing", "airquake", "swapped", "magnitude"):
        assert (labels.loc[labels["kind"] == kind, "faulty_picks"] > 0).all(), kind
    assert labels.loc[labels["kind"] == "airquake", "error_km"].median() > 3 * good["error_km"].median()
    seconds = labels[labels["kind"].isin(["split", "duplicate"]) & (labels["partner_id"] >= 0)]
    same = labels["true_event_id"].reindex(seconds["partner_id"]).to_numpy() == seconds["true_event_id"].to_numpy()
    assert len(seconds) and same.mean() > 0.9  # a partner may have been spoiled, or not located


def test_grades_tell_good_from_bad(made):
    """A seed that nothing was learned from; the benchmark has the numbers."""
    table = grade(made.catalog)[1].merge(made.truth_labels, on="event_id")
    assert roc_auc_score(table["good"], table["quality_probability"]) > 0.93
    assert roc_auc_score(table["good"], table["grade"].map({"A": 3, "B": 2, "C": 1, "D": 0})) > 0.85
    for kind in KINDS[1:]:
        assert (table.loc[table["kind"] == kind, "quality_probability"] < 0.5).mean() > 0.6, kind


def test_swapped_picks_exchange_phases():
    drawn = catalog_picks(SEED, 60)
    true = drawn.origin.merge(drawn.picks, on="pick_id")
    first = true[true["true_event_id"] >= 0].groupby("true_event_id")
    ids = {e: i for i, e in enumerate(first.groups)}
    rows = true[true["true_event_id"] >= 0]
    assignments = rows[["pick_id", "station", "phase"]].assign(event_id=rows["true_event_id"])
    events = drawn.events[drawn.events["event_id"].isin(list(ids))]
    spoiled = inject(Catalog(events, assignments, drawn.picks, drawn.stations, drawn.velocity), drawn.origin, seed=1)
    swapped = spoiled.origin[spoiled.origin["fault"] == "swapped"].merge(spoiled.catalog.picks, on="pick_id")
    before = drawn.picks.set_index(["station", "time"])["phase"]
    assert len(swapped)
    for row in swapped.itertuples():
        assert before[(row.station, row.time)] != row.phase
    untouched = spoiled.plan[spoiled.plan["planned"] == "good"]
    assert (untouched["faulty_picks"] == 0).all()
    assert np.isin(spoiled.plan["planned"], KINDS).all()


@pytest.mark.parametrize(("seed", "n", "said"), [(-1, 100, "seed"), (1, 3, "n_events"), ("1", 100, "seed")])
def test_bad_input_is_named(seed, n, said):
    with pytest.raises(ValueError, match=said):
        faulty_catalog(seed, n)
