"""``course doctor``: is this machine ready, and if not, what to do about it. Needs no network."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import typer

PACKAGES = (
    "numpy", "pandas", "scipy", "torch", "seisbench", "obspy", "pyocto", "GMMA", "fteikpy", "numba", "pyproj", "pyarrow", "duckdb", "pymseed",
    "safetensors", "pooch", "pyyaml", "pydantic", "typer", "rich", "matplotlib", "plotly", "ipykernel",
)  # fmt: skip
OPTIONAL = ("jupyter-book", "jupytext", "jupyterlab", "nbmake", "dask", "dask-jobqueue", "dask-mpi")


@dataclass
class Finding:
    """One line of the report: what was looked at, what was found, how bad, and what to do."""

    topic: str
    value: str
    level: str = "ok"  # "ok", "note" (works, could be better) or "problem" (something needed does not work)
    remedy: str = ""


def doctor() -> None:
    """Show versions, device, caches and data, and what to do about each problem. Exit code 1 when the course cannot run."""
    findings = examine()
    for finding in findings:
        mark = {"ok": "  ", "note": "- ", "problem": "! "}[finding.level]
        typer.echo(f"{mark}{finding.topic:20s} {finding.value}")
        if finding.remedy:
            typer.echo(f"{'':23s}-> {finding.remedy}")
    problems = sum(finding.level == "problem" for finding in findings)
    notes = sum(finding.level == "note" for finding in findings)
    if problems:
        typer.echo(f"\n{problems} to repair before the course can run (marked !)")
        raise typer.Exit(1)
    typer.echo("\nready" + (f"; {notes} remarks (marked -)" if notes else ""))


def examine() -> list[Finding]:
    """All findings, in the order of the report. A check that fails itself becomes a problem, never a traceback."""
    checks: tuple[Callable[[], list[Finding]], ...] = (
        _python, _packages, _optional, _device, _fast_engine, _own_weights, _seisbench, _data, _writing,
    )  # fmt: skip
    findings = []
    for check in checks:
        try:
            findings += check()
        except Exception as error:
            findings.append(
                Finding(
                    check.__name__.strip("_"), f"{type(error).__name__}: {error}", "problem", "report this as a bug"
                )
            )
    return findings


def _python() -> list[Finding]:
    where = f"{platform.python_version()} ({sys.executable}), {platform.platform(terse=True)}, {platform.machine()}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return [Finding("Python", where)]
    return [
        Finding(
            "Python",
            where,
            "problem",
            "the course needs Python 3.11, 3.12 or 3.13: make a new environment with one of them",
        )
    ]


def _packages() -> list[Finding]:
    versions, missing = _versions(PACKAGES)
    out = [Finding("course_utils", _course_version())]
    rows = [f"{name} {version}" for name, version in versions.items()]
    out += [Finding("packages" if i == 0 else "", ", ".join(rows[i : i + 6])) for i in range(0, len(rows), 6)]
    if missing:
        out.append(
            Finding("missing packages", ", ".join(missing), "problem", f"python -m pip install {' '.join(missing)}")
        )
    if {"numpy", "pyarrow"} <= versions.keys():
        numpy, pyarrow = (int(versions[p].split(".")[0]) for p in ("numpy", "pyarrow"))
        if numpy < 2 and pyarrow >= 26:
            text = f"numpy {versions['numpy']} with pyarrow {versions['pyarrow']}"
            out.append(Finding("version clash", text, "problem", 'python -m pip install "pyarrow<26"'))
    return out


def _course_version() -> str:
    from course_utils import __version__

    return f"{__version__} ({Path(__file__).parents[2]})"


def _optional() -> list[Finding]:
    versions, missing = _versions(OPTIONAL)
    out = []
    if versions:
        out.append(Finding("optional", ", ".join(f"{name} {version}" for name, version in versions.items())))
    if missing:
        out.append(Finding("not installed", f"{', '.join(missing)} (extras book, test, scale: only if you need them)"))
    return out


def _versions(names: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    versions, missing = {}, []
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    return versions, missing


def _device() -> list[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    out = [
        Finding(
            "CPU",
            f"{cores} cores usable"
            + (f", OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}" if "OMP_NUM_THREADS" in os.environ else ""),
        )
    ]
    try:
        import torch
    except Exception as error:
        return [
            *out,
            Finding(
                "torch",
                f"cannot be imported: {error}",
                "problem",
                "install it again: python -m pip install --force-reinstall torch",
            ),
        ]
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return [*out, Finding("device", f"cuda: {names}")]
    if getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
        return [*out, Finding("device", "mps (Apple GPU)")]
    built = f"torch {torch.__version__}"
    if any(Path("/dev").glob("nvidia[0-9]*")):
        remedy = "install a CUDA build of torch that fits the driver (https://pytorch.org/get-started)"
        return [*out, Finding("device", f"cpu, although there is an NVIDIA device ({built})", "note", remedy)]
    return [*out, Finding("device", f"cpu ({built}); the course is made to run on it")]


def _fast_engine() -> list[Finding]:
    """The kernel needs numba; which vector instructions it uses, the processor says."""
    try:
        from course_utils.picking import lanes
    except (ImportError, OSError, RuntimeError) as error:
        remedy = "the torch engine gives the same picks, slower; for the kernel: python -m pip install --force-reinstall numba"
        return [Finding("picking engine", f"torch; the kernel cannot be loaded: {error}", "note", remedy)]
    return [
        Finding(
            "picking engine",
            f"kernel for PhaseNet ({lanes.INSTRUCTIONS}, {lanes.LANES} windows side by side), torch for all",
        )
    ]


def _own_weights() -> list[Finding]:
    package = Path(__file__).parents[2]
    found = sorted(package.rglob("*.safetensors"))
    if found:
        return [Finding("packaged weights", ", ".join(f"{f.stem} ({f.stat().st_size / 1e6:.1f} MB)" for f in found))]
    return [
        Finding(
            "packaged weights",
            "none",
            "problem",
            "install the package again from its release: embedded mode picks with them",
        )
    ]


def _seisbench() -> list[Finding]:
    from course_utils.data import manifest

    value = os.environ.get("SEISBENCH_CACHE_ROOT", "").strip()
    root = Path(value).expanduser() if value else Path.home() / ".seisbench"
    origin = "SEISBENCH_CACHE_ROOT" if value else "default; SEISBENCH_CACHE_ROOT is not set"
    if not root.is_dir():
        level, remedy = ("problem", "make the folder, or unset the variable") if value else ("note", _PREFILL)
        return [Finding("SeisBench cache", f"{root} ({origin}): not there", level, remedy)]
    out = [Finding("SeisBench cache", f"{root} ({origin})")]
    models = root / "models" / "v3"
    pairs = sorted(f for f in models.glob("*/*.pt.v*") if re.search(r"\.v\d+$", f.name)) if models.is_dir() else []
    whole = [f for f in pairs if f.with_name(f.name.replace(".pt.", ".json.")).is_file()]
    known = {file.path: file for entry in manifest().weights for file in entry.files}
    broken = [f for f in whole if (k := known.get(f.relative_to(root).as_posix())) and f.stat().st_size < k.bytes // 2]
    if whole:
        out.append(
            Finding("published weights", ", ".join(f"{f.parent.name}/{f.name.replace('.pt.', ' ')}" for f in whole))
        )
    else:
        out.append(Finding("published weights", "none found", "note", _PREFILL))
    for f in [*broken, *(models.glob("*/*.partial") if models.is_dir() else ())]:
        out.append(Finding("", f"{f}: half downloaded", "problem", "delete this file; SeisBench will fetch it again"))
    if not os.access(root, os.W_OK) and not (root / "config.json").is_file():
        remedy = 'put config.json with {"dimension_order": "NCW", "component_order": "ZNE"} there, or make the folder writable'
        out.append(
            Finding("", f"{root} is read-only and has no config.json: SeisBench cannot start", "problem", remedy)
        )
    return out


_PREFILL = "only needed for published weights: they are fetched at first use, or copy a filled cache and set SEISBENCH_CACHE_ROOT"


def _data() -> list[Finding]:
    from course_utils.data import DataError, cache_folder, manifest, mirror_folder, mode

    out = []
    try:
        how = mode()
        text = (
            "the synthetic Earth, nothing is fetched" if how == "embedded" else "real sections of the lessons run too"
        )
        out.append(Finding("COURSE_DATA", f"{how}: {text}"))
    except DataError as error:
        how = "embedded"
        out.append(Finding("COURSE_DATA", error.what, "problem", error.remedy))
    try:
        mirror = mirror_folder()
    except DataError as error:
        return [*out, Finding("COURSE_DATA_MIRROR", error.what, "problem", error.remedy)]
    public = [entry.name for entry in manifest().datasets if entry.redistribution == "allowed"]
    if mirror is not None:
        absent = [name for name in public if not (mirror / name).is_dir()]
        value = f"{mirror}: {len(manifest().datasets) - len([e for e in manifest().datasets if not (mirror / e.name).is_dir()])} of {len(manifest().datasets)} data sets"
        if absent:
            out.append(
                Finding(
                    "COURSE_DATA_MIRROR",
                    value,
                    "note",
                    f"not there: {', '.join(absent[:5])}{', ...' if len(absent) > 5 else ''}",
                )
            )
        else:
            out.append(Finding("COURSE_DATA_MIRROR", value + " (check them with: course data verify)"))
    else:
        out.append(
            Finding("COURSE_DATA_MIRROR", "not set" + ("; real sections use the network" if how == "real" else ""))
        )
    cache = cache_folder()
    held = [entry.name for entry in manifest().datasets if (cache / entry.name).is_dir()]
    out.append(Finding("data cache", f"{cache}: {', '.join(held) if held else 'empty'}"))
    if mirror is None and not _writable(cache):
        out.append(
            Finding(
                "",
                f"{cache} cannot be written",
                "problem" if how == "real" else "note",
                "set COURSE_DATA_CACHE to a folder that you may write to",
            )
        )
    return out


def _writing() -> list[Finding]:
    import shutil

    here, out = Path.cwd(), []
    if _writable(here):
        free = shutil.disk_usage(here).free / 1e9
        level, remedy = (
            ("note", "free some space: runs and lessons write a few hundred MB") if free < 1.0 else ("ok", "")
        )
        out.append(Finding("working folder", f"{here}: writable, {free:.1f} GB free", level, remedy))
    else:
        out.append(
            Finding(
                "working folder",
                f"{here}: not writable",
                "note",
                "change to a folder of your own before running lessons",
            )
        )
    try:
        with tempfile.TemporaryFile():
            out.append(Finding("temporary folder", tempfile.gettempdir()))
    except OSError as error:
        out.append(Finding("temporary folder", str(error), "problem", "set TMPDIR to a folder that you may write to"))
    return out


def _writable(folder: Path) -> bool:
    """Whether a file can be made there, or in the nearest folder above that exists; nothing is left behind."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
