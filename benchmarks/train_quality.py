"""Write the table from which the package learns the quality of events: automatic catalogs of the synthetic Earth with faults.

    python benchmarks/train_quality.py [--catalogs 12] [--events 300] [--out course_utils/catalog/quality_training.parquet]

Seeds differ from every seed that is scored. About 12 s of one core for each catalog.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from course_utils.catalog.quality import LEARNED, TRAINING
from course_utils.catalog.quality_features import features
from course_utils.catalog.store import atomic_path
from course_utils.pipeline.faulty_catalog import faulty_catalog

FIRST_SEED = 34001


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--catalogs", type=int, default=12)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("course_utils/catalog") / TRAINING)
    options = parser.parse_args()
    parts = []
    for seed in range(FIRST_SEED, FIRST_SEED + options.catalogs):
        made = faulty_catalog(seed, options.events)
        numbers = features(made.catalog).merge(made.truth_labels[["event_id", "kind", "good"]], on="event_id")
        parts.append(numbers.assign(seed=seed))
        print(f"seed {seed}: {len(numbers)} events, {numbers['good'].mean():.0%} good", flush=True)
    table = pd.concat(parts, ignore_index=True)
    # four digits are enough for trees, and a quarter of the size
    numbers = table[list(LEARNED)].map(lambda v: float(f"{v:.4g}")).astype("float32")
    with atomic_path(options.out) as path:
        numbers.join(table[["kind", "good", "seed"]]).to_parquet(path, index=False, compression="zstd")
    print(f"{len(table)} events written to {options.out}")


if __name__ == "__main__":
    main()
