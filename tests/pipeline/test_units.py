"""Units are done once, redone when anything they depend on changes, and appear whole or not at all."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from course_utils.catalog.tables import conform
from course_utils.pipeline.units import RECORD, Busy, Result, Unit, UnitStore, UnusableInput, table_hash


def some_picks(n):
    times = [pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(seconds=i) for i in range(n)]
    return conform(pd.DataFrame({"station": "X.A.", "phase": "P", "time": times}), "picks")


class Counter:
    """A unit's function that knows how often it ran."""

    def __init__(self):
        self.calls = 0

    def __call__(self, n):
        self.calls += 1
        if n < 0:
            raise UnusableInput("no data")
        return Result({"picks": some_picks(n)}, {"seconds": 10.0 * n})


@pytest.fixture
def work():
    return Counter()


def unit(work, n=3, files=(), **inputs):
    return Unit("pick", "date=2024-01-01/station=X.A.", work, {"n": n}, inputs, tuple(files))


def test_done_once(tmp_path, work):
    store, one = UnitStore(tmp_path), unit(work, model="a")
    first = store.run(one)
    again = store.run(one)
    assert (first.state, again.state, work.calls) == ("done", "kept", 1)
    assert first.rows == again.rows == {"picks": 3}
    assert again.facts == {"seconds": 30.0}
    pd.testing.assert_frame_equal(store.tables(one)["picks"], some_picks(3))


def test_done_again_when_settings_change_or_by_force(tmp_path, work):
    store = UnitStore(tmp_path)
    store.run(unit(work, model="a"))
    assert store.run(unit(work, n=5, model="b")).state == "done"
    assert len(store.tables(unit(work))["picks"]) == 5
    assert store.run(unit(work, n=5, model="b"), force=True).state == "done"
    assert work.calls == 3


def test_input_files_count_by_their_bytes(tmp_path, work):
    file = tmp_path / "a.mseed"
    file.write_bytes(b"abc")
    store = UnitStore(tmp_path / "units")
    store.run(unit(work, files=[file]))
    os.utime(file, (1, 1))  # touched, not changed
    assert store.run(unit(work, files=[file])).state == "kept"
    file.write_bytes(b"abd")
    assert store.run(unit(work, files=[file])).state == "done"


def test_skipped_units_leave_nothing_and_are_tried_again(tmp_path, work):
    store = UnitStore(tmp_path)
    record = store.run(unit(work, n=-1))
    assert (record.state, record.reason) == ("skipped", "no data")
    assert not store.place(unit(work)).exists()
    store.run(unit(work, n=-1))
    assert work.calls == 2


def test_other_errors_pass_and_leave_nothing(tmp_path):
    def broken(n):
        raise ZeroDivisionError

    store = UnitStore(tmp_path)
    with pytest.raises(ZeroDivisionError):
        store.run(unit(broken))
    assert not list(tmp_path.rglob("*.*"))


def test_a_damaged_result_is_done_again_and_said(tmp_path, work):
    store, one = UnitStore(tmp_path), unit(work)
    store.run(one)
    table = store.place(one) / "picks.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    record = store.run(one)
    assert record.state == "done"
    assert "damaged" in record.note
    (store.place(one) / RECORD).write_text("{")
    assert "damaged" in store.run(one).note
    assert store.run(one).state == "kept"


def test_two_runs_do_not_meet(tmp_path):
    store = UnitStore(tmp_path)
    script = textwrap.dedent(
        """
        import sys
        from course_utils.pipeline.units import Busy, UnitStore
        try:
            with UnitStore(sys.argv[1]).locked():
                print("free")
        except Busy as error:
            print(error)
        """
    )
    ask = [sys.executable, "-c", script, str(tmp_path)]
    with store.locked():
        assert "another run" in subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "free\n"
    with store.locked(), pytest.raises(Busy), UnitStore(tmp_path).locked():
        pass


def test_kill_while_a_unit_is_being_written(tmp_path):
    script = textwrap.dedent(
        """
        import os, signal, sys
        import pandas as pd
        from course_utils.catalog.tables import conform
        from course_utils.pipeline import units
        def work():
            frame = pd.DataFrame({"station": ["X.A."], "phase": "P", "time": pd.Timestamp("2024-01-01", tz="UTC")})
            return units.Result({"picks": conform(frame, "picks")})
        def killed(path):
            os.kill(os.getpid(), signal.SIGKILL)
        units.file_hash = killed  # called between writing the tables and writing the record
        store = units.UnitStore(sys.argv[1])
        with store.locked():
            store.run(units.Unit("pick", "one", work, {}, {}))
        """
    )
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert died.returncode == -signal.SIGKILL
    assert list(tmp_path.rglob("*.part"))
    store = UnitStore(tmp_path)
    with store.locked():
        assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "pick" / "one").exists()


def test_names_cannot_leave_the_folder(tmp_path, work):
    store = UnitStore(tmp_path)
    odd = Unit("pick", "../../../x", work, {"n": 1}, {})
    assert tmp_path / "pick" in store.place(odd).resolve().parents
    store.run(odd)
    assert json.loads((store.place(odd) / RECORD).read_text())["name"] == "../../../x"


def test_table_hash_depends_on_content_alone():
    one, two = some_picks(4), pd.concat([some_picks(4)[:2], some_picks(4)[2:]])
    assert table_hash(one, "picks") == table_hash(two, "picks")
    assert table_hash(one, "picks") != table_hash(one[::-1], "picks")
    assert table_hash(one, "picks") != table_hash(one.assign(probability=0.5), "picks")
