import json

import numpy as np
import pytest
import seisbench.data as sbd
from typer.testing import CliRunner

from course_utils.picking import load_model
from course_utils.picking.training import TrainingError
from course_utils.pipeline.cli import app
from course_utils.pipeline.config import ConfigError
from course_utils.pipeline.synthetic_banks import noise_bank, signal_bank
from course_utils.pipeline.training import run_training, start_model
from course_utils.pipeline.training_config import TrainingConfig, read_training_config

SHORT = {"steps": 4, "validate_every": 2, "validation_batches": 1, "batch_size": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A small data set in SeisBench format, as anyone might have written it: 16 events, the last 4 for validation."""
    return write(tmp_path_factory.mktemp("data") / "set")


def write(folder, n=16, samples=4000, **changes):
    random = np.random.default_rng(0)
    folder.mkdir()
    with sbd.WaveformDataWriter(folder / "metadata.csv", folder / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ENZ", "sampling_rate": 100}
        for k in range(n):
            x = random.normal(0, 1, (3, samples))
            p = 1000 + 20 * k
            x[:, p:] += 20 * random.normal(0, 1, (3, samples - p)) * np.exp(-np.arange(samples - p) / 200)
            row = {"source_id": f"e{k}", "split": "dev" if k >= 12 else "train"}
            row |= {"trace_P_arrival_sample": p, "trace_S_arrival_sample": p + 150.5}
            for key, value in changes.items():
                if callable(value):
                    value = value(k)
                row.pop(key, None) if value is None else row.update({key: value})
            writer.add_trace(row, x)
    return folder


def config(training, model=None, **train):
    values = {"data": {"training": str(training)}, "train": SHORT | train}
    return TrainingConfig.model_validate(values | ({"model": model} if model else {"model": {"start": "UNetPicker"}}))


def test_a_data_set_becomes_a_picker_with_its_recipe(dataset, tmp_path):
    file = tmp_path / "train.toml"
    lines = ["[data]", f'training = "{dataset}"', "[model]", 'start = "UNetPicker"', "[train]"]
    file.write_text("\n".join([*lines, *(f"{k} = {json.dumps(v)}" for k, v in SHORT.items())]))
    run = CliRunner().invoke(app, ["train", str(file), "--out", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    assert "step 4 of 4" in run.output
    model = load_model(tmp_path / "out" / "picker")
    assert type(model).__name__ == "UNetPicker"
    recipe = json.loads((tmp_path / "out" / "picker.json").read_text())["recipe"]
    assert recipe["data"]["bank"]["records"] == 12
    assert recipe["validation"]["bank"]["records"] == 4
    assert recipe["config"]["train"]["steps"] == 4
    assert recipe["curves"]["step"] == [2, 4]
    before = (tmp_path / "out" / "picker.safetensors").read_bytes()
    for option, message in (([], "--resume goes on"), (["--resume"], "is finished")):
        with pytest.raises(TrainingError, match=message):
            CliRunner().invoke(
                app, ["train", str(file), "--out", str(tmp_path / "out"), *option], catch_exceptions=False
            )
    assert (tmp_path / "out" / "picker.safetensors").read_bytes() == before
    run = CliRunner().invoke(app, ["train", str(file), "--out", str(tmp_path / "out"), "--force", "-q"])
    assert (run.exit_code, run.output) == (0, "")
    assert (tmp_path / "out" / "picker.safetensors").read_bytes() == before  # the same seed


def test_fine_tuning_starts_from_the_packaged_weights(dataset, tmp_path):
    start = load_model("phasenet:synthetic")
    given = {"start": "phasenet:synthetic", "freeze": "all_but_output"}
    done = run_training(config(dataset, given, learning_rate=0.01), tmp_path / "out")
    tuned = load_model(tmp_path / "out" / "picker")
    changed = {k for k, v in tuned.state_dict().items() if not v.equal(start.state_dict()[k])}
    assert changed == {"out.weight", "out.bias"}
    assert done.recipe["training"]["noise_bias"] is None
    assert tuned.default_args["P_threshold"] == start.default_args["P_threshold"]


def test_seisbench_generator_trains_the_same_network(dataset, tmp_path):
    done = run_training(config(dataset, {"start": "PhaseNet"}, loader="seisbench"), tmp_path / "out")
    assert done.steps == 4
    assert np.isfinite(done.history["train_loss"]).all()
    assert done.recipe["data"] == {"loader": "SeisBench generator", "records": 12}


def test_the_synthetic_earth_gives_signals_with_p_and_s_apart():
    signals, noise = signal_bank(12, 77), noise_bank(4, 78)
    again = signal_bank(12, 77)
    assert signals.digest() == again.digest() != signal_bank(12, 79).digest()
    assert signals.waveforms.shape == (12, 6, 4000)
    assert noise.waveforms.shape == (4, 3, 6000)
    p, s = signals.onsets[:, 0, 0].long(), signals.onsets[:, 1, 0]
    for row in range(12):
        wave = signals.waveforms[row].abs()
        assert wave[:3, : p[row] - 60].max() < 1e-4 * wave.max()
        if s[row].isfinite() and signals.labelled[row]:
            before = signals.waveforms[row, 3:, : int(s[row]) - 5].abs().max()
            assert before < 0.2 * signals.waveforms[row, 3:].abs().max()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trace_P_arrival_sample": None, "trace_S_arrival_sample": None}, "no picks to train on"),
        ({"trace_P_arrival_sample": 9000}, "picks outside their record"),
        ({"trace_S_arrival_sample": 30}, "S before P"),
        ({"source_id": lambda k: f"e{k % 12}"}, "4 events are in training and validation, first: e0"),
        ({"split": None}, 'no column "split"'),
        ({"split": "test"}, "no trace of part 'train'; there are test"),
    ],
)
def test_bad_data_sets_are_refused(tmp_path, changes, message):
    folder = write(tmp_path / "set", **changes)
    with pytest.raises(TrainingError, match=message):
        run_training(config(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_trace_that_is_there_twice_is_refused(tmp_path):
    folder = write(tmp_path / "set")
    lines = (folder / "metadata.csv").read_text().splitlines()
    (folder / "metadata.csv").write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(TrainingError, match="1 traces are there twice"):
        run_training(config(folder), tmp_path / "out")


def test_missing_files_and_settings_that_contradict_are_refused(dataset, tmp_path):
    with pytest.raises(TrainingError, match=r"no metadata\.csv"):
        run_training(config(tmp_path), tmp_path / "out")
    with pytest.raises(ConfigError, match="has no weights to keep"):
        start_model(config(dataset, {"start": "PhaseNet", "freeze": "encoder"}))
    with pytest.raises(TrainingError, match="only models that give P and S"):
        start_model(config(dataset, {"start": "GPD"}))
    values = {"data": {"training": str(dataset), "sampling_rate_hz": 50}, "train": SHORT}
    with pytest.raises(ConfigError, match="works at 100 Hz"):
        start_model(TrainingConfig.model_validate(values))
    with pytest.raises(ConfigError, match="at least 20"):
        run_training(config("synthetic:x"), tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[data]\ntraining = 'x'\n[train]\nstep = 3", r"\[train\] step = 3: there is no such key; did you mean steps"),
        ("[train]\nsteps = 3", r"the file|\[data\]"),
        ("[data]\ntraining = 'x'\n[train]\nsteps = 0", r"\[train\] steps = 0"),
        ("[data]\ntraining = 'synthetic:50'\n[train]\nloader = 'seisbench'", "needs .memory."),
        ("[data]\ntraining = 'x'\n[augmentation]\nfoo = 1", r"\[augmentation\] foo"),
        ("[data]\ntraining = 'x'\n[augmentation]\ngap_chance = 3", "a share of the windows"),
        ("data = ", "not TOML"),
    ],
)
def test_configurations_say_what_is_wrong(tmp_path, text, message):
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_training_config(file).augmentations()


def test_the_example_is_a_configuration_that_works():
    from pathlib import Path

    made = read_training_config(Path(__file__).parents[2] / "examples" / "train_synthetic.toml")
    assert made.data.training == "synthetic:2000"
    assert made.augmentations().stretch_chance == 0.25
