"""Build the book from ``book/`` and the executed lessons in ``book/_executed/``.

The pages are put together in ``book/_build/source`` (generated tables filled in, lessons beside them) and built with
warnings as errors. Nothing is executed, nothing but MathJax (from npm) is fetched.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from course_utils.teaching.book.assemble import BookError, assemble
from course_utils.teaching.book.offline import remote_requests
from course_utils.teaching.book.vendor import mathjax


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.teaching.book", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout (default: the current folder)")
    parser.add_argument("--executed", type=Path, help="folder of executed lessons (default: book/_executed)")
    parser.add_argument("--out", type=Path, help="where _build goes (default: book/)")
    args = parser.parse_args(argv)
    root = args.root.resolve()
    out = (args.out or root / "book").resolve()
    source = out / "_build" / "source"
    try:
        assemble(root, args.executed or root / "book" / "_executed", source)
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    environment = dict(os.environ)
    folder = mathjax(root / ".cache" / "mathjax")
    if folder is None:
        print("MathJax could not be had from npm: formulas appear as text in this build")
        environment.pop("COURSE_MATHJAX", None)
    else:
        environment["COURSE_MATHJAX"] = str(folder)
    jupyter_book = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", jupyter_book, "build", str(source), "--path-output", str(out)]
    command += ["--warningiserror", "--nitpick", "--keep-going", "--quiet"]
    code = subprocess.call(command, env=environment)
    index = out / "_build" / "html" / "index.html"
    if code == 0 and not index.exists():
        print(f"the build said nothing, but there is no {index}", file=sys.stderr)
        return 1
    remote = remote_requests(index.parent) if code == 0 else []
    for line in remote:
        print(f"a page fetches from another host: {line}", file=sys.stderr)
    return code or (1 if remote else 0)


if __name__ == "__main__":
    sys.exit(main())
