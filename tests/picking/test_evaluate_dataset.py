"""Data sets in SeisBench's format: what is read from them, what is refused, and the command on top."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from course_utils import data, picking
from course_utils.picking import evaluation as ev
from course_utils.pipeline.cli import main

RATE = 100.0


def write_dataset(folder, rows, waveforms, **data_format):
    from seisbench.data import WaveformDataWriter

    folder.mkdir()
    with WaveformDataWriter(folder / "metadata.csv", folder / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ENZ", **data_format}
        for row, samples in zip(rows, waveforms, strict=True):
            writer.add_trace(row, samples)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Synthetic records in SeisBench's format: 12 of events (P, S) and 3 of noise, in three splits by event."""
    from course_utils.synthetic.records import records

    made = records(12, 4711, duration_s=60.0, noise_fraction=0.0, kinds={"earthquake": 1.0}, p_at_s=(20.0, 20.1))
    quiet = records(3, 4712, duration_s=60.0, noise_fraction=1.0)
    rows, waveforms = [], []
    for n in range(12):
        about = made.table.iloc[n]
        rows.append(
            {
                "trace_Pg_arrival_sample" if n % 2 else "trace_p_arrival_sample": about["p_sample"],
                "trace_s_arrival_sample": about["s_sample"] if np.isfinite(about["s_sample"]) else None,
                "source_id": f"event{n // 2}",
                "source_magnitude": 1.0 + n / 10,
                "trace_snr_db": "10.0|20.0|30.0",
                "split": ("train", "dev", "test", "test")[n // 2 % 4],
                "station_network_code": "XX",
                "station_code": f"S{n}",
            }
        )
        waveforms.append(made.waveforms[n, [2, 1, 0]])
    for n in range(3):
        rows.append({"split": "test", "trace_category": "noise"})
        waveforms.append(quiet.waveforms[n, [2, 1, 0]])
    for row in rows:
        row |= {"trace_sampling_rate_hz": RATE, "trace_category": row.get("trace_category", "earthquake")}
    folder = tmp_path_factory.mktemp("sets") / "small"
    write_dataset(folder, rows, waveforms)
    return folder, made


def test_records_and_labels_are_those_of_the_data_set(dataset):
    folder, made = dataset
    records = ev.records_of_dataset(folder, split=None)
    assert records.table["kind"].value_counts().to_dict() == {"event": 12, "noise": 3}
    assert records.table["seconds"].eq(60.0).all()
    p = records.labels[records.labels["phase"] == "P"]
    since = (p["time"] - ev.labelled.START).dt.total_seconds().to_numpy()
    np.testing.assert_allclose(since * RATE, made.table["p_sample"], atol=1e-3)
    assert p["snr_db"].eq(30).all() and p["magnitude"].iloc[3] == pytest.approx(1.3)
    assert p["station_code"].iloc[3] == "XX.S3" and p["event"].nunique() == 6
    samples, letters, rate = records.read(4)
    assert (letters, rate) == ("ZNE", RATE)
    np.testing.assert_allclose(samples, made.waveforms[4], rtol=1e-6)
    assert len(ev.records_of_dataset(folder, split="dev")) == 4


def test_a_second_event_in_a_window_has_labels_of_its_own(dataset, tmp_path):
    """As picking.curation writes them: P2 and S2 belong to another event, and SNRs to phases. Depth phases are no labels."""
    folder = tmp_path / "copy"
    shutil.copytree(dataset[0], folder)
    metadata = pd.read_csv(folder / "metadata.csv").drop(columns="trace_snr_db")
    metadata.loc[0, ["trace_P2_arrival_sample", "trace_P2_source_id", "trace_P2_snr_db"]] = [4500.0, "other", 7.0]
    metadata.loc[0, ["trace_s_snr_db", "trace_pP_arrival_sample"]] = [12.5, 3000.0]
    metadata.to_csv(folder / "metadata.csv", index=False)
    labels = ev.records_of_dataset(folder, split=None).labels
    first = labels[labels["station"] == "XX.000000."].set_index(["event", "phase"])
    assert sorted(first.index) == [("event0", "P"), ("event0", "S"), ("other", "P")]
    assert (first.loc[("other", "P"), "time"] - ev.labelled.START).total_seconds() == 45.0
    assert first["snr_db"].to_dict() == pytest.approx(
        {("event0", "P"): np.nan, ("event0", "S"): 12.5, ("other", "P"): 7.0}, nan_ok=True
    )


def test_resampled_by_seisbench_labels_move_along(dataset):
    from seisbench.data import WaveformDataset

    folder, made = dataset
    half = ev.records_of_dataset(WaveformDataset(folder, sampling_rate=50, component_order="ZNE"), split="train")
    samples, _, rate = half.read(0)
    assert rate == 50 and samples.shape == (3, 3000) and half.table["seconds"].iloc[0] == 60.0
    first = (half.labels["time"].iloc[0] - ev.labelled.START).total_seconds()
    assert first == pytest.approx(made.table["p_sample"].iloc[0] / RATE, abs=0.011)


def test_scores_equal_those_of_the_picker_itself(dataset):
    """evaluate_dataset runs the package's picker: picks of each record, matched by hand, give the same recall."""
    folder, _ = dataset
    found, facts = ev.evaluate_dataset(folder, ["phasenet:synthetic", "sta_lta"], split="test", seed=None)
    json.dumps(facts, allow_nan=False)
    records = ev.records_of_dataset(folder, "test")
    for phase in "PS":
        labels = records.labels[records.labels["phase"] == phase]
        hits = 0
        for stream, code in zip(records.streams(), records.table["station"], strict=True):
            picks = picking.pick(stream, "phasenet:synthetic")
            times = picks.loc[picks["phase"] == phase, "time"]
            for time in labels.loc[labels["station"] == code, "time"]:
                hits += bool(((times - time).dt.total_seconds().abs() <= 0.5).any())
        row = found.table.query("picker == 'phasenet:synthetic' and phase == @phase").iloc[0]
        assert row["n_found"] == hits and row["n_labels"] == len(labels)
        assert row["noise_hours"] == pytest.approx(180 / 3600)
    assert found.table.query("phase == 'P'")["recall"].iloc[0] >= 0.5
    assert facts["thresholds"]["phasenet:synthetic"].keys() == {"P", "S"} and facts["thresholds"]["sta_lta"] is None
    assert facts["calibration_error"].keys() == {"phasenet:synthetic"}


def test_threshold_comes_from_another_split(dataset):
    folder, _ = dataset
    _, facts = ev.evaluate_dataset(folder, ["phasenet:synthetic"], choose_on="train")
    assert facts["thresholds_chosen_on"] == "train"
    scores = ev.curve_of(ev.records_of_dataset(folder, "train").cut(0), "phasenet:synthetic")
    assert facts["thresholds"]["phasenet:synthetic"] == ev.choose_threshold(scores)
    with pytest.raises(data.DataError, match="which is scored"):
        ev.evaluate_dataset(folder, ["phasenet:synthetic"], split="test", choose_on="test")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main(["evaluate", *map(str, arguments)])
    shown = capsys.readouterr()
    return left.value.code, shown.out, shown.err


def test_command_writes_table_and_json(dataset, tmp_path, capsys):
    folder, _ = dataset
    out = tmp_path / "scores"
    models = ("--model", "phasenet:synthetic", "--model", "sta_lta")
    code, shown, err = call(capsys, "--dataset", folder, *models, "--out", out)
    assert code == 0, err
    scores = pd.read_csv(out / "scores.csv")
    facts = json.loads((out / "scores.json").read_text())
    assert len(scores) == 4 and scores["recall"].tolist() == [row["recall"] for row in facts["scores"]]
    assert facts["split"] == "test" and facts["records"] == {"event": 4, "noise": 3}
    assert "4 of event, 3 of noise" in shown and "its own" in shown and "sta_lta" in shown


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (None, ("--split", "none"), "no record is in split 'none'"),
        (lambda t: t.drop(columns="split"), (), "has no column split"),
        (lambda t: t.drop(columns=[c for c in t if c.endswith("arrival_sample")]), (), "has no arrivals"),
        (lambda t: t.drop(columns="trace_sampling_rate_hz"), (), "sampling rate of 7 records is not known"),
        (None, ("--choose-on", "test"), "which is scored"),
        (None, ("--precision", "0.9"), "needs --choose-on"),
        (None, ("--tolerance-s", "0"), "--tolerance-s 0"),
        (None, ("--model", "phasenet:nowhere/else"), "nowhere/else"),
    ],
)
def test_command_says_what_is_wrong(dataset, tmp_path, capsys, change, options, words):
    folder = tmp_path / "copy"
    shutil.copytree(dataset[0], folder)
    if change is not None:
        change(pd.read_csv(folder / "metadata.csv")).to_csv(folder / "metadata.csv", index=False)
    code, _, err = call(capsys, "--dataset", folder, "--model", "sta_lta", *options)
    assert code == 1 and err.startswith("error: ") and words in err and "fault of the program" not in err


def test_what_is_no_data_set_is_refused(tmp_path, capsys):
    code, _, err = call(capsys, "--dataset", tmp_path / "none", "--model", "ar")
    assert code == 1 and "there is no folder" in err
    code, _, err = call(capsys, "--dataset", tmp_path, "--model", "ar")
    assert code == 1 and "metadata.csv and waveforms.hdf5" in err
