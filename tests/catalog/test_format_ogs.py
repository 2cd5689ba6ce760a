"""Files of OGS and HYPO71, of hand-written cards whose columns are counted here."""

from __future__ import annotations

import pandas as pd
import pytest

from course_utils.catalog.formats import ogs
from course_utils.catalog.formats.text import Account
from course_utils.catalog.tables import TableError


def columns(**texts: str) -> str:
    """A card with texts at the columns that the names end in: ``code_1="BOO"`` begins in column 1."""
    out = [" "] * 130
    for name, text in texts.items():
        first = int(name.rsplit("_", 1)[1])
        out[first - 1 : first - 1 + len(text)] = text
    return "".join(out).rstrip() + "\n"


TERMINATOR = columns(instruction_18="1", flag_65="D")


def test_phase_cards(tmp_path):
    path = tmp_path / "a.dat"
    path.write_text(
        columns(
            code_1="BOO",
            p_5="iPC0",
            century_9="1",
            date_10="2403272159",
            p_21="5937",
            s_33="6120",
            s_37="eS 2",
            number_76="  17",
        )
        + columns(code_1="COLI", p_5="eP 4", century_9="1", date_10="2403272160", p_21=" 075", number_76="  17")
        + TERMINATOR
        + columns(
            code_1="BAD", p_5="iP-", date_10="7705072010", p_20="58.70"
        )  # seconds with a point, class blank, 1977, no number
        + TERMINATOR
        + columns(code_1="CAE", p_5="?Q 1", date_10="7705072110", p_21="1000", s_33="1200", s_37=" S 5")
    )
    account = Account()
    catalog = ogs.read_dat(path, account)
    rows = catalog.assignments.merge(catalog.picks[["pick_id", "time"]], on="pick_id")
    assert rows["station"].tolist() == [".BOO.", ".BOO.", ".COLI.", ".BAD.", ".CAE."]
    assert rows["phase"].tolist() == ["P", "S", "P", "P", "S"]
    assert rows["event_id"].tolist() == [2024000017] * 3 + [1977000002, 1977000003]
    assert rows["weight"].tolist() == [1.0, 0.5, 0.0, 1.0, 0.0]
    assert rows["time"].tolist() == [
        pd.Timestamp("2024-03-27T21:59:59.37Z"),
        pd.Timestamp("2024-03-27T22:00:01.20Z"),
        pd.Timestamp("2024-03-27T22:00:00.75Z"),
        pd.Timestamp("1977-05-07T20:10:58.70Z"),
        pd.Timestamp("1977-05-07T21:10:12.00Z"),
    ]
    assert not len(catalog.events) and str(account) == ""


def pun(**more: str) -> str:
    card = {"century_1": "1", "date_2": "240327", "clock_8": "2119", "seconds_13": "37.28", "latitude_19": "46-20.50"}
    card |= {
        "longitude_29": "13- 5.74",
        "depth_39": " 7.00",
        "magnitude_46": " 2.43",
        "gap_55": " 59",
        "rms_63": " 0.24",
    }
    return columns(**(card | {"erh_68": "  0.5", "erz_73": "  1.2", "quality_79": "B1"} | more))


def test_summary_cards(tmp_path):
    path = tmp_path / "a.pun"
    path.write_text(
        columns(head_2="DATE    ORIGIN    LAT N    LONG E    DEPTH    MAG NO GAP DMIN  RMS  ERH  ERZ QM")
        + pun()
        + pun(latitude_19="        ", longitude_29="        ")
        + pun(
            erh_68="*****", erz_73="*****", magnitude_46="     ", clock_8="  19", century_1=" ", latitude_19="-46-30.0"
        )
    )
    account = Account()
    events = ogs.read_pun(path, account).events
    assert str(account) == "1 events left out: no location"
    assert events["event_id"].tolist() == [2024000001, 1924000001]
    first, second = events.iloc[0], events.iloc[1]
    assert first["time"] == pd.Timestamp("2024-03-27T21:19:37.28Z") and second["time"] == pd.Timestamp(
        "1924-03-27T00:19:37.28Z"
    )
    assert first["latitude"] == pytest.approx(46 + 20.5 / 60) and second["latitude"] == -46.5
    assert first["longitude"] == pytest.approx(13 + 5.74 / 60) and first["depth_km"] == 7.0
    assert (first["magnitude"], first["magnitude_type"], first["grade"]) == (2.43, "MD", "B")
    assert (first["azimuthal_gap_deg"], first["rms_s"], first["horizontal_error_km"], first["depth_error_km"]) == (
        59,
        0.24,
        0.5,
        1.2,
    )
    assert second[["magnitude", "horizontal_error_km", "depth_error_km"]].isna().all()


def printed(**more: str) -> str:
    card = {"number_1": "    17", "century_7": "1", "date_8": "240327", "clock_15": "2359", "seconds_20": "37.28"}
    card |= {
        "latitude_26": "46-20.50",
        "longitude_36": "13- 5.74",
        "depth_46": " 7.00",
        "magnitude_52": "  2.43",
        "gap_65": " 59",
    }
    card |= {
        "rms_70": " 0.24",
        "erh_75": "  0.5",
        "erz_80": "  1.2",
        "grade_86": "B",
        "stations_113": " 3",
        "local_116": " 2.6",
    }
    return columns(**(card | more))


def test_the_print_out(tmp_path):
    path = tmp_path / "a.hpl"
    station = {"number_1": "    17", "code_8": "BOO", "distance_13": "  3.3", "azimuth_19": "176", "p_27": "iPC1"}
    station |= {"clock_32": "2359", "seconds_37": "39.18", "residual_60": " -0.18"}
    path.write_text(
        columns(
            number_1="    16", century_7="1", date_8="240327", clock_15="2101"
        )  # not located: its stations go with it
        + columns(number_1="    16", code_8="DRE", p_27="ePC2", clock_32="2101", seconds_37=" 2.94")
        + "^SOME PLACE (FRIULI)\n\n"
        + printed()
        + columns(**station, s_106="iS 2", seconds_111="41.95", residual_122="  0.45")
        + columns(**(station | {"code_8": "COLI", "clock_32": "   0", "seconds_37": " 1.50", "p_27": "eP 4"}))
        + "* looked at twice\n"
        + printed(number_1="    18", stations_113=" 0", local_116=" 0.0", clock_15="  12")
    )
    account = Account()
    catalog = ogs.read_hpl(path, account)
    events = catalog.events
    assert events["event_id"].tolist() == [2024000017, 2024000018] and str(account) == "1 events left out: no location"
    assert events["magnitude"].tolist() == [2.6, 2.43] and events["magnitude_type"].tolist() == ["ML", "MD"]
    assert events["place"].iloc[0] == "SOME PLACE (FRIULI)" and pd.isna(events["place"].iloc[1])
    assert events["n_p"].tolist() == [2, 0] and events["n_s"].tolist() == [1, 0]
    rows = catalog.assignments.merge(catalog.picks[["pick_id", "time"]], on="pick_id")
    assert rows["station"].tolist() == [".BOO.", ".BOO.", ".COLI."] and rows["phase"].tolist() == ["P", "S", "P"]
    assert rows["time"].tolist()[:2] == [
        pd.Timestamp("2024-03-27T23:59:39.18Z"),
        pd.Timestamp("2024-03-27T23:59:41.95Z"),
    ]
    assert rows["time"].iloc[2] == pd.Timestamp("2024-03-28T00:00:01.50Z")  # after midnight
    assert rows["weight"].tolist() == [0.75, 0.5, 0.0] and rows["residual_s"].tolist() == [-0.18, 0.45, -0.18]
    assert rows["distance_km"].tolist() == [3.3] * 3 and rows["azimuth_deg"].tolist() == [176.0] * 3


def test_the_published_list(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(
        "index event-id     origin_time(UTC)      t_err   lat     lon   h_err depth v_err gap  ml   md  place event_type\n"
        "00001 2024_00001 2024-01-01T03:22:00.000 ----- ------- ------- ----- ----- ----- --- ---- ---- Not localized [earthquake]\n"
        "00002 2024_00002 2024-01-01T14:22:09.040  0.24 46.3500 13.0957   0.5   7.0   0.9  59 ----  2.4 SOME PLACE (FRIULI) [earthquake]\n"
        "00003 2024_00003 2024-01-01T15:30:00.000  0.15 46.2000 13.1000   0.4   1.0   0.4  80 -0.1 ---- A QUARRY [suspected explosion]\n"
    )
    account = Account()
    events = ogs.read_txt(path, account).events
    assert str(account) == "1 events left out: no location"
    assert events["event_id"].tolist() == [2024000002, 2024000003]
    assert events["magnitude"].tolist() == [2.4, -0.1] and events["magnitude_type"].tolist() == ["MD", "ML"]
    assert events["event_type"].tolist() == ["earthquake", "suspected explosion"]
    assert events["place"].tolist() == ["SOME PLACE (FRIULI)", "A QUARRY"]
    assert events["depth_error_km"].tolist() == [0.9, 0.4] and events["rms_s"].tolist() == [0.24, 0.15]


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (
            ogs.read_dat,
            columns(code_1="BOO", p_5="iPC0", date_10="24x3272119", p_21="5937"),
            r"line 1: '24x3272119' is no date",
        ),
        (ogs.read_dat, columns(code_1="BOO", p_5="iPC0", date_10="2413272119", p_21="5937"), "line 1: .* is no time"),
        (ogs.read_pun, pun(depth_39="seven"), "line 1: 'seven' is no number; columns 39 to 43 hold depth_km"),
        (ogs.read_txt, "head\nno row\n", "line 2: no row; a row has number"),
    ],
)
def test_bad_lines_are_named(tmp_path, read, text, said):
    path = tmp_path / "bad.file"
    path.write_text(text)
    with pytest.raises(TableError, match=said):
        read(path)
