"""Checks and figure of lesson 42: right answers in every form pass, wrong ones get a message that helps."""

import json

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.clustering import local_km
from course_utils.catalog.sequences import decluster, families
from course_utils.synthetic import World
from course_utils.teaching.checks import lesson42
from course_utils.teaching.figures.sequences import slider_map

REASON = "it says nothing about how the list was selected, about the small events it lost, about depth, or about the shape of the two modes"


@pytest.fixture(scope="module")
def month():
    truth = World.month(seed=42).truth.events
    return truth[truth["cluster"].isin(["main shock", "aftershock", "background"])].reset_index(drop=True)


def test_parent_by_hand():
    for form in ({"parent": "C", "log_eta": -4.563}, {"parent": "C", "log_eta": "-4.56"}):
        assert lesson42.parent_by_hand(form)
    for wrong, said in (
        ({"parent": "A", "log_eta": -3.48}, "another one has less"),
        ({"parent": "C", "log_eta": -2.0}, "days"),
        ({"parent": "C", "log_eta": -1.0}, "three logarithms"),
        ("C", "dictionary"),
    ):
        assert said in lesson42.parent_by_hand(wrong).message
    assert lesson42.parent_by_hand({"parent": ..., "log_eta": ...}).state == "unanswered"


def test_strike_from_scratch():
    def axis(column, turn):
        def strike(east, north):
            axes = np.linalg.eigh(np.cov(east, north))[1]
            return turn(np.degrees(np.arctan2(axes[0, column], axes[1, column])))

        return strike

    assert lesson42.strike_from_scratch(axis(-1, lambda a: a % 180))
    for wrong, said in (
        (axis(-1, lambda a: a % 180 + 180), "between 0 and 180"),
        (axis(0, lambda a: a % 180), "*across*"),
        (axis(-1, lambda a: (90 - a) % 180), "from east"),
        (lambda east, north: np.degrees(np.arctan(np.polyfit(north, east, 1)[0])) % 180, "gives"),
    ):
        assert said in lesson42.strike_from_scratch(wrong).message
    assert lesson42.strike_from_scratch(lambda *_: ...).state == "unanswered"


def test_one_per_family(month):
    links = decluster(month, dimension=2.2, depth=True).events
    kept = links[links["role"].isin(["background", "mainshock"])]
    for form in (kept["event_id"], kept["event_id"].tolist(), set(kept["event_id"]), kept["event_id"].to_numpy()):
        assert lesson42.one_per_family(form, links)
    another = links[(links["family"] == 0) & (links["role"] != "mainshock")].iloc[[0]]
    swapped = pd.concat([kept[kept["family"] != 0], another])
    for wrong, said in (
        (links["event_id"], "more than one event"),
        (links.loc[links["role"] == "background", "event_id"], "without an event"),
        (swapped["event_id"], "not the largest"),
        ([5], "no event_id"),
        (kept, "list or as a column"),
    ):
        assert said in lesson42.one_per_family(wrong, links).message
    assert lesson42.one_per_family(..., links).state == "unanswered"


def test_better_eps(month):
    parents = World.month(seed=42).truth.parents.set_index("event_id").loc[month["event_id"]].reset_index()
    family = families(parents["event_id"], parents["parent_id"])
    group = pd.Series(np.where(family == 0, "sequence", "none"))
    for form in (2.0, "3.0", np.float64(2.5)):
        assert lesson42.better_eps(form, month, group)
    assert "larger" in lesson42.better_eps(0.5, month, group).message
    assert "smaller" in lesson42.better_eps(7.0, month, group).message
    assert lesson42.better_eps(..., month, group).state == "unanswered"


def test_background_interval():
    trade = pd.DataFrame({"b": [0.8, 1.0], "dimension": [1.6, 2.0], "background_fraction": [0.7, 0.78]})
    answer = {"low": 0.65, "high": 0.8, "reason": REASON}
    assert lesson42.background_interval(answer, trade)
    for change, said in (
        ({"low": 0.1}, "wider"),
        ({"low": 0.9}, "no interval"),
        ({"high": 0.75}, "outside"),
        ({"reason": "so it is"}, "too few"),
    ):
        assert said in lesson42.background_interval({**answer, **change}, trade).message
    assert "dictionary" in lesson42.background_interval(0.7, trade).message
    assert lesson42.background_interval({**answer, "low": ...}, trade).state == "unanswered"


def test_every_event_is_in_one_window_of_the_slider(month):
    figure = slider_map(month, local_km(month), hours=12, half_width_km=70)
    assert sum(len(frame.data[0].x) for frame in figure.frames) == len(month)
    assert all(len(f.data[0].x) == len(f.data[1].x) == len(f.data[0].marker.size) for f in figure.frames)
    assert [s.label for s in figure.layout.sliders[0].steps] == [f.name for f in figure.frames]
    shown = figure.frames[figure.layout.sliders[0].active]
    assert np.array_equal(shown.data[0].x, figure.data[1].x) and len(shown.data[0].x) > 300
    assert len(json.dumps(figure.to_plotly_json(), default=list)) < 1_000_000
