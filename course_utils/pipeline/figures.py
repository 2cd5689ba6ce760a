"""The explorable figures of a run's report, and the texts that say what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_utils.catalog.comparison import Comparison
from course_utils.teaching.figures.catalogs import Group, catalog_figure, groups

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from course_utils.catalog.tables import Catalog


def map_and_section(catalog: Catalog, comparison: Comparison | None) -> tuple[go.Figure, str]:
    """Epicenters with stations, and the same events in depth along longitude; and a text that says what is to be seen."""
    stations, events = catalog.stations, catalog.events
    alt = (
        f"Map of {len(events)} epicenters and {len(stations)} stations, with a section of depth along longitude below."
    )
    if len(events):
        alt += (
            f" Epicenters lie between {events['latitude'].min():.2f} and {events['latitude'].max():.2f} degrees north, "
            f"{events['longitude'].min():.2f} and {events['longitude'].max():.2f} degrees east; depths from "
            f"{events['depth_km'].min():.1f} to {events['depth_km'].max():.1f} km."
        )
    return catalog_figure(stations, _shown(catalog, comparison), ("map", "depth")), alt


def time_figure(catalog: Catalog, comparison: Comparison | None) -> tuple[go.Figure, str]:
    """Magnitudes over time where there are any, else the number of picks of each event; and its description."""
    events = catalog.events
    what = "Magnitudes" if events["magnitude"].notna().any() else "Numbers of picks"
    alt = f"{what} of {len(events)} events over time."
    if len(events):
        alt += f" From {events['time'].min():%Y-%m-%d %H:%M:%S} to {events['time'].max():%Y-%m-%d %H:%M:%S} UTC."
    return catalog_figure(catalog.stations, _shown(catalog, comparison), ("time",)), alt


def _shown(catalog: Catalog, comparison: Comparison | None) -> list[Group]:
    if comparison is None:
        return groups(catalog.events)
    return groups(catalog.events, comparison.match, comparison.reference, comparison.missed)
