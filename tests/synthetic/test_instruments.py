import numpy as np
import pytest

from course_utils.synthetic.instruments import FULL_SCALE_COUNTS, INSTRUMENTS, STRONG_MOTION, anti_alias, clip

FREQUENCIES = np.geomspace(0.02, 40, 25)


@pytest.mark.parametrize("code", INSTRUMENTS)
def test_response_is_what_obspy_makes_of_the_poles_and_zeros(code):
    from obspy.core.inventory.response import Response

    one = INSTRUMENTS[code]
    theirs = Response.from_paz(
        zeros=list(one.zeros),
        poles=list(one.poles),
        stage_gain=one.gain,
        stage_gain_frequency=one.reference_hz,
        input_units=one.input_units,
        normalization_frequency=one.reference_hz,
        normalization_factor=one.normalisation,
    ).get_evalresp_response_for_frequencies(FREQUENCIES, output="VEL")
    assert one.response(FREQUENCIES) == pytest.approx(theirs, rel=1e-5)


def test_a_gain_can_be_changed_and_holds_at_the_reference_frequency():
    for one in INSTRUMENTS.values():
        other = one.with_gain(1e6)
        factor = 2 * np.pi * one.reference_hz if one.quantity == "acceleration" else 1.0
        assert abs(other.response(one.reference_hz)) == pytest.approx(1e6 * factor, rel=1e-9)


def test_the_digitiser_passes_what_it_should_and_stops_the_rest():
    assert anti_alias(35.0, 100.0) > 0.99
    assert anti_alias(50.0, 100.0) < 0.1


def test_counts_are_whole_and_cut_at_24_bits():
    counts = clip(np.array([-1e9, -0.6, 0.4, 1e9]))
    assert counts.dtype == np.int32
    assert counts.tolist() == [-FULL_SCALE_COUNTS - 1, -1, 0, FULL_SCALE_COUNTS]


def test_the_noise_of_an_accelerometer_hides_a_quiet_station_and_that_of_a_broadband_does_not():
    from course_utils.synthetic.noise import NoiseModel

    f = np.array([2.0, 5.0])
    ground = NoiseModel(level=0.3, roughness_db=0.0).velocity_psd(f)[0]
    assert (STRONG_MOTION.self_noise_velocity_psd(f) > ground).all()
    assert (INSTRUMENTS["HH"].self_noise_velocity_psd(f) < ground).all()
