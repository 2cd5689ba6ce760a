"""The packaged PhaseNet finds arrivals that it has never seen, and says how it was made."""

import json
import sys
from importlib import resources
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from _scoring import annotate, picks_of

from course_utils.synthetic.records import records


def test_the_card_says_how_the_weights_were_made():
    folder = resources.files("course_utils.picking") / "weights"
    card = json.loads((folder / "phasenet_synthetic.json").read_text(encoding="utf-8"))
    assert {"model_class", "model_args", "default_args", "weights_version", "docstring", "recipe"} <= set(card)
    assert 0.1 <= card["default_args"]["P_threshold"] <= 0.7
    assert 0.1 <= card["default_args"]["S_threshold"] <= 0.7
    seeds = card["recipe"]["seeds"]
    assert len(set(seeds)) == len(seeds) >= 3  # training, noise and thresholds come from different Earths
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
