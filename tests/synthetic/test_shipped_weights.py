"""The packaged PhaseNet finds arrivals that it has never seen, and the program that trains it mixes honest windows."""

import json
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import train_shipped_weights as recipe
from _scoring import annotate, picks_of

from course_utils.synthetic.records import records


@pytest.fixture(scope="module")
def banks():
    return recipe.make_banks(24, 20)


def test_the_card_says_how_the_weights_were_made():
    folder = resources.files("course_utils.picking") / "weights"
    card = json.loads((folder / "phasenet_synthetic.json").read_text(encoding="utf-8"))
    assert {"model_class", "model_args", "default_args", "weights_version", "docstring", "recipe"} <= set(card)
    assert 0.1 <= card["default_args"]["P_threshold"] <= 0.7
    assert 0.1 <= card["default_args"]["S_threshold"] <= 0.7
    assert set(card["recipe"]["seeds"]) == {recipe.TRAINING_SEED, recipe.NOISE_SEED, recipe.VALIDATION_SEED}
    assert len((folder / "phasenet_synthetic.safetensors").read_bytes()) < 1_200_000


def test_the_packaged_network_finds_what_is_visible():
    import torch

    from course_utils.picking.models import load_model

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = load_model("phasenet:synthetic")
    made = records(40, seed=4242, noise_fraction=0.2)
    probability = annotate(model, made.waveforms)
    torch.set_num_threads(threads)
    assert probability["P"].max() > 0.8  # a cap on the output hides behind a loss that looks normal
    assert probability["S"].max() > 0.8
    for phase, least in (("P", 0.85), ("S", 0.8)):
        at, visible = (made.table[f"{phase.lower()}_{what}"].to_numpy() for what in ("sample", "visible"))
        threshold = model.default_args[f"{phase}_threshold"]
        picks = [picks_of(row, threshold) for row in probability[phase]]
        found = [bool((np.abs(k - t) <= 20).any()) for k, t, v in zip(picks, at, visible, strict=True) if v]
        assert np.mean(found) >= least
        quiet = (made.table["kind"] == "noise").to_numpy()
        assert sum(k.size for k, q in zip(picks, quiet, strict=True) if q) <= 3


def test_windows_are_mixed_with_arrivals_anywhere_and_labels_that_add_up(banks):
    x, y = recipe.Mixer(banks, seed=3).batch(80)
    assert x.shape == y.shape == (80, 3, recipe.WINDOW)
    assert np.isfinite(x).all()
    assert y.sum(1) == pytest.approx(np.ones((80, recipe.WINDOW)), abs=1e-5)
    assert y.min() >= 0
    at = y[:, 0].argmax(1)[y[:, 0].max(1) > 0.9]
    assert at.size > 20
    assert at.std() > 500  # a network that sees P at one place learns the place
    vertical_only = (~x[:, 1:].any(axis=(1, 2))).mean()
    assert 0.08 < vertical_only < 0.4


def test_the_same_seed_mixes_the_same_windows(banks):
    one, again, other = (recipe.Mixer(banks, seed=s).batch(4)[0] for s in (5, 5, 6))
    assert one.tobytes() == again.tobytes()
    assert not np.array_equal(one, other)


def test_a_few_steps_of_training_lower_the_loss_on_other_windows(banks):
    import torch

    x, y = recipe.Mixer(banks, seed=99).batch(24)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    losses = []
    for steps in (1, 20):
        model, _ = recipe.train(banks, steps=steps, batch=12, rate=4e-3, seed=1)
        with torch.no_grad():
            prediction = model.train()(model.annotate_batch_pre(torch.from_numpy(x), {}))
        losses.append(float(-(torch.from_numpy(y) * torch.log(prediction + 1e-5)).sum(1).mean()))
    torch.set_num_threads(threads)
    assert losses[1] < 0.9 * losses[0]
