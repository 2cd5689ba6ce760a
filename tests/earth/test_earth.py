import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.tables import TableError
from course_utils.earth import LocalFrame, azimuthal_gap, distance_azimuth, layers_to_nodes, read_velocity, sample
from course_utils.earth.traveltime import TravelTimes


def stations(*elevations):
    n = len(elevations)
    return pd.DataFrame(
        {
            "station": [f"XX.S{i}." for i in range(n)],
            "latitude": 40.0 + 0.1 * np.arange(n),
            "longitude": -124.0,
            "elevation_m": np.array(elevations, float),
        }
    )


def model(*rows):
    return pd.DataFrame(rows, columns=["depth_km", "vp_km_s", "vs_km_s"])


def test_homogeneous_times_are_straight_lines_to_stations_above_and_below_sea_level():
    times = TravelTimes.build(stations(1200, 0, -2400), model((0, 6.0, 3.5)), 100, 30)
    distance, depth = np.meshgrid([0.0, 3.3, 17.0, 60.0, 99.0], [3.0, 8.1, 29.0])
    for phase, speed in (("P", 6.0), ("S", 3.5)):
        for i, height_km in enumerate((1.2, 0.0, -2.4)):
            exact = np.hypot(distance, depth + height_km) / speed
            assert np.abs(times.times(phase, i, distance, depth) - exact).max() < 0.004


def test_gradient_model_agrees_with_closed_form():
    # t = arccosh(1 + k^2 (x^2 + dz^2) / (2 v1 v2)) / k for velocity v0 + k z (Aki and Richards 2002, ch. 9)
    k = 0.05
    times = TravelTimes.build(stations(0), model((0, 5.0, 5.0 / 1.75), (200, 15.0, 15.0 / 1.75)), 150, 40)
    distance, depth = np.meshgrid([5.0, 40.0, 120.0], [2.0, 15.0, 35.0])
    exact = np.arccosh(1 + k**2 * (distance**2 + depth**2) / (2 * 5.0 * (5.0 + k * depth))) / k
    assert np.abs(times.times("P", 0, distance, depth) - exact).max() < 0.01
    assert np.allclose(times.times("S", 0, distance, depth) / times.times("P", 0, distance, depth), 1.75, atol=5e-3)


def test_head_wave_overtakes_the_direct_wave():
    layered = layers_to_nodes(model((0, 5.0, 2.9), (20, 8.0, 4.6)))
    times = TravelTimes.build(stations(0), layered, 200, 15)
    head = 150 / 8.0 + (2 * 20 - 5) * np.sqrt(1 / 25 - 1 / 64)
    assert times.times("P", 0, 150, 5) == pytest.approx(head, abs=0.06)
    assert times.times("P", 0, 20, 5) == pytest.approx(np.hypot(20, 5) / 5, abs=0.01)


def test_layered_times_agree_with_taup():
    obspy_taup = pytest.importorskip("obspy.taup")
    iasp = obspy_taup.TauPyModel("iasp91")
    crust = layers_to_nodes(model((0, 5.8, 3.36), (20, 6.5, 3.75), (35, 8.04, 4.47)))
    times = TravelTimes.build(stations(0), crust, 160, 20)
    for distance in (30.0, 80.0, 140.0):
        for phase, names in (("P", ["p", "P", "Pn", "Pg"]), ("S", ["s", "S", "Sn", "Sg"])):
            first = iasp.get_travel_times(10.0, np.degrees(distance / 6371.0), names)[0].time
            assert times.times(phase, 0, distance, 10.0) == pytest.approx(first, abs=0.12)


def test_slopes_and_angles():
    times = TravelTimes.build(stations(0), model((0, 6.0, 3.5)), 100, 30)
    _, across, down = times.times_and_slopes("P", 0, 30.0, 20.0)
    r = np.hypot(30, 20)
    assert (float(across), float(down)) == pytest.approx((30 / r / 6, 20 / r / 6), rel=0.03)
    assert times.incidence_deg("P", 0, 30.0, 20.0) == pytest.approx(np.degrees(np.arctan2(30, 20)), abs=1.5)
    assert times.takeoff_deg("P", 0, 30.0, 20.0) == pytest.approx(180 - np.degrees(np.arctan2(30, 20)), abs=1.5)
    assert np.isnan(times.times("P", 0, [101.0, 50.0], [5.0, 31.5])).all()


def test_bad_requests_name_the_thing():
    with pytest.raises(ValueError, match="empty"):
        TravelTimes.build(stations(), model((0, 6.0, 3.5)), 100, 30)
    with pytest.raises(ValueError, match="deepest station"):
        TravelTimes.build(stations(-4000), model((0, 6.0, 3.5)), 100, 3)
    times = TravelTimes.build(stations(0), model((0, 6.0, 3.5)), 20, 10)
    with pytest.raises(KeyError, match=r"YY\.Z"):
        times.index(["XX.S0.", "YY.Z."])


@settings(max_examples=40, deadline=None)
@given(st.floats(-85, 85), st.floats(-180, 180), st.floats(-150, 150), st.floats(-150, 150))
def test_local_frame_round_trip_and_distance(latitude, longitude, x, y):
    frame = LocalFrame(latitude, longitude)
    back = frame.to_xy_km(*frame.to_geographic(x, y))
    assert back[0] == pytest.approx(x, abs=1e-6) and back[1] == pytest.approx(y, abs=1e-6)
    distance, _ = distance_azimuth(latitude, longitude, *frame.to_geographic(x, y))
    assert distance == pytest.approx(np.hypot(x, y), abs=1e-6)


@pytest.mark.filterwarnings("error")
def test_local_frame_keeps_the_shape_of_its_input():
    frame = LocalFrame(40.0, -124.0)
    for shape in ((), (1,), (1, 1), (3,), (2, 3), (0,)):
        back = frame.to_geographic(*frame.to_xy_km(np.full(shape, 40.2), np.full(shape, -123.5)))
        assert back[0].shape == back[1].shape == shape
        assert np.allclose(back[0], 40.2) and np.allclose(back[1], -123.5)


def test_frame_around_the_date_line():
    network = pd.DataFrame({"latitude": [0.0, 0.0], "longitude": [179.0, -179.0]})
    assert abs(LocalFrame.around(network).longitude) == pytest.approx(180.0)


def test_azimuthal_gap():
    assert azimuthal_gap([0, 90, 180, 350]) == 170
    assert azimuthal_gap([10]) == 360
    assert azimuthal_gap([350, 10, 10]) == 340


def test_velocity_files(tmp_path):
    file = tmp_path / "v.csv"
    file.write_text("depth_km, vp_km_s, vs_km_s\n0,5,2.9\n10,6,3.5\n")
    assert sample(read_velocity(file), [-1, 5, 20])[0] == pytest.approx([5, 5.5, 6])
    assert sample(read_velocity(file, "layers"), [0, 9.9, 10.1])[1] == pytest.approx([2.9, 2.9, 3.5])
    file.write_text("depth,vp\n0,5\n")
    with pytest.raises(TableError, match=r"v\.csv.*depth_km"):
        read_velocity(file)
    file.write_text("depth_km,vp_km_s,vs_km_s\n0,2.9,5\n")
    with pytest.raises(TableError, match="swapped"):
        read_velocity(file)
    file.write_text("depth_km,vp_km_s,vs_km_s\n0,5800,3300\n")
    with pytest.raises(TableError, match="unit"):
        read_velocity(file)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_velocity(tmp_path / "nowhere.csv")
