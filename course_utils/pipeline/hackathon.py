"""The worlds of a hackathon: one from a public seed, others from seeds that nobody can guess, promised by their hash.

What teams are given holds neither the seed nor a trace of it: ids are numbers in order of time, and whatever a table says about where
a pick comes from is gone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.store import CATALOG_TABLES, atomic_path, read_table, write_table, write_text
from course_utils.catalog.tables import Catalog
from course_utils.pipeline.faulty_catalog import FaultyCatalog, faulty_catalog
from course_utils.teaching.hackathon.kit import (
    TRUTH_EVENTS,
    TRUTH_LABELS,
    WorldsError,
    commitment,
    digest,
    folder_digest,
    truth_of,
    verify,
)

PUBLIC_SEED = 36
_DIGITS = {"latitude": 5, "longitude": 5, "depth_km": 3, "horizontal_error_km": 3, "depth_error_km": 3, "rms_s": 4}
_DIGITS |= {"azimuthal_gap_deg": 1, "residual_s": 3, "weight": 3, "distance_km": 2, "azimuth_deg": 1, "snr_db": 1}


def for_teams(made: FaultyCatalog) -> tuple[Catalog, pd.DataFrame, pd.DataFrame]:
    """Catalog, true events and labels with new ids; times to a millisecond, amplitudes to four digits, nothing on the picks' origin."""
    catalog, tables = made.catalog, {}
    events = catalog.events.sort_values(["time", "latitude", "longitude"], kind="stable", ignore_index=True)
    picks = catalog.picks.sort_values(["time", "station", "phase"], kind="stable", ignore_index=True)
    event = pd.Series(np.arange(1, len(events) + 1), events["event_id"])
    pick = pd.Series(np.arange(1, len(picks) + 1), picks["pick_id"])
    pairs = catalog.assignments.assign(pick_id=pick.loc[catalog.assignments["pick_id"]].to_numpy())
    pairs["event_id"] = event.loc[pairs["event_id"]].to_numpy()
    logs = np.floor(np.log10(picks["amplitude"]))
    tables["picks"] = picks.assign(
        pick_id=pick.to_numpy(), model="", weights="", amplitude=(picks["amplitude"] / 10**logs).round(3) * 10**logs
    )
    tables["events"] = events.assign(event_id=event.to_numpy())
    tables["assignments"] = pairs.sort_values(["event_id", "pick_id"], kind="stable", ignore_index=True)
    for name in ("picks", "events"):
        tables[name]["time"] = tables[name]["time"].dt.round("ms")
    tables = {name: table.round(_DIGITS) for name, table in tables.items()}
    labels = made.truth_labels.set_index("event_id").loc[events["event_id"]].reset_index()
    for column in ("event_id", "partner_id"):
        labels[column] = event.reindex(labels[column], fill_value=-1).to_numpy()
    return Catalog(stations=catalog.stations, velocity=catalog.velocity, **tables), made.truth_events, labels


def write_worlds(folder: str | Path, number: int = 2, n_events: int = 400, progress: Callable = iter) -> Path:
    """Make ``public``, ``hidden``, ``secret`` and ``commitment.json`` in a new folder.

    Args:
        number: hidden worlds, 1 to 20.
        n_events: true events of each world.
        progress: wraps the list of worlds, to show how far it is.

    Raises:
        FileExistsError: the folder holds something.
        ValueError: a number is out of range.
    """
    folder = Path(folder)
    if not 1 <= number <= 20:
        raise ValueError(f"number is {number}; make 1 to 20 hidden worlds")
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; worlds are made in a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret").mkdir(mode=0o700)
    (folder / "secret").chmod(0o700)  # whatever the umask says
    seeds = {f"world{i}": secrets.token_hex(16) for i in range(1, number + 1)}
    promised = {}
    for name in progress(["public", *seeds]):
        if name == "public":
            write_public(folder, n_events)
            continue
        data, truth = folder / "hidden" / name, folder / "secret" / name
        _write(for_teams(faulty_catalog(int(seeds[name], 16), n_events)), data, truth)
        promised[name] = {
            "seed_sha256": digest(seeds[name]),
            "truth_sha256": folder_digest(truth),
            "data_sha256": folder_digest(data),
            "n_events": n_events,
        }
    write_text(json.dumps(seeds, indent=1) + "\n", folder / "secret" / "seeds.json")
    write_text(json.dumps({"worlds": promised}, indent=1) + "\n", folder / "commitment.json")
    return folder


def write_public(folder: Path, n_events: int = 400) -> Path:
    """The public world alone, as ``folder/public``."""
    public = folder / "public"
    _write(for_teams(faulty_catalog(PUBLIC_SEED, n_events)), public, public)
    return folder


def remake(folder: str | Path, progress: Callable = iter) -> list[str]:
    """Make the hidden worlds again from their revealed seeds; returns the names of those that agree.

    Raises:
        WorldsError: a world is not what its seed gives.
    """
    folder = Path(folder)
    verify(folder)
    seeds = json.loads((folder / "secret" / "seeds.json").read_text(encoding="utf-8"))
    promised = commitment(folder)
    for name in progress(sorted(promised)):
        catalog, _, labels = for_teams(faulty_catalog(int(seeds[name], 16), int(promised[name]["n_events"])))
        events = read_table(folder / "hidden" / name / "events.parquet", "events")
        then = truth_of(folder / "secret" / name)[1]
        same = len(events) == len(catalog.events) and then["kind"].tolist() == labels["kind"].tolist()
        if not same or (events["time"] - catalog.events["time"]).abs().max() > pd.Timedelta("10ms"):
            raise WorldsError(f"{name} is not what its seed gives with this version of the course")
    return sorted(promised)


def _write(world: tuple[Catalog, pd.DataFrame, pd.DataFrame], data: Path, truth: Path) -> None:
    catalog, true_events, labels = world
    for folder in (data, truth):
        folder.mkdir(parents=True, exist_ok=True)
    for name in CATALOG_TABLES:
        write_table(getattr(catalog, name), name, data / f"{name}.parquet")
    write_table(true_events, "events", truth / TRUTH_EVENTS)
    with atomic_path(truth / TRUTH_LABELS) as hidden:
        labels.to_parquet(hidden, index=False)
