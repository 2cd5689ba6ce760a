"""One-dimensional velocity models as tables: reading them and sampling them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.tables import TableError, conform

INTERPOLATIONS = ("linear", "layers")


def read_velocity(path: str | Path, interpolation: str = "linear") -> pd.DataFrame:
    """Read a velocity model from CSV with the columns depth_km, vp_km_s, vs_km_s.

    Args:
        path: the file; depth counts from sea level, negative above.
        interpolation: "linear" takes rows as nodes with velocity linear between them (two rows of one depth make
            an interface); "layers" takes rows as tops of layers of constant velocity.

    Raises:
        FileNotFoundError: there is no such file.
        TableError: columns are missing, or values cannot be velocities.
    """
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation {interpolation!r}: use {' or '.join(INTERPOLATIONS)}")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"velocity model {path}: no such file; give a CSV with depth_km, vp_km_s, vs_km_s")
    try:
        frame = pd.read_csv(path, comment="#", skipinitialspace=True)
    except (ValueError, UnicodeDecodeError) as error:
        raise TableError(f"velocity model {path}: not a CSV table ({error})") from error
    frame = frame.rename(columns=str.strip)
    try:
        table = conform(frame, "velocity")
    except TableError as error:
        raise TableError(f"velocity model {path}: {error}") from error
    if not len(table):
        raise TableError(f"velocity model {path}: has no rows; one row is enough for a half-space")
    return layers_to_nodes(table) if interpolation == "layers" else table


def layers_to_nodes(layers: pd.DataFrame) -> pd.DataFrame:
    """Nodes of a model whose rows are the tops of constant layers: each interface becomes two rows of one depth."""
    layers = conform(layers, "velocity")
    above = layers.iloc[:-1].assign(depth_km=layers["depth_km"].to_numpy()[1:])
    nodes = pd.concat([layers.assign(order=1), above.assign(order=0)])
    nodes = nodes.sort_values(["depth_km", "order"], kind="stable").drop(columns="order")
    return conform(nodes, "velocity")


def sample(velocity: pd.DataFrame, depths_km) -> tuple[np.ndarray, np.ndarray]:
    """P and S velocity in km/s at depths below sea level, shaped as the input. At an interface: the upper side."""
    depth = np.asarray(depths_km, float)
    nodes = velocity["depth_km"].to_numpy(float).copy()
    for i in range(1, len(nodes)):  # np.interp wants increasing nodes
        if nodes[i] <= nodes[i - 1]:
            nodes[i] = np.nextafter(nodes[i - 1], np.inf)
    return tuple(np.interp(depth, nodes, velocity[c].to_numpy(float)) for c in ("vp_km_s", "vs_km_s"))
