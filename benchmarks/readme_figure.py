"""The picture in the README: a catalog of one synthetic hour, made by the chain of lesson 01, over the truth.

    python benchmarks/readme_figure.py [--out book/_static/catalog.png] [--quick]

It takes about a minute. ``--quick`` makes the smallest world and leaves no file unless --out names one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from course_utils.catalog.tables import Catalog
from course_utils.teaching.style import COLOURS, use_style

PICTURE = Path(__file__).parents[1] / "book" / "_static" / "catalog.png"


def chain(quick: bool) -> tuple[Catalog, pd.DataFrame]:
    """Located catalog of a synthetic hour, and its true events."""
    from course_utils import association, location, picking
    from course_utils.synthetic import World

    world = World.tiny() if quick else World.lesson()
    waveforms = [world.waveforms(name) for name in world.stations["station"]]
    picks = picking.pick(waveforms, "phasenet:synthetic")
    catalog = location.locate(association.associate(picks, world.stations, world.velocity))
    return catalog, world.truth.events.query("time >= @world.start")


def draw(catalog: Catalog, truth: pd.DataFrame, file: Path) -> None:
    """Map with error ellipses, section and time line on one white card, which both light and dark pages can carry."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.dates
    import matplotlib.pyplot as plt
    import matplotlib.ticker

    use_style()
    stations, events = catalog.stations, catalog.events
    picks = events["n_p"] + events["n_s"]
    fig = plt.figure(figsize=(10, 5.6), facecolor="white")
    grid = fig.add_gridspec(2, 2, width_ratios=[1.05, 1], height_ratios=[1.25, 1])
    plan, section, line = fig.add_subplot(grid[:, 0]), fig.add_subplot(grid[0, 1]), fig.add_subplot(grid[1, 1])

    aspect = 1 / np.cos(np.radians(stations["latitude"].mean()))
    plan.scatter(
        stations["longitude"],
        stations["latitude"],
        marker="^",
        s=60,
        color=COLOURS["station"],
        edgecolor="#444444",
        label="station",
        zorder=2,
    )
    dots = {"c": events["depth_km"], "cmap": "cividis_r", "vmin": 0, "vmax": 25, "edgecolor": "white", "linewidth": 0.4}
    sizes = 8 + 3 * picks
    shown = plan.scatter(events["longitude"], events["latitude"], s=sizes, label="located", zorder=4, **dots)
    section.scatter(events["longitude"], events["depth_km"], s=sizes, zorder=4, **dots)
    for axis, y in ((plan, "latitude"), (section, "depth_km")):
        axis.scatter(
            truth["longitude"],
            truth[y],
            s=90,
            facecolor="none",
            edgecolor=COLOURS["truth"],
            linewidth=0.6,
            label="true place",
            zorder=3,
        )
    plan.set(xlabel="longitude", ylabel="latitude", aspect=aspect)
    plan.set_title(f"{len(events)} events in one hour")
    # the middle of the network: a far event would make all others small
    lon, lat = events["longitude"].median(), events["latitude"].median()
    plan.set(xlim=(lon - 0.34, lon + 0.34), ylim=(lat - 0.29, lat + 0.29))
    plan.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13), ncols=3, handletextpad=0.1, columnspacing=1)
    section.set(
        xlabel="longitude",
        ylabel="depth in km",
        ylim=(30, -1),
        xlim=(lon - 0.2, lon + 0.2),
    )
    section.xaxis.set_major_locator(matplotlib.ticker.MultipleLocator(0.1))
    fig.colorbar(shown, ax=section, label="depth in km").ax.invert_yaxis()

    colours = dict(zip(("P", "S"), (COLOURS["P"], COLOURS["S"]), strict=True))
    line.vlines(events["time"], 0, events["n_p"], color=colours["P"], linewidth=3, label="P picks")
    line.vlines(events["time"], events["n_p"], picks, color=colours["S"], linewidth=3, label="S picks")
    line.set(ylabel="picks of the event", ylim=(0, None), xlabel="origin time, UTC")
    line.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%H:%M"))
    line.legend(loc="upper left", bbox_to_anchor=(0, 1.22), ncols=2)
    file.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(file, dpi=130, facecolor="white", bbox_inches="tight", pad_inches=0.12)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(argv)
    catalog, truth = chain(args.quick)
    with tempfile.TemporaryDirectory() as scratch:
        file = args.out or (Path(scratch) / "catalog.png" if args.quick else PICTURE)
        draw(catalog, truth, file)
        print(f"{file}: {len(catalog.events)} events, {len(truth)} true ones, {file.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
