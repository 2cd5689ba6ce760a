"""Waveforms and their picks in memory: what batches are drawn from.

A bank of *records* brings its own noise (real data). A bank of *signals* is noise-free (the synthetic Earth) and is
mixed with a bank of *noise* while training, so that few records give many windows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
import torch

ARRIVAL = re.compile(r"trace_(([ps])[a-z]*)(\d*)_arrival_sample", re.IGNORECASE)


class TrainingError(ValueError):
    """Data, weights or settings that cannot be trained with; the message names them and the remedy."""


@dataclass(frozen=True, eq=False)
class Bank:
    """Windows of equal length with what is known of each.

    ``waveforms`` float32 (n, 3, m) in Z, N, E, or for signals (n, 6, m): the P part and then the S part. ``onsets``
    (n, 2, k): samples of P and S, NaN where there is none. ``level`` (n,): rms of the P wave (signals) or of the
    noise (noise, records), the unit in which mixing counts. ``group`` (n,): only signals and noise of one group
    (instrument class) are mixed. ``s_db`` (n,): S over P; ``s_limit_db`` (n,): S over the coda of its own P, which no
    gain changes. ``snr_db`` (n,): P over noise of records. ``labelled`` (n,): False for signals that are mixed in to be
    taken for noise (surface events), whose onset only says where they begin.
    """

    waveforms: torch.Tensor
    onsets: torch.Tensor
    level: torch.Tensor
    group: torch.Tensor
    s_db: torch.Tensor
    s_limit_db: torch.Tensor
    snr_db: torch.Tensor
    labelled: torch.Tensor
    sampling_rate_hz: float = 100.0
    kind: str = "records"  # "signals" or "noise"
    name: str = ""

    def __len__(self) -> int:
        return len(self.waveforms)

    def to(self, device: torch.device | str) -> Bank:
        """The same bank on a device; nothing is copied when it is there already."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in moved.items() if isinstance(v, torch.Tensor)})

    def take(self, rows: Sequence[int] | np.ndarray) -> Bank:
        """Some rows of the bank."""
        index = torch.as_tensor(np.asarray(rows, dtype=np.int64), device=self.waveforms.device)
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v[index] for k, v in moved.items() if isinstance(v, torch.Tensor)})

    def digest(self) -> str:
        """SHA-256 of all samples and onsets: two banks with the same digest train the same network."""
        total = hashlib.sha256(f"{self.kind} {self.sampling_rate_hz} {tuple(self.waveforms.shape)}".encode())
        for part in (self.waveforms, self.onsets, self.level, self.group.to(torch.int64)):
            total.update(np.ascontiguousarray(part.cpu().numpy()).data)
        return total.hexdigest()


def bank_from_arrays(
    waveforms: np.ndarray,
    picks: pd.DataFrame | None = None,
    *,
    sampling_rate_hz: float = 100.0,
    kind: str = "records",
    level: np.ndarray | None = None,
    group: np.ndarray | None = None,
    s_db: np.ndarray | None = None,
    s_limit_db: np.ndarray | None = None,
    labelled: np.ndarray | None = None,
    name: str = "",
) -> Bank:
    """A bank from waveforms (n, 3, m) in Z, N, E (signals may have 6 channels: P part, S part) and a table of picks.

    ``picks``: one row per arrival with ``record`` (row of ``waveforms``), ``phase`` ("P" or "S"), ``sample`` (from the
    start of the record), and optionally ``event`` (number of the event within the record, for records with several).

    Raises:
        TrainingError: shapes that do not fit, NaN in waveforms, no pick at all, picks outside their record or of a
            record that is not there, S before P, two picks of one phase and event.
    """
    waveforms = np.asarray(waveforms, dtype=np.float32)
    allowed = (3, 6) if kind == "signals" else (3,)
    if kind not in ("records", "signals", "noise"):
        raise TrainingError(f"{name or 'bank'}: kind {kind!r}; it is records, signals or noise")
    if waveforms.ndim != 3 or waveforms.shape[1] not in allowed:
        raise TrainingError(
            f"{name or kind}: waveforms have shape {waveforms.shape}; need (n, 3, samples) in the order Z, N, E, missing "
            "components as zeros" + (", or 6 channels: P part, S part" if kind == "signals" else "")
        )
    n, _, samples = waveforms.shape
    if n == 0:
        raise TrainingError(f"{name or kind}: no waveforms at all")
    bad = np.flatnonzero(~np.isfinite(waveforms).all((1, 2)))
    if len(bad):
        raise TrainingError(
            f"{name or kind}: {len(bad)} of {n} records hold NaN or infinity (first: {bad[0]}); drop them or fill their gaps"
        )
    onsets = _onsets(picks, n, samples, name or kind) if kind != "noise" else np.full((n, 2, 1), np.nan, np.float32)
    snr = np.full(n, np.inf, np.float32)
    if level is None:
        if kind == "signals":
            raise TrainingError(f"{name or kind}: signals need level, the rms of the P wave of each")
        level, snr = _levels(waveforms, onsets)

    def tensor(values, default: float):
        values = np.full(n, default) if values is None else np.asarray(values)
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))

    return Bank(
        torch.from_numpy(waveforms),
        torch.from_numpy(onsets),
        tensor(level, 1.0).clamp(min=1e-30),
        torch.from_numpy(np.zeros(n, np.int64) if group is None else np.array(group, np.int64)),
        tensor(s_db, 0.0),
        tensor(s_limit_db, np.inf),
        tensor(snr, np.inf),
        torch.from_numpy(np.ones(n, bool) if labelled is None else np.array(labelled, bool)),
        float(sampling_rate_hz),
        kind,
        name,
    )


def bank_from_dataset(dataset, *, name: str = "") -> Bank:
    """A bank of records from a SeisBench data set (``seisbench.data.WaveformDataset``, any subset of it).

    Picks are the columns ``trace_P*_arrival_sample`` and ``trace_S*_arrival_sample``
    (:func:`picks_of_metadata`), counted at the set's sampling rate. Traces of unequal length are filled with zeros at
    their end.

    Raises:
        TrainingError: as :func:`bank_from_arrays`; also sampling rates that differ, or no columns of arrivals.
    """
    table = dataset.metadata
    name = name or getattr(dataset, "name", "data set")
    if not any(ARRIVAL.fullmatch(str(c)) for c in table.columns):
        raise TrainingError(
            f"{name}: no column trace_P_arrival_sample or trace_S_arrival_sample; there are no picks to train on"
        )
    if len(table) == 0:
        raise TrainingError(f"{name}: no traces")
    rate = _sampling_rate(dataset, name)
    traces = [dataset.get_waveforms(i) for i in range(len(table))]
    order = "".join(dataset.component_order)
    missing = [c for c in "ZNE" if c not in order]
    if missing or any(t.ndim != 2 or t.shape[0] != len(order) for t in traces):
        raise TrainingError(
            f"{name}: components {order!r}; open it with component_order='ZNE' and missing_components='pad'"
        )
    longest = max(t.shape[1] for t in traces)
    waveforms = np.zeros((len(traces), 3, longest), np.float32)
    for row, trace in enumerate(traces):
        waveforms[row, :, : trace.shape[1]] = trace[[order.index(c) for c in "ZNE"]]
    picks = picks_of_metadata(table)
    if (
        "trace_sampling_rate_hz" in table
    ):  # the metadata count samples at the rate of the file, the traces come at that of the set
        own = table["trace_sampling_rate_hz"].fillna(rate).to_numpy(float)
        picks["sample"] *= rate / own[picks["record"]]
    return bank_from_arrays(waveforms, picks, sampling_rate_hz=rate, name=name)


def picks_of_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """Table record, phase, sample, event of the arrivals in SeisBench metadata, one row of which is one trace.

    P, Pg, Pn: the earliest is the P of the trace's own event (0). P2, P3, S2: arrivals of further events in the window,
    each an event of its own, since nothing tells which P belongs to which S.
    """
    columns: dict[tuple[str, int], list[str]] = {}
    for column in table.columns:
        if found := ARRIVAL.fullmatch(str(column)):
            columns.setdefault((found.group(2).upper(), int(found.group(3) or 1)), []).append(column)
    frames, further = [], 0
    for (phase, number), named in sorted(columns.items()):
        earliest = table[named].min(axis=1).to_numpy(float)
        rows = np.flatnonzero(np.isfinite(earliest))
        further += number > 1
        event = further if number > 1 else 0
        frames.append(pd.DataFrame({"record": rows, "phase": phase, "sample": earliest[rows], "event": event}))
    return pd.concat(frames, ignore_index=True)


def _sampling_rate(dataset, name: str) -> float:
    if dataset.sampling_rate:
        return float(dataset.sampling_rate)
    rates = dataset.metadata.get("trace_sampling_rate_hz")
    rates = [] if rates is None else sorted(set(rates.dropna()))
    if len(rates) == 1:
        return float(rates[0])
    raise TrainingError(f"{name}: sampling rates {rates or 'unknown'}; open it with sampling_rate=100")


def _onsets(picks: pd.DataFrame | None, n: int, samples: int, name: str) -> np.ndarray:
    if picks is None or len(picks) == 0:
        raise TrainingError(f"{name}: no picks; training needs at least some P or S (a bank of noise is kind='noise')")
    absent = [c for c in ("record", "phase", "sample") if c not in picks]
    if absent:
        raise TrainingError(f"{name}: the picks lack the columns {', '.join(absent)}")
    record, sample = picks["record"].to_numpy(int), picks["sample"].to_numpy(float)
    event = picks["event"].to_numpy(int) if "event" in picks else np.zeros(len(picks), int)
    phase = picks["phase"].astype(str).to_numpy()
    if wrong := sorted(set(phase) - {"P", "S"}):
        raise TrainingError(f"{name}: phases {', '.join(wrong)}; only P and S are learned, rename or drop the others")
    stray = np.flatnonzero((record < 0) | (record >= n))
    if len(stray):
        raise TrainingError(f"{name}: a pick of record {record[stray[0]]}, but the records are 0 to {n - 1}")
    outside = np.flatnonzero(~((sample >= 0) & (sample < samples)))
    if len(outside):
        k = outside[0]
        raise TrainingError(
            f"{name}: {len(outside)} picks outside their record, first: {phase[k]} of record {record[k]} at sample "
            f"{sample[k]:.0f} of {samples}; drop them (set them to NaN) or cut the records wider"
        )
    onsets = np.full((n, 2, event.max() + 1), np.nan, np.float32)
    which = (phase == "S").astype(int)
    keys = pd.DataFrame({"record": record, "event": event, "phase": phase})
    if keys.duplicated().any():
        k = keys[keys.duplicated()].iloc[0]
        raise TrainingError(
            f"{name}: record {k['record']} has two {k['phase']} of event {k['event']}; keep one, or number events"
        )
    onsets[record, which, event] = sample
    swapped = np.argwhere(onsets[:, 1] <= onsets[:, 0])
    if len(swapped):
        row, k = swapped[0]
        raise TrainingError(
            f"{name}: S before P in {len(swapped)} records, first: record {row}, P at sample {onsets[row, 0, k]:.0f} and S "
            f"at {onsets[row, 1, k]:.0f}; correct or drop them"
        )
    return onsets


def _levels(waveforms: np.ndarray, onsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rms of the noise of each record (before its first arrival, or of all of it), and P over noise in dB."""
    n, _, samples = waveforms.shape
    level, snr = np.zeros(n, np.float32), np.zeros(n, np.float32)
    first = np.where(np.isfinite(onsets).any((1, 2)), np.nanmin(np.nan_to_num(onsets, nan=samples), (1, 2)), samples)
    for row in range(n):
        end = int(first[row])
        before = waveforms[row, :, : end - 5] if end >= 55 else waveforms[row]
        level[row] = np.sqrt(np.mean(before.var(axis=1)))
        after = waveforms[row, :, end : end + 200] - before.mean(axis=1, keepdims=True)
        snr[row] = 20 * np.log10(max(np.sqrt(np.mean(after**2)) if after.size else 0.0, 1e-30) / max(level[row], 1e-30))
    return level, snr
