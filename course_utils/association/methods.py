"""The associators by name. A new one is an entry in each of two dictionaries."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from .gamma import GammaSettings, associate_gamma
from .pyocto import PyOctoSettings, associate_pyocto
from .settings import AssociationSettings
from .vote import VoteSettings, associate_vote

# A method takes (Problem, settings) and returns preliminary origins (time_s, x_km, y_km, depth_km) and pairs as
# positions of origins and of picks. It may share picks between origins: the refinement makes them unique.
METHODS: dict[str, Callable] = {
    "pyocto": associate_pyocto,
    "gamma": associate_gamma,
    "vote": associate_vote,
}
SETTINGS: dict[str, type[AssociationSettings]] = {
    "pyocto": PyOctoSettings,
    "gamma": GammaSettings,
    "vote": VoteSettings,
}


def check_method(method: str) -> None:
    """ValueError names the methods that there are."""
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not known; there is {', '.join(METHODS)}")


def settings_for(
    stations: pd.DataFrame, velocity: pd.DataFrame, method: str = "pyocto", **overrides
) -> AssociationSettings:
    """Settings for a network from its geometry and velocity model.

    Rules for all methods, with D the largest distance between stations, c the distance that covers the twelve nearest
    stations (or all) from nine places in ten within the network and T the S time over c:

    - ``margin_km`` a quarter of D, 5 to 60 km: beyond that, azimuthal gaps make epicenters useless.
    - ``max_depth_km`` the deepest row of the velocity model or a quarter of D, at least 10 km and at most D.
    - ``pick_tolerance_s`` 0.15 s + 1.8 % of T: it applies once the event is located.
    - ``min_picks`` 7, at least one station with both P and S: small, near events often show hardly any P, and seven
      arrivals that fit one origin are rare by chance. Networks of three stations 5, of four 6, both on two stations.
    - ``min_interevent_s`` twice the pick tolerance.
    - ``min_log_odds`` 1: hardly likelier than chance. On synthetic sets 0 to 3 gave nearly the same.

    PyOcto:

    - ``cutoff_km`` c.
    - ``model_tolerance_s`` 0.15 s + 3 % of T: models are wrong in proportion to the way travelled.
    - ``node_km`` what P crosses within the model tolerance; ``location_node_km`` a tenth of it.
    - ``time_before_s`` 1.2 T + 2 s; ``slice_s`` ten times that, 300 to 1200 s.

    GaMMA:

    - ``dbscan_eps_s`` GaMMA's rule: 1.5 times the P time to the nearest neighbour, mean and two standard deviations.
    - ``max_residual_s`` twice PyOcto's ``model_tolerance_s``, as its origins are rougher.

    The vote:

    - ``cutoff_km`` c; ``reach_km`` D.
    - ``model_tolerance_s`` 0.2 s + 3.7 % of T, as half a cell counts with it; ``node_km`` 1.2 times what P crosses then.
    - ``pick_error_s`` 0.12 s and ``model_error`` 1.2 %; ``pick_share`` 0.4: magnitudes are not known, and small events
      show few of their arrivals.
    - ``min_evidence`` 12: one in 160,000 by chance, as many places and times are tried.

    Args:
        stations, velocity: tables.
        method: associator.
        overrides: fields to set explicitly; what depends on them follows.

    Raises:
        ValueError: unknown method or field, fewer than three stations, or values that contradict one another.
    """
    check_method(method)
    return SETTINGS[method].for_network(stations, velocity, **overrides)
