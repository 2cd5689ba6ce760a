"""What the site ships of other projects: Plotly from its Python package, MathJax from npm."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

MATHJAX_VERSION = "3.2.2"
_MATHJAX_SHA512 = "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="
_MATHJAX_PARTS = ("es5/tex-chtml.js", "es5/output/chtml/fonts/", "es5/input/tex/extensions/", "LICENSE")


def plotly_js() -> Path:
    """The minified library inside the installed plotly package."""
    import plotly

    return Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def mathjax(folder: Path) -> Path | None:
    """A folder with ``es5/tex-chtml.js``, its fonts and its licence; fetched with npm when ``folder`` has none.

    Returns None, after saying why, when npm is missing or fails, or when the archive is not the one we know.
    """
    if (folder / "es5" / "tex-chtml.js").exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        print("there is no npm on this machine", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", f"mathjax@{MATHJAX_VERSION}", "--silent", "--pack-destination", scratch]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=scratch)
        except subprocess.TimeoutExpired:
            print("npm did not answer within two minutes", file=sys.stderr)
            return None
        archives = list(Path(scratch).glob("*.tgz"))
        if done.returncode or not archives:
            print(f"npm: {done.stderr.strip().splitlines()[-1:] or 'no archive'}", file=sys.stderr)
            return None
        found = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
        if found != _MATHJAX_SHA512:
            print(f"mathjax {MATHJAX_VERSION} from npm has another sha512: {found}", file=sys.stderr)
            return None
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        _extract(archives[0], partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    return folder


def _extract(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("package/")
            if member.isfile() and name.startswith(_MATHJAX_PARTS):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(tar.extractfile(member).read())
