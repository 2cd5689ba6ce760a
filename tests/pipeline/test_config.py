"""A configuration is right as a whole, or every wrong key is named with its value and a remedy."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.pipeline.config import Config, ConfigError, check_keys, read_config

GOOD = """
[input]
waveforms = "waves"
stations = "stations.csv"
velocity = "velocity.csv"
velocity_interpolation = "layers"
start = 2014-08-24T00:00:00
end = "2014-08-24T00:10:00+00:00"

[pick]
p_threshold = 0.2

[associate]
min_picks = 8

[reference]
catalog = "other.csv"
max_km = 2
"""


def test_a_good_file(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(GOOD)
    config = read_config(path)
    assert config.input.start == datetime(2014, 8, 24, tzinfo=UTC)
    assert config.input.end == datetime(2014, 8, 24, 0, 10, tzinfo=UTC)
    assert config.path(config.input.stations) == tmp_path / "stations.csv"
    assert config.associate.settings == {"min_picks": 8}
    assert config.pick.model == "phasenet:original"
    assert config.reference.max_km == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("p_threshold = 0.2", "p_treshold = 0.2"), r"run.toml: \[pick\] p_treshold = 0.2: .*did you mean p_threshold"),
        (("p_threshold = 0.2", "p_threshold = 2"), r"\[pick\] p_threshold = 2: .*less than 1"),
        (('stations = "stations.csv"', ""), r"\[input\]: stations is missing"),
        (('waveforms = "waves"', ""), r"\[input\] waveforms: is missing; add it \(a folder of MiniSEED"),
        (("start = 2014-08-24T00:00:00", 'start = "yesterday"'), r"\[input\] start = 'yesterday': not a time"),
        (("start = 2014-08-24T00:00:00", "start = 2014-08-25"), r"\[input\]: end .* is not after start"),
        (('"layers"', '"cubic"'), r"velocity_interpolation = 'cubic'.*'linear' or 'layers'"),
        (("[reference]", "[referenz]"), r"\[referenz\] = '\{...\}': there is no such key; did you mean reference"),
        (("[pick]", "[pick"), "not TOML"),
    ],
)
def test_a_wrong_file_says_where_and_what(change, message, tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError, match=message):
        read_config(path)


def test_all_errors_at_once():
    with pytest.raises(ConfigError) as caught:
        Config.from_dict({"input": {"waveforms": "x", "colour": 1}, "pick": {"device": 3}})
    assert len(str(caught.value).splitlines()) == 2


def test_a_synthetic_world_brings_stations_and_velocity():
    config = Config.from_dict({"input": {"waveforms": "synthetic:lesson"}})
    assert config.input.stations is None


def test_open_sections_are_checked_by_their_room():
    with pytest.raises(ConfigError, match=r"\[associate\] min_pick = 5: .*did you mean min_picks"):
        check_keys("associate", {"min_pick": 5}, ["min_picks", "method"])


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_config(tmp_path / "none.toml")


@given(st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1)))
def test_times_mean_the_same_as_text_and_as_toml_time(moment):
    forms = [moment, moment.isoformat(), moment.replace(tzinfo=UTC), moment.isoformat() + "Z"]
    read = {Config.from_dict({"input": {"waveforms": "synthetic:x", "start": form}}).input.start for form in forms}
    assert read == {moment.replace(tzinfo=UTC)}
