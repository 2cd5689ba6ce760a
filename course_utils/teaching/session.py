"""What every notebook begins with: the device, the data mode, the look of figures, and where its tables go."""

from __future__ import annotations

import os
from pathlib import Path

import course_utils

MODES = ("embedded", "real")


def start() -> str:
    """Prepare a notebook: set the look of figures, say what it runs on, and return the device ("cuda", "mps" or "cpu")."""
    from course_utils.teaching.style import use_style

    use_style()
    device = choose_device()
    data = "real data" if real_data() else "embedded data (set COURSE_DATA=real for the real ones)"
    print(f"course_utils {course_utils.__version__} · {device} · {data}")
    return device


def choose_device() -> str:
    """The fastest device that PyTorch can use here."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def real_data() -> bool:
    """Whether real sections run (``COURSE_DATA=real``) or show their stored results.

    Raises:
        ValueError: COURSE_DATA is neither "embedded" nor "real".
    """
    mode = os.environ.get("COURSE_DATA") or "embedded"
    if mode not in MODES:
        raise ValueError(f"COURSE_DATA is {mode!r}; set it to {' or '.join(MODES)}")
    return mode == "real"


def work_folder() -> Path:
    """Where lessons leave tables for one another: ``COURSE_WORK``, or ``work/`` of the checkout, or of this folder."""
    chosen = os.environ.get("COURSE_WORK")
    if chosen:
        folder = Path(chosen)
    else:
        here = Path.cwd()
        roots = [p for p in (here, *here.parents) if (p / "lessons").is_dir() and (p / "pyproject.toml").is_file()]
        folder = (roots[0] if roots else here) / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
