"""The manifest: complete, strict, one truth, and equal to the copies that tests read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import yaml
from data_helpers import write_manifest

from course_utils import data
from course_utils.data import build_manifest, manifests

TOP = Path(__file__).parents[2]
MIRROR = os.environ.get("COURSE_DATA_MIRROR", "")
needs_index = pytest.mark.skipif(
    not (MIRROR and (Path(MIRROR) / "INDEX.yaml").is_file()), reason="COURSE_DATA_MIRROR has no INDEX.yaml"
)


def test_every_set_is_described_and_adds_up():
    entries = data.manifest().datasets
    assert len(entries) == 27 and sum(len(data.files(e.name)) for e in entries) == 1626
    for entry in entries:
        assert entry.terms and entry.licence and entry.citation and entry.use, entry.name
        for file in data.files(entry.name).values():
            assert entry.url(file).startswith("https://") and entry.version in entry.url(file), file.path
            assert file.role, file.path


def test_unclear_sets_are_marked():
    unclear = {e.name for e in data.manifest().datasets if e.redistribution == "unclear"}
    stated = {e.name for e in data.manifest().datasets if e.licence == "none stated"}
    assert stated <= unclear
    assert unclear - stated == {"cascadia-catalogues"}  # its supplements belong to the publishers of the papers


def test_optional_sets_and_weights():
    assert {e.name for e in data.manifest().full} >= {
        "seisbench-pnw",
        "seisbench-minipnw",
        "seisbench-stead",
        "seisbench-instance",
    }
    assert any("ferndale" in e.name for e in data.manifest().full)
    with pytest.raises(data.UnknownDataset, match=r"seisbench\.data\.PNW"):
        data.fetch("seisbench-pnw")
    assert len(data.manifest().weights) == 7 and all(len(w.files) == 2 for w in data.manifest().weights)


def test_top_level_file_is_the_packaged_one():
    assert (TOP / "data_manifest.yaml").read_bytes() == manifests.MANIFEST_PATH.read_bytes()


def test_registries_are_what_pooch_reads():
    import pooch

    for path in sorted(manifests.MANIFEST_PATH.parent.glob("registry-*.txt")):
        client = pooch.create(path="unused", base_url="")
        client.load_registry(path)
        listed = data.files(path.stem.removeprefix("registry-"))
        assert client.registry == {p: f.sha256 for p, f in listed.items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(licencse="MIT"), "licencse"),
        (lambda d: d["files"][0].update(path="../escape"), "stay inside"),
        (lambda d: d["files"][0].update(path="/etc/passwd"), "stay inside"),
        (lambda d: d["files"][0].update(sha256="abc"), "sha256"),
        (lambda d: d.update(registry="also.txt"), "either files or registry"),
        (lambda d: d.update(redistribution="maybe"), "redistribution"),
        (lambda d: d.pop("terms"), "terms"),
    ],
)
def test_a_broken_manifest_is_refused(tmp_path, monkeypatch, change, words):
    path = write_manifest(tmp_path, "http://127.0.0.1:9")
    content = yaml.safe_load(path.read_text())
    change(content["datasets"][0])
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setattr(manifests, "MANIFEST_PATH", path)
    with pytest.raises(data.DataError, match=words):
        data.manifest()


def test_a_list_that_does_not_add_up_is_refused(tmp_path, monkeypatch):
    path = write_manifest(tmp_path, "http://127.0.0.1:9")
    content = yaml.safe_load(path.read_text())
    content["datasets"][0]["bytes"] += 1
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setattr(manifests, "MANIFEST_PATH", path)
    with pytest.raises(data.DataError, match="does not agree"):
        data.files("open-set")


def test_registry_round_trip(tmp_path):
    files = [
        manifests.File(path=f"a b/{i}:x.bin", bytes=7 * (i // 2), sha256=f"{i:064x}", role="role=odd # one", url="https://x/y" if i == 1 else None)
        for i in range(5)
    ]  # fmt: skip
    manifests.write_registry(tmp_path / "r.txt", files)
    assert sorted(manifests.read_registry(tmp_path / "r.txt"), key=lambda f: f.path) == files
    (tmp_path / "bad.txt").write_text("path " + "0" * 64 + "\n")
    with pytest.raises(data.DataError, match="line 1"):
        manifests.read_registry(tmp_path / "bad.txt")


@pytest.mark.real
@needs_index
def test_manifest_equals_the_index(tmp_path):
    """Each file of the index with its URL, bytes and hash; and the maintainers' tool writes what is there."""
    index = yaml.load((Path(MIRROR) / "INDEX.yaml").read_text(), yaml.CSafeLoader)
    assert [s["name"] for s in index["datasets"]] == [e.name for e in data.manifest().datasets]
    for source in index["datasets"]:
        entry, files = data.dataset(source["name"]), data.files(source["name"])
        assert entry.licence == source["licence"] and entry.citation == source["citation"]
        for f in source["files"]:
            ours = files[f["path"]]
            assert (entry.url(ours), ours.bytes, ours.sha256, ours.role) == (
                f["url"],
                f["bytes"],
                f["sha256"],
                f["role"],
            )
    shutil.copy(manifests.MANIFEST_PATH, tmp_path / "data_manifest.yaml")
    current = yaml.load(manifests.MANIFEST_PATH.read_text(), yaml.CSafeLoader)
    build_manifest.write(build_manifest.build(index, current, tmp_path), tmp_path / "data_manifest.yaml")
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (manifests.MANIFEST_PATH.parent / path.name).read_bytes(), path.name


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("SEISBENCH_CACHE_ROOT"), reason="SEISBENCH_CACHE_ROOT is not set")
def test_weights_of_the_cache_are_those_of_the_manifest():
    from course_utils.data.fetching import sha256_of

    root = Path(os.environ["SEISBENCH_CACHE_ROOT"])
    present = [f for w in data.manifest().weights for f in w.files if (root / f.path).is_file()]
    if not present:
        pytest.skip("the cache holds none of the weights of the manifest")
    same = [(root / f.path).stat().st_size == f.bytes and sha256_of(root / f.path) == f.sha256 for f in present]
    # a cache filled from SeisBench's server may hold its own conversions of the same numbers
    assert any(same)
