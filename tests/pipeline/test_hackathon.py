"""The hackathon kit from worlds to board, with submissions that mean harm."""

import io
import json
import os
import shutil
import stat
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from typer.testing import CliRunner

from course_utils.catalog.matching import match_events
from course_utils.pipeline.cli import app
from course_utils.teaching import hackathon
from course_utils.teaching.hackathon import SubmissionError, WorldsError, submission
from course_utils.teaching.hackathon.kit import truth_of, verify
from course_utils.teaching.hackathon.leaderboard import judge_all
from course_utils.teaching.hackathon.submission import MAX_BYTES, MAX_ROWS, parse
from course_utils.teaching.hackathon.template import starter

runner = CliRunner()
NO_DEADLINE = settings(
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def course(*arguments, code=0):
    done = runner.invoke(app, ["hackathon", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    """A small hackathon: its worlds, and one team that used the starter."""
    folder = tmp_path_factory.mktemp("hackathon")
    course("worlds", folder / "worlds", "--number", 1, "--events", 120)
    course("new", "Team A", "--worlds", folder / "worlds", "--out", folder / "kits")
    kit = folder / "kits" / "Team A"
    starter.main(kit / "data", kit / "submission")
    shutil.copytree(kit / "submission", folder / "handed_in" / "Team A")
    return folder


@pytest.fixture(scope="module")
def graded(event):
    return hackathon.load_worlds(event / "worlds")


@pytest.fixture(scope="module")
def table(event):
    return pd.read_csv(event / "handed_in" / "Team A" / "public.csv", dtype=str)


def test_starter_scores_above_chance(event, graded):
    entry = hackathon.judge(event / "handed_in" / "Team A", graded)
    assert set(entry.scores) == {"public", "world1"} and not entry.refused
    for s in entry.scores.values():
        assert s.auc > 0.6 and s.interval[0] < s.points < s.interval[1]
    shown = course("score", event / "handed_in" / "Team A", "--worlds", event / "worlds")
    assert f"{entry.hidden.points:.1f}" in shown and f"{entry.gap:+.1f} points, public minus hidden" in shown
    own = course("score", event / "kits" / "Team A" / "submission")
    assert "scored by the organiser" in own and "world1" not in own
    assert "give --worlds" in course("score", event / "handed_in" / "Team A", code=1)
    stray = event / "kits" / "Team A" / "submission" / "world1.csv"
    assert "no truth of this world here" in course("score", stray, code=1)


def test_a_kit_holds_no_truth_of_hidden_worlds(event):
    kit, seeds = event / "kits" / "Team A", json.loads((event / "worlds" / "secret" / "seeds.json").read_text())
    assert all(len(s) == 32 for s in seeds.values())
    assert stat.S_IMODE((event / "worlds" / "secret").stat().st_mode) == 0o700
    names = {p.name for p in (kit / "data" / "hidden").rglob("*") if p.is_file()}
    assert names == {f"{t}.parquet" for t in ("events", "assignments", "picks", "stations", "velocity")}
    for path in kit.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            for seed in seeds.values():
                assert seed.encode() not in held and str(int(seed, 16)).encode() not in held, path
    for path in (kit / "data" / "hidden").rglob("*.parquet"):
        meta = pq.read_schema(path).metadata or {}
        assert not any(b"seed" in k or k == b"kind" for k in meta), path


def test_nothing_given_tells_the_faults_without_seismology(event):
    catalog = hackathon.read_world(event / "worlds" / "hidden" / "world1")
    labels = truth_of(event / "worlds" / "secret" / "world1")[1]
    good, events = labels["good"].to_numpy(), catalog.events
    assert events["event_id"].tolist() == list(range(1, len(events) + 1)) == labels["event_id"].tolist()
    partner = labels[labels["partner_id"] >= 0].set_index("event_id")["partner_id"]
    assert len(partner) and (partner.reindex(partner).dropna() == partner.index[partner.isin(partner.index)]).all()
    assert events["time"].is_monotonic_increasing and catalog.picks["time"].is_monotonic_increasing
    last = {c: (events[c].fillna(0) * 1e5).round().astype("int64") % 10 for c in ("latitude", "longitude")}
    last["time"] = events["time"].dt.microsecond // 1000 % 10
    hints = {"order": events["event_id"], "parity": events["event_id"] % 2, **last}
    hints |= {c: events[c].isna() for c in events if 0 < events[c].isna().sum() < len(events) and c != "magnitude"}
    n, m = good.sum(), (~good).sum()
    for name, hint in hints.items():  # five standard errors of an AUC that knows nothing
        assert abs(roc_auc_score(good, hint) - 0.5) < 5 * np.sqrt((n + m + 1) / (12 * n * m)), name
    assert catalog.picks[["model", "weights"]].replace("", None).isna().all(axis=None)
    assert (events["time"].dt.microsecond % 1000 == 0).all() and (
        catalog.picks["time"].dt.microsecond % 1000 == 0
    ).all()


def test_changed_secrets_are_detected(event, tmp_path):
    assert verify(event / "worlds") == ["world1 data", "world1 seed", "world1 truth"]
    changes = {
        "seed": lambda w: (w / "secret" / "seeds.json").write_text(json.dumps({"world1": "0" * 32})),
        "truth": lambda w: shutil.copy(w / "public" / "truth_labels.parquet", w / "secret" / "world1"),
        "data": lambda w: shutil.copy(w / "public" / "events.parquet", w / "hidden" / "world1"),
    }
    for what, change in changes.items():
        copy = shutil.copytree(event / "worlds", tmp_path / what)
        change(copy)
        with pytest.raises(WorldsError, match=f"its {what} is not what"):
            hackathon.load_worlds(copy)
        said = course("score", event / "handed_in" / "Team A", "--worlds", copy, code=1)
        assert "commitment" in said
    (tmp_path / "seed" / "commitment.json").unlink()
    with pytest.raises(WorldsError, match="commitment"):
        hackathon.load_worlds(tmp_path / "seed")


def test_revealed_seeds_give_the_same_worlds(event):
    assert "what the seed gives" in course("worlds", event / "worlds", "--again")
    assert "not empty" in course("worlds", event / "worlds", code=1)


def test_score_is_what_it_says(graded, table):
    world = graded["public"]
    rows = hackathon.validate(table, world.given)
    s = hackathon.score(rows, world)
    said, good = rows["quality_probability"], world.truth_labels["good"].to_numpy()
    assert s.auc == pytest.approx(roc_auc_score(good, said))
    assert s.brier_skill == pytest.approx(1 - brier_score_loss(good, said) / (good.mean() * (1 - good.mean())))
    events = world.given
    match = match_events(events, world.truth_events, 2.0, 10.0)
    away = np.hypot(match.matched["distance_km"], match.matched["depth_difference_km"]).mean()
    assert s.event_f1 == pytest.approx(match.f1) and s.location_km == pytest.approx(away, abs=1e-6)
    parts = 30 * s.event_f1 + 10 * (1 - s.location_km / 5) + 40 * (2 * s.auc - 1) + 20 * max(s.brier_skill, 0)
    assert s.points == pytest.approx(parts)
    again = hackathon.score(rows, world)
    assert again.interval == s.interval and (again.draws == s.draws).all()


def test_knowing_everything_and_nothing(graded):
    world = graded["public"]
    columns = ["time", "latitude", "longitude", "depth_km", "event_id"]
    constant = world.given[columns].assign(quality_probability=0.5)
    flat = hackathon.score(hackathon.validate(constant, world.given), world)
    assert flat.auc == 0.5 and flat.brier_skill <= 0
    labels = world.truth_labels.set_index("event_id")
    good = world.given[labels.loc[world.given["event_id"], "good"].to_numpy()]
    true = world.truth_events.set_index("event_id").loc[labels.loc[good["event_id"], "true_event_id"]]
    best = true[columns[:4]].assign(event_id=good["event_id"].to_numpy(), quality_probability=1.0)
    lost = world.truth_events[~world.truth_events["event_id"].isin(true.index)]
    own = lost[columns[:4]].assign(event_id=pd.NA, quality_probability=1.0)
    rows = pd.concat([best.reset_index(drop=True).astype({"event_id": "Int64"}), own.astype({"event_id": "Int64"})])
    top = hackathon.score(hackathon.validate(rows, world.given), world)
    assert top.points == pytest.approx(100) and top.calibration_error == 0
    no_ids = hackathon.score(hackathon.validate(rows.drop(columns="event_id"), world.given), world)
    assert no_ids.event_f1 == 1 and 0.6 < no_ids.auc < 1  # a duplicate may be taken for the event


@given(st.binary(max_size=3000))
@NO_DEADLINE
def test_random_bytes_are_refused_in_one_line(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    for suffix in ("csv", "parquet"):
        path = folder / f"random.{suffix}"
        path.write_bytes(data)
        with pytest.raises(SubmissionError) as refused:
            parse(path)
        assert "\n" not in str(refused.value) and str(refused.value).isprintable() and len(str(refused.value)) <= 300


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 4000))
@NO_DEADLINE
def test_damaged_parquet_is_refused_or_read(tmp_path_factory, table, changes, cut):
    held = io.BytesIO()
    table.head(20).to_parquet(held)
    data = bytearray(held.getvalue())
    for at, value in changes:
        data[at % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.parquet"
    path.write_bytes(bytes(data[: len(data) - cut % 40]))
    try:
        parse(path)
    except SubmissionError as refused:
        assert str(refused).isprintable()


VALUES = st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.none(), st.booleans())
NAMES = st.one_of(st.sampled_from([*hackathon.COLUMNS, "event_id"]), st.text(max_size=5))


@given(st.dictionaries(NAMES, st.lists(VALUES, min_size=3, max_size=3), max_size=8))
@NO_DEADLINE
def test_random_tables_never_do_more_than_be_refused(graded, columns):
    frame = pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in columns.items()})
    with pytest.raises(SubmissionError) as refused:
        hackathon.validate(frame, graded["public"].given)
    assert str(refused.value).isprintable()


@given(st.text(max_size=200))
def test_names_of_teams_are_one_short_line(name):
    clean = hackathon.clean_name(name)
    assert 0 < len(clean) <= 40 and clean.isprintable() and clean == clean.strip()


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not [k for k, _ in attrs if k.startswith("on")], attrs

    def handle_data(self, data):
        self.text.append(data)


def texts(table):
    """Files of CSV that mean harm, each with the words that its line must hold."""
    valid = table.to_csv(index=False)
    second = dict(zip(table.columns, valid.split("\n")[1].split(","), strict=True))

    def changed(**values):
        return valid.replace(",".join(second.values()), ",".join((second | values).values()), 1)

    yield "", "EmptyDataError"
    yield valid.split("\n")[0] + "\n", "0 events"
    yield "a,b\n1,2\n", "no column time"
    yield changed(latitude="NaN"), "latitude is no number"
    yield changed(depth_km="inf"), "depth_km is no number"
    yield changed(quality_probability="1.5"), "outside 0 to 1"
    yield changed(latitude="91"), "outside -90 to 90"
    yield changed(time="yesterday"), "time cannot be read"
    yield changed(time="1684195200"), "plain number"
    yield changed(time="1999-01-01T00:00:00Z"), "time lies outside"
    yield changed(time="99999-01-01T00:00:00Z"), "time"
    yield changed(event_id="999999"), "not in the given catalog"
    yield changed(event_id=table["event_id"].iloc[1]), "event_id stands twice"
    yield valid + "\n".join([",".join(second.values())] * MAX_ROWS), "more than"
    yield ",".join(map(str, range(5000))) + "\n", "columns"
    yield "time," + valid, "plain number"
    yield valid.replace("time", "time,time", 1), "row 1"
    yield b"\x00\xff" * 100, "zero bytes"
    yield "zeit,\xe9\n".encode("latin-1"), "UnicodeDecodeError"
    yield b"0" * (MAX_BYTES + 1), "the limit is 5 MB"
    yield "<script>alert(1)</script>\x1b[31m\u202e,b\n1,2\n", "no column time"


def test_bad_csv_is_explained_in_one_line(graded, table, tmp_path):
    path = tmp_path / "public.csv"
    for held, words in texts(table):
        path.write_bytes(held if isinstance(held, bytes) else held.encode())
        with pytest.raises(SubmissionError) as refused:
            hackathon.validate(parse(path), graded["public"].given)
        assert words in str(refused.value) and str(refused.value).isprintable(), words


def test_bad_parquet_is_explained(graded, table, tmp_path):
    path, rows = tmp_path / "public.parquet", 20_000
    cases = {
        "rows of": pa.table({c: pa.array(np.zeros(rows, np.int8)) for c in hackathon.COLUMNS}),
        "of type list": pa.Table.from_pandas(table.assign(latitude=[[1.0]] * len(table))),
        "no column depth_km": pa.Table.from_pandas(table.drop(columns="depth_km")),
        "unpacks to more": pa.Table.from_pandas(
            table.head(60).assign(event_id=["1" * 1_000_000 + str(i) for i in range(60)])
        ),
    }
    for words, content in cases.items():
        pq.write_table(content, path, compression="zstd")
        with pytest.raises(SubmissionError, match=words):
            parse(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SubmissionError, match="cannot be read"):
        parse(path)


def test_parquet_and_csv_score_the_same(graded, table, tmp_path):
    world = graded["public"]
    typed = hackathon.validate(table, world.given)
    for name, frame in {"typed": typed, "texts": table, "floats": typed.astype({"event_id": float})}.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(hackathon.validate(parse(tmp_path / f"{name}.parquet"), world.given), typed)


def test_a_kit_handed_in_whole_is_scored(graded, table, tmp_path):
    world = {"public": graded["public"]}
    (tmp_path / "team" / "submission").mkdir(parents=True)
    table.to_csv(tmp_path / "team" / "submission" / "public.csv", index=False)
    inside = hackathon.judge(tmp_path / "team", world)
    table.to_csv(tmp_path / "team" / "public.csv", index=False)
    both = hackathon.judge(tmp_path / "team", world)
    assert inside.public is not None and "leave one" in both.refused["public"]


def test_hostile_teams_get_a_line_and_never_stop_the_board(event, graded, table, tmp_path):
    teams = tmp_path / "teams"
    names = ("<img src=x onerror=alert(1)>", "evil\u202ename\n\x1b[31m", "empty", "zip", "link", "pipe", "two")
    for name in names:
        (teams / name).mkdir(parents=True)
        (teams / name / "public.csv").write_text("<script>alert(1)<,b\n1,2\n")
    for name in ("empty", "zip", "link", "pipe"):
        (teams / name / "public.csv").unlink()
    (teams / "zip" / "public.zip").write_bytes(b"PK\x03\x04")
    (teams / "link" / "public.csv").symlink_to("/etc/passwd")
    os.mkfifo(teams / "pipe" / "public.csv")
    (teams / "two" / "public.parquet").write_text("")
    (teams / "folder link").symlink_to(teams / "empty")
    shutil.copytree(event / "handed_in" / "Team A", teams / "Team A")
    (teams / "notes.txt").write_text("not a team")
    entries = {e.team: e for e in judge_all(teams, {"public": graded["public"]})}
    words = (
        "no column time",
        "no column time",
        "is missing",
        "is missing",
        "not a plain file",
        "not a plain file",
        "leave one",
    )
    expected = dict(zip(map(hackathon.clean_name, names), words, strict=True)) | {"folder link": "is not a folder"}
    assert set(entries) == {*expected, "Team A"}
    for name, said in expected.items():
        assert said in entries[name].refused["public"] and not entries[name].scores, entries[name].refused
    html = hackathon.board(entries.values())
    cells = Cells()
    cells.feed(html)
    assert set(cells.tags) == {"table", "caption", "thead", "tr", "th", "tbody", "td"}
    assert "<img src=x onerror=alert(1)>" in cells.text and "<script" not in html
    assert "\u202e" not in html and "\x1b" not in html
    assert hackathon.ranks(entries.values())[0] == (1, entries["Team A"])


def test_a_file_that_breaks_the_reader_breaks_it_alone(graded, table, tmp_path, monkeypatch):
    path = tmp_path / "public.csv"
    path.write_text(table.to_csv(index=False))
    monkeypatch.setattr(submission, "_WALL_S", 0.001)
    with pytest.raises(SubmissionError, match="more than"):
        hackathon.read_submission(path, graded["public"].given)
    monkeypatch.setattr(submission, "_WALL_S", 60)
    monkeypatch.setattr(
        submission, "__file__", os.devnull + "/none"
    )  # a reader that ends with another code and no line of its own
    with pytest.raises(SubmissionError, match="breaks the program"):
        hackathon.read_submission(path, graded["public"].given)


def test_board_ranks_by_hidden_score_and_shares_luck(event, graded):
    files = {name: event / "handed_in" / "Team A" / f"{name}.csv" for name in graded}
    tables = {name: hackathon.validate(parse(path), graded[name].given) for name, path in files.items()}

    def entry(team, **said):
        rows = {
            name: t.assign(quality_probability=said.get(name, t["quality_probability"])) for name, t in tables.items()
        }
        return hackathon.Entry(team, {name: hackathon.score(t, graded[name]) for name, t in rows.items()})

    first, chance = entry("Team A"), entry("Chance", public=0.5, world1=0.5)
    truth = graded["public"].truth_labels.set_index("event_id")["good"]
    memory = entry("Memory", public=truth.loc[tables["public"]["event_id"]].to_numpy(float), world1=0.5)
    order = [(rank, e.team) for rank, e in hackathon.ranks([memory, chance, first, replace(first, team="Twin")])]
    assert order[:2] == [(1, "Team A"), (1, "Twin")] and order[2:] == [(3, "Memory"), (3, "Chance")]
    assert memory.gap > 40 > abs(first.gap) and chance.hidden.points == memory.hidden.points
    lost = replace(first, refused={"world1": "lost"})
    assert hackathon.ranks([lost, chance]) == [(1, chance), (None, lost)]


def test_board_is_a_page_for_the_book(event, tmp_path):
    said = course("leaderboard", event / "handed_in", "--worlds", event / "worlds", "--out", tmp_path / "board.md")
    assert "1 teams, 0 with something to mend" in said
    assert (tmp_path / "board.md").read_text().startswith("# Leaderboard\n\n<table>")
    assert "<td>Team A</td>" in (tmp_path / "board.md").read_text()
    (tmp_path / "nobody").mkdir()
    course("leaderboard", tmp_path / "nobody", "--worlds", event / "worlds", "--out", tmp_path / "board.html")
    assert (tmp_path / "board.html").read_text().startswith("<!doctype html>")
    refused = course("leaderboard", tmp_path, "--worlds", event / "worlds", "--out", "x.txt", code=1)
    assert "ends in .html or .md" in refused


@pytest.mark.parametrize("name", ["../up", "a/b", "", "..", "/etc", "-rf", "a" * 41, "x\n", "<b>", "end."])
def test_names_that_are_paths_are_refused(event, tmp_path, name):
    with pytest.raises(ValueError, match="team"):
        hackathon.new_kit(name, event / "worlds", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_kit_is_complete_and_is_not_overwritten(event):
    kit = event / "kits" / "Team A"
    notebook = json.loads((kit / "starter.ipynb").read_text())
    code = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")
    compile(code, "starter.ipynb", "exec")
    assert "def look_at(catalog)" in code and "{" not in (kit / "README.md").read_text()
    template = pd.read_csv(kit / "submission_template.csv", dtype=str)
    assert len(hackathon.validate(template, hackathon.read_world(kit / "data" / "public").events)) == 3
    assert "folder already" in course("new", "Team A", "--worlds", event / "worlds", "--out", event / "kits", code=1)
    assert "no such folder" in course("leaderboard", event / "none", "--worlds", event / "worlds", code=1)
    assert "holds no world" in course("new", "B", "--worlds", event / "kits", "--out", event, code=1)


def test_worlds_without_a_public_truth_cannot_be_scored(event, tmp_path):
    public = shutil.copytree(event / "worlds" / "public", tmp_path / "public")
    (public / "truth_labels.parquet").unlink()
    with pytest.raises(WorldsError, match=r"truth_labels\.parquet is missing"):
        hackathon.load_worlds(tmp_path)
