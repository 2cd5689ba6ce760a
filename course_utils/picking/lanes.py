"""Vector instructions for numba: the inner loops of the PhaseNet kernel, ``LANES`` windows side by side in one register.

Everything lies in one float32 array: element (channel, time) of a layer is a vector of ``LANES`` numbers, one of each
window. LLVM makes the code for the processor at hand (AVX-512, AVX2, NEON or plain), and numba's cache tells processors
apart, so that one installation serves a mixed cluster. No floating-point mode of the process is touched.

The convolution over seven samples uses Winograd's minimal filtering (Lavin & Gray 2016, doi:10.1109/CVPR.2016.435): four
outputs from two groups of four taps in the seven points 0, +-1, +-2, +-1/2 cost 14 instead of 28 multiplications.
"""

from __future__ import annotations

import platform

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

POINTS = np.array([0, 1, -1, 2, -2, 0.5, -0.5])
TILE = 4  # outputs of one Winograd tile, and its taps


def _instruction_set() -> tuple[str, int, int, bool]:
    """Name, numbers in a register, output channels that one block of the convolution holds, fused multiply-add: of the
    processor that numba compiles for."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return "NEON", 4, 8, True
    text = config.CPU_FEATURES
    if text is None:
        text = ",".join(f"+{name}" for name, there in llvmlite.binding.get_host_cpu_features().items() if there)
    have = {item.strip().removeprefix("+") for item in text.split(",")}
    if "avx512f" in have:
        return "AVX-512", 16, 8, True
    if {"avx2", "fma"} <= have:
        return "AVX2", 8, 4, True
    return "plain", 4, 4, False


INSTRUCTIONS, LANES, BLOCK_CHANNELS, _FUSED = _instruction_set()
BLOCK_TIMES = 3
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)


class _Code:
    """Short names for the vector instructions that an intrinsic emits."""

    def __init__(self, context, builder, array_type, array):
        self.context, self.builder = context, builder
        self.data = context.make_array(array_type)(context, builder, array).data

    def number(self, value: int):
        return ir.Constant(self.context.get_value_type(types.intp), value)

    def at(self, *terms):
        """Sum of offsets: run-time values and Python integers."""
        known = sum(term for term in terms if isinstance(term, int))
        total = self.number(known)
        for term in terms:
            if not isinstance(term, int):
                total = self.builder.add(total, term)
        return total

    def times(self, value, factor: int):
        return self.builder.mul(value, self.number(factor))

    def load(self, *terms):
        pointer = self.builder.gep(self.data, [self.at(*terms)])
        value = self.builder.load(self.builder.bitcast(pointer, _VECTOR.as_pointer()))
        value.align = 4 * LANES
        return value

    def store(self, value, *terms):
        pointer = self.builder.gep(self.data, [self.at(*terms)])
        self.builder.store(value, self.builder.bitcast(pointer, _VECTOR.as_pointer())).align = 4 * LANES

    def splat(self, *terms):
        """The number at a place, in all lanes."""
        return self.spread(self.builder.load(self.builder.gep(self.data, [self.at(*terms)])))

    def spread(self, scalar):
        one = self.builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), mask)

    def choose(self, a, b, lanes: list[int]):
        """Lanes of a (from 0) and of b (from LANES), in this order."""
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

    def root(self, value):
        kind = ir.FunctionType(_VECTOR, [_VECTOR])
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.sqrt.v{LANES}f32"), (value,)
        )

    def constant(self, value: float):
        return ir.Constant(_VECTOR, [float(value)] * LANES)

    def add(self, a, b):
        return self.builder.fadd(a, b)

    def sub(self, a, b):
        return self.builder.fsub(a, b)

    def fma(self, a, b, c):
        """a * b + c"""
        if _FUSED:
            kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
            fused = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.fma.v{LANES}f32")
            return self.builder.call(fused, (a, b, c))
        return self.builder.fadd(self.builder.fmul(a, b), c)

    def mix(self, coefficients, values):
        """Sum of coefficients times values, without multiplications by one or zero."""
        total = None
        for coefficient, value in sorted(zip(coefficients, values, strict=True), key=lambda pair: abs(pair[0]) != 1):
            if total is None:
                total = value if coefficient == 1 else self.builder.fmul(self.constant(coefficient), value)
            elif abs(coefficient) == 1:
                total = self.add(total, value) if coefficient > 0 else self.sub(total, value)
            else:
                total = self.fma(self.constant(coefficient), value, total)
        return total

    def relu(self, value):
        zero = self.constant(0.0)
        return self.builder.select(self.builder.fcmp_ordered(">", value, zero), value, zero)


def _void(arrays: int, offsets: int):
    return types.void(*[types.Array(types.float32, 1, "C")] * arrays, *[types.intp] * offsets)


def _block(channels: int, taps: int, step_in: int, step_out: int, bias: bool = True, relu: bool = True):
    """An intrinsic ``block(data, weights, x, x_row, w, bias, out, out_row, n_in)``:
    BLOCK_TIMES outputs of ``channels`` channels.

    ``w`` and ``bias`` are offsets into ``weights``, the others into ``data``. Input (ci, t) is at
    ``x + ci * x_row + t * LANES``; weights lie as (ci, tap, channel); output (c, j) goes to
    ``out + c * out_row + j * step_out * LANES``.
    """
    has_bias = bias

    @intrinsic
    def block(typing_context, data, weights, x, x_row, w, bias, out, out_row, n_in):
        def generate(context, builder, signature, arguments):
            code = _Code(context, builder, signature.args[0], arguments[0])
            constants = _Code(context, builder, signature.args[1], arguments[1])
            x, x_row, w, bias, out, out_row, n_in = arguments[2:]
            sums = [[cgutils.alloca_once(builder, _VECTOR) for _ in range(BLOCK_TIMES)] for _ in range(channels)]
            for c, row in enumerate(sums):
                start = constants.splat(bias, c) if has_bias else code.constant(0.0)
                for one in row:
                    builder.store(start, one)
            with cgutils.for_range(builder, n_in) as loop:
                row_start = code.at(x, builder.mul(loop.index, x_row))
                first_weight = code.at(w, code.times(loop.index, taps * channels))
                inputs = {}
                for tap in range(taps):
                    for j in range(BLOCK_TIMES):
                        place = tap + j * step_in
                        if place not in inputs:
                            inputs[place] = code.load(row_start, place * LANES)
                    for c in range(channels):
                        weight = constants.splat(first_weight, tap * channels + c)
                        for j in range(BLOCK_TIMES):
                            one = sums[c][j]
                            builder.store(code.fma(inputs[tap + j * step_in], weight, builder.load(one)), one)
            for c in range(channels):
                target = code.at(out, code.times(out_row, c))
                for j in range(BLOCK_TIMES):
                    value = builder.load(sums[c][j])
                    code.store(code.relu(value) if relu else value, target, j * step_out * LANES)
            return context.get_dummy_value()

        return _void(2, 7), generate

    return block


dense_block = _block(BLOCK_CHANNELS, 2, 1, 1, bias=False, relu=False)  # one point of two neighbouring tiles
stride_block = _block(BLOCK_CHANNELS, 7, TILE, 1)
spread_block = _block(BLOCK_CHANNELS, 2, 1, TILE)  # one phase of the transposed convolution
head_block = _block(3, 1, 1, 1, relu=False)


@intrinsic
def to_points(typing_context, data, x, out, plane):
    """Seven samples at ``x`` to their seven points, ``plane`` apart from ``out`` on."""

    def generate(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[0], arguments[0])
        x, out, plane = arguments[1:]
        d = [code.load(x, i * LANES) for i in range(7)]
        points = [code.mix((1, -1, 5.25, -5.25), (d[6], d[0], d[2], d[4]))]
        for a, b, c in ((1, 2, 0.5), (2, 1, 0.5), (0.5, 1, 2)):
            square = (1, -(b * b + c * c), b * b * c * c)
            even = code.mix(square, (d[6], d[4], d[2]))
            odd = code.mix([a * s for s in square], (d[5], d[3], d[1]))
            points += [code.add(even, odd), code.sub(even, odd)]
        for p, value in enumerate(points):
            code.store(value, out, code.times(plane, p))
        return context.get_dummy_value()

    return _void(1, 3), generate


@intrinsic
def from_points(typing_context, data, weights, x, plane, bias, out):
    """Seven points, ``plane`` apart from ``x`` on, to four samples with bias and ReLU."""

    def generate(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[0], arguments[0])
        x, plane, bias, out = arguments[2:]
        m = [code.load(x, code.times(plane, p)) for p in range(7)]
        sums = [code.add(m[p], m[p + 1]) for p in (1, 3, 5)]
        differences = [code.sub(m[p], m[p + 1]) for p in (1, 3, 5)]
        start = _Code(context, builder, signature.args[1], arguments[1]).splat(bias)
        samples = [code.add(start, m[0])] + [start] * 3
        for power in range(TILE):
            values = differences if power % 2 else sums
            mixed = code.mix([a**power for a in (1, 2, 0.5)], values)
            code.store(code.relu(code.add(samples[power], mixed)), out, power * LANES)
        return context.get_dummy_value()

    return _void(2, 4), generate


@intrinsic
def transpose(typing_context, data, x, x_row, out, out_row):
    """The square of LANES by LANES numbers at ``x`` with rows and columns exchanged, at ``out``."""

    def generate(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[0], arguments[0])
        x, x_row, out, out_row = arguments[1:]
        rows = [code.load(x, code.times(x_row, i)) for i in range(LANES)]
        step = 1
        while step < LANES:
            for i in range(LANES):
                if not i & step:
                    a, b = rows[i], rows[i + step]
                    rows[i] = code.choose(a, b, [lane - step + LANES if lane & step else lane for lane in range(LANES)])
                    rows[i + step] = code.choose(
                        a, b, [lane + LANES if lane & step else lane + step for lane in range(LANES)]
                    )
            step *= 2
        for i, row in enumerate(rows):
            code.store(row, out, code.times(out_row, i))
        return context.get_dummy_value()

    return _void(1, 4), generate


@intrinsic
def normalise(typing_context, data, x, samples, by_peak, size):
    """Subtracts from each lane its mean, divides it by its standard deviation or largest value; that goes to ``size``.

    The mean is taken twice, so that an offset far above the signal leaves no trace; a constant lane becomes zeros.
    """

    def generate(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[0], arguments[0])
        x, samples, by_peak, size = arguments[1:]
        count = builder.uitofp(samples, _FLOAT)

        def over_samples(work, *starts):
            results = [cgutils.alloca_once_value(builder, start) for start in starts]
            with cgutils.for_range(builder, samples) as loop:
                place = code.at(x, code.times(loop.index, LANES))
                for slot, value in zip(results, work(place, *map(builder.load, results)), strict=True):
                    builder.store(value, slot)
            return [builder.load(slot) for slot in results]

        def gather(place, total, square, low, high):
            rest = code.sub(code.load(place), first_mean)
            code.store(rest, place)
            low = builder.select(builder.fcmp_ordered("<", rest, low), rest, low)
            high = builder.select(builder.fcmp_ordered(">", rest, high), rest, high)
            return code.add(total, rest), code.fma(rest, rest, square), low, high

        def finish(place):
            code.store(builder.fmul(code.sub(code.load(place), mean), scale), place)
            return ()

        zero, infinite = code.constant(0.0), code.constant(np.inf)
        (total,) = over_samples(lambda place, total: (code.add(total, code.load(place)),), zero)
        first_mean = builder.fdiv(total, code.spread(count))
        total, square, low, high = over_samples(gather, zero, zero, infinite, code.constant(-np.inf))
        mean = builder.fdiv(total, code.spread(count))
        variance = builder.fdiv(
            code.sub(square, builder.fmul(mean, total)), code.sub(code.spread(count), code.constant(1.0))
        )
        variance = builder.select(builder.fcmp_ordered(">", variance, zero), variance, zero)
        deviation = code.root(variance)
        above, below = code.sub(high, mean), code.sub(mean, low)
        peak = builder.select(builder.fcmp_ordered(">", above, below), above, below)
        wanted = builder.select(cgutils.is_not_null(builder, by_peak), peak, deviation)
        flat = builder.fcmp_ordered("==", low, high)
        scale = builder.fdiv(code.constant(1.0), code.add(wanted, code.constant(1e-10)))
        scale = builder.select(flat, zero, scale)
        over_samples(finish)
        code.store(builder.select(flat, zero, wanted), size)
        return context.get_dummy_value()

    return types.void(types.Array(types.float32, 1, "C"), types.intp, types.intp, types.boolean, types.intp), generate


@intrinsic
def softmax3(typing_context, data, x, row):
    """Softmax over three channels, ``row`` apart from ``x`` on, in place; exp by Cody-Waite reduction and a polynomial."""

    def generate(context, builder, signature, arguments):
        code = _Code(context, builder, signature.args[0], arguments[0])
        x, row = arguments[1:]
        values = [code.load(x, code.times(row, c)) for c in range(3)]
        largest = values[0]
        for value in values[1:]:
            largest = builder.select(builder.fcmp_ordered(">", value, largest), value, largest)
        powers = [_exp(code, code.sub(value, largest)) for value in values]
        scale = builder.fdiv(code.constant(1.0), code.add(code.add(powers[0], powers[1]), powers[2]))
        for c, power in enumerate(powers):
            code.store(builder.fmul(power, scale), x, code.times(row, c))
        return context.get_dummy_value()

    return _void(1, 2), generate


def _exp(code: _Code, value):
    """exp of numbers at or below 0; what lies below -87 gives the smallest normal number."""
    builder = code.builder
    whole = ir.VectorType(ir.IntType(32), LANES)
    low = code.constant(-87.0)
    value = builder.select(builder.fcmp_ordered(">", value, low), value, low)
    shift = code.constant(1.5 * 2**23)  # adding it rounds to a whole number, which then stands in the low bits
    rounded = code.fma(value, code.constant(1.4426950408889634), shift)
    n = code.sub(rounded, shift)
    rest = code.fma(n, code.constant(-0.693359375), value)
    rest = code.fma(n, code.constant(2.12194440e-4), rest)
    result = code.constant(1 / 5040)
    for factorial in (720, 120, 24, 6, 2, 1, 1):
        result = code.fma(result, rest, code.constant(1 / factorial))
    bits = builder.shl(builder.bitcast(rounded, whole), ir.Constant(whole, [23] * LANES))
    return builder.bitcast(builder.add(builder.bitcast(result, whole), bits), _VECTOR)
