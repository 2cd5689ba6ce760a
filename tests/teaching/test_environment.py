"""The conda environment, Binder's copy, the constraints and pyproject.toml say the same."""

import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"pytorch": "torch", "python-duckdb": "duckdb", "matplotlib-base": "matplotlib"}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def environment():
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def conda(spec):
    name, _, version = spec.partition(" ")
    return Requirement(CONDA_NAMES.get(name, name) + version)


def test_conda_specs_hold_the_bounds_of_pyproject(project, environment):
    there = {}
    for entry in environment:
        for r in [Requirement(p) for p in entry["pip"]] if isinstance(entry, dict) else [conda(entry)]:
            there[r.name] = r
    wanted = project["dependencies"] + project["optional-dependencies"]["book"]
    for requirement in map(Requirement, wanted):
        assert requirement.name in there, f"environment.yml lacks {requirement.name}"
        bounds = {str(s) for s in requirement.specifier}
        assert bounds <= {str(s) for s in there[requirement.name].specifier}, requirement.name
    known = {Requirement(w).name for w in wanted} | {"python", "pip"}
    assert set(there) <= known, f"environment.yml has more than pyproject.toml: {set(there) - known}"


def test_conda_python_is_the_projects(project, environment):
    python = next(conda(e) for e in environment if isinstance(e, str) and e.startswith("python "))
    assert {str(s) for s in python.specifier} == set(project["requires-python"].split(","))


def test_conda_reads_every_spec(environment):
    rattler = pytest.importorskip("rattler", reason="py-rattler is not installed")
    for entry in environment:
        if isinstance(entry, str):
            assert rattler.MatchSpec(entry).name is not None


def test_binder_has_the_same_environment():
    assert (ROOT / "binder" / "environment.yml").read_text() == (ROOT / "environment.yml").read_text()
    assert (ROOT / "binder" / "postBuild").stat().st_mode & 0o111, "repo2docker runs postBuild: make it executable"


def test_constraints_pin_every_dependency_inside_its_bounds(project):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {r.name.lower().replace("_", "-"): r for r in map(Requirement, (x for x in lines if x[:1] not in ("#", "")))}
    extras = project["optional-dependencies"]
    for requirement in map(Requirement, project["dependencies"] + extras["book"] + extras["test"]):
        name = requirement.name.lower().replace("_", "-")
        assert name in pins, f"constraints.txt does not pin {name}"
        pinned = Version(next(iter(pins[name].specifier)).version)
        assert requirement.specifier.contains(pinned), f"{name} {pinned} is outside {requirement.specifier}"


def test_citation_names_the_released_version(project):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == project["version"]
    assert f"/v{project['version']}." in project["urls"]["Release"]
