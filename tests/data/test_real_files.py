"""REAL's pick folders and station lists become tables, and what is no pick is named with its line."""

import os
import zipfile

import pandas as pd
import pytest

from course_utils import data
from course_utils.catalog.tables import TableError
from course_utils.data.real_files import holds_real_picks


@pytest.fixture
def folder(tmp_path):
    day = tmp_path / "20161014"
    day.mkdir()
    (day / "YR.ED19.P.txt").write_text("11.64 0.9 0.17\n6362.869999 0.8 0\n\n")
    (day / "YR.ED19.S.txt").write_text("12.5 0.7 0.2\n")
    (day / "IV.FEMA.P.txt").write_text("")
    (day / "._IV.FEMA.P.txt").write_text("Mac OS X")
    (day / "notes.txt").write_text("not picks")
    return tmp_path


def test_a_folder_or_a_zip_of_days(folder, tmp_path):
    picks = data.read_real_picks(folder)
    assert picks["station"].tolist() == ["YR.ED19."] * 3
    assert picks["phase"].tolist() == ["P", "S", "P"]
    assert picks["time"].iloc[2] == pd.Timestamp("2016-10-14T01:46:02.869999Z")
    assert picks["probability"].tolist() == [0.9, 0.7, 0.8]
    assert picks["wood_anderson_mm"].isna().tolist() == [False, False, True]
    with zipfile.ZipFile(tmp_path / "picks.zip", "w") as archive:
        for file in sorted((folder / "20161014").iterdir()):
            archive.write(file, f"20161014/{file.name}")
    pd.testing.assert_frame_equal(data.read_real_picks(tmp_path / "picks.zip"), picks)
    pd.testing.assert_frame_equal(data.read_real_picks(folder / "20161014"), picks)
    assert holds_real_picks(folder) and holds_real_picks(tmp_path / "picks.zip")


def test_ratios_are_no_probabilities(folder):
    (folder / "20161014" / "YR.ED19.S.txt").write_text("12.5 16.4 0.2\n")
    picks = data.read_real_picks(folder)
    assert picks["probability"].isna().all()
    assert picks["sta_lta"].tolist() == [0.9, 16.4, 0.8]


def test_what_is_no_pick_is_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.read_real_picks(tmp_path / "nowhere")
    for line in ("12:30 0.9 0.1", "nan 0.5 0.1"):
        (folder / "20161014" / "IV.FEMA.P.txt").write_text("1.0 0.5 0.0\n" + line + "\n")
        with pytest.raises(TableError, match=r"IV\.FEMA\.P\.txt line 2: .* is no pick"):
            data.read_real_picks(folder)
    (folder / "20161014" / "IV.FEMA.P.txt").write_text("1.0 0.5 0.0\n")
    (folder / "20161014").rename(folder / "day")
    with pytest.raises(TableError, match="no day is known"):
        data.read_real_picks(folder / "day")
    assert data.read_real_picks(folder / "day", date="2016-10-14")["time"].iloc[0].day == 14
    (tmp_path / "empty").mkdir()
    assert not holds_real_picks(tmp_path / "empty")
    with pytest.raises(TableError, match="not picks of REAL"):
        data.read_real_picks(tmp_path / "empty")
    (tmp_path / "text.csv").write_text("station,phase,time\n")
    with pytest.raises(TableError, match="neither a folder nor a zip"):
        data.read_real_picks(tmp_path / "text.csv")


def test_stations_are_recognised_among_the_formats(tmp_path):
    path = tmp_path / "station.dat"
    path.write_text("13.3528 42.9773 XO AM05 EHZ 0.464\n12.7657 42.5792 IV 0123 HHZ -0.253\n")
    stations = data.read_stations(path)
    assert stations["station"].tolist() == ["IV.0123.", "XO.AM05."]
    assert stations["elevation_m"].tolist() == [-253.0, 464.0]
    assert stations["latitude"].tolist() == [42.5792, 42.9773]
    assert stations["channels"].tolist() == ["HH", "EH"]
    path.write_text("13.3528 42.9773 XO AM05 EHZ 0.464\n12.7657 42.5792 IV ARRO\n")
    with pytest.raises(TableError, match="cannot be read as REAL's stations"):
        data.read_stations(path)
    path.write_text("42.9773 133.3528 XO AM05 EHZ 0.464\n")
    with pytest.raises(TableError, match="latitude is 133"):
        data.read_stations(path)


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("COURSE_DATA_MIRROR"), reason="COURSE_DATA_MIRROR is not set")
def test_the_day_of_the_demo():
    picks = data.read_real_picks(data.path("real-demo", "demo_real/Pick/20161014.zip"))
    assert (len(picks), (picks["phase"] == "P").sum()) == (85289, 35435)
    assert picks["sta_lta"].min() > 6 and picks["wood_anderson_mm"].notna().all()
    assert picks["station"].isin(data.open("real-demo").stations["station"]).all()
