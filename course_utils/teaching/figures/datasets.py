"""What is in a data set of labelled records: panels for the metadata of any SeisBench set, and a gallery of records.

Every figure comes with a text that says what it shows and what is to be seen; hand it to whoever cannot see the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from course_utils.picking.curation.columns import magnitudes, pick_columns, rates_hz, station_names
from course_utils.picking.curation.labels import constant_picks, hypocentral_km
from course_utils.picking.curation.settings import CurationError
from course_utils.teaching.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = {"train": ("o", "#0072B2"), "dev": ("s", "#E69F00"), "test": ("^", "#D55E00"), "unused": (".", "#999999")}


def magnitude_distance(axes: Axes, metadata: pd.DataFrame) -> str:
    """Magnitude of the event against hypocentral distance of the station, by part."""
    x, y = hypocentral_km(metadata), magnitudes(metadata)
    known = np.isfinite(x) & np.isfinite(y)
    part = metadata["split"].fillna("unused") if "split" in metadata.columns else pd.Series("train", metadata.index)
    for name, some in part[known].groupby(part[known]):
        mark, colour = _MARKS.get(str(name), ("o", "#0072B2"))
        at = part.index.get_indexer(some.index)
        axes.plot(x[at], y[at], mark, ms=4, alpha=0.6, mec="none", color=colour, label=str(name))
    axes.set(xlabel="hypocentral distance, km", ylabel="magnitude", title="Magnitude and distance")
    if not known.any():
        return _nothing(axes, "Magnitude and distance: unknown.")
    axes.legend(fontsize="small")
    return (
        f"Magnitude against hypocentral distance of {known.sum()} records: magnitudes {y[known].min():.1f} to "
        f"{y[known].max():.1f}, distances {x[known].min():.0f} to {x[known].max():.0f} km."
    )


def signal_to_noise(axes: Axes, metadata: pd.DataFrame) -> str:
    """Histograms of the SNR of P and S."""
    said = []
    for phase, style in (("P", {"hatch": ""}), ("S", {"hatch": "//"})):
        column = f"trace_{phase}_snr_db"
        values = pd.to_numeric(metadata[column], errors="coerce").dropna() if column in metadata.columns else []
        if len(values):
            options = {"color": COLOURS[phase], "alpha": 0.55, "label": phase, **style}
            axes.hist(values, bins=np.arange(-20, 81, 4), **options)
            said.append(f"{phase} median {np.median(values):.0f} dB, {(np.asarray(values) < 6).mean():.0%} below 6 dB")
    axes.set(xlabel="SNR at the pick, dB", ylabel="picks", title="Signal to noise")
    if not said:
        return _nothing(axes, "Signal-to-noise ratio: unknown.")
    axes.legend(fontsize="small")
    return f"Histogram of signal-to-noise ratios: {'; '.join(said)}."


def class_balance(axes: Axes, metadata: pd.DataFrame) -> str:
    """Records by the type of their event, and of noise."""
    kind = (
        metadata["source_type"] if "source_type" in metadata.columns else pd.Series(None, metadata.index, dtype=object)
    )
    noise = metadata["trace_category"].eq("noise") if "trace_category" in metadata.columns else kind.isna() & False
    counts = kind.where(kind.notna(), "event, type unknown").astype(str).where(~noise, "noise").value_counts()
    axes.barh(counts.index[::-1], counts.to_numpy()[::-1], color=COLOURS["matched"])
    axes.set(xlabel="records", title="Balance of classes")
    return "Records by class: " + ", ".join(f"{name} {count}" for name, count in counts.items()) + "."


def s_minus_p(axes: Axes, metadata: pd.DataFrame) -> str:
    """Histogram of the time from P to S."""
    rate, at = rates_hz(metadata), {}
    for phase in "PS":
        mine = [
            c
            for c, p in pick_columns(metadata).items()
            if p == phase and not c[: -len("_arrival_sample")][-1].isdigit()
        ]
        values = metadata[mine].apply(pd.to_numeric, errors="coerce") if mine else pd.DataFrame(index=metadata.index)
        at[phase] = values.min(axis=1).to_numpy(float) / rate if mine else np.full(len(metadata), np.nan)
    apart = at["S"] - at["P"]
    apart = apart[np.isfinite(apart)]
    axes.set(xlabel="S minus P, s", ylabel="records", title="S minus P")
    if not len(apart):
        return _nothing(axes, "S minus P: no record has both.")
    axes.hist(apart, bins=30, color=COLOURS["station"])
    wrong = int((apart <= 0).sum())
    return (
        f"Histogram of S minus P of {len(apart)} records: median {np.median(apart):.1f} s, "
        f"{apart.min():.1f} to {apart.max():.1f} s; S is not after P in {wrong}."
    )


def pick_position(axes: Axes, metadata: pd.DataFrame) -> str:
    """Where in the window the picks lie: a column of its own shows picks that are always in one place."""
    said = []
    for row in constant_picks(metadata).itertuples():
        if row.picks and row.column == f"trace_{row.phase}_arrival_sample":
            values = pd.to_numeric(metadata[row.column], errors="coerce") / rates_hz(metadata)
            axes.hist(values.dropna(), bins=40, histtype="step", color=COLOURS[row.phase], lw=1.6, label=row.phase)
            always = f"{row.share:.0%} in one place" if row.constant else "spread out"
            said.append(f"{row.phase} {always}, middle at {np.nanmedian(values):.1f} s")
    axes.set(xlabel="pick after start of window, s", ylabel="picks", title="Position of picks")
    if not said:
        return _nothing(axes, "Position of picks: there are none.")
    axes.legend(fontsize="small")
    return f"Histogram of the positions of picks in their windows: {'; '.join(said)}."


def station_map(axes: Axes, metadata: pd.DataFrame) -> str:
    """Epicenters and stations."""
    places = {}
    for what, mark, options in (
        ("source", "o", {"ms": 4, "color": COLOURS["matched"], "alpha": 0.6, "mec": "none", "label": "events"}),
        ("station", "^", {"ms": 7, "color": COLOURS["station"], "mec": "#000000", "mew": 0.6, "label": "stations"}),
    ):
        names = [f"{what}_longitude_deg", f"{what}_latitude_deg"]
        if set(names) <= set(metadata.columns):
            places[what] = metadata[names].apply(pd.to_numeric, errors="coerce").dropna().drop_duplicates().to_numpy()
            axes.plot(*places[what].T, mark, ls="none", **options)
    axes.set(xlabel="longitude, degrees", ylabel="latitude, degrees", title="Map")
    if not sum(map(len, places.values())):
        return _nothing(axes, "Map: no coordinates are known.")
    everything = np.concatenate(list(places.values()))
    axes.set_aspect(1 / max(np.cos(np.radians(everything[:, 1].mean())), 0.05), adjustable="datalim")
    axes.locator_params(axis="x", nbins=5)
    axes.legend(fontsize="small")
    (west, south), (east, north) = everything.min(axis=0), everything.max(axis=0)
    counts = " and ".join(f"{len(some)} {what} places" for what, some in places.items())
    return f"Map of {counts}, {south:.2f} to {north:.2f} degrees north, {west:.2f} to {east:.2f} degrees east."


def station_counts(axes: Axes, metadata: pd.DataFrame, most: int = 20) -> str:
    """Records of each station, those with most first."""
    counts = pd.Series(station_names(metadata)).value_counts()
    shown = counts.head(most)
    axes.barh(shown.index[::-1], shown.to_numpy()[::-1], color=COLOURS["station"])
    axes.set(xlabel="records", title="Stations" + (f", {most} of {len(counts)}" if len(counts) > most else ""))
    axes.tick_params(axis="y", labelsize="x-small")
    return (
        f"Records of {len(counts)} stations: {counts.index[0]} has most, {counts.iloc[0]}; the median is "
        f"{counts.median():.0f}, the fewest {counts.iloc[-1]}."
    )


PANELS: dict[str, Callable[[Axes, pd.DataFrame], str]] = {
    "magnitude_distance": magnitude_distance,
    "signal_to_noise": signal_to_noise,
    "class_balance": class_balance,
    "s_minus_p": s_minus_p,
    "pick_position": pick_position,
    "map": station_map,
    "stations": station_counts,
}


def overview(metadata: pd.DataFrame, panels: Sequence[str] = tuple(PANELS), columns: int = 2) -> tuple[Figure, str]:
    """Panels of one data set in one figure, and its description.

    Raises:
        ValueError: no such panel, or no row.
    """
    from matplotlib.figure import Figure

    unknown = [name for name in panels if name not in PANELS]
    if unknown or not panels:
        raise ValueError(f"panels: {unknown or 'none'}; there is {', '.join(PANELS)}")
    if not len(metadata):
        raise ValueError("metadata: there is no row to draw")
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5 * columns, 3.3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    said = []
    for axes, name in zip(grid, panels, strict=False):
        try:
            said.append(PANELS[name](axes, metadata))
        except CurationError as error:  # sets differ in what they know
            said.append(_nothing(axes, f"{name.replace('_', ' ')}: {error}"))
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    return figure, " ".join(said)


def gallery(dataset, rows: Sequence[int], titles: Sequence[str] | None = None, columns: int = 2) -> tuple[Figure, str]:
    """Records of a ``WaveformDataset`` with their labels, each component scaled to its own peak; and the description.

    Args:
        rows: positions in the data set, at most 24.
        titles: one text for each, for example the reason to doubt it.
    """
    from matplotlib.figure import Figure

    if not 0 < len(rows) <= 24:
        raise ValueError(f"rows: {len(rows)} records; give 1 to 24")
    metadata, picks, said = dataset.metadata, pick_columns(dataset.metadata), []
    order = dataset.component_order
    count = -(-len(rows) // columns)
    figure = Figure(figsize=(5.5 * columns, 1.9 * count), layout="constrained")
    for k, (axes, row) in enumerate(zip(figure.subplots(count, columns, squeeze=False).ravel(), rows, strict=False)):
        data, meta = dataset.get_waveforms(int(row)), metadata.iloc[int(row)]
        rate = float(meta["trace_sampling_rate_hz"])
        for i, trace in enumerate(data):
            centred = trace - trace.mean()
            axes.plot(np.arange(len(trace)) / rate, 0.45 * centred / max(np.abs(centred).max(), 1e-30) - i, "k", lw=0.5)
        labels = {c: float(meta[c]) / rate for c in picks if pd.notna(meta[c])}
        for column, when in labels.items():
            phase = picks[column]
            axes.axvline(when, color=COLOURS[phase], ls="-" if phase == "P" else "--")
        title = titles[k] if titles is not None else f"row {row}, {meta.get('station_code', '')}"
        axes.set_title(title, fontsize="small")
        axes.set(yticks=-np.arange(len(data)), yticklabels=list(order or "?" * len(data)))
        axes.set_xlabel("time in the window, s", fontsize="small")
        axes.grid(False)
        at = ", ".join(f"{picks[c]} at {when:.1f} s" for c, when in labels.items()) or "no label"
        said.append(f"{title}: {at}.")
    for axes in figure.axes[len(rows) :]:
        axes.set_axis_off()
    return figure, f"Records of {len(rows)} windows with their labels, P solid and S dashed. " + " ".join(said)


def _nothing(axes: Axes, text: str) -> str:
    axes.text(0.5, 0.5, "unknown", ha="center", va="center", transform=axes.transAxes, color="#777777")
    return text if text.endswith(".") else text + "."
