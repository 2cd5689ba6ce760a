"""Curation: what is written is what was recorded, labels are where the arrivals are, and nothing is lost in silence."""

import json

import numpy as np
import pandas as pd
import pytest
from curation_cases import RATE_HZ, START, STATIONS, records, sequence, table

from course_utils.picking.curation import CurationError, CurationSettings, curate, leak_report, pick_columns

SHORT = {"window_s": 30.0, "pick_at_s": (8.0, 12.0), "sampling_rate_hz": RATE_HZ, "after_s": 10.0}


@pytest.fixture(scope="module")
def case():
    origins, picks = sequence()
    arrivals = [(station, at) for _, station, _, at in picks]
    return table(origins, picks), records(arrivals=arrivals)


@pytest.fixture(scope="module")
def made(case, tmp_path_factory):
    return curate(*case, tmp_path_factory.mktemp("set") / "made", noise_fraction=0.5, **SHORT)


def test_samples_and_picks_are_those_of_the_records(case, made):
    catalog, stream = case
    dataset = made.open()
    assert len(dataset) == len(made.metadata) == 18 + 9
    for row, meta in enumerate(dataset.metadata.to_dict("records")):
        code = f"{meta['station_network_code']}.{meta['station_code']}."
        start = pd.Timestamp(meta["trace_start_time"])
        at = round((start - START).total_seconds() * RATE_HZ)
        for i, letter in enumerate("ZNE"):
            trace = next(t for t in stream if t.id.startswith(code) and t.stats.channel == "HH" + letter)
            np.testing.assert_array_equal(dataset.get_waveforms(row)[i], trace.data[at : at + 1500].astype(np.float32))
        for phase in "PS":
            if pd.isna(meta["source_id"]):
                assert pd.isna(meta[f"trace_{phase}_arrival_sample"])
                continue
            event_id = int(meta["source_id"].removeprefix("ev"), 16)
            mine = catalog.assignments.merge(catalog.picks[["pick_id", "time"]], on="pick_id")
            mine = mine[
                (mine["event_id"] == event_id) & mine["station"].str.startswith(code) & (mine["phase"] == phase)
            ]
            said = start + pd.Timedelta(seconds=meta[f"trace_{phase}_arrival_sample"] / RATE_HZ)
            assert abs((said - mine["time"].iloc[0]).total_seconds()) < 2e-6
    snr = made.metadata.loc[~made.metadata["source_id"].fillna("").str.endswith("e"), "trace_P_snr_db"]
    assert snr.dropna().between(36, 44).all()  # 1000 over 10 counts; event 14 begins in the coda of the one before


def test_every_event_in_a_window_is_labelled(made):
    several = made.metadata[made.metadata["trace_source_ids"].str.contains(";")]
    assert len(several) == 6
    first = several[several["source_id"].str.endswith("d")]  # event 13: the next one is 9 s later
    gap = (first["trace_P2_arrival_sample"] - first["trace_P_arrival_sample"]) / RATE_HZ
    np.testing.assert_allclose(gap, 9.0, atol=1e-3)
    assert first["trace_P2_source_id"].str.endswith("e").all()
    assert set(pick_columns(made.metadata).values()) == {"P", "S"}
    assert {"trace_P2_arrival_sample", "trace_S2_arrival_sample"} <= set(pick_columns(made.metadata))


def test_noise_windows_keep_away_from_picks(case, made):
    catalog, _ = case
    noise = made.metadata[made.metadata["trace_category"] == "noise"]
    assert len(noise) == 9
    for meta in noise.to_dict("records"):
        station = f"{meta['station_network_code']}.{meta['station_code']}.{meta['station_location_code']}"
        start = pd.Timestamp(meta["trace_start_time"])
        since = (catalog.picks.loc[catalog.picks["station"] == station, "time"] - start).dt.total_seconds()
        assert not since.between(-15.0, 35.0).any()


@pytest.mark.parametrize("velocity", [True, False])
def test_noise_keeps_away_from_events_that_the_station_did_not_pick(case, tmp_path, velocity):
    catalog, stream = case
    mine = catalog.assignments[(catalog.assignments["station"] == "XX.B.") | (catalog.assignments["event_id"] == 11)]
    picked = catalog.picks["pick_id"].isin(mine["pick_id"])
    layers = pd.DataFrame({"depth_km": [-1.0, 30.0], "vp_km_s": [5.0, 6.5], "vs_km_s": [3.0, 3.7]})
    tables = {"assignments": mine, "picks": catalog.picks[picked]} | ({"velocity": layers} if velocity else {})
    made = curate(catalog.replace(**tables), stream, tmp_path / "set", noise_fraction=50.0, **SHORT)
    noise = made.metadata[(made.metadata["trace_category"] == "noise") & (made.metadata["station_code"] == "A")]
    assert (
        10 <= len(noise) < 30 and made.counts["noise window that could not be had: the station is never quiet so long"]
    )
    for start in pd.to_datetime(noise["trace_start_time"]):
        since = (catalog.events["time"] - start).dt.total_seconds() + 3.0  # P after about 14 km
        assert not since.between(-10.0, 30.0).any()


def test_provenance_and_what_is_unknown_is_written(made):
    held = json.loads((made.folder / "curation.json").read_text())
    assert held["settings"]["window_s"] == 30.0 and held["traces"] == 27
    assert held["counts"]["station without coordinates (kept)"] == 1
    assert held["counts"]["event without magnitude (kept)"] == 1
    row = made.metadata.iloc[0]
    assert row["trace_unit"] == "counts" and row["station_network_code"] == "XX"
    assert 10 < row["path_ep_distance_km"] < 20
    assert leak_report(made.folder).clean and len(leak_report(made.folder).looked) == 3


def test_two_runs_give_the_same_rows_and_other_events_move_none(case, made, tmp_path):
    catalog, stream = case
    kept = catalog.events["event_id"] != 16
    fewer = catalog.replace(
        events=catalog.events[kept], assignments=catalog.assignments[catalog.assignments["event_id"] != 16]
    )
    again = curate(fewer, stream, tmp_path / "fewer", noise_fraction=0.0, **SHORT)
    columns = ["source_id", "station_code", "trace_start_time", "trace_P_arrival_sample", "split"]
    both = again.metadata[columns].merge(made.metadata[columns], on=columns[:2], suffixes=("", "_all"))
    assert len(both) == 15
    for column in columns[2:]:
        assert (both[column] == both[column + "_all"]).all()


def test_bad_labels_are_left_out_and_counted(tmp_path):
    picks = [
        (1, "XX.A.00", "P", 50.0), (1, "XX.A.00", "S", 49.0),
        (1, "XX.B.", "P", 52.0), (1, "XX.B.", "P", 53.0), (1, "XX.B.", "S", 99.0),
        (1, "XX.C.10", "P", 2000.0), (1, "XX.Z.", "P", 60.0), (None, "XX.B.", "P", 60.0),
    ]  # fmt: skip
    made = curate(table([(1, 45.0)], picks), records(200.0), tmp_path / "set", noise_fraction=0.0, split=None, **SHORT)
    assert len(made.metadata) == 1
    assert made.counts["S not after P"] == 2
    assert made.counts["second pick of one phase of an event at a station"] == 1
    assert made.counts["pick outside its window (not labelled)"] == 1
    assert made.counts["no records in the window"] == 2
    assert made.counts["pick of no event (not labelled)"] == 1
    assert made.metadata["trace_unlabelled_picks"].iloc[0] == 2
    assert len(pd.read_csv(made.folder / "left_out.csv")) == len(made.left_out) == 6


def test_damaged_records_are_flagged(tmp_path):
    stream = records(200.0)
    a, b = stream.select(station="A"), stream.select(station="B")
    stream.remove(a.select(component="N")[0])
    clipped = a.select(component="Z")[0].data
    clipped[2600:2620] = 100_000
    east = b.select(component="E")[0]
    east.data = east.data.astype(float)
    east.data[2700:2750] = np.nan
    stream.select(station="C")[0].data[:] = 7  # nothing moves on Z
    picks = [(1, station, "P", 52.0) for station in STATIONS]
    made = curate(table([(1, 45.0)], picks), stream, tmp_path / "set", noise_fraction=0.0, split=None, **SHORT)
    rows = made.metadata.set_index("station_code")
    assert rows["trace_missing_components"].to_dict() == {"A": "N", "B": "", "C": "Z"}
    assert rows["trace_has_clipping"].to_dict() == {"A": True, "B": False, "C": False}
    assert rows["trace_has_nan"].to_dict() == {"A": False, "B": True, "C": False}
    assert rows.loc["B", "trace_has_gaps"] and rows.loc["B", "trace_completeness"] == pytest.approx(
        1 - 50 / 4500, abs=1e-4
    )
    data = made.open().get_waveforms()
    assert np.isfinite(data).all()
    strict = {"min_components": 3, "min_completeness": 1.0}
    with pytest.raises(CurationError, match="too few components: 2; too many gaps: 1"):
        curate(table([(1, 45.0)], picks), stream, tmp_path / "other", noise_fraction=0.0, split=None, **SHORT, **strict)


def test_rates_are_converted_as_seisbench_does(tmp_path):
    from obspy import Stream
    from seisbench.models import WaveformModel

    stream = records(200.0, rate_hz=100.0, stations=STATIONS[:1])
    catalog = table([(1, 45.0)], [(1, "XX.A.00", "P", 52.0)])
    made = curate(catalog, stream, tmp_path / "set", noise_fraction=0.0, split=None, **SHORT)
    meta = made.metadata.iloc[0]
    assert meta["trace_recorded_sampling_rate_hz"] == 100.0 and meta["trace_sampling_rate_hz"] == 50.0
    whole = Stream([stream[0].copy()])
    whole[0].data = whole[0].data.astype(float)
    WaveformModel.resample(whole, 50.0)
    at = round((pd.Timestamp(meta["trace_start_time"]) - START).total_seconds() * 50)
    written = made.open().get_waveforms(0)[0]
    np.testing.assert_allclose(written, whole[0].data[at : at + 1500], atol=0.5)


def test_physical_units_need_sensitivities(tmp_path):
    from course_utils.synthetic import World

    world = World.tiny()
    station = world.stations["station"].iloc[0]
    catalog = table([(1, 45.0)], [(1, station, "P", 52.0)])
    shift = world.start - START
    catalog = catalog.replace(
        picks=catalog.picks.assign(time=catalog.picks["time"] + shift),
        events=catalog.events.assign(time=catalog.events["time"] + shift),
    )
    options = SHORT | {"noise_fraction": 0.0, "split": None, "sampling_rate_hz": 100.0}
    counts = curate(catalog, world, tmp_path / "counts", **options)
    physical = curate(catalog, world, tmp_path / "physical", units="physical", inventory=world.inventory, **options)
    assert physical.metadata["trace_unit"].iloc[0] in ("m/s", "m/s**2")
    channel = physical.metadata["trace_channel"].iloc[0]
    response = world.inventory.get_response(f"{station}.{channel}Z", world.inventory[0][0].start_date or 0)
    ratio = counts.open().get_waveforms(0)[0] / physical.open().get_waveforms(0)[0]
    np.testing.assert_allclose(ratio[np.isfinite(ratio)], response.instrument_sensitivity.value, rtol=1e-5)
    with pytest.raises(CurationError, match="no inventory"):
        curate(catalog, world, tmp_path / "none", units="physical", **options)


def test_a_failed_run_leaves_nothing_and_nothing_is_overwritten(case, made, tmp_path):
    catalog, stream = case

    def stop(done, total):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curate(catalog, stream, tmp_path / "half", progress=stop, **SHORT)
    assert list(tmp_path.iterdir()) == []
    before = (made.folder / "metadata.csv").read_bytes()
    with pytest.raises(CurationError, match="is there already"):
        curate(catalog, stream, made.folder, **SHORT)
    with pytest.raises(KeyboardInterrupt):
        curate(catalog, stream, made.folder, progress=stop, force=True, **SHORT)
    assert (made.folder / "metadata.csv").read_bytes() == before
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(CurationError, match="no data set that curation made"):
        curate(catalog, stream, foreign, force=True, **SHORT)
    assert (foreign / "thesis.txt").exists()


def test_archives_of_files_give_what_the_stream_gives(case, made, tmp_path):
    catalog, stream = case
    raw = tmp_path / "raw"
    raw.mkdir()
    for trace in stream:
        trace.write(str(raw / f"{trace.id}.mseed"), format="MSEED")
    with pytest.raises(CurationError, match="nothing is ever written"):
        curate(catalog, raw, raw / "set", **SHORT)
    again = curate(catalog, raw, tmp_path / "set", noise_fraction=0.5, **SHORT)
    pd.testing.assert_frame_equal(again.metadata, made.metadata)
    np.testing.assert_array_equal(again.open().get_waveforms(), made.open().get_waveforms())


def test_seisbench_generates_batches_from_it(made):
    import seisbench.generate as sbg
    import torch

    generator = sbg.GenericGenerator(made.open())
    generator.add_augmentations(
        [
            sbg.RandomWindow(windowlen=1000),
            sbg.Normalize(demean_axis=-1, amp_norm_axis=-1, amp_norm_type="peak"),
            sbg.ChangeDtype(np.float32),
            sbg.ProbabilisticLabeller(label_columns=pick_columns(made.metadata), sigma=10, dim=0, model_labels="PSN"),
        ]
    )
    batch = next(iter(torch.utils.data.DataLoader(generator, batch_size=27)))
    assert batch["X"].shape == batch["y"].shape == (27, 3, 1000)
    assert torch.isfinite(batch["X"]).all()
    assert batch["y"][:, 0].max() > 0.9


@pytest.mark.parametrize(
    "change, message",
    [
        ({"window_s": 0.0}, "window_s"),
        ({"pick_at_s": (50.0, 70.0)}, "inside the window"),
        ({"component_order": "ZZ"}, "different letters"),
        ({"phases": "Pn"}, "use any, P, S, both"),
        ({"units": "furlongs"}, "counts or physical"),
    ],
)
def test_settings_are_checked(change, message):
    with pytest.raises(CurationError, match=message):
        CurationSettings(**change)


def test_catalogs_without_labels_are_refused(case, tmp_path):
    catalog, stream = case
    with pytest.raises(CurationError, match="no pick belongs to an event"):
        curate(catalog.replace(assignments=catalog.assignments.iloc[:0]), stream, tmp_path / "set")
    with pytest.raises(CurationError, match="event_id 0"):
        nought = catalog.events.assign(event_id=catalog.events["event_id"] - 11)
        curate(catalog.replace(events=nought, assignments=catalog.assignments.iloc[:0]), stream, tmp_path / "set")
    with pytest.raises(CurationError, match="no window could be cut"):
        curate(catalog, records(10.0), tmp_path / "set", noise_fraction=0.0, **SHORT)
    with pytest.raises(CurationError, match="cannot be read"):
        curate(catalog, {"a": 1}, tmp_path / "set")
