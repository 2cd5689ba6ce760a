"""A run leaves a whole catalog, goes on after a kill with the same result, and says what it left out."""

import json
import os
import re
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from course_utils.catalog.matching import match_events
from course_utils.catalog.store import read_catalog
from course_utils.pipeline.config import ConfigError, read_config
from course_utils.pipeline.run import RunFailed, run

TABLES = ("stations", "velocity", "picks", "events", "assignments")
FILES = {f"{name}.parquet" for name in TABLES} | {"catalog.xml", "catalog.csv", "report.html", "run.json"}


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of the results that must not depend on when and how often a run was started."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".parquet", ".xml", ".csv")}


@pytest.fixture(scope="module")
def finished(network, tmp_path_factory):
    """A run from three files, in a process of its own."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    before = sorted((p, p.stat().st_mtime_ns) for p in network.rglob("*"))
    done = course(network, "run", network / "run.toml", "--out", out)
    assert done.returncode == 0, done.stderr
    assert sorted((p, p.stat().st_mtime_ns) for p in network.rglob("*")) == before, "wrote beside the user's data"
    return out, done.stdout


def course(network, *arguments, **environment):
    """Run ``course`` with the oracle as picker."""
    env = os.environ | {"TEST_ARRIVALS": str(network / "arrivals.parquet"), "OMP_NUM_THREADS": "1"} | environment
    program = [sys.executable, str(Path(__file__).with_name("network.py")), *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, env=env, timeout=300)


def test_three_files_become_a_catalog(network, finished):
    out, said = finished
    assert {p.name for p in out.iterdir()} == FILES | {"units"}
    catalog = read_catalog(out)
    summary = json.loads((out / "run.json").read_text())
    assert summary["status"] == "finished"
    assert summary["counts"]["events"] == len(catalog.events) >= 3
    # rows without location code took those of the records
    assert set(catalog.picks["station"]) <= set(catalog.stations["station"])
    assert all(name.endswith(".00") for name in catalog.stations["station"])
    comparison = summary["comparison"]
    truth = pd.read_parquet(network / "truth.parquet")
    assert comparison["expected"] == len(truth)
    assert comparison["expected_matched"] >= len(truth) - 1
    assert "12 units" not in said
    assert "6 units (6 done)" in said


def test_what_was_left_out_is_said(finished):
    out, _ = finished
    summary = json.loads((out / "run.json").read_text())
    assert [u["reason"] for u in summary["input"]["unused"] if u["what"].endswith("notes.txt")] == [
        "not MiniSEED or SAC"
    ]
    assert summary["picking"]["kinds"]["flat"] == {"count": 6, "seconds": 12.0}
    assert summary["settings"]["associate"]["min_picks"] >= 3
    report = (out / "report.html").read_text()
    assert "notes.txt" in report


class Page(HTMLParser):
    """Collects what the tests look at."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.pictures, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.loads += [attributes[k] for k in ("src", "href") if attributes.get(k)]
        if attributes.get("role") == "img":
            self.pictures.append(attributes.get("aria-label", ""))

    def handle_data(self, data):
        self.words.append(data)


def test_a_section_says_when_the_location_left_picks_out(finished):
    from types import SimpleNamespace

    from course_utils.pipeline.report import _section

    catalog = read_catalog(finished[0])
    event = catalog.events.iloc[0].to_dict()
    assigned = int((catalog.assignments["event_id"] == event["event_id"]).sum())
    event |= {"n_p": assigned - 3.0, "n_s": 1.0}
    nothing = SimpleNamespace(windows=())
    assert f"({assigned - 2} used)" in _section(event, catalog, nothing)
    assert "used)" not in _section(event | {"n_s": 3.0}, catalog, nothing)


def test_the_report_stands_alone_and_describes_its_pictures(finished):
    out, _ = finished
    text = (out / "report.html").read_text()
    page = Page(text)
    assert page.loads == []
    assert "Tiny &lt;network&gt;" in text
    comparison = json.loads((out / "run.json").read_text())["comparison"]
    shown = [p for p in page.pictures if p.startswith("Record section")]
    assert len(shown) == comparison["proposed"] + comparison["missed"] + 1
    assert all(len(p.split()) > 5 for p in page.pictures)
    assert len(page.pictures) == len(shown) + 2
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text
    assert page.tags.count("path") >= 2 * 6 * len(shown)


def test_a_second_run_does_nothing_and_force_does_all(network, finished, oracle):
    out, _ = finished
    before = contents(out)
    config = read_config(network / "run.toml")
    # another process computed the units; here they are recognised
    summary = run(config, out)
    assert oracle.calls == 0
    assert [s["kept"] for s in summary["stages"]] == [6, 1, 1]
    assert contents(out) == before
    summary = run(config, out, force=True)
    assert oracle.calls == 6
    assert contents(out) == before


def test_a_killed_run_goes_on_with_the_same_result(network, finished, tmp_path):
    out = tmp_path / "killed"
    died = course(network, "run", network / "run.toml", "--out", out, TEST_AT_CALL="4", TEST_SIGNAL="KILL")
    assert died.returncode == -signal.SIGKILL
    assert not (out / "picks.parquet").exists()
    assert json.loads((out / "run.json").read_text())["status"] == "running"
    again = course(network, "run", network / "run.toml", "--out", out)
    assert again.returncode == 0, again.stderr
    assert "6 units (3 done, 3 kept)" in again.stdout
    assert contents(out) == contents(finished[0])


def test_ctrl_c_leaves_cleanly(network, tmp_path):
    out = tmp_path / "stopped"
    stopped = course(network, "run", network / "run.toml", "--out", out, TEST_AT_CALL="2", TEST_SIGNAL="INT")
    assert stopped.returncode == 130
    assert "goes on where it was" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    assert not list(out.rglob("*.part"))


def test_other_settings_do_only_what_depends_on_them(network, finished, oracle, tmp_path):
    out, _ = finished
    text = (network / "run.toml").read_text().replace("weakest_shown = 1", "weakest_shown = 0")
    changed = network / "changed.toml"
    changed.write_text(text + "[associate]\nmin_picks = 9\n")
    try:
        summary = run(read_config(changed), out)
        assert [(s["done"], s["kept"]) for s in summary["stages"]] == [(0, 6), (1, 0), (1, 0)]
        assert summary["settings"]["associate"]["min_picks"] == 9
    finally:
        changed.unlink()
        run(read_config(network / "run.toml"), out)  # as the other tests expect it


def test_unusable_units_are_skipped_and_counted(network, oracle, tmp_path):
    from course_utils.picking import PickingError

    def fail():
        raise PickingError("SY.PTRO.00 at 2023-05-16: <out of memory>")

    oracle.at_call, oracle.action = 2, fail
    summary = run(read_config(network / "run.toml"), tmp_path / "out")
    (skipped,) = summary["skipped"]
    assert skipped["stage"] == "pick"
    assert "out of memory" in skipped["reason"]
    report = (tmp_path / "out" / "report.html").read_text()
    assert "1 unit was skipped" in report
    assert "&lt;out of memory&gt;" in report
    # the next run tries it again
    assert run(read_config(network / "run.toml"), tmp_path / "out")["skipped"] == []


def test_nothing_usable_is_an_error(network, oracle, tmp_path):
    from course_utils.picking import PickingError

    def fail():
        oracle.at_call = oracle.calls + 1
        raise PickingError("no")

    oracle.at_call, oracle.action = 1, fail
    with pytest.raises(RunFailed, match="pick: none of the 6 units"):
        run(read_config(network / "run.toml"), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "failed"


def test_no_picks_give_an_empty_catalog(network, oracle, tmp_path):
    oracle.arrivals = oracle.arrivals.iloc[:0]
    summary = run(read_config(network / "run.toml"), tmp_path / "out")
    assert summary["counts"]["events"] == summary["counts"]["picks"] == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} >= FILES
    assert len(read_catalog(tmp_path / "out").events) == 0


def test_only_the_time_that_was_asked_for(network, oracle, tmp_path):
    path = network / "cut.toml"
    path.write_text(
        (network / "run.toml")
        .read_text()
        .replace("[reference]", "start = 2023-05-16T19:02:00\nend = 2023-05-16T19:07:00\n[reference]")
    )
    try:
        run(read_config(path), tmp_path / "out")
    finally:
        path.unlink()
    picks = read_catalog(tmp_path / "out").picks
    assert len(picks)
    assert picks["time"].between(pd.Timestamp("2023-05-16T19:02Z"), pd.Timestamp("2023-05-16T19:07Z")).all()


def test_magnitudes_and_grades_in_a_run_and_workers_change_nothing(network, finished, oracle, tmp_path):
    from course_utils.synthetic import World

    world = World.tiny()
    responses, path = network / "responses.xml", network / "magnitudes.toml"
    world.inventory.write(str(responses), format="STATIONXML")
    text = (network / "run.toml").read_text().replace("stations.csv", "responses.xml")
    path.write_text(text + "[associate]\nworkers = 2\nchunk_hours = 0.1\n[magnitude]\n[grade]\n")
    said: list[str] = []
    try:
        summary = run(read_config(path), tmp_path / "out", say=said.append)
        assert [s["stage"] for s in summary["stages"]] == ["pick", "associate", "locate", "magnitude"]
        again = run(read_config(path), tmp_path / "out")
    finally:
        path.unlink()
    assert [s["kept"] for s in again["stages"]] == [6, 1, 1, 1]
    catalog, one_process = read_catalog(tmp_path / "out"), read_catalog(finished[0])
    assert set(catalog.assignments["pick_id"]) == set(one_process.assignments["pick_id"])
    both = match_events(catalog.events.dropna(subset="magnitude"), world.truth.events, max_dt_s=1.0, max_km=5.0)
    truth = world.truth.local_magnitudes.set_index("event_id")["ml"].loc[both.matched["reference_id"]]
    found = catalog.events.set_index("event_id")["magnitude"].loc[both.matched["event_id"]]
    assert len(found) >= 2
    assert abs(found.to_numpy() - truth.to_numpy()).max() < 0.3
    assert sum(row["events"] for row in summary["magnitude"]["events"]) == len(catalog.events)
    assert "Amplitudes read for magnitudes" in (tmp_path / "out" / "report.html").read_text()
    assert sum(summary["grades"].values()) == len(catalog.events) and (tmp_path / "out" / "grades.csv").is_file()
    assert "grades.csv says why" in said[-1]
    oracle.arrivals, empty = oracle.arrivals.iloc[:0], text + "[magnitude]\n"
    path.write_text(empty)
    try:
        assert run(read_config(path), tmp_path / "empty")["magnitude"]["events"] == []
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"waveforms"', '"nowhere"', "nowhere"),
        ("[reference]", "[associate]\nmin_pikcs = 3\n[reference]", "did you mean min_picks"),
        ("[reference]", "[associate]\nmin_picks = 1\n[reference]", r"\[associate\] min_picks = 1"),
        ("[reference]", "[locate]\nmethod = 'guess'\n[reference]", r"\[locate\] method = 'guess'"),
        ("[reference]", "[magnitude]\n[reference]", "has no instrument responses"),
        ("[reference]", "[associate]\nworkers = 0\n[reference]", r"\[associate\] workers = 0"),
        ("[reference]", "start = 2030-01-01\n[reference]", "no records"),
        ("truth.parquet", "nothing.parquet", "nothing.parquet"),
    ],
)
def test_bad_input_is_refused_before_any_work(old, new, message, network, oracle, tmp_path):
    path = network / "bad.toml"
    path.write_text((network / "run.toml").read_text().replace(old, new))
    try:
        with pytest.raises((ConfigError, FileNotFoundError, RuntimeError), match=message):
            run(read_config(path), tmp_path / "out")
    finally:
        path.unlink()
    assert oracle.calls == 0


def test_nothing_is_written_into_the_folder_of_waveforms(network, oracle):
    with pytest.raises(ConfigError, match="inside the folder of waveforms"):
        run(read_config(network / "run.toml"), network / "waveforms" / "out")
    assert not (network / "waveforms" / "out").exists()


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(
    not (os.environ.get("COURSE_DATA_MIRROR") and os.environ.get("SEISBENCH_CACHE_ROOT")),
    reason="needs COURSE_DATA_MIRROR and SEISBENCH_CACHE_ROOT",
)
def test_iceland(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "iceland.toml"
    summary = run(read_config(example), tmp_path / "iceland")
    comparison = summary["comparison"]
    assert comparison["expected"] == 20
    assert comparison["matched"] >= 18
    assert comparison["proposed"] <= 5
    assert comparison["median_km"] <= 0.4
    report = (tmp_path / "iceland" / "report.html").read_text()
    sections = re.findall(r'aria-label="Record section', report)
    assert len(sections) == comparison["proposed"] + comparison["missed"] + 4
