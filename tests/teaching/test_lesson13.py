"""The checks of lesson 13: right answers in other forms pass, wrong ones get a message that helps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from course_utils.picking.training.unet import UNet
from course_utils.teaching.checks import lesson13


def _average(batches):
    return sum(loss * windows for loss, windows in batches) / sum(windows for _, windows in batches)


@pytest.mark.parametrize("form", [float, np.float64, torch.tensor, str])
def test_average_takes_every_form(form):
    assert lesson13.average(lambda batches: form(_average(batches)))


def test_average_names_the_mistake():
    def stale(batches):
        shown = [batches[k - k % 5][0] for k in range(len(batches))]
        return sum(shown) / sum(windows for _, windows in batches)

    wrong = {
        "number of windows": lambda b: sum(x for x, _ in b) / sum(n for _, n in b),
        "every fifth": stale,
        "which is smaller": lambda b: sum(x for x, _ in b) / len(b),
        "this is a sum": lambda b: sum(x * n for x, n in b),
        "last batch": lambda b: b[-1][0],
        "by hand": lambda b: _average(b) + 1,
        "KeyError": lambda b: {}["loss"],
    }
    for said, function in wrong.items():
        result = lesson13.average(function)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson13.average(lambda b: ...).state == "unanswered"


@pytest.fixture(scope="module")
def patients():
    """On windows with one clear pulse each, whose place the target names."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn((6, 3, 512), generator=generator)
    y = torch.zeros((6, 3, 512))
    time = torch.arange(512)
    for row, at in enumerate((80, 150, 220, 290, 360, 430)):
        x[row, 0, at : at + 60] += 8 * torch.sin(0.9 * torch.arange(60)) * torch.exp(-torch.arange(60) / 20)
        y[row, 0] = torch.exp(-0.5 * ((time - at) / 10.0) ** 2)
    y[:, 2] = 1 - y[:, 0]
    return lesson13.patients(x, y)


def test_every_patient_shows_its_cause(patients):
    losses = {name: [patient.step() for _ in range(60)] for name, patient in patients.items()}
    last = {name: np.mean(values[-5:]) for name, values in losses.items()}
    healthy = last["healthy"]
    assert healthy < 0.6 * losses["healthy"][0]
    assert losses["A"][0] == pytest.approx(losses["A"][-1])
    answers = patients["B"].net(patients["B"].x)
    torch.testing.assert_close(answers.sum(1), torch.ones_like(answers[:, 0]))  # already probabilities
    behind = patients["C"].net.encoder[0]["look"](patients["C"].x).detach()
    assert float(behind.abs().max()) == 0
    assert last["C"] > 1.3 * healthy and last["D"] > 2 * losses["D"][0]
    assert torch.equal(patients["E"].x, patients["healthy"].x)
    assert not torch.equal(patients["E"].y, patients["healthy"].y)
    for name in "ABCDE":  # none is a matter of the learning rate
        assert patients[name].optimiser.param_groups[0]["lr"] == patients["healthy"].optimiser.param_groups[0]["lr"]


def test_patients_leave_the_random_numbers_alone():
    x, y = torch.randn(2, 3, 128), torch.rand(2, 3, 128)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    lesson13.patients(x, y)
    assert torch.equal(torch.rand(3), expected)


def test_diagnosis():
    right = dict(lesson13._MADE)
    assert lesson13.diagnosis(right)
    assert lesson13.diagnosis({k.lower(): v.upper() for k, v in right.items()})
    for cause in lesson13.CAUSES:
        result = lesson13.diagnosis(right | {"B": cause})
        assert bool(result) == (cause == right["B"])
        assert right["B"] not in result.message or cause == right["B"]
    assert "no cause for E" in lesson13.diagnosis({k: right[k] for k in "ABCD"}).message
    assert "none of" in lesson13.diagnosis(right | {"C": "bad luck"}).message
    assert lesson13.diagnosis(["softmax twice"]).state == "wrong"
    assert lesson13.diagnosis(right | {"D": ...}).state == "unanswered"


def test_every_cause_has_a_hint():
    assert set(lesson13._LOOK) == set(lesson13.CAUSES) and set(lesson13._MADE.values()) <= set(lesson13.CAUSES)


@pytest.fixture
def range_test():
    """Flat up to 1e-3, lowest at 0.1, up again; with noise of single batches."""
    rate = np.geomspace(1e-5, 1, 60)
    log = np.log10(rate)
    loss = np.interp(log, [-5, -3, -1, 0], [0.13, 0.13, 0.045, 0.6])
    return pd.DataFrame({"rate": rate, "loss": loss + 0.001 * np.random.default_rng(1).standard_normal(60)})


@pytest.mark.parametrize("answer", [0.003, 0.01, "0.02", np.float32(0.03), torch.tensor(5e-3)])
def test_learning_rates_in_the_fall(answer, range_test):
    assert lesson13.learning_rate(answer, range_test)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (0.5, "turned up"),
        (0.055, "edge"),
        (1e-4, "hardly begun"),
        (0, "nothing moves"),
        (-1, "not possible"),
        ([1], "number"),
    ],
)
def test_learning_rates_elsewhere(answer, said, range_test):
    result = lesson13.learning_rate(answer, range_test)
    assert result.state == "wrong" and (said in result.message or said == "number"), result


def test_smooth_keeps_its_length_and_survives_a_loss_that_is_no_number():
    values = lesson13.smooth(np.array([1.0, 1, 9, 1, 1, np.nan, np.nan, np.nan]))
    assert len(values) == 8 and values[2] == 1 and np.isinf(values[-1])


@pytest.mark.parametrize(("channels", "step", "field"), [((4, 8), 4, None), ((4, 8, 8), 2, None), ((4, 6, 8), 4, None)])
def test_the_field_is_that_of_the_derivative_and_nothing_outside_counts(channels, step, field):
    """A change outside of the field does not reach the output; one at its ends does."""
    torch.manual_seed(0)
    net = UNet(channels=channels, step=step).eval()
    field = lesson13.field_samples(net, samples=4096)
    x = torch.randn(1, 3, 4096)
    at = 2048
    with torch.no_grad():
        before = net(x)[0, :, at]
        far = x.clone()
        far[:, :, : at - field] = 0
        far[:, :, at + field :] = 0
        assert torch.allclose(net(far)[0, :, at], before, atol=1e-6)
    assert 7 < field < 4096
    deeper = UNet(channels=(*channels, channels[-1]), step=step)
    assert lesson13.field_samples(deeper, samples=4096) > 1.5 * field


def test_one_level_is_counted_by_hand():
    """Filters of seven: +-3 before and after; the step of two adds one to each side at most: between 20 and 26 samples."""
    assert 20 <= lesson13.field_samples(UNet(channels=(4, 4), step=2), samples=2048) <= 30


def test_longer_sight():
    right = {"channels": (8, 12, 16, 24, 32), "step": 4}
    assert lesson13.longer_sight(UNet(**right))
    assert lesson13.longer_sight(right)
    wrong = {
        "sees 6.4 s": UNet(channels=(8, 16, 32, 64)),
        "more than 60,000": UNet(channels=(8, 16, 32, 64, 96)),
        "network is asked for": 28.0,
    }
    for said, answer in wrong.items():
        result = lesson13.longer_sight(answer)
        assert result.state == "wrong" and said in result.message, (said, result)
    assert lesson13.longer_sight({"channels": ...}).state == "unanswered"


def test_claims():
    reason = "every setting was run once, and training loss was lowest where little was learned"
    assert lesson13.claims({"claims": ["b", "d"], "reason": reason})
    assert lesson13.claims({"claims": "D, B", "reason": reason})
    for wrong in (["a", "b", "d"], ["b", "c", "d"], ["b"], ["d"], []):
        assert lesson13.claims({"claims": wrong, "reason": reason}).state == "wrong"
    assert "words" in lesson13.claims({"claims": ["b", "d"], "reason": "seen"}).message
    assert lesson13.claims({"claims": ["b", "d"]}).state == "unanswered"
    assert lesson13.claims(["b", "d"]).state == "wrong"


def test_every_check_knows_an_untouched_stub():
    for name, context in {"average": 0, "diagnosis": 0, "learning_rate": 1, "longer_sight": 0, "claims": 0}.items():
        assert getattr(lesson13, name)(..., *[None] * context).state == "unanswered"
