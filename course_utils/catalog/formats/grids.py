"""Grids of NonLinLoc (Lomax et al. 2000): a header ``NAME.hdr`` and a buffer ``NAME.buf`` of floats, z fastest.

Coordinates are km in the frame that the transform of the header defines: x east, y north, z down from sea level. Grids of times
hold the travel time in s from every node to one station; those of models hold velocity (``VELOCITY``, km/s), slowness
times spacing (``SLOW_LEN``, s) or the like, as ``kind`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils.catalog.formats.text import bad, lines, numbers
from course_utils.catalog.store import atomic_path, write_text
from course_utils.catalog.tables import TableError

_TYPES = {"FLOAT": "<f4", "DOUBLE": "<f8"}
_WITH_SOURCE = ("TIME", "TIME2D", "ANGLE", "ANGLE2D", "INCLINATION")


@dataclass(frozen=True)
class Grid:
    """Values on a regular grid: shape (nx, ny, nz), where grids of sections ("...2D") have nx 1."""

    values: np.ndarray
    origin_km: tuple[float, float, float]
    spacing_km: tuple[float, float, float]
    kind: str
    label: str = ""
    source_km: tuple[float, float, float] | None = None
    transform: str = "NONE"

    def axis_km(self, axis: int) -> np.ndarray:
        """Coordinates of the nodes along axis 0 (x), 1 (y) or 2 (z)."""
        return self.origin_km[axis] + self.spacing_km[axis] * np.arange(self.values.shape[axis])


def read_grid(path: str | Path) -> Grid:
    """The grid of a header and the buffer beside it.

    Raises:
        FileNotFoundError: there is no header, or no buffer beside it.
        TableError: the header cannot be read, or the buffer has another size than it says.
    """
    path = _stem(path).with_suffix(_stem(path).suffix + ".hdr")
    head = [(number, line.split()) for number, line in lines(path, "the header of a NonLinLoc grid") if line.strip()]
    if not head or len(head[0][1]) < 10:
        raise bad(path, 1, "no grid", "a header begins with three sizes, origins and spacings, and the kind of grid")
    number, words = head[0]
    shape = tuple(int(value) for value in numbers(path, number, words[:3]))
    place, kind = numbers(path, number, words[3:9]), words[9]
    float_type = words[10] if len(words) > 10 else "FLOAT"
    if float_type not in _TYPES or min(shape) < 1:
        raise bad(path, number, " ".join(words), f"sizes are positive, floats are {' or '.join(_TYPES)}")
    label, source = "", None
    if kind in _WITH_SOURCE:
        if len(head) < 2 or len(head[1][1]) < 4:
            raise bad(path, 2, "no station", f"a grid of {kind} names its station and where it is")
        label, source = head[1][1][0], tuple(numbers(path, head[1][0], head[1][1][1:4]))
    transform = next((" ".join(words[1:]) for _, words in head if words[0] in ("TRANSFORM", "TRANS")), "NONE")
    buffer, wanted = path.with_suffix(".buf"), int(np.prod(shape)) * np.dtype(_TYPES[float_type]).itemsize
    if not buffer.is_file():
        raise FileNotFoundError(f"{buffer}: there is no such file; it belongs beside {path.name}")
    if buffer.stat().st_size != wanted:
        raise TableError(
            f"{buffer.name}: {buffer.stat().st_size} bytes, {path.name} says {wanted}; write or fetch it again"
        )
    values = np.fromfile(buffer, dtype=_TYPES[float_type]).reshape(shape)
    return Grid(values, tuple(place[:3]), tuple(place[3:]), kind, label, source, transform)


def write_grid(grid: Grid, path: str | Path) -> Path:
    """Write ``NAME.hdr`` and ``NAME.buf`` with 4-byte floats; six decimals of km in the header. Returns the header's path."""
    if grid.values.ndim != 3:
        raise ValueError(f"values have {grid.values.ndim} dimensions; a grid has 3, of which x may be 1 long")
    if (grid.kind in _WITH_SOURCE) != (grid.source_km is not None):
        raise ValueError(f"kind {grid.kind!r}: source_km belongs to {', '.join(_WITH_SOURCE)}, and to no other kind")
    stem = _stem(path)
    numbers_of = [*map(str, grid.values.shape), *(f"{value:.6f}" for value in (*grid.origin_km, *grid.spacing_km))]
    head = f"{' '.join(numbers_of)} {grid.kind} FLOAT\n"
    if grid.source_km is not None:
        head += f"{grid.label} {' '.join(f'{value:.6f}' for value in grid.source_km)}\n"
    head += f"TRANSFORM  {grid.transform}\n"
    with atomic_path(stem.with_suffix(stem.suffix + ".buf")) as hidden:
        np.ascontiguousarray(grid.values, dtype="<f4").tofile(hidden)
    return write_text(head, stem.with_suffix(stem.suffix + ".hdr"))


def _stem(path: str | Path) -> Path:
    """The path without .hdr or .buf; names of grids hold further dots: ``layer.P.STA.time``."""
    path = Path(path)
    return path.with_suffix("") if path.suffix in (".hdr", ".buf") else path
