"""Maintainers: rewrite the file lists of ``data_manifest.yaml`` from an index of copied repositories.

    python -m course_utils.data.build_manifest INDEX.yaml

The index names per data set its repository, commit, licence, citation and files. What people wrote into the
manifest by hand (``terms``, ``redistribution``, ``caution``, everything below ``full`` and ``weights``) is kept; a data set that
is new in the index needs its ``terms`` written before the manifest is valid.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

import yaml

from .manifests import MANIFEST_PATH, File, Manifest, write_registry

LONGEST_LIST = 36  # files; a longer list than a screen goes to a registry
HEAD = """\
# Every outside file that the course may read. Written by `python -m course_utils.data.build_manifest INDEX.yaml`, which
# keeps `terms`, `redistribution`, `caution`, `full` and `weights` as people wrote them here. The package reads this file; the one
# at the top of the repository is a link to it. `registry` lies in course_utils/data/.
"""


class _Line(dict):
    """A mapping written on one line."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


_Dumper.add_representer(
    _Line, lambda dumper, data: dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)
)


def build(index: dict, current: dict, folder: Path) -> dict:
    """The manifest as plain data: file lists from ``index``, hand-written parts from ``current``; registries are written."""
    by_hand = {entry["name"]: entry for entry in current.get("datasets", [])}
    datasets = []
    for source in index["datasets"]:
        kept = by_hand.get(source["name"], {})
        base_url = f"https://raw.githubusercontent.com/{source['upstream']}/{source['commit']}/"
        entry = {
            "name": source["name"],
            "title": source["title"],
            "description": source["description"],
            "use": source["use"],
            "source": f"https://github.com/{source['upstream']}",
            "version": source["commit"],
            "version_date": str(source["commit_date"]),
            "base_url": base_url,
            "licence": source["licence"],
            "redistribution": kept.get("redistribution", "unclear"),
            "redistribution_note": source["redistribution"],
            "terms": kept.get("terms", ""),
            "citation": source["citation"],
            "unverified_dois": source.get("citation_dois_not_seen_in_any_mirrored_repository", []),
            "caution": kept.get("caution") or source.get("caution", ""),
            "bytes": sum(f["bytes"] for f in source["files"]),
            "file_count": len(source["files"]),
        }
        if not entry["terms"]:
            raise SystemExit(f"{entry['name']}: write the terms of its data centre into {MANIFEST_PATH.name} first")
        listed = [
            File(
                url=None if f["url"] == base_url + quote(f["path"]) else f["url"],
                **{k: f[k] for k in ("path", "bytes", "sha256", "role")},
            )
            for f in source["files"]
        ]
        if len(listed) > LONGEST_LIST:
            entry["registry"] = f"registry-{source['name']}.txt"
            write_registry(folder / entry["registry"], listed)
        else:
            entry["files"] = [f.model_dump(exclude_none=True) for f in listed]
        datasets.append({key: value for key, value in entry.items() if value not in ("", [])})
    return {
        "manifest_version": 1,
        "note": current["note"],
        "datasets": datasets,
        "full": current["full"],
        "weights": current["weights"],
    }


def write(manifest: dict, path: Path) -> None:
    """Check the manifest against its model and write it, one file entry per line."""
    Manifest.model_validate(manifest)
    lined = {**manifest}
    for key in ("datasets", "weights"):
        lined[key] = [
            {**e, **({"files": [_Line(f) for f in e["files"]]} if "files" in e else {})} for e in manifest[key]
        ]
    text = yaml.dump(lined, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    path.write_text(HEAD + text, "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    loaded = [yaml.load(Path(p).read_text("utf-8"), yaml.CSafeLoader) for p in (sys.argv[1], MANIFEST_PATH)]
    write(build(*loaded, MANIFEST_PATH.parent), MANIFEST_PATH)
