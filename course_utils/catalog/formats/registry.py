"""All formats that catalogs are read from and written to, with what each keeps and how exactly."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from course_utils.catalog import store
from course_utils.catalog.formats import comcat, growclust, hypodd, hypoinverse, nonlinloc, ogs, quakeml
from course_utils.catalog.formats.text import Account, renamed
from course_utils.catalog.store import CATALOG_TABLES
from course_utils.catalog.tables import Catalog, TableError, columns


@dataclass(frozen=True)
class Format:
    """A format: how files are named and recognised, what reads and writes it, the columns it keeps of each table."""

    name: str
    title: str
    endings: tuple[str, ...]
    keeps: dict[str, set[str]]
    precision: str
    read: Callable[[Path, Account], Catalog] | None = None
    write: Callable[[Catalog, Path, Account], Path] | None = None
    looks: str = field(default="", repr=False)

    def lost(self, catalog: Catalog) -> list[str]:
        """What of a catalog this format has no place for: whole tables, and columns that hold something."""
        out = []
        for table in CATALOG_TABLES:
            frame = getattr(catalog, table)
            if not len(frame) or self.name == "tables":  # Parquet keeps further columns too
                continue
            if table not in self.keeps:
                out.append(f"{table} (all {len(frame)} rows)")
                continue
            held = [c for c in frame.columns if frame[c].notna().any() and c not in self.keeps[table]]
            out += [f"{table}: {', '.join(held)}"] if held else []
        return out


@dataclass(frozen=True)
class Written:
    """What became of a catalog that was written: where, in which format, and what did not get there."""

    path: Path
    format: Format
    account: Account
    lost: list[str]
    names_path: Path | None

    def __str__(self) -> str:
        out = [f"written to {self.path} as {self.format.name}: {self.format.precision}"]
        out += [f"lost: {'; '.join(self.lost)}"] if self.lost else []
        out += [str(self.account)] if str(self.account) else []
        out += [f"{len(self.account.names())} names replaced, see {self.names_path}"] if self.names_path else []
        return "\n".join(out)


def _all(*tables: str) -> dict[str, set[str]]:
    return {table: set(columns(table)["column"]) for table in tables}


def _of(events: str = "", assignments: str = "", picks: str = "", **more: str) -> dict[str, set[str]]:
    base = {"events": "event_id time latitude longitude depth_km ", "assignments": "event_id pick_id station phase "}
    base["picks"] = "pick_id station phase time "
    given = {"events": events, "assignments": assignments, "picks": picks} | more
    return {table: set((base.get(table, "") + names).split()) for table, names in given.items() if names}


def _read_tables(path: Path) -> Catalog:
    """A folder of tables, with or without events, or one Parquet file that says which table it holds."""
    if path.suffix == ".parquet" and path.is_file():
        name = store.table_name(path) or "events"
        return Catalog(**{name: store.read_table(path, name)})
    found = [name for name in CATALOG_TABLES if (path / f"{name}.parquet").is_file()]
    if "events" in found or not found:
        return store.read_catalog(path)
    return Catalog(**{name: store.read_table(path / f"{name}.parquet", name) for name in found})


def _write_quakeml(catalog: Catalog, path: Path, account: Account) -> Path:
    free = ~catalog.picks["pick_id"].isin(catalog.assignments["pick_id"])
    account.row("picks", "belongs to no event", int(free.sum()))
    return quakeml.write_quakeml(catalog, path)


_ERRORS = "magnitude horizontal_error_km depth_error_km rms_s "
_PLACE = {"stations": {"station", "latitude", "longitude", "elevation_m"}}
_MODEL = _all("velocity")
_LOCATED = _ERRORS + "magnitude_type azimuthal_gap_deg n_p n_s"
_CARDS = _ERRORS + "magnitude_type azimuthal_gap_deg grade duration_magnitude"
_LISTED = _ERRORS + "magnitude_type azimuthal_gap_deg event_type duration_magnitude place"

FORMATS: tuple[Format, ...] = (
    Format(
        "tables",
        "Folder of this course: five tables as Parquet, and the catalog as CSV and QuakeML (one table alone is read)",
        ("/", ".parquet"),
        _all(*CATALOG_TABLES),
        "every bit",
        lambda path, account: _read_tables(path),
        lambda catalog, path, account: store.write_catalog(catalog, path),
    ),
    Format(
        "comcat-csv",
        "CSV of the USGS ComCat",
        (".csv",),
        {"events": {column for column, _, _ in comcat.COLUMNS}},
        "1 µs; 1e-6°; 0.1 m; magnitudes 0.001",
        lambda path, account: Catalog(comcat.read_csv(path)),
        lambda catalog, path, account: comcat.write_csv(catalog.events, path),
        r"\A[^\n]*latitude[^\n]*,",
    ),
    Format(
        "quakeml",
        "QuakeML 1.2",
        (".xml", ".qml", ".quakeml"),
        _all("events", "assignments", "picks"),
        "1 µs; places as they are; picks that are assigned",
        lambda path, account: quakeml.read_quakeml(path),
        lambda catalog, path, account: _write_quakeml(catalog, path, account),
        r"<(\w+:)?quakeml",
    ),
    Format(
        "hypoinverse-arc",
        "HYPOINVERSE-2000 archive (year 2000 format; older ones are read)",
        (".arc",),
        _of(_LOCATED + " event_type", "residual_s weight distance_km azimuth_deg", "channel"),
        "0.01 s; 0.01 minute (18 m); 10 m; magnitudes 0.01 from -0.99 to 9.99; blast or not",
        hypoinverse.read_arc,
        hypoinverse.write_arc,
        r"^\d\d[ \d]{12,16}[ \d]\d[ S][ \d]{4}[ \d]{3}[ E]",
    ),
    Format(
        "hypoinverse-sum",
        "HYPOINVERSE-2000 readable summary (H71 3)",
        (".sum",),
        _of(_ERRORS + "magnitude_type azimuthal_gap_deg"),
        "0.01 s; 0.0001° (11 m); 10 m; magnitudes 0.01; errors 100 m",
        hypoinverse.read_sum,
        None,
        r"\A +DATE +TIME +SEC +LAT +LON +DEPTH",
    ),
    Format(
        "hypoinverse-station",
        "HYPOINVERSE-2000 stations (format 2)",
        (".sta",),
        {"stations": _PLACE["stations"] | {"channels"}},
        "0.0001 minute (0.2 m); 1 m from -999 to 9999",
        lambda path, account: Catalog(stations=hypoinverse.read_stations(path)),
        lambda catalog, path, account: hypoinverse.write_stations(catalog.stations, path, account),
        r"^.{15}[ \d]\d [ \d]\d\.\d{4}[NS ][ \d]{2}\d [ \d]\d\.\d{4}[EW ]",
    ),
    Format(
        "hypoinverse-crh",
        "HYPOINVERSE-2000 layers, a file for P and one for S",
        (".crh",),
        _MODEL,
        "0.01 km/s; 10 m; below sea level; gradients become layers",
        None,
        lambda catalog, path, account: hypoinverse.write_crh(catalog.velocity, path),
    ),
    Format(
        "nonlinloc-hyp",
        "NonLinLoc hypocenters",
        (".hyp",),
        _of(_LOCATED, "residual_s weight distance_km azimuth_deg", "channel pick_error_s"),
        "1 µs (phases 0.1 ms); 1e-6°; 1 mm; magnitudes 0.001",
        nonlinloc.read_hyp,
        nonlinloc.write_hyp,
        r"^NLLOC ",
    ),
    Format(
        "nonlinloc-obs",
        "NonLinLoc phases (NLLOC_OBS)",
        (".obs",),
        _of(picks="channel pick_error_s", assignments=" "),
        "0.1 ms; errors to three digits; picks that are assigned",
        nonlinloc.read_obs,
        nonlinloc.write_obs,
        r"^(\S+\s+){4}\S+\s+\S+\s+\d{8}\s+\d{3,4}\s+[\d.]+\s+GAU",
    ),
    Format(
        "nonlinloc-stations",
        "NonLinLoc stations (GTSRCE)",
        (".gtsrce",),
        _PLACE,
        "1e-6°; 1 mm",
        lambda path, account: Catalog(stations=nonlinloc.read_stations(path)),
        lambda catalog, path, account: nonlinloc.write_stations(catalog.stations, path, account),
        r"^GTSRCE\s",
    ),
    Format(
        "nonlinloc-layers",
        "NonLinLoc model (LAYER)",
        (".layers",),
        _MODEL,
        "0.0001 km/s; 0.1 m; gradients kept",
        lambda path, account: Catalog(velocity=nonlinloc.read_layers(path)),
        lambda catalog, path, account: nonlinloc.write_layers(catalog.velocity, path),
        r"^LAYER\s",
    ),
    Format(
        "hypodd-pha",
        "HypoDD phases (ph2dt)",
        (".pha",),
        _of(_ERRORS, "weight", " "),
        "1 ms (travel times 0.1 ms); 1e-6°; 0.1 m; magnitudes 0.01, 0 where unknown",
        lambda path, account: hypodd.read_phases(path),
        hypodd.write_phases,
        r"^#\s*\d{4}\s+\d+\s+\d+\s+\d+\s+\d+\s+[\d.]+\s",
    ),
    Format(
        "hypodd-event",
        "HypoDD events",
        ("event.dat", "event.sel"),
        _of(_ERRORS),
        "0.01 s; 1e-6°; 0.1 m; magnitudes 0.01, 0 where unknown",
        lambda path, account: Catalog(hypodd.read_events(path)),
        lambda catalog, path, account: hypodd.write_events(catalog.events, path, account),
        r"^\s*\d{7,8}\s+\d{1,8}\s+-?\d+\.\d+\s+-?\d+\.\d+\s",
    ),
    Format(
        "hypodd-station",
        "HypoDD stations",
        ("station.dat", "station.sel"),
        _PLACE,
        "1e-6°; 0.1 m",
        lambda path, account: Catalog(stations=hypodd.read_stations(path)),
        lambda catalog, path, account: hypodd.write_stations(catalog.stations, path, account),
        r"\A\s*[A-Z]\S{0,6}\s+-?\d+\.\d+\s+-?\d+\.\d+(\s+-?[\d.]+){0,2}\s*$",
    ),
    Format(
        "hypodd-reloc",
        "HypoDD results (hypoDD.reloc, hypoDD.loc)",
        (".reloc", ".loc"),
        _of("magnitude"),
        "1 ms; 1e-6°; 1 m; magnitudes 0.1",
        lambda path, account: Catalog(hypodd.read_relocated(path)),
        hypodd.write_relocated,
        r"\A\s*\d+(\s+-?[\d.]+){9}\s+\d{3,4}(\s+\d{1,2}){4}\s+[\d.]+\s",
    ),
    Format(
        "growclust-evlist",
        "GrowClust event list (format 1)",
        ("evlist.txt",),
        _of(_ERRORS),
        "1 ms; 1e-5°; 1 m; magnitudes 0.01, 0 where unknown",
        lambda path, account: Catalog(growclust.read_events(path)),
        lambda catalog, path, account: growclust.write_events(catalog.events, path, account),
        r"\A\s*\d{4}(\s+\d{1,2}){4}\s+[\d.]+(\s+-?[\d.]+){7}\s+\d+\s*$",
    ),
    Format(
        "growclust-stlist",
        "GrowClust station list (format 2; 1 is read)",
        ("stlist.txt",),
        _PLACE,
        "1e-6°; 0.1 m",
        lambda path, account: Catalog(stations=growclust.read_stations(path)),
        lambda catalog, path, account: growclust.write_stations(catalog.stations, path, account),
    ),
    Format(
        "growclust-vzmodel",
        "GrowClust model",
        ("vzmodel.txt",),
        _MODEL,
        "0.0001 km/s; 0.1 m; gradients kept",
        None,
        lambda catalog, path, account: growclust.write_velocity(catalog.velocity, path),
    ),
    Format(
        "growclust-cat",
        "GrowClust results (out.growclust_cat)",
        ("growclust_cat", ".cat"),
        _of(_ERRORS),
        "1 ms; 1e-5°; 1 m; magnitudes 0.01",
        lambda path, account: Catalog(growclust.read_relocated(path)),
        None,
        r"\A\s*\d{4}(\s+\d{1,2}){4}\s+[\d.]+\s+\d+(\s+\S+){18}\s*$",
    ),
    Format(
        "ogs-dat",
        "OGS and HYPO71 phase cards",
        (".dat",),
        _of(assignments="weight", picks=" "),
        "0.01 s; weights in quarters",
        ogs.read_dat,
        None,
        r"^[A-Z0-9]{1,4} {0,3}[eiEI? ][PpSs ][cCdDuU+ -][0-4 ][1 ]\d{10}",
    ),
    Format("ogs-hpl", "OGS print-out of HYPO71", (".hpl",), _of(_CARDS + " place n_p n_s", "weight residual_s distance_km azimuth_deg", " "),
           "0.01 s; 0.01 minute (18 m); 10 m", ogs.read_hpl, None, r"^[ \d]{6}[1 ]\d{6} [ \d]{4} "),
    Format("ogs-pun", "OGS and HYPO71 summary cards", (".pun",), _of(_CARDS), "0.01 s; 0.01 minute (18 m); 10 m", ogs.read_pun, None,
           r"^[ 1]\d{6}[ \d]{4} [ \d]\d\.\d\d .{0,3}\d-"),
    Format("ogs-txt", "OGS published list", (".txt",), _of(_LISTED), "1 ms; 0.0001° (11 m); 100 m", ogs.read_txt, None, r"^\d{5} \d{4}_\d{5} "),
)  # fmt: skip


def named(name: str) -> Format:
    """The format of a name; ValueError lists the names."""
    for one in FORMATS:
        if one.name == name:
            return one
    raise ValueError(f"{name!r} is no format; there are {', '.join(one.name for one in FORMATS)}")


def guess(path: str | Path, writing: bool = False) -> Format:
    """The format of a file by its name and, where it is to be read, by its first lines.

    Raises:
        FileNotFoundError: there is no such file to read.
        ValueError: no format fits.
    """
    path = Path(path)
    fit = [(len(end), one) for one in FORMATS for end in one.endings if path.name.lower().endswith(end)]
    by_name = [one for _, one in sorted(fit, key=lambda pair: -pair[0])]
    if writing:
        if path.suffix == ".parquet":
            raise ValueError(f"{path.name}: tables are written into a folder; give a name without ending")
        by_name = [one for one in by_name if one.write] or ([named("tables")] if not path.suffix else [])
        if not by_name:
            raise ValueError(f"{path.name}: no format is written with this ending; say which with --to NAME")
        return by_name[0]
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file or folder; expected a catalog")
    if path.is_dir():
        return named("tables")
    with open(path, encoding="utf-8", errors="replace") as handle:
        head = "".join(line for _, line in zip(range(200), handle, strict=False) if line.strip())
    able = [one for one in (*by_name, *FORMATS) if one.read and (one.looks or one in by_name)]
    for one in able:
        if re.search(one.looks, head, re.MULTILINE):
            return one
    raise ValueError(f"{path}: looks like none of the formats that are read; say which with --from NAME")


def read(path: str | Path, format: Format | None = None, account: Account | None = None) -> Catalog:
    """The catalog of a file or folder; names that were replaced when it was written come back from ``PATH.names.csv``.

    Raises:
        ValueError: the format cannot be guessed, or is only written.
        TableError: the file is not in this format.
    """
    path, format = Path(path), format or guess(path)
    if format.read is None:
        raise ValueError(f"{format.name}: this format is only written")
    catalog = format.read(path, account if account is not None else Account())
    names = names_path_of(path)
    if names.is_file():
        table = pd.read_csv(names, dtype="str", keep_default_na=False)
        if list(table.columns) != ["kind", "in_file", "name"]:
            raise TableError(f"{names}: expected the columns kind, in_file and name; remove the file or write it again")
        catalog = renamed(catalog, table)
    return catalog


def write(catalog: Catalog, path: str | Path, format: Format | None = None) -> Written:
    """Write a catalog to a file or folder, and say what the format could not hold; replaced names go to ``PATH.names.csv``.

    Raises:
        ValueError: the format cannot be guessed, is only read, or holds none of the tables that the catalog has.
    """
    path, format, account = Path(path), format or guess(path, writing=True), Account()
    if format.write is None:
        raise ValueError(
            f"{format.name}: this format is only read; others are {', '.join(f.name for f in FORMATS if f.write)}"
        )
    if not any(len(getattr(catalog, table)) for table in format.keeps):
        raise ValueError(f"{format.name} holds {', '.join(format.keeps)}, and {catalog} has none; give another --to")
    written = format.write(catalog, path, account)
    names, names_path = account.names(), names_path_of(path)
    if len(names):
        store.write_text(names.to_csv(index=False), names_path)
    else:
        names_path.unlink(missing_ok=True)  # of an earlier catalog under this name
    return Written(Path(written), format, account, format.lost(catalog), names_path if len(names) else None)


def names_path_of(path: Path) -> Path:
    """Where the names that were replaced in a file are noted."""
    return path.with_name(path.name + ".names.csv")
