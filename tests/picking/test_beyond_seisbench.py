"""Where SeisBench 0.12.6 itself loses data: what it does there, and that the picker keeps them."""

import numpy as np
import pytest
from picking_helpers import difference, make_stream, seeded

from course_utils import picking


def test_fragment_shorter_than_a_window(phasenet):
    start = make_stream(1)[0].stats.starttime
    fragment = make_stream(120).slice(start + 20, start + 45)
    assert len(phasenet.annotate(fragment)) == 0
    (ours,) = picking.annotate(fragment, phasenet)
    assert ours.probabilities.shape == (3, 2501)
    assert len(picking.pick(fragment, phasenet))


def test_records_that_disagree_cost_only_their_common_time(phasenet):
    stream = make_stream(200)
    start = stream[0].stats.starttime
    other = make_stream(110, seed=5, start=str(start + 90))
    assert len(phasenet.annotate(stream + other)) == 0  # both records, 310 s
    annotations = picking.annotate(stream + other, phasenet, max_gap_s=0)
    assert [a.probabilities.shape[1] for a in annotations] == [9000]
    alone = picking.annotate(stream.slice(endtime=start + 89.99), phasenet, max_gap_s=0)
    np.testing.assert_array_equal(annotations[0].probabilities, alone[0].probabilities)


def test_two_sensors_at_one_location(phasenet):
    seismometer, accelerometer = make_stream(90), make_stream(90, seed=4, band="HN")
    theirs = phasenet.annotate(seismometer + accelerometer)
    assert len(theirs) == 3  # one sensor's worth: whichever trace comes last overwrites the other's
    annotations = picking.annotate(seismometer + accelerometer, phasenet, max_gap_s=0)
    assert [a.channel for a in annotations] == ["HH", "HN"]
    for annotation, stream in zip(annotations, (seismometer, accelerometer), strict=True):
        (alone,) = picking.annotate(stream, phasenet, max_gap_s=0)
        np.testing.assert_array_equal(annotation.probabilities, alone.probabilities)
        assert difference(phasenet, stream)[0] < 1e-4


def test_exactly_one_window_of_a_point_model():
    model = seeded("GPD", phases="PSN")
    stream = make_stream(4.05)
    with pytest.raises(ValueError, match="1-dimensional"):
        model.annotate(stream)
    (ours,) = picking.annotate(stream, model, max_gap_s=0)
    assert ours.probabilities.shape == (3, 1)
    assert ours.start_ns == (stream[0].stats.starttime + 2).ns
    longer = picking.annotate(make_stream(4.05) + make_stream(5, start="2024-03-01T00:00:04.05"), model, max_gap_s=0)
    np.testing.assert_allclose(longer[0].probabilities[:, 0], ours.probabilities[:, 0], atol=1e-6)


def test_last_sample_of_some_lengths(phasenet):
    for samples, lost in ((3205, 0), (3206, 1), (3212, 0), (3213, 1)):
        stream = make_stream(samples / 100)
        (ours,) = picking.annotate(stream, phasenet, max_gap_s=0)
        assert ours.probabilities.shape[1] == samples
        assert len(phasenet.annotate(stream)[0]) + 2 * 250 == samples - lost  # its int(seconds * rate) rounds down
