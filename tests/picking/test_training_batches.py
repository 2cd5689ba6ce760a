from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_toys import noise_bank, record_bank, signal_bank, signals

from course_utils.picking.training import Augmentation, Batches, TrainingError, augment, bank_from_arrays, make_labels
from course_utils.picking.training.banks import bank_from_dataset, picks_of_metadata
from course_utils.picking.training.batches import cut, stands_out
from course_utils.picking.training.dice import Dice

NAN = float("nan")


@given(p=st.floats(-40, 340), gap=st.floats(0.5, 200), width=st.floats(2, 30), order=st.permutations("PSN"))
@settings(max_examples=40, deadline=None)
def test_labels_are_probabilities_wherever_the_arrivals_lie(p, gap, width, order):
    y = make_labels(torch.tensor([[[p], [p + gap]]]), 300, "".join(order), width_samples=width)
    assert y.shape == (1, 3, 300)
    assert torch.all(y >= 0)
    torch.testing.assert_close(y.sum(1), torch.ones(1, 300))
    if 0 <= p < 299 and gap > 6 * width:
        at = y[0, order.index("P")].argmax().item()
        assert abs(at - p) <= 0.5001


def test_a_window_that_cuts_an_event_is_labelled_up_to_its_edge():
    y = make_labels(torch.tensor([[[-5.0], [NAN]]]), 100, "PSN", width_samples=10)
    assert y[0, 0, 0] == pytest.approx(np.exp(-0.125), abs=1e-5)
    assert y[0, 1].max() == 0


def test_hard_labels_are_boxes_and_detection_lasts_beyond_s():
    y = make_labels(torch.tensor([[[50.0], [100.0]]]), 200, "DPS", width_samples=10, shape="hard")
    assert y[0, 1].nonzero()[:, 0].tolist() == list(range(40, 61))
    inside = y[0, 0].nonzero()[:, 0]
    assert (inside[0], inside[-1]) == (50, 120)
    with pytest.raises(ValueError, match="nothing is known of X"):
        make_labels(torch.zeros(1, 2, 1), 10, "PX")


def bad(what):
    x, picks = signals(3)
    if what == "nan":
        x[1, 0, 5] = np.nan
    if what == "outside":
        picks.loc[3, "sample"] = 5000
    if what == "swapped":
        picks.loc[[0, 1], "sample"] = [300, 200]
    if what == "shape":
        x = x[:, :2]
    if what == "empty":
        picks = picks.iloc[:0]
    if what == "twice":
        picks = pd.concat([picks, picks.iloc[:1]])
    if what == "stray":
        picks.loc[0, "record"] = 9
    if what == "phase":
        picks.loc[0, "phase"] = "Pn"
    return x, picks


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("nan", "1 of 3 records hold NaN or infinity .first: 1."),
        ("outside", "1 picks outside their record, first: S of record 1 at sample 5000 of 900"),
        ("swapped", "S before P in 1 records, first: record 0, P at sample 300 and S at 200"),
        ("shape", "missing components as zeros"),
        ("empty", "no picks"),
        ("twice", "record 0 has two P"),
        ("stray", "record 9, but the records are 0 to 2"),
        ("phase", "phases Pn"),
    ],
)
def test_bad_records_are_refused_by_name(what, message):
    with pytest.raises(TrainingError, match=message):
        bank_from_arrays(*bad(what))


def test_digest_tells_data_apart():
    a, b = record_bank(seed=1), record_bank(seed=2)
    assert a.digest() == record_bank(seed=1).digest() != b.digest()
    assert len(a.take([0, 2, 5])) == 3


def test_metadata_gives_the_earliest_p_and_further_events_apart():
    table = pd.DataFrame(
        {
            "trace_P_arrival_sample": [100.0, NAN],
            "trace_Pn_arrival_sample": [90.0, 50.0],
            "trace_s_arrival_sample": [200.0, NAN],
            "trace_S2_arrival_sample": [NAN, 20.0],
            "trace_P_status": ["manual", "manual"],
        }
    )
    found = {tuple(r) for r in picks_of_metadata(table).itertuples(index=False)}
    assert {r[:3] for r in found} == {(0, "P", 90.0), (1, "P", 50.0), (0, "S", 200.0), (1, "S", 20.0)}
    assert len({r[3] for r in found if r[0] == 1}) == 2  # an S of another event before a P is no error


def test_arrivals_follow_a_data_set_that_is_opened_at_another_rate(tmp_path):
    from seisbench.data import WaveformDataset, WaveformDataWriter

    with WaveformDataWriter(tmp_path / "metadata.csv", tmp_path / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 50}
        row = {"trace_P_arrival_sample": 300, "trace_S_arrival_sample": 400, "trace_sampling_rate_hz": 50.0}
        writer.add_trace(row, np.random.default_rng(0).standard_normal((3, 1000)).astype(np.float32))
    for rate, onsets in ((None, [300, 400]), (100, [600, 800])):
        bank = bank_from_dataset(WaveformDataset(tmp_path, sampling_rate=rate, component_order="ZNE"))
        assert bank.onsets[0, :, 0].tolist() == onsets


@pytest.mark.parametrize("bank", [record_bank, signal_bank])
def test_same_seed_same_batches_and_another_step_another_batch(bank):
    def batches(seed):
        return Batches(bank(), noise=noise_bank(), window_samples=512, batch_size=16, seed=seed)

    first, again, other = batches(3), batches(3), batches(4)
    again(5)  # what was asked for before does not matter
    for a, b in zip(first(2), again(2), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first(2)[0], first(3)[0])
    assert not torch.equal(first(2)[0], other(2)[0])
    x, y = first(0)
    assert x.shape == y.shape == (16, 3, 512)
    assert torch.isfinite(x).all()
    assert x.dtype == y.dtype == torch.float32


@pytest.mark.parametrize("bank", [record_bank, signal_bank])
@pytest.mark.parametrize("stretched", [0.0, 1.0])
def test_labels_stand_where_the_waves_begin(bank, stretched):
    """Impulses instead of waves: the largest sample of the vertical is P, whatever was done to the window."""
    plain = bank()
    spikes = torch.zeros_like(plain.waveforms)
    for phase, channel in ((0, 0), (1, 1)):
        spikes[torch.arange(len(plain)), channel, plain.onsets[:, phase, 0].long()] = 100.0
    made = plain.take(range(len(plain)))
    made.waveforms[:] = spikes
    a = Augmentation(
        **dict.fromkeys(
            ("coda_chance", "filter_chance", "hum_chance", "spike_chance", "gap_chance", "clip_chance"), 0.0
        ),
        **dict.fromkeys(("vertical_only_chance", "dead_channel_chance", "round_chance", "noise_only_chance"), 0.0),
        **dict.fromkeys(("emergent_chance", "microseism_chance"), 0.0),
        stack_weights=(1.0,),
        stretch_chance=stretched,
        rotate=False,
        snr_db=(40.0, 1.0),
        added_noise_chance=0.0,
    )
    batches = Batches(made, noise=noise_bank(), window_samples=512, batch_size=48, seed=1, augmentation=a)
    x, y = batches(0)
    checked = 0
    for row in range(48):
        for phase, channel in ((0, 0), (1, 1)):
            label = y[row, phase]
            inside = 10 < label.argmax() < 500 and label.max() > 0.99
            if inside:
                assert abs(int(x[row, channel].abs().argmax()) - int(label.argmax())) <= 1
                checked += 1
    assert checked > 30


def test_every_record_is_used_once_an_epoch():
    batches = Batches(record_bank(10), window_samples=512, batch_size=4, seed=0)
    rows = torch.cat([batches._rows_of(step) for step in range(5)])  # two epochs of ten
    assert sorted(rows[:10].tolist()) == sorted(rows[10:].tolist()) == list(range(10))
    assert rows[:10].tolist() != rows[10:].tolist()
    assert batches.steps_per_epoch == 3


def test_signals_are_mixed_with_noise_of_their_own_kind():
    x, picks = signals(8)
    group = np.array([0, 1] * 4)
    x[group == 1] *= 1e6
    bank = bank_from_arrays(x, picks, kind="signals", level=np.where(group, 4e5, 0.4), group=group)
    noise = noise_bank(4)
    noise.waveforms[2:] *= 1e6
    noise.group[2:] = 1
    noise.level[2:] *= 1e6
    made, _ = Batches(bank, noise=noise, window_samples=512, batch_size=64, augmentation=Augmentation.none())(0)
    size = made.std((1, 2)).log10()
    assert ((size < 3) | (size > 4)).all()
    with pytest.raises(TrainingError, match="no instrument group in common"):
        Batches(bank, noise=bank_from_arrays(x, kind="noise", group=np.full(8, 5)), window_samples=512)
    with pytest.raises(TrainingError, match="need a bank of noise"):
        Batches(bank)
    with pytest.raises(TrainingError, match="samples, but"):
        Batches(bank, noise=noise, window_samples=3001)


def test_an_event_buried_in_the_coda_of_another_is_not_labelled():
    time = torch.arange(600)
    small = torch.zeros(2, 3, 600)
    small[:, :, 300:400] = torch.sin(time[:100] * 0.8)
    loud = torch.randn(1, 3, 600, generator=torch.Generator().manual_seed(0)) * 20
    total = small + torch.cat([loud, 0.001 * loud])
    assert stands_out(small, total, torch.tensor([300.0, 300.0]), 2.0).tolist() == [False, True]


def test_cut_gives_zeros_where_the_record_is_not():
    x = torch.arange(1.0, 11.0).repeat(2, 1, 1)
    out = cut(x, torch.tensor([0, 1, 0]), torch.tensor([-2, 7, 3]), 5)
    assert out[:, 0].tolist() == [[0, 0, 1, 2, 3], [8, 9, 10, 0, 0], [4, 5, 6, 7, 8]]


def test_scattering_lengthens_a_wave_and_leaves_its_onset():
    x = torch.zeros(16, 3, 600)
    x[:, 0, 200] = 1.0
    out = augment.scatter(x, Dice(0, 0), Augmentation(coda_chance=1.0), 100.0)
    assert out[..., :200].abs().max() < 1e-5
    assert (out[:, 0, 205:].abs().amax(1) > 1e-3).all()
    assert (out[:, 1:, 200:].abs().amax((1, 2)) > 1e-3).all()  # and some of it is on the horizontals


def test_emergent_waves_begin_where_they_began_weakly_and_end_in_full():
    x = torch.zeros(40, 3, 800)
    x[:, :, 200] = 10.0
    a = Augmentation(emergent_chance=1.0, emergent_s=(0.5, 2.0), emergent_first=(0.1, 0.3))
    onset, least = torch.full((40,), 200.0), torch.zeros(40)
    onset[0], least[1] = torch.nan, 5.0  # nothing to begin at; an arrival that has to stay as large as it is
    made = augment.emergent(x, onset, torch.full((40,), 1.2), least, Dice(3, 0), a, 100.0)
    assert torch.equal(made[0], x[0])
    assert not made[:, :, :200].any()
    first, rest = made[2:, 0, 200], made[2:, 0, 201:].abs()
    assert ((first >= 1.0) & (first <= 3.0)).all()
    assert made[1, 0, 200] == 10.0  # not made weaker than the least
    last = 201 + (rest > 0).float().cumsum(1).argmax(1)
    assert ((last > 245) & (last <= 320)).all()  # between 0.5 s and the longest time that was allowed
    assert torch.allclose(rest.amax(1), torch.tensor(10.0))
    assert torch.equal(x[:, 0, 200], torch.full((40,), 10.0))  # what was given is not changed


def test_microseism_is_slow_and_leaves_the_band_of_the_arrivals_alone():
    x = torch.randn(30, 3, 3001, generator=torch.Generator().manual_seed(1))
    a = Augmentation.none()
    a = replace(a, microseism_chance=1.0, microseism_over_record=(5.0, 10.0))
    made, _ = augment.disturb(x.clone(), torch.full((30, 2, 1), torch.nan), Dice(5, 1), a, 100.0)
    added = torch.fft.rfft(made - x).abs().square().sum((0, 1))
    f = torch.fft.rfftfreq(3001, 0.01)
    assert added[f > 1.05].sum() < 1e-6 * added.sum()
    ratio = (made - x).std(-1) / x.std(-1)
    assert ((ratio > 4.5) & (ratio < 11.0)).all()


def test_records_keep_their_own_microseism_and_the_recipe_says_so():
    chances = [Batches(b(), noise=noise_bank(), window_samples=512).describe()["augmentation"]["microseism_chance"]
               for b in (record_bank, signal_bank)]  # fmt: skip
    assert chances == [0.0, Augmentation().microseism_chance]


def test_rotation_keeps_energy_and_the_vertical():
    x = torch.randn(5, 6, 100, generator=torch.Generator().manual_seed(0))
    out = augment.rotate(x, Dice(1, 0))
    assert torch.equal(out[:, [0, 3]], x[:, [0, 3]])
    torch.testing.assert_close((out[:, 1:3] ** 2).sum((1, 2)), (x[:, 1:3] ** 2).sum((1, 2)))
    assert not torch.allclose(out[:, 1], x[:, 1])


def test_gaps_take_their_labels_and_missing_channels_are_zero():
    x, onsets = torch.ones(400, 3, 1000), torch.full((400, 2, 1), 500.0)
    a = Augmentation(
        gap_chance=1.0, filter_chance=0, hum_chance=0, spike_chance=0, clip_chance=0, vertical_only_chance=0.5
    )
    out, after = augment.disturb(x.clone(), onsets, Dice(0, 0), a, 100.0)
    kept = torch.isfinite(after[:, 0, 0])
    assert 0.05 < (~kept).float().mean() < 0.6
    vertical_only = (out[:, 1:] == 0).all(2).all(1)
    assert 0.4 < vertical_only.float().mean() < 0.65
    zeroed = (out[:, 0] == 0) & ~(out[:, 0] == 0).all(1, keepdim=True)
    assert not zeroed[kept, 500].any()
