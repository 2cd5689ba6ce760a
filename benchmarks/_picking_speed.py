"""The picker and SeisBench in turn, alone in a process: python benchmarks/_picking_speed.py JSON (see ``speed``).

A process of its own, because threads and vector instructions are chosen once, and for the memory of a day.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from _common import in_turn

TUNED_BATCH = 64
# What a processor without AVX-512 would run, on both sides.
AVX2 = {
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+fma",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}


def speed(model: str, hours: float, variants: list[str], repeats: int, threads: int = 1, avx2: bool = False) -> dict:
    """Median seconds of each variant ("default" and "tuned" are SeisBench's classify, "torch" and "kernel" our engines),
    and ``peak_mb``: the most memory above what the imports and the data took.

    Raises:
        RuntimeError: the process failed; its last words are in the message.
    """
    wanted = {"model": model, "hours": hours, "variants": variants, "repeats": repeats}
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "NUMBA_NUM_THREADS": str(threads),
        **(AVX2 if avx2 else {}),
    }
    command = [sys.executable, __file__, json.dumps(wanted)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(variants)} of {model}: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _measure(model: str, hours: float, variants: list[str], repeats: int) -> dict:
    import picking as program
    import torch

    from course_utils import picking

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network, said = program.load(model)
    stream = program.continuous(hours)
    works = {
        "kernel": lambda: picking.pick(stream, network, engine="kernel"),
        "torch": lambda: picking.pick(stream, network, engine="torch"),
        "default": lambda: network.classify(stream),
        "tuned": lambda: network.classify(stream, batch_size=TUNED_BATCH),
    }
    start = stream[0].stats.starttime
    picking.pick(stream.slice(start, start + 120), network)  # what is loaded and compiled once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    works[variants[0]]()
    peak_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    seconds = in_turn({name: works[name] for name in variants}, repeats)
    report = picking.pick(stream, network, engine="torch" if "kernel" not in variants else "kernel").attrs["report"]
    return {"seconds": seconds, "peak_mb": peak_mb, "said": said, "totals": report["totals"]}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print(json.dumps(_measure(**json.loads(sys.argv[1]))))
