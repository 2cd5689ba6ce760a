"""Faults: the table says what the faulty data show."""

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.tables import conform
from course_utils.synthetic import World
from course_utils.synthetic.faults import KINDS, REPEATED, inject

NAME = "SY.FERD.00"


@pytest.fixture(scope="module")
def clean():
    return World.tiny(seed=2, stations=3).waveforms(NAME)


def _index(trace, time) -> int:
    return round(
        (time - pd.Timestamp(trace.stats.starttime.ns, unit="ns", tz="UTC")).total_seconds() * trace.stats.sampling_rate
    )


def _channel(stream, code):
    return stream.select(channel=code)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", ["spike", "step", "clipping", "dead"])
def test_sample_faults_are_where_the_table_says_and_nowhere_else(clean, kind, seed):
    faulty, table = inject(clean, NAME, seed, kinds=[kind])
    assert len(table) == 1 and table["kind"].tolist() == [kind]
    row = table.iloc[0]
    for before, after in zip(sorted(clean, key=lambda t: t.id), faulty, strict=True):
        changed = np.flatnonzero(before.data != after.data)
        if after.stats.channel != row["channel"]:
            assert not len(changed)
            continue
        first, last = _index(after, row["start"]), _index(after, row["end"])
        assert len(changed) and first <= changed[0] and changed[-1] <= last
        difference = after.data.astype(float) - before.data
        if kind == "spike":
            assert (difference[first : last + 1] == row["size"]).all() and last - first < 3
        elif kind == "step":
            assert changed[0] == first and np.allclose(difference[first:], row["size"])
        elif kind == "clipping":
            assert (changed[0], changed[-1]) == (first, last)
            middle = np.median(before.data)
            assert np.abs(after.data - np.trunc(middle)).max() == row["size"]
        else:
            assert np.ptp(after.data[first : last + 1]) <= 1
            assert row["size"] == pytest.approx((last - first + 1) / 100.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gaps_lack_exactly_their_samples(clean, seed):
    faulty, table = inject(clean, NAME, seed, kinds=["gap"], per_kind=2)
    assert len(table) == 6 and len(faulty) == 9
    for code in ("HHZ", "HHN", "HHE"):
        pieces, whole = _channel(faulty, code), _channel(clean, code)[0]
        rows = table[table["channel"] == code]
        assert sum(t.stats.npts for t in pieces) == whole.stats.npts - round(rows["size"].sum() * 100)
        for piece in pieces:
            at = _index(whole, pd.Timestamp(piece.stats.starttime.ns, unit="ns", tz="UTC"))
            assert (whole.data[at : at + piece.stats.npts] == piece.data).all()
        gaps = pieces.get_gaps()
        assert len(gaps) == 2
        for gap, row in zip(gaps, rows.itertuples(), strict=True):
            assert pd.Timestamp(gap[4].ns, unit="ns", tz="UTC") == row.start - pd.Timedelta("10ms")
            assert pd.Timestamp(gap[5].ns, unit="ns", tz="UTC") == row.end + pd.Timedelta("10ms")


def test_an_overlap_holds_two_versions(clean):
    faulty, table = inject(clean, NAME, 4, kinds=["overlap"])
    row = table.iloc[0]
    one, two = _channel(faulty, row["channel"])
    first, last = _index(one, row["start"]), _index(one, row["end"])
    assert one.stats.npts == last + 1 and two.stats.starttime == one.stats.starttime + first / 100
    assert (one.data[first:] != two.data[: last - first + 1]).mean() > 0.5
    whole = _channel(clean, row["channel"])[0].data
    assert (one.data == whole[: last + 1]).all() and (two.data[last - first + 1 :] == whole[last + 1 :]).all()


def test_swapped_and_flipped_channels(clean):
    faulty, table = inject(clean, NAME, 5, kinds=["swapped"])
    a, b = table["channel"]
    assert table["unit"].tolist() == [b, a]
    for x, y in ((a, b), (b, a)):
        assert (_channel(faulty, x)[0].data == _channel(clean, y)[0].data).all()
    faulty, table = inject(clean, NAME, 5, kinds=["flipped"])
    code = table["channel"].iloc[0]
    for trace in clean:
        sign = -1 if trace.stats.channel == code else 1
        assert (_channel(faulty, trace.stats.channel)[0].data == sign * trace.data).all()


def test_clock_and_rate_change_the_stamps_and_not_the_samples(clean):
    for kind in ("clock", "rate"):
        faulty, table = inject(clean, NAME, 6, kinds=[kind])
        row = table.iloc[0]
        assert row["channel"] == "*"
        for trace in clean:
            other = _channel(faulty, trace.stats.channel)[0]
            assert (trace.data == other.data).all()
            if kind == "clock":
                assert other.stats.starttime - trace.stats.starttime == pytest.approx(row["size"], abs=1e-6)
                assert 0.2 <= abs(row["size"]) <= 5.01
            else:
                assert other.stats.sampling_rate == row["size"] != 100.0
            end = pd.Timestamp(other.stats.endtime.ns, unit="ns", tz="UTC")
            assert abs((end - row["end"]).total_seconds()) < 2e-6


@pytest.mark.parametrize("seed", range(6))
def test_all_faults_together_stay_where_the_stamps_of_the_faulty_stream_say(clean, seed):
    faulty, table = inject(clean, NAME, seed, kinds=KINDS)
    assert set(table["kind"]) == set(KINDS)
    pd.testing.assert_frame_equal(conform(table, "faults"), table)
    row = table[table["kind"] == "spike"].iloc[0]
    peaks = []
    for trace in _channel(faulty, row["channel"]):
        at = _index(trace, row["start"])
        if 3 <= at < trace.stats.npts - 3:
            peaks.append(np.abs(np.diff(trace.data[at - 2 : at + 3].astype(float))).max())
    assert peaks and max(peaks) > 0.5 * abs(row["size"])
    dead = table[table["kind"] == "dead"].iloc[0]
    constant = [
        np.ptp(t.data[_index(t, dead["start"]) : _index(t, dead["end"]) + 1])
        for t in _channel(faulty, dead["channel"])
        if _index(t, dead["start"]) >= 0 and _index(t, dead["end"]) < t.stats.npts
    ]
    assert constant and min(constant) <= 1


def test_the_same_seed_gives_the_same_faults_and_leaves_the_input_alone(clean):
    before = [t.data.copy() for t in clean]
    one, table = inject(clean, NAME, 9, kinds=REPEATED, per_kind=2)
    two, again = inject(clean, NAME, 9, kinds=tuple(reversed(REPEATED)), per_kind=2)
    pd.testing.assert_frame_equal(table, again)
    assert all((a.data == b.data).all() and a.stats == b.stats for a, b in zip(one, two, strict=True))
    assert all((a == t.data).all() for a, t in zip(before, clean, strict=True))
    assert len({inject(clean, NAME, s)[1]["kind"].iloc[0] for s in range(30)}) > 5


def test_bad_input_is_refused(clean):
    from obspy import Stream

    with pytest.raises(ValueError, match="rust"):
        inject(clean, NAME, 1, kinds=["rust"])
    with pytest.raises(ValueError, match="empty"):
        inject(Stream(), NAME, 1)
    with pytest.raises(ValueError, match="does not belong"):
        inject(clean, "SY.PTRO.00", 1)
    with pytest.raises(ValueError, match="less than a minute"):
        inject(clean.slice(clean[0].stats.starttime, clean[0].stats.starttime + 30), NAME, 1)
    with pytest.raises(ValueError, match="too short for so many"):
        inject(clean.slice(clean[0].stats.starttime, clean[0].stats.starttime + 90), NAME, 1, REPEATED, per_kind=9)
    floats = clean.copy()
    floats[0].data = floats[0].data.astype(float)
    with pytest.raises(ValueError, match="integer counts"):
        inject(floats, NAME, 1)
