import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_toys import noise_bank, record_bank, signal_bank, tiny_unet

from course_utils import picking
from course_utils.picking.training import Augmentation, Batches, Recipe, TrainingError, train
from course_utils.picking.training.finetune import event_splits, fine_tune
from course_utils.picking.training.module import PickerModule, freeze, label_letters, prepare, rate_factor

EASY = replace(Augmentation.none(), snr_db=(30.0, 3.0))
QUICK = Recipe(steps=12, validate_every=4, validation_batches=1, seed=5)


def batches(seed=1, **options):
    return Batches(signal_bank(), noise=noise_bank(), window_samples=512, batch_size=8, seed=seed, **options)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The U-Net of the lesson on toy events, as far as two hundred steps bring it."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("trained")
    easy = EASY
    made = train(
        tiny_unet(),
        batches(1, augmentation=easy),
        batches(2, augmentation=easy),
        Recipe(steps=200, learning_rate=1e-2, validate_every=50, validation_batches=2, seed=5),
        out=out,
        device="cpu",
    )
    return made, out


def test_probabilities_are_not_capped_after_training(trained):
    made, _ = trained
    history = made.history
    assert list(history["step"]) == [50, 100, 150, 200]
    assert history["val_loss"].iloc[-1] < 0.9 * history["val_loss"].iloc[0]
    assert (
        history["val_p_peak"].iloc[-1] > 0.7
    )  # the trap: a loss that looks normal and an output that stays at a third
    x, y = batches(77, augmentation=EASY)(0)
    with torch.no_grad():
        probability = made.model(prepare(made.model, x))
    sure = y[:, 0].amax(1) > 0.99
    assert (probability[sure, 0].argmax(1) - y[sure, 0].argmax(1)).abs().float().median() <= 5
    assert not made.stopped_early
    assert not made.model.training


def test_logs_and_checkpoint_are_there_and_hold_no_code(trained):
    _, out = trained
    state = torch.load(out / "last.ckpt", weights_only=True)
    assert state["global_step"] == 200
    lines = (out / "logs" / "version_0" / "metrics.csv").read_text().splitlines()
    assert "train_loss" in lines[0]
    assert len(lines) > 20
    assert list((out / "logs" / "version_0").glob("events.out.tfevents*"))


def test_weights_come_back_with_their_recipe_and_pick(trained, tmp_path):
    from obspy import Stream, Trace, UTCDateTime

    made, _ = trained
    picking.save_model(made.model, tmp_path / "toy", recipe=made.recipe)
    card = json.loads((tmp_path / "toy.json").read_text())
    assert card["recipe"]["training"]["steps"] == 200
    assert card["recipe"]["data"]["seed"] == 1
    assert len(card["recipe"]["data"]["digest"].split()) == 2
    assert card["recipe"]["versions"]["torch"] == torch.__version__
    model = picking.load_model(tmp_path / "toy")
    for a, b in zip(model.state_dict().values(), made.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    record = record_bank(1).waveforms[0].numpy()
    stream = Stream()
    for row, channel in zip(np.tile(record, 4), ("HHZ", "HHN", "HHE"), strict=True):
        header = {"network": "XX", "station": "TOY", "channel": channel, "sampling_rate": 100.0}
        stream.append(Trace(row.copy(), header | {"starttime": UTCDateTime(2024, 1, 1)}))
    picks = picking.pick(stream, model, device="cpu")
    wanted = np.sort([float(record_bank(1).onsets[0, 0, 0]) / 100 + 9 * k for k in range(1, 3)])
    start = np.datetime64("2024-01-01T00:00:00")
    found = (picks.loc[picks["phase"] == "P", "time"].dt.tz_localize(None) - start).dt.total_seconds().to_numpy()
    assert all(np.abs(found - t).min() < 0.2 for t in wanted)


def test_training_sees_what_picking_sees(phasenet):
    """Component order and normalisation are the model's own: here E, N, Z."""
    x = torch.randn(2, 3, 3001, generator=torch.Generator().manual_seed(0)) * 50 + 7
    torch.testing.assert_close(prepare(phasenet, x), phasenet.annotate_batch_pre(x[:, [2, 1, 0]], {}))


SCRIPT = """
import sys, torch
sys.path.insert(0, {tests!r})
torch.set_num_threads(1)
from test_training_fit import QUICK, batches, tiny_unet
from dataclasses import replace
from course_utils.picking.training import train
import pytorch_lightning as pl
import time
class Slow(pl.Callback):
    def on_train_batch_end(self, *a):
        time.sleep(0.1)
train(tiny_unet(), batches(), batches(2), replace(QUICK, steps=100), out={out!r}, device="cpu", callbacks=[Slow()])
"""


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(tmp_path, one_thread):
    recipe = replace(QUICK, steps=100)
    code = textwrap.dedent(SCRIPT.format(tests=str(Path(__file__).parent), out=str(tmp_path / "killed")))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "killed" / "last.ckpt").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.25)  # some steps beyond the checkpoint
        process.send_signal(signal.SIGKILL)
    at = torch.load(tmp_path / "killed" / "last.ckpt", weights_only=True)["global_step"]
    assert 0 < at < 60
    resumed = train(tiny_unet(3), batches(), batches(2), recipe, out=tmp_path / "killed", resume=True, device="cpu")
    whole = train(tiny_unet(), batches(), batches(2), recipe, device="cpu")
    assert resumed.steps == whole.steps == 100
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert list(resumed.history["step"]) == list(whole.history["step"])
    np.testing.assert_allclose(resumed.history["val_loss"], whole.history["val_loss"], rtol=1e-6)


def test_a_checkpoint_of_another_training_is_refused_and_nothing_overwritten(tmp_path):
    train(tiny_unet(), batches(), None, QUICK, out=tmp_path, device="cpu")
    before = (tmp_path / "last.ckpt").read_bytes()
    with pytest.raises(TrainingError, match="is there already"):
        train(tiny_unet(), batches(), None, QUICK, out=tmp_path, device="cpu")
    from course_utils.picking.training.unet_picker import UNetPicker

    other = UNetPicker(in_samples=512, channels=(8, 16))
    with pytest.raises(TrainingError, match="belongs to another training: parameters was"):
        train(other, batches(), None, QUICK, out=tmp_path, resume=True, device="cpu")
    with pytest.raises(TrainingError, match=r"learning_rate was 0\.002 and is 0\.1"):
        train(tiny_unet(), batches(), None, replace(QUICK, learning_rate=0.1), out=tmp_path, resume=True, device="cpu")
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_an_interrupted_training_says_so_and_goes_on(tmp_path):
    import pytorch_lightning as pl

    class Interrupt(pl.Callback):
        def on_train_batch_end(self, trainer, *_args):
            if trainer.global_step == 6:
                raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_unet(), batches(), None, QUICK, out=tmp_path, device="cpu", callbacks=[Interrupt()])
    assert signal.getsignal(signal.SIGINT) == handler
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4
    resumed = train(tiny_unet(3), batches(), None, QUICK, out=tmp_path, resume=True, device="cpu")
    whole = train(tiny_unet(), batches(), None, QUICK, device="cpu")
    for a, b in zip(resumed.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_it_stops_when_the_validation_loss_no_longer_falls_and_keeps_the_best():
    recipe = replace(QUICK, steps=60, patience=2, learning_rate=1.0, gradient_clip=0.0, schedule="constant")
    made = train(tiny_unet(), batches(), batches(2), recipe, device="cpu")
    assert made.stopped_early
    assert made.steps < 60
    module = PickerModule(made.model, recipe)
    loss = module.loss(*batches(2)(0))[0].item()
    assert loss == pytest.approx(made.history["val_loss"].min(), rel=1e-4)
    with pytest.raises(TrainingError, match="patience needs validation"):
        train(tiny_unet(), batches(), None, recipe, device="cpu")


def test_frozen_layers_stay_to_the_last_bit():
    start = tiny_unet()
    bank = record_bank()
    for what, moved in (("encoder", {"decoder", "out"}), ("all_but_output", {"out"})):
        recipe = Recipe(steps=3, noise_bias=None, freeze=what, learning_rate=0.01, seed=1)
        made = fine_tune(start, bank, recipe=recipe, batch_size=8, device="cpu")
        changed = {
            name.split(".")[1]
            for name, value in made.model.state_dict().items()
            if not torch.equal(value, start.state_dict()[name])
        }
        assert changed == moved
    with pytest.raises(TrainingError, match="nothing is known of its parts"):
        freeze(torch.nn.Linear(1, 1), "encoder")


def test_splits_keep_events_whole_and_small_sets_within_larger_ones():
    events = np.repeat(np.arange(20), 3)
    last: dict = {}
    for repeat, size, training, test in event_splits(events, [0, 2, 8], repeats=3, seed=1):
        assert len(set(events[training])) == size
        assert not set(events[training]) & set(events[test])
        if size == 8:
            assert set(last[repeat, 2][0]) < set(training)
        last[repeat, size] = (training, tuple(test))
    assert last[0, 2][1] == last[0, 8][1] != last[1, 8][1]
    with pytest.raises(TrainingError, match="20 events, 8 of them held out"):
        next(event_splits(events, [15]))


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "constant"])
def test_learning_rate_rises_and_falls(schedule):
    recipe = Recipe(steps=1000, schedule=schedule)
    rates = np.array([rate_factor(k, recipe) for k in range(1001)])
    assert rates.max() == pytest.approx(1, abs=1e-3)
    assert rates[0] < 0.1
    assert (rates > 0).all()
    assert rates[-1] == 1 if schedule == "constant" else rates[-1] < 0.01


def test_eqtransformer_learns_detection_too_and_points_are_refused():
    import seisbench.models

    model = seisbench.models.EQTransformer(in_samples=1024, lstm_blocks=1)
    assert label_letters(model) == "DPS"
    module = PickerModule(model, Recipe())
    made = Batches(
        signal_bank(),
        noise=noise_bank(samples=1500),
        window_samples=1024,
        labels="DPS",
        batch_size=2,
        augmentation=Augmentation.none(),
    )
    x, y = made(0)
    loss, probability = module.loss(x, y)
    assert probability.shape == y.shape
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    with pytest.raises(TrainingError, match="only models that give P and S at every sample"):
        PickerModule(seisbench.models.GPD(), Recipe())
    with pytest.raises(TrainingError, match="class_weights"):
        PickerModule(tiny_unet(), Recipe(class_weights=(1.0, 2.0)))
