"""The program hypoDD itself, where it is installed, on the same data: for comparison."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.formats import hypodd
from course_utils.catalog.store import write_text


class ProgramFailed(ValueError):
    """hypoDD is not installed or did not end well."""


def installed() -> str | None:
    """Path of the program hypoDD, or None."""
    return shutil.which("hypoDD")


def run(
    events, stations, velocity, links, stages, folder: Path, min_links: int = 8, timeout_s: float = 3600
) -> pd.DataFrame:
    """Relocate with hypoDD 2 in ``folder``, where its files stay; returns its events (``read_relocated``).

    Raises:
        ProgramFailed: there is no such program, it failed, or wrote no result; the message names its log.
    """
    program = installed()
    if program is None:
        raise ProgramFailed("hypoDD: no such program on the PATH; install it, or leave out --compare-hypodd")
    folder.mkdir(parents=True, exist_ok=True)
    kinds = set(links["kind"])
    used = stations[stations["station"].isin(links["station"])]
    texts = {
        "event.dat": hypodd.events_text(events),
        "station.dat": hypodd.stations_text(used),
        "hypoDD.inp": hypodd.control_text(stages, velocity, kinds, min_links),
    } | {f"dt.{kind}": hypodd.differences_text(links, kind) for kind in kinds}
    for name, text in texts.items():
        write_text(text, folder / name)
    result = folder / "hypoDD.reloc"
    result.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            [program, "hypoDD.inp"], cwd=folder, capture_output=True, text=True, errors="replace", timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(f"hypoDD: not finished after {timeout_s:g} s; see {folder / 'hypoDD.log'}") from error
    if done.returncode or not result.is_file() or not result.stat().st_size:
        said = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["nothing"]
        raise ProgramFailed(f"hypoDD: no result (exit code {done.returncode}, last words: {said[0]}); see {folder}")
    return hypodd.read_relocated(result)


def difference_text(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """One line: how far the two results are apart once the mean shift is removed."""
    from course_utils.earth import LocalFrame

    both = ours.merge(theirs, on="event_id", suffixes=("", "_b"))
    if not len(both):
        return "hypoDD: no event in common"
    frame = LocalFrame.around(both)
    a = np.column_stack([*frame.to_xy_km(both["latitude"], both["longitude"]), both["depth_km"]])
    b = np.column_stack([*frame.to_xy_km(both["latitude_b"], both["longitude_b"]), both["depth_km_b"]])
    shift = (a - b).mean(axis=0)
    rms = np.sqrt(((a - b - shift) ** 2).sum(axis=1).mean())
    return f"hypoDD: {len(both)} events in common, rms {rms:.3f} km after removing a mean shift of {np.linalg.norm(shift):.3f} km"
