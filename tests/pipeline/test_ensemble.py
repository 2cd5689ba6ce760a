"""Several models in ``course pick`` and in a configuration: one pass, picks side by side or in consensus."""

import numpy as np
import pandas as pd
import pytest
from archives import record, save_seeded, write_days

from course_utils import picking
from course_utils.catalog.store import read_table
from course_utils.pipeline.cli import main
from course_utils.pipeline.config import Config, ConfigError, Pick, settings_of
from course_utils.pipeline.sources import open_records
from course_utils.pipeline.stages import UnitMaker, padding_s

EXACT = ["station", "channel", "phase", "time", "model", "weights"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return [save_seeded(folder / name, seed=seed) for name, seed in (("one", 7), ("two", 3), ("three", 8))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    write_days(folder, record(minutes=6.0))
    return folder


def course(*arguments):
    with pytest.raises(SystemExit) as left:
        main(["pick", *map(str, arguments)])
    return left.value.code


def test_side_by_side_equals_one_after_the_other(models, folder, tmp_path):
    both = tmp_path / "both.parquet"
    assert course(folder, "--out", both, "--model", models[0], "--model", models[1]) == 0
    alone = []
    for number, model in enumerate(models[:2]):
        assert course(folder, "--out", tmp_path / f"{number}.parquet", "--model", model) == 0
        alone.append(read_table(tmp_path / f"{number}.parquet", "picks"))
    expected = pd.concat(alone).sort_values(EXACT, ignore_index=True)
    found = read_table(both, "picks").sort_values(EXACT, ignore_index=True)
    assert set(found["weights"]) == {"one", "two"}
    pd.testing.assert_frame_equal(found[EXACT], expected[EXACT])


def test_consensus_of_an_archive(models, folder, tmp_path):
    names = [part for model in models for part in ("--model", model)]
    assert course(folder, "--out", tmp_path / "run", *names, "--consensus", 2) == 0
    found = read_table(tmp_path / "run" / "picks.parquet", "picks")
    assert set(found["weights"]) == {"2 of 3 models within 0.3 s"}
    assert found["n_models"].between(2, 3).all()
    everything = tmp_path / "all.parquet"
    assert course(folder, "--out", everything, *names) == 0
    expected = picking.consensus(read_table(everything, "picks"), required=2)
    # cut at midnight, the padding decides alike on both sides but for the rounding of probabilities in the table
    assert abs(len(found) - len(expected)) <= 0.01 * len(expected)
    near = np.isin(found["time"].astype("int64") // 100_000, expected["time"].astype("int64") // 100_000)
    assert near.mean() > 0.97


def test_units_know_all_their_models(models, folder):
    one = settings_of(Pick, "pick", {"model": models[0]})
    two = settings_of(Pick, "pick", {"model": models[0], "ensemble": [models[1]], "consensus": 2})
    records = open_records(str(folder), None, None, ())
    window = next(iter(records.windows()))
    units = [UnitMaker(records.reader, records.identity, pick, None).unit(window) for pick in (one, two)]
    assert units[0].inputs["settings"]["weights"]["name"] == models[0]
    assert set(units[1].inputs["settings"]["weights"]) == {models[0], models[1]}
    assert padding_s(two) == padding_s(one)


def test_what_is_refused(models, folder, tmp_path, capsys):
    out = tmp_path / "picks.parquet"
    assert course(folder, "--out", out, "--model", models[0], "--consensus", 2) == 1
    assert "consensus is 2 of 1 models" in capsys.readouterr().err
    assert course(folder, "--out", out, "--model", models[0], "--model", models[0]) == 1
    assert "stands twice" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="gives an arrival several picks"):
        Config.from_dict({"input": {"waveforms": "synthetic:tiny"}, "pick": {"ensemble": [models[1]]}})
