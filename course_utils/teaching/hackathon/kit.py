"""Folders: the worlds of a hackathon as they are read, with the organiser's commitment verified, and a team's kit."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from importlib import resources
from pathlib import Path

import pandas as pd

from course_utils.catalog.store import CATALOG_TABLES, read_table
from course_utils.catalog.tables import Catalog
from course_utils.teaching.hackathon.scoring import GradedWorld

TRUTH_EVENTS, TRUTH_LABELS = "truth_events.parquet", "truth_labels.parquet"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}")


class WorldsError(ValueError):
    """A folder of worlds is incomplete, or is not what was committed to; the message says which part and the remedy."""


def read_world(folder: str | Path) -> Catalog:
    """The catalog that teams are given: events, assignments, picks, stations, velocity."""
    folder = Path(folder)
    if not (folder / "events.parquet").is_file():
        raise WorldsError(f"{folder} holds no world (events.parquet is missing); course hackathon worlds makes some")
    return Catalog(**{name: read_table(folder / f"{name}.parquet", name) for name in CATALOG_TABLES})


def truth_of(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """True events, and what each given event is (event_id, kind, good, true_event_id, ...)."""
    folder = Path(folder)
    missing = [name for name in (TRUTH_EVENTS, TRUTH_LABELS) if not (folder / name).is_file()]
    if missing:
        raise WorldsError(f"{folder}: {', '.join(missing)} is missing")
    return read_table(folder / TRUTH_EVENTS, "events"), pd.read_parquet(folder / TRUTH_LABELS)


def load_worlds(folder: str | Path) -> dict[str, GradedWorld]:
    """The worlds that can be scored here: "public", and the hidden ones where ``secret`` is, once verified.

    Raises:
        WorldsError: something is missing, or seeds, truths or data are not what ``commitment.json`` says.
    """
    folder = Path(folder)
    places = {"public": (folder / "public", folder / "public")}
    if (folder / "secret").is_dir():
        verify(folder)
        places |= {name: (folder / "hidden" / name, folder / "secret" / name) for name in hidden_names(folder)}
    return {
        name: GradedWorld(name, read_world(data).events, *truth_of(truth)) for name, (data, truth) in places.items()
    }


def commitment(folder: Path) -> dict[str, dict]:
    path = folder / "commitment.json"
    if not path.is_file():
        raise WorldsError(f"{path} is missing: nothing says which hidden seeds were promised")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["worlds"])
    except (ValueError, KeyError, TypeError) as error:
        raise WorldsError(f"{path} cannot be read ({error}); copy it again") from None


def hidden_names(folder: Path) -> list[str]:
    return sorted(commitment(folder))


def digest(data: bytes | str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def folder_digest(folder: Path) -> str:
    """SHA-256 of the names and contents of a folder's files."""
    parts = [f"{p.name} {digest(p.read_bytes())}" for p in sorted(folder.iterdir()) if p.is_file()]
    return digest("\n".join(parts))


def verify(folder: str | Path) -> list[str]:
    """Compare hidden data, and seeds and truths where they are, with the commitment; returns what was compared.

    Raises:
        WorldsError: something is not what was promised.
    """
    folder, compared = Path(folder), []
    seeds = folder / "secret" / "seeds.json"
    known = json.loads(seeds.read_text(encoding="utf-8")) if seeds.is_file() else {}
    for name, promised in sorted(commitment(folder).items()):
        found = {"data_sha256": folder_digest(folder / "hidden" / name)} if (folder / "hidden" / name).is_dir() else {}
        if seeds.is_file():
            found["seed_sha256"] = digest(str(known.get(name)))
            found["truth_sha256"] = folder_digest(folder / "secret" / name)
        for key, value in found.items():
            if value != promised.get(key):
                raise WorldsError(
                    f"{name}: its {key.split('_')[0]} is not what commitment.json promised; the score would mean nothing"
                )
            compared.append(f"{name} {key.split('_')[0]}")
    return compared


def new_kit(team: str, worlds: str | Path, out: str | Path = ".") -> Path:
    """A starter folder ``out/team``: README, notebook, data of all worlds (truth of the public one only), submission template.

    Raises:
        ValueError: the team's name cannot be a folder's name.
        FileExistsError: the folder is there already.
        WorldsError: the worlds are incomplete.
    """
    if not _NAME.fullmatch(team) or team.endswith((".", " ")):
        raise ValueError(
            f"team {team[:60]!r}: take up to 40 letters, digits, spaces, '_', '-' and '.', a letter or digit first"
        )
    worlds, kit = Path(worlds), Path(out) / team
    read_world(worlds / "public")
    names = hidden_names(worlds) if (worlds / "commitment.json").is_file() else []
    if kit.exists():
        raise FileExistsError(f"{kit}: there is such a folder already; take another name or --out, or remove it")
    kit.mkdir(parents=True)
    places = {"public": worlds / "public"} | {name: worlds / "hidden" / name for name in names}
    for name, place in places.items():
        target = kit / "data" / ("public" if name == "public" else f"hidden/{name}")
        shutil.copytree(place, target, symlinks=True)
    if names:
        shutil.copy(worlds / "commitment.json", kit / "data" / "commitment.json")
    template = resources.files("course_utils.teaching.hackathon") / "template"
    readme = (template / "team.md").read_text("utf-8")
    files = ", ".join(f"`{name}.csv`" for name in places)
    (kit / "README.md").write_text(readme.replace("{team}", team).replace("{files}", files), encoding="utf-8")
    starter = (template / "starter.py").read_text("utf-8")
    (kit / "starter.py").write_text(starter, encoding="utf-8")
    (kit / "starter.ipynb").write_text(as_notebook(starter), encoding="utf-8")
    (kit / "submission").mkdir()
    rows = read_world(places["public"]).events[["time", "latitude", "longitude", "depth_km", "event_id"]].head(3)
    rows = rows.assign(quality_probability=0.5, time=rows["time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    rows.round(4).to_csv(kit / "submission_template.csv", index=False)
    return kit


def as_notebook(source: str) -> str:
    """A percent script as notebook (nbformat 4.5), the same bytes for the same script."""
    cells = []
    for number, part in enumerate(re.split(r"^# %%", source, flags=re.MULTILINE)[1:]):
        head, _, body = part.partition("\n")
        kind = "markdown" if "[markdown]" in head else "code"
        body = re.sub(r"^# ?", "", body, flags=re.MULTILINE) if kind == "markdown" else body
        cell = {"cell_type": kind, "id": f"cell{number}", "metadata": {}, "source": body.strip("\n").splitlines(True)}
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
