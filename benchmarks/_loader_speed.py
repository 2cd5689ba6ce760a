"""Windows a second of the in-memory loader and of SeisBench's generator, on the same records in turn in one process."""

from __future__ import annotations

import tempfile
from itertools import islice, repeat
from pathlib import Path

import numpy as np
from _common import Figure, in_turn

BATCH = 64
SEED = 616_161


def loader_speed(quick: bool) -> dict[str, Figure]:
    """Ratio with the same work on both sides (window at random, labelled), and with our whole augmentation."""
    import seisbench.models
    import torch

    from course_utils.picking.training import Augmentation, Batches, bank_from_dataset
    from course_utils.picking.training.seisbench_loader import seisbench_loader

    torch.set_num_threads(1)
    count, batches, repeats = (200, 6, 3) if quick else (1000, 15, 5)
    model = seisbench.models.PhaseNet(phases="PSN", component_order="ZNE")
    with tempfile.TemporaryDirectory() as folder:
        dataset = written(Path(folder) / "set", count)
        dataset.preload_waveforms()
        bank = bank_from_dataset(dataset)
        theirs = seisbench_loader(dataset, model, batch_size=BATCH)
        plain = Batches(bank, batch_size=BATCH, augmentation=Augmentation.none())
        full = Batches(bank, batch_size=BATCH)
        streams = {
            "plain": map(plain, iter(range(10**9))),
            "full": map(full, iter(range(10**9))),
            "seisbench": ((b["X"], b["y"]) for loader in repeat(theirs) for b in loader),
        }

        def consume(stream, number):
            for _ in islice(stream, number):
                pass

        numbers = {name: batches if name == "seisbench" else 4 * batches for name in streams}
        seconds = in_turn({n: (lambda n=n: consume(streams[n], numbers[n])) for n in streams}, repeats)
    speed = {name: numbers[name] * BATCH / seconds[name] for name in streams}
    on = (
        f"{count} synthetic records of 60 s in SeisBench format, all in memory on both sides, batches of {BATCH}, windows "
        "of 3001 samples at random, labelled, not yet normalised (the network does that, the same on both sides), one core"
    )
    return {
        "loader_vs_seisbench": Figure(speed["plain"] / speed["seisbench"], on, "at least 10"),
        "loader_windows_per_s": Figure(speed["plain"], on),
        "seisbench_windows_per_s": Figure(speed["seisbench"], on),
        "loader_augmented_windows_per_s": Figure(
            speed["full"], f"{on}; stacking, stretch, filters, gaps and all the rest"
        ),
    }


def written(folder: Path, count: int):
    """Synthetic records as a SeisBench data set."""
    import seisbench.data as sbd

    from course_utils.synthetic.records import records

    made = records(count, SEED, noise_fraction=0.0)
    folder.mkdir()
    with sbd.WaveformDataWriter(folder / "metadata.csv", folder / "waveforms.hdf5") as writer:
        writer.data_format = {"dimension_order": "CW", "component_order": "ZNE", "sampling_rate": 100}
        for waveforms, row in zip(made.waveforms, made.table.itertuples(), strict=True):
            told = {"source_id": f"event{row.record}", "trace_P_arrival_sample": row.p_sample}
            if np.isfinite(row.s_sample):
                told["trace_S_arrival_sample"] = row.s_sample
            writer.add_trace(told, waveforms)
    return sbd.WaveformDataset(folder, sampling_rate=100, component_order="ZNE", cache="full")
