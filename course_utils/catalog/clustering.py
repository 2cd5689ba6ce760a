"""Groups of events that are near one another, planes through them, and sections along and across a fault."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.tables import conform

NOISE = -1
METHODS = ("k-means", "hdbscan", "optics", "dbscan", "spectral", "agglomerative", "gaussian mixture")
_FEWEST_OF_PLANE, _REDRAWN = 5, 100


def local_km(events: pd.DataFrame, centre: tuple[float, float] | None = None) -> np.ndarray:
    """Hypocenters in km east, north and down, shape (events, 3): azimuthal equidistant around ``centre`` (latitude and longitude; by
    default the medians), depth below sea level."""
    from pyproj import Proj

    if not len(events):
        return np.zeros((0, 3))
    longitude = events["longitude"].to_numpy(float)
    turned = (longitude - longitude[0] + 180) % 360 - 180 + longitude[0]  # also across the date line
    lat_0, lon_0 = centre or (float(np.median(events["latitude"])), float(np.median(turned)))
    frame = Proj(proj="aeqd", lat_0=lat_0, lon_0=lon_0, datum="WGS84", units="km")
    # lists, since pyproj takes an array of length one for a scalar
    east, north = frame(longitude.tolist(), events["latitude"].tolist())
    return np.column_stack([east, north, events["depth_km"].to_numpy(float)])


def features(
    events: pd.DataFrame, km: float = 1.0, depth_km: float | None = None, days: float | None = None
) -> np.ndarray:
    """What :func:`cluster` sees: coordinates in units of what counts as near.

    Scales matter more than methods. Take the location errors, or the distance and time over which events should hold
    together; scaling to unit variance, as is usual elsewhere, would make a long fault as short as a narrow one.

    Args:
        km, depth_km: unit of horizontal distance and of depth (default: ``km``); ``inf`` leaves depth out.
        days: unit of time; None leaves time out.

    Returns:
        Shape (events, 2 to 4): east, north, depth, time.
    """
    scales = {"km": km, "depth_km": km if depth_km is None else depth_km, "days": np.inf if days is None else days}
    for name, value in scales.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}; give the distance or time that counts as one unit, above 0")
    columns = local_km(events) / [scales["km"], scales["km"], scales["depth_km"]]
    if np.isinf(scales["depth_km"]):
        columns = columns[:, :2]
    if days is not None:
        columns = np.column_stack([columns, days_since_first(events["time"]) / days])
    return columns


def cluster(events: pd.DataFrame, method: str = "hdbscan", km: float = 1.0, depth_km=None, days=None, **options):
    """Groups of events that are near one another in space, and in time if ``days`` is given.

    Args:
        events: events table.
        method: one of METHODS. "k-means", "spectral", "agglomerative" and "gaussian mixture" put every event into one of
            ``n_clusters`` groups; "hdbscan" (Campello et al. 2013), "dbscan" (Ester et al. 1996) and "optics" (Ankerst et al. 1999) leave events out.
        km, depth_km, days: units, see :func:`features`; ``eps`` of "dbscan" counts in them (default 1).
        options: of the scikit-learn estimator; its defaults hold but for ``random_state`` 0, for ``min_cluster_size`` 10 ("hdbscan") and
            ``affinity`` "nearest_neighbors" ("spectral", which needs n * n memory otherwise).

    Returns:
        ``event_id``, ``cluster``, in the order of ``events``: 0 is the largest group, -1 is in none.

    Raises:
        ValueError: no such method; what scikit-learn says of an option or of too few events.
    """
    from sklearn import cluster as sk
    from sklearn.mixture import GaussianMixture

    if method not in METHODS:
        raise ValueError(f"method {method!r}: there is {', '.join(METHODS)}")
    events = conform(events, "events")
    if not len(events):
        return pd.DataFrame({"event_id": events["event_id"], "cluster": np.zeros(0, int)})
    x = features(events, km, depth_km, days)
    if method == "gaussian mixture":
        number = options.pop("n_clusters", 8)
        model = GaussianMixture(number, **{"random_state": 0, **options})
    else:
        make, ours = {
            "k-means": (sk.KMeans, {"random_state": 0}),
            "hdbscan": (sk.HDBSCAN, {"min_cluster_size": 10, "copy": True}),
            "optics": (sk.OPTICS, {}),
            "dbscan": (sk.DBSCAN, {"eps": 1.0}),
            "spectral": (sk.SpectralClustering, {"random_state": 0, "affinity": "nearest_neighbors"}),
            "agglomerative": (sk.AgglomerativeClustering, {}),
        }[method]
        model = make(**{**ours, **options})
    return pd.DataFrame({"event_id": events["event_id"], "cluster": by_size(model.fit_predict(x))})


def internal_scores(x: np.ndarray, clusters, seed: int = 0) -> dict[str, float]:
    """How compact and how far apart clusters are, without knowing the truth; each score has its own taste.

    Args:
        x: :func:`features`.
        clusters: shape (events,); events of no cluster (-1) are left out and counted in ``noise``, a share.

    Returns:
        clusters, noise, silhouette (-1 to 1; Rousseeuw 1987; of 5000 events drawn at random where there are more), davies_bouldin (small is
        good; 1979), calinski_harabasz (large is good; 1974). NaN for fewer than two clusters.
    """
    from sklearn import metrics

    labels = np.asarray(clusters)
    x, kept = x[labels != NOISE], labels[labels != NOISE]
    number = len(np.unique(kept))
    out = {"clusters": number, "noise": float(np.mean(labels == NOISE)) if len(labels) else np.nan}
    possible = 1 < number < len(kept)
    size = 5000 if len(kept) > 5000 else None
    out["silhouette"] = metrics.silhouette_score(x, kept, sample_size=size, random_state=seed) if possible else np.nan
    out["davies_bouldin"] = metrics.davies_bouldin_score(x, kept) if possible else np.nan
    out["calinski_harabasz"] = metrics.calinski_harabasz_score(x, kept) if possible else np.nan
    return {name: float(value) if name != "clusters" else value for name, value in out.items()}


def external_scores(clusters, truth) -> dict[str, float]:
    """Agreement with a known grouping: adjusted Rand index (Hubert and Arabie 1985), adjusted mutual information
    (Vinh et al. 2010), V-measure with its two halves (Rosenberg and Hirschberg 2007).

    The events of no cluster count as one group, in both. The V-measure is not adjusted for chance: many clusters raise it.
    """
    import warnings

    from sklearn import metrics

    with warnings.catch_warnings():  # families of one event are many and mean no regression
        warnings.filterwarnings("ignore", message="The number of unique classes")
        homogeneity, completeness, v = metrics.homogeneity_completeness_v_measure(truth, clusters)
        return {
            "ari": float(metrics.adjusted_rand_score(truth, clusters)),
            "ami": float(metrics.adjusted_mutual_info_score(truth, clusters)),
            "v_measure": float(v),
            "homogeneity": float(homogeneity),
            "completeness": float(completeness),
        }


def planes(events: pd.DataFrame, clusters, seed: int = 0) -> pd.DataFrame:
    """The plane through each cluster of 5 events or more, by principal components of its hypocenters.

    Args:
        events: events table.
        clusters: shape (events,); -1 is in none.
        seed: of the bootstrap behind ``error_deg``.

    Returns:
        Per cluster: ``events``; centre (``latitude``, ``longitude``, ``depth_km``); ``strike_deg`` and ``dip_deg`` (dip to the right of strike), ``error_deg``, the angle that 68 %
        of the planes through events drawn anew keep to this one; ``length_km`` and ``width_km`` of a rectangle as spread out; ``thickness_km``, the rms
        distance from the plane. A cluster as thick as wide has no plane: its error is tens of degrees.
    """
    clusters, rng, rows = np.asarray(clusters), np.random.default_rng(seed), []
    for label in np.unique(clusters[clusters != NOISE]):
        mine = events[clusters == label]
        if len(mine) < _FEWEST_OF_PLANE:
            continue
        x = local_km(mine)
        normal, spread = _normal(x)
        again = [_normal(x[rng.integers(len(x), size=len(x))])[0] for _ in range(_REDRAWN)]
        angles = np.degrees(np.arccos(np.clip(np.abs(again @ normal), 0, 1)))
        dip = np.degrees(np.arccos(np.clip(-normal[2], -1, 1)))
        strike = np.degrees(np.arctan2(normal[0], normal[1])) - 90
        rows.append(
            {
                "cluster": int(label),
                "events": len(mine),
                "latitude": mine["latitude"].median(),
                "longitude": mine["longitude"].median(),
                "depth_km": mine["depth_km"].median(),
                "strike_deg": float(strike % 360),
                "dip_deg": float(dip),
                "error_deg": float(np.quantile(angles, 0.68)),
                "length_km": float(np.sqrt(12) * spread[0]),
                "width_km": float(np.sqrt(12) * spread[1]),
                "thickness_km": float(spread[2]),
            }
        )
    return pd.DataFrame(rows)


def section(events: pd.DataFrame, strike_deg: float, dip_deg: float = 90.0, centre=None) -> pd.DataFrame:
    """Coordinates along and across a fault, in the order of ``events``.

    Args:
        centre: latitude, longitude and depth in km of the origin; by default the medians of the events.

    Returns:
        ``event_id``, ``along_km`` (towards strike), ``across_km`` (to the right of it, horizontally), ``depth_km``, and on the plane
        ``down_dip_km`` and ``off_plane_km`` (positive below it).
    """
    if centre is None:
        centre = tuple(events[c].median() for c in ("latitude", "longitude", "depth_km"))
    x = local_km(events, centre[:2]) - [0.0, 0.0, centre[2]]
    s, d = np.radians([strike_deg, dip_deg])
    along = x @ [np.sin(s), np.cos(s), 0.0]
    across = x @ [np.cos(s), -np.sin(s), 0.0]
    return pd.DataFrame(
        {
            "event_id": events["event_id"].to_numpy(),
            "along_km": along,
            "across_km": across,
            "depth_km": events["depth_km"].to_numpy(float),
            "down_dip_km": across * np.cos(d) + x[:, 2] * np.sin(d),
            "off_plane_km": x[:, 2] * np.cos(d) - across * np.sin(d),
        }
    )


def by_size(labels) -> np.ndarray:
    """Labels numbered by size, the largest 0, the first seen first among equals; negative ones become -1."""
    labels = np.asarray(labels)
    kept, first, counts = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    rank = np.empty(len(kept), int)
    rank[np.lexsort((first, -counts))] = np.arange(len(kept))
    out = np.full(len(labels), NOISE)
    out[labels >= 0] = rank[np.searchsorted(kept, labels[labels >= 0])]
    return out


def _normal(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upward unit normal (east, north, down) of points, and standard deviations along the three axes, largest first."""
    _, size, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return axes[2] * (-1.0 if axes[2, 2] > 0 else 1.0), size / np.sqrt(len(x))


def days_since_first(times: pd.Series) -> np.ndarray:
    return (times - times.min()).dt.total_seconds().to_numpy() / 86400 if len(times) else np.zeros(0)
