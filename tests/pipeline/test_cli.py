"""The command line is quick, says what is wrong in one message, and leaves files that other commands read."""

import errno
import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from course_utils.catalog.store import read_catalog, read_table, write_catalog, write_table
from course_utils.catalog.tables import Catalog, conform
from course_utils.pipeline.cli import app, main

runner = CliRunner()


def call(*arguments, capsys):
    """Exit code, standard output and standard error of ``course``."""
    with pytest.raises(SystemExit) as left:
        main(list(map(str, arguments)))
    shown = capsys.readouterr()
    return left.value.code, shown.out, shown.err


def events(*shifts, depth=6.0):
    start = pd.Timestamp("2024-01-01", tz="UTC")
    return conform(
        pd.DataFrame(
            {
                "time": [start + pd.Timedelta(seconds=s) for s in shifts],
                "latitude": 64.0,
                "longitude": -17.0,
                "depth_km": depth,
            }
        ),
        "events",
    )


def test_help_loads_no_heavy_library():
    script = (
        "import sys\nfrom course_utils.pipeline.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "print('heavy:', sorted({'torch', 'seisbench', 'obspy', 'pyocto', 'fteikpy', 'plotly', 'numba', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.strip().endswith("heavy: []")
    for command in ("run", "pick", "curate", "evaluate", "associate", "locate", "compare", "data", "doctor"):
        assert command in shown


def test_every_command_has_help():
    for command in ("run", "pick", "curate", "evaluate", "associate", "locate", "compare", "doctor", "data"):
        assert runner.invoke(app, [command, "--help"]).exit_code == 0


def test_bad_input_is_one_message_and_code_1(tmp_path, capsys):
    code, out, err = call("run", tmp_path / "none.toml", "--out", tmp_path / "out", capsys=capsys)
    assert (code, out) == (1, "")
    assert err.startswith("error: configuration")
    assert "Traceback" not in err
    bad = tmp_path / "bad.toml"
    bad.write_text('[input]\nwaveforms = "synthetic:nowhere"\n')
    code, _, err = call("run", bad, "--out", tmp_path / "out", capsys=capsys)
    assert code == 1
    assert "no such world; there is tiny" in err


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "where you may write")])
def test_a_disk_that_takes_no_more_is_no_fault_of_the_program(tmp_path, capsys, monkeypatch, code, words):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    config = tmp_path / "c.toml"
    config.write_text('[input]\nwaveforms = "synthetic:tiny"\n')
    monkeypatch.setattr("course_utils.pipeline.run.write_text", fail)
    left, _, err = call("run", config, "--out", tmp_path / "out", capsys=capsys)
    assert left == 1
    assert err.startswith("error: ")
    assert os.strerror(code) in err
    assert words in err
    assert "fault of the program" not in err


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(FileNotFoundError):
        main(["--debug", "run", str(tmp_path / "none.toml"), "--out", str(tmp_path / "out")])


def test_compare_prints_counts_and_writes_json(tmp_path, capsys):
    mine = write_catalog(Catalog(events=events(0, 100, 200)), tmp_path / "mine")
    theirs = write_table(events(0.5, 100.2, 500), "events", tmp_path / "theirs.parquet")
    code, out, _ = call("compare", mine, theirs, "--json", tmp_path / "c.json", capsys=capsys)
    assert code == 0
    facts = json.loads((tmp_path / "c.json").read_text())
    assert (facts["matched"], facts["missed"], facts["proposed"]) == (2, 1, 1)
    assert facts["median_dt_s"] == pytest.approx(-0.35)
    assert len(facts["tables"]["matched"]) == 2
    assert "matched" in out
    # the same catalog in any of its forms is the same catalog
    for form in ("catalog.csv", "catalog.xml", "events.parquet"):
        call("compare", mine, mine / form, "--json", tmp_path / "same.json", capsys=capsys)
        same = json.loads((tmp_path / "same.json").read_text())
        assert (same["matched"], same["missed"], same["proposed"], same["median_km"]) == (
            3,
            0,
            0,
            pytest.approx(0, abs=1e-3),
        )


def test_compare_also_matches_picks(tmp_path, capsys):
    start = pd.Timestamp("2024-01-01", tz="UTC")

    def with_picks(shift, name):
        picks = pd.DataFrame({"station": ["X.A.", "X.B."], "phase": "P", "time": start + pd.Timedelta(seconds=shift)})
        return write_catalog(Catalog(events=events(0), picks=conform(picks, "picks")), tmp_path / name)

    call("compare", with_picks(0.1, "a"), with_picks(0, "b"), "--json", tmp_path / "c.json", capsys=capsys)
    picks = json.loads((tmp_path / "c.json").read_text())["picks"]
    assert picks["matched"] == 2
    assert picks["median_residual_s"] == pytest.approx(0.1)


def test_pick_associate_locate_on_the_same_files(network, oracle, tmp_path, capsys):
    picks = tmp_path / "picks.parquet"
    code, out, err = call("pick", network / "waveforms", "--out", picks, capsys=capsys)
    assert code == 0, err
    assert len(read_table(picks, "picks")) == len(oracle.arrivals)
    assert "at 6 stations" in out and "6 station-days: 6 done" in out
    assert "notes.txt: not MiniSEED or SAC" in err
    # the world's own codes, as a table with location codes
    stations = tmp_path / "stations.csv"
    table = pd.read_csv(network / "stations.csv")
    table.assign(station=table["station"] + ".00").to_csv(stations, index=False)
    associated, located = tmp_path / "associated", tmp_path / "located"
    given = ["--stations", stations, "--velocity", network / "velocity.csv"]
    code, _, err = call("associate", picks, *given, "--out", associated, capsys=capsys)
    assert code == 0, err
    code, _, err = call("locate", associated, *given, "--out", located, capsys=capsys)
    assert code == 0, err
    assert len(read_catalog(located).events) >= 3


def test_pick_checks_where_its_picks_go_before_it_picks(network, oracle, tmp_path, capsys):
    inside = network / "waveforms" / "picks.csv"
    code, _, err = call("pick", network / "waveforms", "--out", inside, capsys=capsys)
    assert code == 1
    assert "lies inside the folder of waveforms" in err
    assert not inside.exists()
    code, _, err = call("pick", network / "waveforms", "--out", tmp_path / "picks.txt", capsys=capsys)
    assert code == 1
    assert "ends in .parquet or .csv" in err
    assert oracle.calls == 0


def test_run_names_stations_that_do_not_match(network, oracle, tmp_path, capsys):
    def run(table):
        table.to_csv(tmp_path / "stations.csv", index=False)
        config = tmp_path / "run.toml"
        paths = {"waveforms": network / "waveforms", "stations": "stations.csv", "velocity": network / "velocity.csv"}
        config.write_text("[input]\n" + "".join(f'{k} = "{v}"\n' for k, v in paths.items()))
        return call("run", config, "--out", tmp_path / "out", capsys=capsys)

    table = pd.read_csv(network / "stations.csv")
    renamed = "ZZ." + table["station"].str.split(".").str[1]
    code, _, err = run(table.assign(station=renamed))
    assert code == 1
    assert "compare the station codes" in err
    assert "its records have no row in the stations table" in err
    code, out, _ = run(table.assign(station=table["station"].where(table.index > 0, renamed)))
    assert code == 0
    assert "3 files or stations were not used" in out  # the renamed row, its records, notes.txt


def test_pick_says_when_there_is_nothing(tmp_path, capsys):
    empty = tmp_path / "waveforms"
    empty.mkdir()
    code, _, err = call("pick", empty, "--out", tmp_path / "p.parquet", capsys=capsys)
    assert code == 1
    assert "no waveforms found" in err
    code, _, err = call("pick", empty, "--out", tmp_path / "p.parquet", "--p-threshold", "3", capsys=capsys)
    assert code == 1
    assert "[pick] p_threshold = 3.0" in err
