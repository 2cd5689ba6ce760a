"""Who triggered whom: nearest neighbours in time, space and magnitude, families, and their background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit

from course_utils.catalog.clustering import by_size, days_since_first, local_km
from course_utils.catalog.tables import conform

DAYS_PER_YEAR = 365.25
ROLES = ("background", "foreshock", "mainshock", "aftershock")
_FEWEST_LINKS, _LEAST_SEPARATION = 30, 2.0


class OneMode(ValueError):
    """Nothing in the distances between events divides background from triggered ones; a threshold must be given."""


@dataclass(frozen=True)
class Mixture:
    """Two normal distributions of log10 eta, of triggered events first; ``threshold`` is where both are as likely.

    ``separation`` is Ashman's D (Ashman et al. 1994, AJ 108, 2348): the difference of the means over the rms of the deviations. Events that
    are independent of one another have 1.4.
    """

    threshold: float
    means: tuple[float, float]
    deviations: tuple[float, float]
    weights: tuple[float, float]
    separation: float


@dataclass(frozen=True)
class Declustered:
    """Families of a catalog.

    Attributes:
        events: one row per event of the list, in its order: ``event_id``; ``parent_id``, its nearest neighbour (-1 for none);
            ``log_eta``, ``log_time``, ``log_distance`` (log10 of eta, of rescaled time in years, of rescaled distance in km); ``linked``, whether the neighbour counts as its
            parent; ``family`` (0 is the largest; -1 where left out); ``role``: "background" is alone in its family, or "foreshock", "mainshock", "aftershock";
            empty where left out.
        threshold: log10 eta below which a link counts.
        mixture: what the threshold comes from; None if it was given.
        left_out: number of events by reason.
    """

    events: pd.DataFrame
    threshold: float
    mixture: Mixture | None
    left_out: dict[str, int]

    @property
    def background_fraction(self) -> float:
        """Share of events that no other event triggered: one for each family."""
        used = self.events["family"] >= 0
        return float(self.events.loc[used, "family"].nunique() / used.sum()) if used.any() else np.nan

    def summary(self) -> dict:
        """Numbers of events, families, roles, and what was left out."""
        sizes = self.events.loc[self.events["family"] >= 0, "family"].value_counts()
        roles = self.events["role"].value_counts()
        return {
            "events": len(self.events),
            "log10 eta, threshold": self.threshold,
            "separation of the modes": self.mixture.separation if self.mixture else None,
            "background fraction": self.background_fraction,
            "families of two or more": int((sizes > 1).sum()),
            "largest family": int(sizes.max()) if len(sizes) else 0,
            **{role: int(roles.get(role, 0)) for role in ROLES},
            **{f"left out: {reason}": n for reason, n in self.left_out.items()},
        }


def decluster(
    events: pd.DataFrame,
    b: float = 1.0,
    dimension: float = 1.6,
    min_km: float = 0.1,
    depth: bool = False,
    threshold: float | None = None,
) -> Declustered:
    """Link each event to its nearest neighbour in time, space and magnitude, and cut the list into families.

    The distance from an earlier event i to j is ``eta = t * r**dimension * 10**(-b * m_i)`` (Baiesi and Paczuski 2004), t in years and r in km; its two
    factors are rescaled time ``t * 10**(-b * m_i / 2)`` and distance ``r**dimension * 10**(-b * m_i / 2)`` (Zaliapin et al. 2008,
    doi:10.1103/PhysRevLett.101.018501). Links above ``threshold`` are cut; what hangs together is a family, its largest event the main shock (Zaliapin and
    Ben-Zion 2013, doi:10.1002/jgrb.50179). Every pair of events is looked at: 10,000 take about a second, and no memory.

    Args:
        events: events table in any order. Left out and counted: events without magnitude, and those at the time and place of another.
        b: of the magnitudes.
        dimension: fractal dimension of the places; 1.6 suits epicenters, hypocenters need more.
        min_km: smaller distances count as so large; take the location error. Without it rounded coordinates make distances of 0.
        depth: whether distances are hypocentral.
        threshold: log10 eta; by default from a mixture of two normal distributions.

    Raises:
        ValueError: a parameter is out of range.
        OneMode: no threshold was given and none can be found, see :func:`fit_mixture`.
    """
    for name, value, low in (("b", b, 0), ("dimension", dimension, 0), ("min_km", min_km, 1e-9)):
        if not low <= value < np.inf:
            raise ValueError(f"{name} is {value}; give a number of at least {low:g}")
    events = conform(events, "events")
    bare = events["magnitude"].isna()
    twice = events.duplicated(["time", "latitude", "longitude", "depth_km"]) & ~bare
    left_out = {"no magnitude": int(bare.sum()), "time and place of another event": int(twice.sum())}
    used = events[~bare & ~twice].sort_values(["time", "event_id"])
    place = local_km(used)[:, : 3 if depth else 2]
    magnitude, years = used["magnitude"].to_numpy(float), days_since_first(used["time"]) / DAYS_PER_YEAR
    parent = _nearest(years, np.ascontiguousarray(place), 10 ** (-b * magnitude), dimension, min_km)
    has = parent >= 0
    km = np.maximum(np.linalg.norm(place[has] - place[parent[has]], axis=1), min_km)
    half = b * magnitude[parent[has]] / 2
    log_time, log_distance = np.full((2, len(used)), np.nan)
    log_time[has] = np.log10(years[has] - years[parent[has]]) - half
    log_distance[has] = dimension * np.log10(km) - half
    log_eta, mixture = log_time + log_distance, None
    if threshold is None:
        mixture = fit_mixture(log_eta[has])
        threshold = mixture.threshold
    linked = has & (np.nan_to_num(log_eta, nan=np.inf) <= threshold)
    family = by_size(_roots(np.where(linked, parent, -1)))
    table = pd.DataFrame(
        {
            "parent_id": np.where(has, used["event_id"].to_numpy()[parent], -1),
            "log_eta": log_eta,
            "log_time": log_time,
            "log_distance": log_distance,
            "linked": linked,
            "family": family,
            "role": _roles(family, magnitude),
        },
        index=used.index,
    ).reindex(events.index)
    fill = {"parent_id": -1, "linked": False, "family": -1, "role": ""}
    table = table.fillna(fill).astype({"parent_id": np.int64, "linked": bool, "family": np.int64, "role": "str"})
    table.insert(0, "event_id", events["event_id"])
    return Declustered(table, float(threshold), mixture, {k: n for k, n in left_out.items() if n})


def fit_mixture(log_eta) -> Mixture:
    """Two normal distributions of log10 eta and the value at which both are as likely (Zaliapin and Ben-Zion 2013).

    Raises:
        OneMode: fewer than 30 values, or a ``separation`` below 2: of a list that is one sequence and nothing else, of one without
            sequences, of one with many events below its completeness.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm
    from sklearn.mixture import GaussianMixture

    values, remedy = np.asarray(log_eta, float), "give a threshold of log10 eta (-5 in southern California)"
    if len(values) < _FEWEST_LINKS or np.ptp(values) == 0:
        raise OneMode(f"{len(values)} links between events; two modes need {_FEWEST_LINKS}, not all alike: {remedy}")
    model = GaussianMixture(2, random_state=0, n_init=5).fit(values[:, None])
    order = np.argsort(model.means_[:, 0])
    means, weights = model.means_[order, 0], model.weights_[order]
    deviations = np.sqrt(model.covariances_[order, 0, 0])

    def ahead(value):
        return np.subtract(*(np.log(weights) + norm.logpdf(value, means, deviations)))

    separation = float(np.diff(means)[0] / np.sqrt(np.mean(deviations**2)))
    if separation < _LEAST_SEPARATION or not ahead(means[0]) > 0 > ahead(means[1]):
        raise OneMode(
            f"log10 eta has one mode (separation {separation:.2f}, two have {_LEAST_SEPARATION:g} or more): {remedy}, or "
            "leave out events below the completeness; a list of one sequence alone has no second mode"
        )
    pairs = (tuple(map(float, pair)) for pair in (means, deviations, weights))
    return Mixture(float(brentq(ahead, *means)), *pairs, separation)


def sensitivity(events: pd.DataFrame, b=(0.8, 1.0, 1.2), dimension=(1.2, 1.6, 2.0), **settings) -> pd.DataFrame:
    """:func:`decluster` with each pair of parameters: a row each with ``b``, ``dimension``, ``threshold``, ``separation``,
    ``background_fraction``, ``families`` of two or more and the share of events in the ``largest``; NaN where there is one mode."""
    rows = []
    for parameters in ({"b": one, "dimension": other} for one in b for other in dimension):
        try:
            found = decluster(events, **parameters, **settings)
        except OneMode:
            rows.append(parameters)
            continue
        facts = found.summary()
        more = {
            "threshold": found.threshold,
            "separation": facts["separation of the modes"],
            "background_fraction": found.background_fraction,
            "families": facts["families of two or more"],
            "largest": facts["largest family"] / len(events),
        }
        rows.append(parameters | more)
    names = ("b", "dimension", "threshold", "separation", "background_fraction", "families", "largest")
    return pd.DataFrame(rows, columns=names).astype(float)


def families(event_id, parent_id) -> np.ndarray:
    """Number of the family of each event, 0 the largest, from the event that triggered each (any id not in the list for none).

    Raises:
        ValueError: an event descends from itself.
    """
    event_id = np.asarray(event_id)
    parent = pd.Series(np.arange(len(event_id)), event_id).reindex(np.asarray(parent_id)).fillna(-1).to_numpy(int)
    root, step = np.where(parent >= 0, parent, np.arange(len(parent))), 0
    while not np.array_equal(further := root[root], root):  # each step doubles the generations that were climbed
        root, step = further, step + 1
        if step > 64:
            raise ValueError("an event is its own ancestor; parents must be earlier events")
    if (parent[root] >= 0).any():
        raise ValueError("an event is its own ancestor; parents must be earlier events")
    return by_size(root)


@njit(cache=True, nogil=True)
def _nearest(years, place, weight, dimension, min_km):
    """Position of the earlier event with the smallest eta, -1 without any; events in the order of time. Of equals the latest."""
    parent = np.full(len(years), -1, np.int64)
    floor = min_km**dimension
    for j in range(len(years)):
        best = np.inf
        for i in range(j - 1, -1, -1):
            near = (years[j] - years[i]) * weight[i]
            if near <= 0.0 or near * floor >= best:  # simultaneous; or too long ago at any distance
                continue
            square = 0.0
            for k in range(place.shape[1]):
                square += (place[j, k] - place[i, k]) ** 2
            eta = near * max(square, min_km**2) ** (0.5 * dimension)
            if eta < best:
                best, parent[j] = eta, i
    return parent


def _roots(parent: np.ndarray) -> np.ndarray:
    """First ancestor of each event; parents stand before their children."""
    root = np.arange(len(parent))
    for child in np.flatnonzero(parent >= 0):
        root[child] = root[parent[child]]
    return root


def _roles(family: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Roles in families of events in the order of time; of equally large events the first is the main shock."""
    order = np.lexsort((np.arange(len(family)), -magnitude, family))
    main = np.full(family.max(initial=-1) + 1, -1)
    main[family[order[::-1]]] = order[::-1]  # the last one written is the largest
    alone = np.bincount(family, minlength=len(main)) == 1
    at = np.arange(len(family))
    roles = np.where(at < main[family], "foreshock", np.where(at == main[family], "mainshock", "aftershock"))
    return np.where(alone[family], "background", roles).astype(object)
