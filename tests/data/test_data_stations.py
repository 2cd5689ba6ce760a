"""A researcher's stations, as people really write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.catalog.tables import TableError
from course_utils.data import read_stations


def table(tmp_path, text, **options):
    path = tmp_path / "stations.txt"
    path.write_text(text, encoding="utf-8")
    return read_stations(path, **options)


def test_our_own_columns(tmp_path):
    stations = table(
        tmp_path,
        'station,latitude,longitude,elevation_m,channels,start\nXX.BBB.00,1,2,-300,HH,2020-01-01\nXX.AAA.,1.5,2.5,12,"HHZ,HHN,HNE",\n',
    )
    assert list(stations["station"]) == ["XX.AAA.", "XX.BBB.00"]
    assert list(stations["channels"]) == ["HH,HN", "HH"] and list(stations["elevation_m"]) == [12.0, -300.0]
    assert stations["start"].notna().tolist() == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "net;sta;loc;lat;lon;elev_km\nXX;AAA;;1,5;2;0.3\n".replace("1,5", "1.5"),
        "Network\tStation\tLatitude\tLongitude\tElevation_m\nXX\tAAA\t1.5\t2\t300\n",
        "\ufeffid, Lat, Lon, Elevation(m)\nXX.AAA, 1.5, 2, 300\n",
        "# my network\nnetwork station location latitude longitude elevation_m\nXX AAA -- 1.5 2 300\n",
    ],
)
def test_other_peoples_columns(tmp_path, text):
    row = table(tmp_path, text).iloc[0]
    assert (row["station"], row["latitude"], row["longitude"], row["elevation_m"]) == ("XX.AAA.", 1.5, 2.0, 300.0)


def test_numeric_looking_codes_stay_text(tmp_path):
    stations = table(tmp_path, "network,station,location,latitude,longitude,elevation_m\n7D,001,00,1,2,3\n")
    assert stations["station"].tolist() == ["7D.001.00"]


def test_elevation_needs_a_unit(tmp_path):
    text = "station,lat,lon,elevation\nXX.AAA,1,2,1.3\n"
    with pytest.raises(TableError, match="does not say its unit"):
        table(tmp_path, text)
    assert table(tmp_path, text, elevation_unit="km")["elevation_m"][0] == 1300.0
    assert table(tmp_path, text, elevation_unit="m")["elevation_m"][0] == 1.3
    with pytest.raises(TableError, match="use 'm' or 'km'"):
        table(tmp_path, text, elevation_unit="feet")


def test_network_for_bare_codes(tmp_path):
    text = "station,latitude,longitude,elevation_m\nAAA,1,2,3\n"
    with pytest.raises(TableError, match="row 0: station 'AAA' has no network"):
        table(tmp_path, text)
    assert table(tmp_path, text, network="XX")["station"][0] == "XX.AAA."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("station,latitude,longitude\nXX.A,1,2\n", "no elevation column"),
        ("station,elevation_m\nXX.A,1\n", "no column for latitude, longitude"),
        ("station,lat,latitude,lon,elevation_m\nXX.A,1,1,2,3\n", "both say latitude"),
        ("station,lat,lon,elevation_m,elevation_km\nXX.A,1,2,3,0.003\n", "all say elevation"),
        ("station,lat,lon,elevation_m\nXX.A,north,2,3\n", "row 0: lat is 'north'"),
        ("station,lat,lon,elevation_m\nXX.A,91,2,3\n", "outside"),
        ("station,lat,lon,elevation_m\nXX.A,1,2,3\nXX.A,1,2,3\n", "stands twice"),
        ("station,lat,lon,elevation_m\nXX.A.00.HHZ,1,2,3\n", "more than three parts"),
        ("<html><body>404</body></html>", "neither StationXML nor"),
    ],
)
def test_bad_files_are_refused_clearly(tmp_path, text, words):
    with pytest.raises(TableError, match=words) as caught:
        table(tmp_path, text)
    assert "stations.txt" in str(caught.value)


@settings(max_examples=30)
@given(
    numbers=st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(-9000, 9000)),
    code=st.text("ABCXYZ0189", min_size=1, max_size=5),
)
def test_round_trip(tmp_path_factory, numbers, code):
    path = tmp_path_factory.mktemp("s") / "s.csv"
    path.write_text("station,latitude,longitude,elevation_m\n" + f"XX.{code}.," + ",".join(map(repr, numbers)) + "\n")
    row = read_stations(path).iloc[0]
    assert row["station"] == f"XX.{code}."
    assert (row["latitude"], row["longitude"], row["elevation_m"]) == pytest.approx(numbers, rel=1e-12, abs=1e-12)


def test_stationxml(tmp_path):
    from obspy import UTCDateTime
    from obspy.core.inventory import Channel, Inventory, Network, Station

    def channel(code, location, elevation, start, latitude=1.0):
        return Channel(code, location, latitude, 2.0, elevation, 0.0, start_date=UTCDateTime(start), end_date=None)

    channels = [
        channel("HHZ", "", 100.0, "2019-01-01", 1.1),
        channel("HHZ", "", 90.0, "2021-01-01", 1.2),
        channel("HNZ", "", 90.0, "2021-01-01", 1.2),
    ]
    channels += [channel("EHZ", "10", -50.0, "2020-01-01")]
    station = Station("AAA", 1.0, 2.0, 100.0, channels=channels)
    path = tmp_path / "network.dat"  # what it is, its content says
    Inventory([Network("XX", [station])], "test").write(str(path), format="STATIONXML")
    stations = read_stations(path)
    assert list(stations["station"]) == ["XX.AAA.", "XX.AAA.10"]
    assert list(stations["elevation_m"]) == [90.0, -50.0] and list(stations["latitude"]) == [1.2, 1.0]
    assert list(stations["channels"]) == ["HH,HN", "EH"] and stations["start"][0].year == 2019
    # a station without channels is not lost, be it alone or beside others
    bare = Station("BBB", 1.0, 2.0, 3.0)
    for network, names in (([bare], ["XX.BBB."]), ([station, bare], ["XX.AAA.", "XX.AAA.10", "XX.BBB."])):
        Inventory([Network("XX", network)], "test").write(str(path), format="STATIONXML")
        stations = read_stations(path)
        assert list(stations["station"]) == names
        assert (stations["elevation_m"].iloc[-1], stations["channels"].isna().iloc[-1]) == (3.0, True)


def test_text_of_fdsn_services(tmp_path):
    path = tmp_path / "stations.txt"
    path.write_text(
        "#Network|Station|Latitude|Longitude|Elevation|SiteName|StartTime|EndTime\n"
        "NC|KMPB|40.4172|-124.1205|912.0|Mount Pierce|2000-01-01T00:00:00|\n"
        "BK|JCC|40.8175|-124.0296|27.2|Jacoby Creek|2001-04-05T00:00:00|2599-12-31T00:00:00\n"
    )
    stations = read_stations(path)
    assert list(stations["station"]) == ["BK.JCC.", "NC.KMPB."]
    assert list(stations["elevation_m"]) == [27.2, 912.0] and stations["longitude"][1] == -124.1205
    path.write_text("#Network|Station\nNC|KMPB\n")
    with pytest.raises(TableError, match=r"stations\.txt"):
        read_stations(path)
