"""Look inside a location: samples of the posterior, slices of the misfit, the credible ellipsoid."""

from __future__ import annotations

import numpy as np
import pandas as pd

from course_utils.catalog.tables import UTC_DTYPE, Catalog
from course_utils.location.arrivals import collect
from course_utils.location.locator import ELLIPSOID_68, Locator
from course_utils.location.settings import LocationSettings, with_overrides


def posterior(
    event,
    catalog: Catalog,
    samples: int = 2000,
    *,
    settings: LocationSettings | dict | None = None,
    corrections: pd.DataFrame | None = None,
    locator: Locator | None = None,
    **overrides,
) -> pd.DataFrame:
    """Equally probable hypocenters and origin times of one event, drawn from its posterior.

    Args:
        event: event_id, or a row of the events table.
        catalog: its assignments and picks, stations and velocity.
        samples: how many points.
        settings: as for ``locate``; also by name.
        corrections: station terms, as for ``locate``.
        locator: a :class:`Locator` to use instead of building one from the catalog.

    Returns:
        x_km (east), y_km (north) in the frame of the network, depth_km, time, latitude, longitude; ``samples`` rows.
        ``attrs["maximum"]`` holds x_km, y_km, depth_km of the most probable point, ``attrs["effective_samples"]``
        how many independent draws the weights are worth.

    Raises:
        ValueError: no such event, or it cannot be located; the message says why.
    """
    locator, arrays, reference = _prepare(event, catalog, settings, corrections, locator, overrides)
    draws = max(4 * samples, 2000)
    (_, best, _, points, share, origins, n_eff), _, _ = locator.run_event(arrays, draws, locator.settings.seed)
    rng = np.random.default_rng(locator.settings.seed)
    chosen = np.searchsorted(np.cumsum(share), (np.arange(samples) + rng.random()) / samples)
    chosen = rng.permutation(np.minimum(chosen, draws - 1))
    x, y, z = points[chosen].T
    latitude, longitude = locator.frame.to_geographic(x, y)
    micro = reference + np.round(origins[chosen] * 1e6).astype(np.int64)
    out = pd.DataFrame(
        {
            "x_km": x,
            "y_km": y,
            "depth_km": z,
            "time": pd.to_datetime(micro, unit="us", utc=True).astype(UTC_DTYPE),
            "latitude": latitude,
            "longitude": longitude,
        }
    )
    out.attrs = {"maximum": [float(v) for v in best], "effective_samples": float(n_eff)}
    return out


def misfit_grid(
    event,
    catalog: Catalog,
    x_km,
    y_km,
    depth_km,
    *,
    settings: LocationSettings | dict | None = None,
    corrections: pd.DataFrame | None = None,
    locator: Locator | None = None,
    **overrides,
) -> np.ndarray:
    """Log-likelihood of one event on a grid, 0 at its maximum (wherever that is), origin time integrated out.

    Args:
        event: event_id, or a row of the events table.
        catalog: its assignments and picks, stations and velocity.
        x_km, y_km, depth_km: axes of the grid in the frame of the network; numbers make a slice.
        settings, corrections, locator: as for :func:`posterior`.

    Returns:
        array of shape (depths, ys, xs) without the axes given as numbers; -inf above ground and outside the tables.
    """
    locator, arrays, _ = _prepare(event, catalog, settings, corrections, locator, overrides)
    best = locator.run_event(arrays, locator.settings.samples, locator.settings.seed)[0][1]
    axes = [np.asarray(a, float) for a in (depth_km, y_km, x_km)]
    z, y, x = np.meshgrid(*(np.atleast_1d(a) for a in axes), indexing="ij")
    values = locator.density(arrays, np.column_stack([x.ravel(), y.ravel(), z.ravel()]), best)
    return values.reshape([len(a) for a in axes if a.ndim])


def ellipsoid(samples: pd.DataFrame) -> dict[str, np.ndarray]:
    """The 68 % credible ellipsoid (3 degrees of freedom) of posterior samples.

    Returns:
        "centre" (3), "axes_km" (3, descending half-lengths) and "directions" (3, 3: one unit vector in x east, y north,
        depth per row, in the order of the axes).
    """
    points = samples[["x_km", "y_km", "depth_km"]].to_numpy()
    values, vectors = np.linalg.eigh(np.cov(points.T))
    order = np.argsort(-values)
    return {
        "centre": points.mean(axis=0),
        "axes_km": np.sqrt(ELLIPSOID_68 * values[order].clip(0)),
        "directions": vectors.T[order],
    }


def _prepare(event, catalog, settings, corrections, locator, overrides):
    settings = with_overrides(locator.settings if locator and settings is None else settings, overrides)
    if locator is None:
        locator = Locator(catalog.stations, catalog.velocity, settings, corrections)
    elif settings != locator.settings or corrections is not None:
        raise ValueError("locator: it has its own settings and corrections; give them when you build it")
    event_id = int(event["event_id"]) if isinstance(event, pd.Series) else int(event)
    chosen = catalog.events["event_id"] == event_id
    if not chosen.any():
        raise ValueError(f"event {event_id} is not in the events table ({len(catalog.events)} rows)")
    single = Catalog(events=catalog.events[chosen], picks=catalog.picks)
    pairs = catalog.assignments[catalog.assignments["event_id"] == event_id]
    columns = locator.columns(collect(single, pairs, locator.stations, settings))
    rows = np.flatnonzero(columns["used"])
    refusal = locator.refusal(columns, rows)
    if refusal:
        raise ValueError(f"event {event_id} cannot be located: {refusal}")
    return locator, *locator.event_arrays(columns, rows)
