import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.formats import hypodd
from course_utils.catalog.tables import TableError

EVENTS = (
    "19850124   2195871   37.8832  -122.2415      9.800  1.4    0.15    0.51   0.02      38542\n"
    "10010101   1010002   36.0216  -120.5733      4.199  0.0    0.00    0.00   0.00         64  0\n"
)
CC = "#    38542       64     -0.174000\nNCCMO    -0.038245201    0.63    P\n# 38542 65 -999\nNCCMO 0.1 0.5 P\n# 64 65 0\nA01 0.25 0.9 S\n"
CT = "#     38542     64\nNCCBW     3.430   3.400 1.0000 P\nNCCBW  6.0 6.1 0.5 S\n"
CONTROL = """hypoDD_2
dt.cc
* a comment
dt.ct
event.sel
    3     3      120
     0     8        -999     -999    -999
    2        {solver}     1     2
  1      0.01   0.005  -999  -999  1.00   0.5    20   -999  20  ctcc
  3      1      0.5      6     3   1.00   0.5    10     3   20
*1 2 3
1
0.00 0.25 1.50 -9
1.42 3.24 4.82 -9
1.73 1.73 1.80 -9
    1
"""


def write(tmp_path, text):
    path = tmp_path / "file"
    path.write_text(text)
    return path


def test_events_keep_ids_and_years_that_nanoseconds_cannot_hold(tmp_path):
    table = hypodd.read_events(write(tmp_path, EVENTS))
    assert table["event_id"].tolist() == [38542, 64]
    assert [str(t) for t in table["time"]] == ["1985-01-24 02:19:58.710000+00:00", "1001-01-01 01:01:00.020000+00:00"]
    assert table["horizontal_error_km"].iloc[0] == 0.15 and table["rms_s"].isna().tolist() == [False, True]
    again = hypodd.read_events(write(tmp_path, hypodd.events_text(table)))
    pd.testing.assert_frame_equal(again.drop(columns="magnitude"), table.drop(columns="magnitude"))


def test_cross_correlation_times_lose_the_correction_and_pairs_without_one(tmp_path):
    with pytest.warns(UserWarning, match="1 pairs without an origin time correction"):
        table = hypodd.read_differences(write(tmp_path, CC), "cc")
    assert table["dt_s"].tolist() == pytest.approx([0.135754799, 0.25])
    assert table[["event_id_1", "event_id_2"]].to_numpy().tolist() == [[38542, 64], [64, 65]]
    assert table["station"].tolist() == [".NCCMO.", ".A01."] and table["weight"].tolist() == [0.63, 0.9]


@pytest.mark.parametrize("kind", ["ct", "cc"])
def test_differences_come_back_as_they_were_written(tmp_path, kind):
    table = hypodd.read_differences(write(tmp_path, CT), "ct").assign(kind=kind)
    assert table["dt_s"].tolist() == pytest.approx([0.03, -0.1])
    again = hypodd.read_differences(write(tmp_path, hypodd.differences_text(table, kind)), kind)
    pd.testing.assert_frame_equal(again, table)
    assert hypodd.differences_text(table, "ct" if kind == "cc" else "cc") == ""


def test_stations_with_and_without_elevation(tmp_path):
    table = hypodd.read_stations(write(tmp_path, "NCJNA    37.176998 -121.844666\nA06 36.0 -121.08  -13000.0\n"))
    assert table["station"].tolist() == [".NCJNA.", ".A06."] and table["elevation_m"].tolist() == [0.0, -13000.0]
    again = hypodd.read_stations(write(tmp_path, hypodd.stations_text(table)))
    pd.testing.assert_frame_equal(again, table)
    assert hypodd.station_label("NC.CBW.") == "NCCBW"
    with pytest.raises(ValueError, match="has 8"):
        hypodd.station_label("NC.ABCDE.0")
    with pytest.raises(ValueError, match="share a HypoDD label"):
        hypodd.stations_text(pd.concat([table, table.assign(station=[".NCJ.NA", ".Z."])]))


def test_phases_become_picks_and_the_sign_of_a_weight_is_a_flag(tmp_path):
    text = (
        "# 1985  1 24  2 19 58.71  37.8832 -122.2415    9.80 1.40  0.15  0.51  0.02      38542\n"
        "NCCSP       2.850  -1.000   P\nNCCSP       5.0  0.500   S\nNCCSP       5.0  0.500   S\n"
    )
    with pytest.warns(UserWarning, match="1 phase lines stand twice"):
        catalog = hypodd.read_phases(write(tmp_path, text))
    assert repr(catalog).startswith("Catalog(1 events, 2 assignments, 2 picks")
    assert catalog.picks["time"].iloc[0] == pd.Timestamp("1985-01-24T02:20:01.56Z")
    assert catalog.assignments["weight"].tolist() == [1.0, 0.5]


def test_results_are_written_in_hypodds_columns(tmp_path):
    line = (
        "    38542  37.878642 -122.244507     9.251      -48.7       62.3      -57.2      3.2      3.2     14.0 1985  1 24  2 "
        "19 58.740  1.4   106   103   177     0  0.006  0.047   1\n"
    )
    table = hypodd.read_relocated(write(tmp_path, line + line.replace("38542", "38543").replace("58.740", "60.000")))
    assert table["time"].iloc[1] == pd.Timestamp("1985-01-24T02:20:00Z")
    assert table[["n_cc_p", "n_cc_s", "n_ct_p", "n_ct_s"]].iloc[0].tolist() == [106, 103, 177, 0]
    again = hypodd.read_relocated(write(tmp_path, hypodd.relocated_text(table)))
    same = [c for c in table.columns if c not in ("x_m", "y_m", "z_m")]
    pd.testing.assert_frame_equal(again[same], table[same])
    np.testing.assert_allclose(again[["x_m", "y_m", "z_m"]].sum(), 0.0, atol=0.2)
    unknown = hypodd.relocated_text(table[["event_id", "time", "latitude", "longitude", "depth_km"]]).split()
    assert unknown[17:24] == ["0", "0", "0", "0", "-9.000", "-9.000", "0"]


def test_control_file_gives_stages_and_layers(tmp_path):
    stages, velocity = hypodd.read_control(write(tmp_path, CONTROL.format(solver=1)))
    assert [s["iterations"] for s in stages] == [1, 3] and [s["damping"] for s in stages] == [0.0, 0.0]
    assert stages[0]["cc_sigmas"] is None and stages[1]["cc_max_km"] == 3.0 and stages[1]["ct_sigmas"] == 10.0
    assert velocity["depth_km"].tolist() == [0.0, 0.25, 0.25, 1.5, 1.5]
    assert velocity["vp_km_s"].tolist() == [1.42, 1.42, 3.24, 3.24, 4.82]
    assert velocity["vs_km_s"].iloc[-1] == pytest.approx(4.82 / 1.8)
    assert "damping" not in hypodd.read_control(write(tmp_path, CONTROL.format(solver=2)))[0][0]
    with pytest.raises(TableError, match="IDAT"):
        hypodd.read_control(write(tmp_path, "nothing\n"))


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (hypodd.read_events, "19850124 2195871 37.88\n", "line 1: 3 columns"),
        (hypodd.read_events, EVENTS.replace("37.8832", "37,8832"), "line 1: could not convert"),
        (hypodd.read_events, EVENTS.replace("19850124", "19851324"), "19851324 is no date"),
        (hypodd.read_events, EVENTS.replace("37.8832", "137.883"), "latitude is 137.883"),
        (hypodd.read_events, EVENTS + EVENTS, "38542 stands twice"),
        (hypodd.read_stations, "A01 1\n", "2 columns"),
        (hypodd.read_phases, "NCCSP 2.85 1 P\n", "a phase line has"),
        (hypodd.read_relocated, "1 2 3\n", "3 columns; hypoDD.reloc has 24"),
        (lambda p: hypodd.read_differences(p, "cc"), CT, "dt.cc has # id1 id2 correction"),
        (lambda p: hypodd.read_differences(p, "ct"), CC, "dt.ct has # id1 id2"),
        (lambda p: hypodd.read_differences(p, "ct"), "NCCBW 3 3 1 P\n", "before the first pair"),
        (lambda p: hypodd.read_differences(p, "ct"), "# 1 2\nNCCBW 3 1 P\n", "is this a dt.ct file"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path, reader, text, message):
    with pytest.raises(TableError, match=message):
        reader(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a file of HypoDD"):
        hypodd.read_events(tmp_path / "none")
