"""The Earth of a synthetic world: the published model that users are given, and the true one that made the data.

The two differ on purpose. Locating with the model that made the data is the inverse crime: errors come out too
small. Every score uses :func:`published`; :class:`TrueMedium` is for exercises that show the crime.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from course_utils.catalog.tables import PHASES, conform
from course_utils.synthetic.randomness import Draws

# GIL7: thickness km, Vp km/s, Vs km/s. The Coast Ranges model of Dreger and Romanowicz (1994, Source
# characteristics of events in the San Francisco Bay region, USGS Open-File Report 94-176), with which the Berkeley
# laboratory also computes moment tensors at the Mendocino triple junction (Pasyanos et al. 1996, BSSA 86, 1255).
GIL7 = (
    (1.0, 3.20, 1.50),
    (2.0, 4.50, 2.40),
    (1.0, 4.80, 2.78),
    (1.0, 5.51, 3.18),
    (12.0, 6.21, 3.40),
    (8.0, 6.89, 3.98),
    (np.inf, 7.83, 4.52),
)
MANTLE_GRADIENT_PER_S = 0.004  # Vp; keeps rays turning below the Moho instead of grazing it

_N_WAVES = 48
CORRELATION_KM = 30.0
FIELD_RMS = {"P": 0.012, "S": 0.015}  # relative slowness, on top of the change of the layers


def published() -> pd.DataFrame:
    """The velocity table that users are given: GIL7 with gradient layers.

    A layer's published velocity is reached in its middle and velocity is linear between middles; the Moho stays an
    interface. First arrivals then turn in gradients, as they do in the Earth, and not along flat interfaces.
    """
    return _gradient_nodes(np.ones(len(GIL7)), np.ones(len(GIL7)))


def _gradient_nodes(vp_factor: np.ndarray, ratio_factor: np.ndarray) -> pd.DataFrame:
    thickness, vp, vs = np.array(GIL7).T
    vp, vs = vp * vp_factor, vs * vp_factor / ratio_factor
    top = np.concatenate([[0.0], np.cumsum(thickness[:-1])])
    middle = top[:-1] + thickness[:-1] / 2
    moho = top[-1]
    slope = (moho - middle[-1]) / (middle[-1] - middle[-2])
    bottom = [v[-2] + (v[-2] - v[-3]) * slope for v in (vp, vs)]
    deep_km = 60.0
    growth = MANTLE_GRADIENT_PER_S * (deep_km - moho)
    rows = [
        *zip(middle, vp[:-1], vs[:-1], strict=True),
        (moho, *bottom),
        (moho, vp[-1], vs[-1]),
        (deep_km, vp[-1] + growth, vs[-1] + growth * vs[-1] / vp[-1]),
    ]
    return conform(pd.DataFrame(rows, columns=["depth_km", "vp_km_s", "vs_km_s"]), "velocity")


@dataclass(frozen=True)
class TrueMedium:
    """What the waves of one world travel through; keyed by the world's seed.

    Three departures from :func:`published`: each layer's Vp is 3-5 % faster or slower, and its Vp/Vs 3-5 % higher
    or lower in the same sense (so that Vs changes by 2 % at most: neither phase alone tells); a smooth lateral
    field of slowness; a delay of each phase at each station, large on the sea floor, where sediment is slow.
    """

    seed: int

    @cached_property
    def velocity(self) -> pd.DataFrame:
        """The true layers as a velocity table."""
        draws = Draws(self.seed, "medium", "layers")
        sign = np.where(draws.uniform(size=len(GIL7)) < 0.5, -1.0, 1.0)
        vp = 1.0 + sign * (0.03 + 0.02 * draws.uniform(size=len(GIL7)))
        ratio = 1.0 + sign * (0.03 + 0.02 * draws.uniform(size=len(GIL7)))
        return _gradient_nodes(vp, ratio)

    @cached_property
    def _waves(self) -> dict[str, tuple[np.ndarray, ...]]:
        # spectral representation of a Gaussian random field (Shinozuka and Deodatis 1996, Appl. Mech. Rev. 49)
        draws = Draws(self.seed, "medium", "lateral")
        k = draws.normal(size=(2, _N_WAVES)) / CORRELATION_KM
        phase = 2 * np.pi * draws.uniform(size=_N_WAVES)
        shift = 0.6 * draws.normal(size=_N_WAVES)  # S sees mostly, but not exactly, what P sees
        scale = np.sqrt(2.0 / _N_WAVES)
        return {"P": (k, phase, FIELD_RMS["P"] * scale), "S": (k, phase + shift, FIELD_RMS["S"] * scale)}

    def delay_s(self, phase: str, x0_km, y0_km, x1_km, y1_km, time_s) -> np.ndarray:
        """Delay by the lateral field of a ray of ``time_s`` between two points of the map; arguments broadcast.

        Mean of the relative slowness along the straight line on the map, exact for every plane wave of the field.
        """
        if phase not in PHASES:
            raise KeyError(f'phase {phase!r}: use "P" or "S"')
        (kx, ky), phi, scale = self._waves[phase]
        x0, y0, x1, y1, time = (a[..., None] for a in np.broadcast_arrays(x0_km, y0_km, x1_km, y1_km, time_s))
        half = 0.5 * (kx * (x1 - x0) + ky * (y1 - y0))
        middle = 0.5 * (kx * (x0 + x1) + ky * (y0 + y1)) + phi
        # mean of cos over a line: the cosine at its middle times sin(half)/half
        return scale * (np.cos(middle) * np.sinc(half / np.pi)).sum(-1) * time[..., 0]

    def station_terms_s(self, stations: pd.DataFrame) -> dict[str, np.ndarray]:
        """Delay in s of each phase at each station, {"P": (n,), "S": (n,)}; positive is late."""
        out = {phase: np.zeros(len(stations)) for phase in PHASES}
        for i, (name, elevation) in enumerate(zip(stations["station"], stations["elevation_m"], strict=True)):
            draws = Draws(self.seed, "medium", "station", name)
            a, b = draws.normal(size=2)
            u = draws.uniform(size=2)
            if elevation < 0:  # 100-300 m of sediment with Vp/Vs far above rock
                out["P"][i] = 0.05 + 0.10 * u[0]
                out["S"][i] = out["P"][i] * (2.0 + u[1])
            else:
                out["P"][i] = 0.04 * a
                out["S"][i] = 1.6 * out["P"][i] + 0.03 * b
        return out
