"""The PhaseNet kernel: a network of Zhu & Beroza's form on a CPU, ``LANES`` windows at a time, all layers in cache.

Batch norms are folded into the convolutions, the two halves of a skip connection are written side by side, and the
overlap-add goes straight into the result. Same windows, same normalisation, same sums as SeisBench's ``annotate``.

numba keeps what it compiled until this file changes: after an edit of lanes.py, touch it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from . import lanes
from .lanes import (
    BLOCK_CHANNELS,
    BLOCK_TIMES,
    LANES,
    TILE,
    dense_block,
    from_points,
    head_block,
    normalise,
    softmax3,
    spread_block,
    stride_block,
    to_points,
    transpose,
)
from .plan import Plan, windows
from .report import Report
from .segments import Segment

SAMPLES = 3001
LENGTHS = (3001, 751, 188, 47, 12)
FILTERS = (8, 16, 32, 64, 128)
ROUNDED = -(-SAMPLES // LANES) * LANES
LEFT, RIGHT = 4, 24  # empty samples around each row: what padding and rounded-up loops read and write
DOWN_PAD = (3, 2, 1, 2)  # zeros before the first sample of each strided convolution
UP_CROP = (2, 1, 1, 1)  # samples cut from the front of each transposed convolution
NORM_EPS = 1e-3  # of SeisBench's batch norms
BATCH_WINDOWS = 512  # short segments are worked together
CONVOLVE, STRIDE, SPREAD = 0, 1, 2
CHUNK = 24  # Winograd tiles that are transformed before they are used; a multiple of BLOCK_TIMES


def probabilities(model, segments: Iterable[Segment], plan: Plan, report: Report) -> Iterator[tuple]:
    """As :func:`torch_engine.probabilities`."""
    import torch

    network = Network(model, threads=torch.get_num_threads())
    waiting, count = [], 0
    for segment in segments:
        place = windows(segment.data.shape[1], segment.first_sample, plan).offsets
        waiting.append((segment, place))
        count += len(place)
        if count >= BATCH_WINDOWS:
            yield from _together(network, waiting, plan, report)
            waiting, count = [], 0
    if waiting:
        yield from _together(network, waiting, plan, report)


def _together(network: Network, members: list, plan: Plan, report: Report) -> Iterator[tuple]:
    import torch

    lengths = [segment.data.shape[1] for segment, _ in members]
    starts = np.cumsum([0, *lengths])
    data = members[0][0].data if len(members) == 1 else np.concatenate([s.data for s, _ in members], axis=1)
    offsets = np.concatenate([place + start for (_, place), start in zip(members, starts, strict=False)])
    stacked, flat = network.run(np.ascontiguousarray(data), offsets, plan.blinding)
    report.add("windows", len(offsets))
    if flat:
        report.note("flat", count=flat, seconds=flat * SAMPLES / members[0][0].rate_hz)
    for (segment, _), start, length in zip(members, starts, lengths, strict=False):
        yield segment, torch.from_numpy(stacked[:, start : start + length]), 0, 1.0


class Network:
    """A PhaseNet with its weights as the vector code wants them, and a workspace for each thread."""

    def __init__(self, model, threads: int = 1):
        state = {k: v.detach().double().numpy() for k, v in model.state_dict().items()}
        self.by_peak = model.norm == "peak"
        layout = _Layout()
        x = layout.rows(3, SAMPLES)
        skip = [layout.rows(2 * f, n) for f, n in zip(FILTERS[:4], LENGTHS, strict=False)]
        down = [layout.rows(f, n) for f, n in zip(FILTERS[:4], LENGTHS[1:], strict=True)]
        up = [layout.rows(f, n) for f, n in zip(FILTERS[:4], LENGTHS, strict=False)]
        bottom, first = layout.rows(FILTERS[4], LENGTHS[4]), layout.rows(FILTERS[0], SAMPLES)
        layout.convolve(x, first, *_folded(state, "inc", "in_bn"))
        current = first
        for i in range(5):
            target = skip[i] if i < 4 else bottom
            layout.convolve(current, target, *_folded(state, f"down_branch.{i}.0", f"down_branch.{i}.1"))
            if i < 4:
                weights, bias = _folded(state, f"down_branch.{i}.2", f"down_branch.{i}.3")
                layout.stride(target, down[i], weights, bias, DOWN_PAD[i])
                current = down[i]
        current = bottom
        for i, level in enumerate((3, 2, 1, 0)):
            weights, bias = _folded(state, f"up_branch.{i}.0", f"up_branch.{i}.1", transposed=True)
            layout.spread(current, skip[level], FILTERS[level], weights, bias, UP_CROP[level])
            layout.convolve(skip[level], up[level], *_folded(state, f"up_branch.{i}.2", f"up_branch.{i}.3"))
            current = up[level]
        last = layout.rows(3, SAMPLES)
        places = layout.constants(state["out.weight"][:, :, 0].T), layout.constants(state["out.bias"])
        self._places = np.array([*x[:2], *current[:2], *last[:2], *places])
        self._program, self._weights = layout.finish()
        self._spaces = [layout.workspace() for _ in range(threads)]

    def run(self, data: np.ndarray, offsets: np.ndarray, blinding: tuple[int, int]) -> tuple[np.ndarray, int]:
        """Probabilities (3, samples) of data (3, samples) from the windows at ``offsets`` (rising), and how many windows
        of a component were constant but not zero."""
        out = np.zeros(data.shape, np.float32)
        parts = [p for p in np.array_split(offsets, len(self._spaces)) if len(p)]
        limits = [int(p[0]) for p in parts[1:]] + [data.shape[1]]
        spills = [np.zeros((3, SAMPLES if limit < data.shape[1] else 0), np.float32) for limit in limits]

        def work(k: int) -> int:
            return _annotate(
                data, parts[k], out, limits[k], spills[k], *blinding, self.by_peak,
                self._spaces[k], self._weights, self._program, self._places,
            )  # fmt: skip

        if len(parts) == 1:
            flat = work(0)
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                flat = sum(pool.map(work, range(len(parts))))
        for limit, spill in zip(limits, spills, strict=True):
            n = min(spill.shape[1], data.shape[1] - limit)
            out[:, limit : limit + n] += spill[:, :n]
        _average(out, offsets + blinding[0], offsets + SAMPLES - blinding[1])
        return out, flat


class _Layout:
    """Hands out places in the one array that holds layers, weights and scratch, and writes down the layers."""

    def __init__(self):
        self.size, self.weights, self.program = 0, [], []

    def rows(self, channels: int, samples: int) -> tuple[int, int, int, int]:
        """Offset of sample 0 of channel 0, distance of channels, channels and samples."""
        row = (LEFT + samples + RIGHT) * LANES
        start = self.size + LEFT * LANES
        self.size += channels * row
        return start, row, channels, samples

    def convolve(self, source, target, weights: np.ndarray, bias: np.ndarray) -> None:
        """Seven taps, in the points of the Winograd transform."""
        taps = np.concatenate([weights, np.zeros((*weights.shape[:2], 1))], axis=2).reshape(*weights.shape[:2], 2, TILE)
        transform = np.array(
            [[p**k for k in range(TILE)] / np.prod([p - q for q in lanes.POINTS if q != p]) for p in lanes.POINTS]
        )
        points = np.einsum("pk,oigk->poig", transform, taps)
        self._layer(CONVOLVE, source, target, weights.shape[0], np.stack([_blocks(w) for w in points]), bias, 0)

    def stride(self, source, target, weights: np.ndarray, bias: np.ndarray, pad: int) -> None:
        self._layer(
            STRIDE, (*source[:2], weights.shape[1], source[3]), target, weights.shape[0], _blocks(weights), bias, pad
        )

    def spread(self, source, target, first_channel: int, weights: np.ndarray, bias: np.ndarray, crop: int) -> None:
        """Each of the four phases has the taps (k + 4, k), the earlier sample first; into the upper half of the target."""
        full = np.concatenate([weights, np.zeros((*weights.shape[:2], 1))], axis=2)
        phases = np.stack([_blocks(full[:, :, [k + TILE, k]]) for k in range(TILE)])
        upper = (target[0] + first_channel * target[1], *target[1:])
        self._layer(SPREAD, source, upper, weights.shape[0], phases, bias, crop)

    def _layer(self, kind, source, target, n_out, weights, bias, shift) -> None:
        places = self.constants(weights), self.constants(bias)
        self.program.append([kind, *source[:3], *target[:2], n_out, target[3], *places, shift])

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """The program (layers, columns of ``_layer``) with the places of the scratch, and all weights."""
        points, products = self.size, self.size + 7 * max(row[3] for row in self.program) * (CHUNK + 1) * LANES
        self.size = products + 7 * max(row[6] for row in self.program) * CHUNK * LANES
        program = [[*row, points, products] for row in self.program]
        return np.array(program, np.int64), np.concatenate(self.weights)

    def workspace(self) -> np.ndarray:
        """Zeros that start on a cache line."""
        raw = np.zeros(self.size + 64, np.float32)
        skip = -(raw.ctypes.data // 4) % 16
        return raw[skip : skip + self.size]

    def constants(self, values: np.ndarray) -> int:
        start = sum(map(len, self.weights))
        self.weights.append(np.asarray(values, np.float32).ravel())
        return start


def _folded(state: dict, convolution: str, norm: str, transposed: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Weights (out, in, taps) and bias of a convolution with the batch norm that follows it."""
    weights = state[f"{convolution}.weight"]
    if transposed:
        weights = weights.transpose(1, 0, 2)
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + NORM_EPS)
    bias = state.get(f"{convolution}.bias", 0.0) - state[f"{norm}.running_mean"]
    return weights * scale[:, None, None], bias * scale + state[f"{norm}.bias"]


def _blocks(weights: np.ndarray) -> np.ndarray:
    """(out, in, taps) as (block, in, taps, channel of the block)."""
    n_out, n_in, taps = weights.shape
    return weights.reshape(n_out // BLOCK_CHANNELS, BLOCK_CHANNELS, n_in, taps).transpose(0, 2, 3, 1)


@njit(nogil=True, cache=True)
def _annotate(data, offsets, out, limit, spill, before, after, by_peak, space, weights, program, places):
    """Adds the probabilities of the windows at ``offsets`` to ``out``; what lies at ``limit`` or later goes to ``spill``."""
    flat = 0
    aside = program[0, -1]  # scratch, which is free before and after the layers
    for first in range(0, len(offsets), LANES):
        count = min(LANES, len(offsets) - first)
        for c in range(3):
            for lane in range(count):
                begin, row = offsets[first + lane], aside + lane * ROUNDED
                space[row : row + SAMPLES] = data[c, begin : begin + SAMPLES]
            x = places[0] + c * places[1]
            for t in range(0, SAMPLES, LANES):
                transpose(space, aside + t, ROUNDED, x + t * LANES, LANES)
            normalise(space, x, SAMPLES, by_peak, aside)
            end = x + SAMPLES * LANES
            space[end : end + (ROUNDED - SAMPLES) * LANES] = 0.0
            for lane in range(count):
                if space[aside + lane] == 0.0 and data[c, offsets[first + lane]] != 0.0:
                    flat += 1
        for k in range(len(program)):
            _layer(space, weights, program[k])
        _finish(space, weights, places)
        for c in range(3):
            for t in range(0, SAMPLES, LANES):
                transpose(space, places[4] + c * places[5] + t * LANES, LANES, aside + t, ROUNDED)
            for lane in range(count):
                begin, row = offsets[first + lane], aside + lane * ROUNDED
                split = min(max(limit - begin, before), SAMPLES - after)
                _add(out[c], begin + before, space, row + before, split - before)
                _add(spill[c], begin + split - limit, space, row + split, SAMPLES - after - split)
    return flat


@njit(nogil=True, cache=True)
def _add(to, at, values, first, count):
    target, source = to[at : at + count], values[first : first + count]
    for t in range(count):
        target[t] += source[t]


@njit(nogil=True, cache=True)
def _layer(space, weights, row):
    kind, x, x_row, n_in, out, out_row, n_out, length, w, bias, shift, points, products = row
    if kind == CONVOLVE:
        _convolve(space, weights, x, x_row, n_in, out, out_row, n_out, length, w, bias, points, products)
    elif kind == STRIDE:
        for block in range(n_out // BLOCK_CHANNELS):
            first = block * BLOCK_CHANNELS
            for t in range(0, length, BLOCK_TIMES):
                stride_block(
                    space, weights, x + (TILE * t - shift) * LANES, x_row, w + first * n_in * 7, bias + first,
                    out + first * out_row + t * LANES, out_row, n_in,
                )  # fmt: skip
    else:
        for phase in range(TILE):
            begin = 1 if phase < shift else 0  # the first input whose output is not cut off
            for block in range(n_out // BLOCK_CHANNELS):
                first = block * BLOCK_CHANNELS
                for t in range(begin, (length + shift - phase + TILE - 1) // TILE, BLOCK_TIMES):
                    spread_block(
                        space, weights, x + (t - 1) * LANES, x_row, w + (phase * n_out + first) * n_in * 2, bias + first,
                        out + first * out_row + (TILE * t + phase - shift) * LANES, out_row, n_in,
                    )  # fmt: skip
    for c in range(n_out):  # the loops round up; what follows reads zeros after the last sample
        end = out + c * out_row + length * LANES
        space[end : end + (RIGHT - 8) * LANES] = 0.0


@njit(nogil=True, cache=True)
def _convolve(space, weights, x, x_row, n_in, out, out_row, n_out, length, w, bias, points, products):
    tiles = (length + TILE - 1) // TILE
    for start in range(0, tiles, CHUNK):
        count = min(CHUNK, tiles - start)
        rounded = (count + BLOCK_TIMES - 1) // BLOCK_TIMES * BLOCK_TIMES
        source_row, result_row = (CHUNK + 1) * LANES, CHUNK * LANES
        for c in range(n_in):
            for t in range(rounded + 1):
                place = x + c * x_row + (TILE * (start + t) - 3) * LANES
                to_points(space, place, points + c * source_row + t * LANES, n_in * source_row)
        for p in range(7):
            for first in range(0, n_out, BLOCK_CHANNELS):
                for t in range(0, rounded, BLOCK_TIMES):
                    dense_block(
                        space, weights, points + p * n_in * source_row + t * LANES, source_row,
                        w + (p * n_out + first) * n_in * 2, bias,
                        products + (p * n_out + first) * result_row + t * LANES, result_row, n_in,
                    )  # fmt: skip
        for c in range(n_out):
            for t in range(count):
                from_points(
                    space, weights, products + c * result_row + t * LANES, n_out * result_row, bias + c,
                    out + c * out_row + TILE * (start + t) * LANES,
                )  # fmt: skip


@njit(nogil=True, cache=True)
def _finish(space, weights, places):
    """The last layer, one sample at a time, and the softmax."""
    _, _, x, x_row, out, out_row, w, bias = places
    for t in range(0, SAMPLES, BLOCK_TIMES):
        head_block(space, weights, x + t * LANES, x_row, w, bias, out + t * LANES, out_row, FILTERS[0])
    for t in range(SAMPLES):
        softmax3(space, out + t * LANES, out_row)


@njit(nogil=True, cache=True)
def _average(out, begins, ends):
    """Divides each sample by the number of windows that speak about it; NaN where there is none."""
    begun = ended = at = 0
    while at < out.shape[1]:
        while begun < len(begins) and begins[begun] <= at:
            begun += 1
        while ended < len(ends) and ends[ended] <= at:
            ended += 1
        until = out.shape[1]
        if begun < len(begins):
            until = min(until, begins[begun])
        if ended < len(ends):
            until = min(until, ends[ended])
        count = begun - ended
        if count != 1:
            for c in range(out.shape[0]):
                if count == 0:
                    out[c, at:until] = np.nan
                else:
                    out[c, at:until] /= count
        at = until
