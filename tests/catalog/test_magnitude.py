"""Local magnitudes: amplitudes of known ground motion, a scale recovered from simulated readings, the synthetic Earth's truth."""

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime
from obspy.core.inventory import Channel, Inventory, Network, Response, Station

from course_utils.catalog.amplitudes import from_picks, wood_anderson
from course_utils.catalog.magnitude import HUTTON_BOORE, MagnitudeScale, calibrate, local_magnitudes
from course_utils.catalog.tables import Catalog, conform

START = pd.Timestamp("2024-03-01T00:00:00Z")
STATIONS = [f"XX.S{i}." for i in range(6)]
HZ, RATE, LENGTH_S = 4.0, 100.0, 400
GAIN = {"HH": 6e8, "HN": 4e5}


def channel(code):
    """Flat to velocity (HH) or to acceleration (HN)."""
    units = "M/S" if code.startswith("HH") else "M/S**2"
    response = Response.from_paz(
        [], [-1000.0 + 0j], GAIN[code[:2]], 1.0, units, "COUNTS", 1.0, normalization_factor=1000.0
    )
    return Channel(code, "", 40.0, -120.0, 0.0, 0.0, response=response)


@pytest.fixture(scope="module")
def inventory():
    codes = [band + letter for band in ("HH", "HN") for letter in "NEZ"]
    there = [
        Station(name.split(".")[1], 40.0, -120.0, 0.0, channels=[channel(c) for c in codes]) for name in STATIONS[:5]
    ]
    return Inventory([Network("XX", stations=there)])


def catalog(origins=(100.0,), stations=STATIONS, phases="PS"):
    """Events at 10 km below a row of stations 20, 40, ... km away; waves at 6 and 3.5 km/s, straight."""
    events = conform(
        pd.DataFrame(
            {
                "time": [START + pd.Timedelta(seconds=t) for t in origins],
                "latitude": 40.0,
                "longitude": -120.0,
                "depth_km": 10.0,
            }
        ),
        "events",
    )
    degrees = 20.0 * np.arange(1, len(STATIONS) + 1) / 111.03
    table = conform(
        pd.DataFrame({"station": STATIONS, "latitude": 40.0 + degrees, "longitude": -120.0, "elevation_m": 0.0}),
        "stations",
    )
    rows = [
        (
            event.event_id,
            name,
            phase,
            event.time + pd.Timedelta(round(np.hypot(20.0 * (i + 1), 10) / speed * 1e6), "us"),
        )
        for event in events.itertuples()
        for i, name in enumerate(STATIONS)
        for phase, speed in (("P", 6.0), ("S", 3.5))
        if name in stations and phase in phases
    ]
    pairs = pd.DataFrame(rows, columns=["event_id", "station", "phase", "time"])
    picks = conform(pairs[["station", "phase", "time"]], "picks")
    pairs["pick_id"] = picks["pick_id"]
    return Catalog(
        events, pairs[["event_id", "pick_id", "station", "phase"]], picks, table[table["station"].isin(stations)]
    )


def burst(cat, velocity_m_s=1e-5, noise_m_s=1e-9, bands=("HH",), seed=0):
    """Records with 3 s of a 4 Hz wave after each S, on all three components."""
    rng, stream = np.random.default_rng(seed), Stream()
    t = np.arange(round(LENGTH_S * RATE)) / RATE
    for name in cat.stations["station"]:
        ground = noise_m_s * rng.standard_normal(len(t))
        for s in cat.picks.loc[(cat.picks["station"] == name) & (cat.picks["phase"] == "S"), "time"]:
            since = t - (s - START).total_seconds()
            ground += np.where(
                (since > 0) & (since < 3),
                velocity_m_s * np.sin(np.pi * since / 3) ** 2 * np.sin(2 * np.pi * HZ * since),
                0,
            )
        for band in bands:
            record = ground if band == "HH" else np.gradient(ground, 1 / RATE)
            for letter in "ZNE":
                network, code, location = name.split(".")
                header = {"network": network, "station": code, "location": location, "channel": band + letter}
                header |= {"sampling_rate": RATE, "starttime": UTCDateTime(START.isoformat())}
                stream.append(Trace(np.rint(GAIN[band] * record).astype(np.int32), header))
    return stream


def on_wood_anderson(velocity_m_s):
    """Peak in mm of a steady wave, from the textbook's pendulum: magnification times displacement."""
    w, w0 = 2 * np.pi * HZ, 2 * np.pi / 0.8
    magnification = 2080 * w**2 / np.hypot(w0**2 - w**2, 2 * 0.7 * w0 * w)
    return 1e3 * magnification * velocity_m_s / w


@pytest.mark.parametrize("band", ["HH", "HN"])
def test_amplitudes_are_those_of_the_known_ground_motion(inventory, band):
    cat = catalog(stations=STATIONS[:5])
    readings = wood_anderson(cat, burst(cat, bands=(band,)), inventory)
    assert (readings["reason"] == "").all()
    assert (readings["channel"] == band).all()
    assert readings["amplitude"].to_numpy() == pytest.approx(on_wood_anderson(1e-5), rel=0.02)
    assert readings["distance_km"].to_numpy() == pytest.approx(np.hypot(20.0 * np.arange(1, 6), 10), rel=3e-3)
    assert (readings["highpass_hz"] == 0.1).all()


def test_one_phase_is_enough_and_a_function_serves_as_well_as_a_stream(inventory):
    stream = burst(catalog(stations=STATIONS[:5]))
    asked = []

    def read(station, start, end):
        asked.append((station, start, end))
        times = (UTCDateTime(t.isoformat()) for t in (start, end))
        return stream.select(station=station.split(".")[1]).slice(*times, nearest_sample=False)

    both = wood_anderson(catalog(stations=STATIONS[:5]), stream, inventory)
    assert (both["reason"] == "").all()
    for phases in "PS":
        one = wood_anderson(catalog(stations=STATIONS[:5], phases=phases), read, inventory)
        assert one["amplitude"].to_numpy() == pytest.approx(both["amplitude"].to_numpy(), rel=0.01)
    assert {station for station, _, _ in asked} == set(STATIONS[:5])


def test_the_microseism_is_kept_out_of_small_events(inventory):
    """A swell of 6 s, 100 times larger than the wave on the ground, changes the corner and not the amplitude."""
    cat = catalog(stations=STATIONS[:5])
    stream = burst(cat, 1e-7)
    for trace in stream:
        t = trace.times()
        trace.data = trace.data + np.rint(GAIN["HH"] * 1e-5 * np.sin(2 * np.pi * t / 6)).astype(np.int32)
    readings = wood_anderson(cat, stream, inventory)
    assert (readings["highpass_hz"] > 0.1).all()
    assert (readings["reason"] == "").all()
    assert readings["amplitude"].to_numpy() == pytest.approx(on_wood_anderson(1e-7), rel=0.15)


def test_every_reading_that_cannot_be_used_says_why(inventory):
    cat = catalog(origins=(60.0, 200.0, 208.0))
    stream = burst(cat, bands=("HH", "HN"))
    kept = Stream()
    for trace in stream:
        name = trace.stats.station
        if trace.stats.channel[:2] == "HN" and name != "S1":
            continue
        if name == "S2" and trace.stats.channel == "HHE":
            continue
        if name == "S3":
            trace.data = trace.data.astype(float)
            trace.data[9000:9010] = np.nan
        if name == "S0":
            trace.data = np.clip(trace.data, -3000, 3000)
        if name == "S1" and trace.stats.channel[:2] == "HH":
            trace.data = np.clip(trace.data, -3000, 3000)
        if name == "S4":
            trace.data = (1e4 * np.random.default_rng(1).standard_normal(len(trace.data))).astype(np.int32)
        kept.append(trace)
    readings = wood_anderson(cat, kept, inventory)
    first = readings[readings["event_id"] == cat.events["event_id"][0]].set_index("station")
    assert first["reason"].to_dict() == {
        "XX.S0.": "clipped",
        "XX.S1.": "",
        "XX.S2.": "one horizontal only",
        "XX.S3.": "gap in the record",
        "XX.S4.": "not above the noise",
        "XX.S5.": "no response",
    }
    assert first.loc["XX.S1.", "channel"] == "HN"  # the accelerometer stands in for the clipped seismometer
    second = readings[readings["event_id"] == cat.events["event_id"][1]].set_index("station")
    assert (second["reason"] == "another event in the window").sum() >= 4
    lost = cat.replace(stations=cat.stations.iloc[1:])
    assert (wood_anderson(lost, kept, inventory)["reason"] == "station without coordinates").sum() == 3
    nothing = wood_anderson(cat, Stream(), inventory)
    assert set(nothing["reason"]) == {"no record", "another event in the window"}
    with pytest.raises(ValueError, match="StationXML"):
        wood_anderson(cat, kept, None)
    with pytest.raises(ValueError, match="associate first"):
        wood_anderson(Catalog(cat.events), kept, inventory)


def simulated(rng, events=150, stations=12, spreading=1.3, attenuation=0.004, scatter=0.2, wrong=0.03, unit="mm"):
    """Readings that obey a scale with known parameters, some of them wild."""
    ids = np.arange(1, events + 1)
    true = pd.Series(1.0 + rng.exponential(0.6, events), index=ids)
    names = [f"XX.R{i:02d}." for i in range(stations)]
    terms = rng.normal(0, 0.25, stations)
    terms -= terms.mean()
    scale = MagnitudeScale(
        spreading, attenuation, 2.9, 1.0, 1.0, 500.0, unit, dict(zip(names, terms, strict=True)), scatter
    )
    r = rng.uniform(10, 150, (events, stations))
    log_a = true.to_numpy()[:, None] - scale.correction(r) - terms + scatter * rng.standard_normal(r.shape)
    log_a += np.where(rng.uniform(size=r.shape) < wrong, rng.choice([-2.0, 2.0], r.shape), 0)
    rows = pd.DataFrame(
        {
            "event_id": np.repeat(ids, stations),
            "station": np.tile(names, events),
            "distance_km": r.ravel(),
            "amplitude": 10 ** log_a.ravel(),
            "amplitude_unit": unit,
            "reason": "",
        }
    )
    frame = pd.DataFrame(
        {"event_id": ids, "time": START, "latitude": 40.0, "longitude": np.arange(events) / 1e3, "depth_km": 8.0}
    )
    return (
        scale,
        true,
        rows[rng.uniform(size=len(rows)) < 0.7].reset_index(drop=True),
        Catalog(conform(frame, "events")),
    )


@pytest.mark.parametrize("known", [False, True])
def test_a_known_scale_is_recovered_whatever_the_outliers(known):
    off, scatters = {}, []
    for seed in range(20):
        scale, true, rows, _ = simulated(np.random.default_rng(seed))
        found = calibrate(rows, true if known else None)
        for name, error in found.errors.items():
            off.setdefault(name, []).append((getattr(found, name) - getattr(scale, name)) / error)
        terms = pd.Series(found.station_terms) - pd.Series(scale.station_terms)
        assert terms.abs().max() < 0.08
        scatters.append(found.scatter)
    assert np.mean(scatters) == pytest.approx(0.2, rel=0.08)
    assert set(off) == {"spreading", "attenuation_per_km"} | ({"slope", "offset"} if known else set())
    for values in off.values():
        assert abs(np.mean(values)) < 0.7
        assert 0.6 < np.std(values) < 1.4


def test_the_level_is_the_published_one_where_nothing_else_is_known():
    _, _, rows, _ = simulated(np.random.default_rng(3))
    found = calibrate(rows)
    r = rows["distance_km"]
    assert np.mean(found.correction(r) - HUTTON_BOORE.correction(r)) == pytest.approx(0, abs=0.02)
    assert HUTTON_BOORE.correction(100.0) == pytest.approx(3.0)  # 1 mm at 100 km is magnitude 3
    assert HUTTON_BOORE.correction(17.0) == pytest.approx(2.0, abs=0.03)  # and 10 mm at 17 km


def test_magnitudes_are_unbiased_and_their_errors_true():
    inside, off = [], []
    for seed in range(10):
        scale, true, rows, cat = simulated(np.random.default_rng(seed))
        run = local_magnitudes(cat, rows, scale)
        events = run.catalog.events.dropna(subset="magnitude")
        assert (events["magnitude_type"] == "ML").all()
        difference = events["magnitude"].to_numpy() - true[events["event_id"]].to_numpy()
        off.append(difference.mean())
        inside.append(np.mean(np.abs(difference) < events["magnitude_error"]))
        wild = (run.readings["reason"] == "outlier").mean()
        assert 0.02 < wild < 0.06
    assert abs(np.mean(off)) < 0.01
    assert 0.62 < np.mean(inside) < 0.76


def test_readings_outside_the_scale_are_refused_and_few_stations_give_no_magnitude():
    scale, _, rows, cat = simulated(np.random.default_rng(1), events=30)
    rows.loc[rows["event_id"] == 1, "distance_km"] = 900.0
    rows = rows[(rows["event_id"] != 2) | (rows.groupby("event_id").cumcount() < 2)]
    rows.loc[rows["event_id"] == 3, "amplitude"] = 0.0
    run = local_magnitudes(cat, rows, scale)
    outcomes = run.outcomes.set_index("event_id")["outcome"]
    assert outcomes[[1, 2, 3]].tolist() == ["no reading", "fewer than 3 stations", "no reading"]
    assert run.catalog.events.set_index("event_id")["magnitude"][[1, 2, 3]].isna().all()
    for said in ("distance outside the scale's", "no amplitude or distance", "outlier"):
        assert said in run.summary()


def test_amplitudes_of_picks_get_a_scale_from_known_magnitudes():
    """Ground velocity grows by 1.2 per unit of magnitude here, and the scale says so."""
    rng = np.random.default_rng(8)
    cat = catalog(origins=np.arange(0, 30 * 400, 400.0))
    true = pd.Series(rng.uniform(1, 4, len(cat.events)), index=cat.events["event_id"])
    paired = cat.picks.merge(cat.assignments[["pick_id", "event_id"]], on="pick_id")
    where = cat.stations.set_index("station")["latitude"]
    r = np.hypot((paired["station"].map(where) - 40.0) * 111.03, 10)
    log_v = (
        1.2 * paired["event_id"].map(true) - 1.4 * np.log10(r / 100) - 8 + np.where(paired["phase"] == "P", -0.5, 0.0)
    )
    picks = paired.assign(amplitude=10 ** (log_v + 0.1 * rng.standard_normal(len(r))), amplitude_unit="m/s")
    picks.loc[picks["station"] == "XX.S5.", "amplitude_unit"] = "counts"
    readings = from_picks(cat.replace(picks=picks.drop(columns="event_id")))
    assert set(readings.loc[readings["station"] == "XX.S5.", "reason"]) == {"no amplitude in m/s"}
    scale = calibrate(readings, true)
    assert scale.slope == pytest.approx(1.2, abs=0.05)
    run = local_magnitudes(cat, readings, scale)
    assert run.catalog.events["magnitude"].to_numpy() == pytest.approx(true.to_numpy(), abs=0.2)
    with pytest.raises(ValueError, match="no level of their own"):
        calibrate(readings)
    with pytest.raises(ValueError, match="the scale is for mm"):
        local_magnitudes(cat, readings)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r[r["event_id"] <= 12], "needs 20 events"),
        (lambda r: r.assign(distance_km=50.0 + r["distance_km"] / 100), "cannot tell how amplitudes fall"),
        (lambda r: r.drop(columns="amplitude"), "no column amplitude"),
        (lambda r: pd.concat([r, r.iloc[:1]]), "stand twice"),
        (lambda r: r.assign(reason="clipped"), "there are 0"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(change, said):
    _, _, rows, _ = simulated(np.random.default_rng(1), events=30)
    with pytest.raises(ValueError, match=said):
        calibrate(change(rows))


@pytest.mark.slow
def test_the_largest_bias_on_the_synthetic_earth_is_a_tenth():
    from course_utils.synthetic import World

    world = World.lesson(seed=33, min_magnitude=1.0)
    cat = world.truth.catalog()

    def read(station, start, end):
        return world.waveforms(station, max(start, world.start), min(end, world.end))

    run = local_magnitudes(cat, wood_anderson(cat, read, world.inventory))
    quakes = run.catalog.events[run.catalog.events["event_type"].isin(["earthquake", "quarry blast"])]
    both = quakes.dropna(subset="magnitude_error").merge(world.truth.local_magnitudes, on="event_id")
    assert len(both) >= 20
    off = both["magnitude"] - both["ml"]
    bins = off.groupby((both["ml"] * 2).round() / 2).agg(["mean", "size"])
    assert bins.loc[bins["size"] >= 5, "mean"].abs().max() < 0.1
