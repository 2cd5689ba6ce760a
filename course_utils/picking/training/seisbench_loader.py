"""The same data through SeisBench's generator: for comparison, and for those who have its augmentations already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .banks import ARRIVAL, TrainingError

if TYPE_CHECKING:
    from seisbench.models import WaveformModel
    from torch.utils.data import DataLoader


def seisbench_loader(
    dataset,
    model: WaveformModel,
    *,
    batch_size: int = 32,
    label_width_samples: float = 10.0,
    inside_share: float = 0.7,
    augmentations: list | None = None,
    workers: int = 0,
    shuffle: bool = True,
    seed: int = 0,
) -> DataLoader:
    """A data loader of ``{"X": (batch, 3, window), "y": (batch, labels, window)}`` that :func:`train` takes.

    Windows of ``model.in_samples`` around a random arrival in ``inside_share`` of the cases and from anywhere else in
    the others, labels as bells. Waveforms come as they are, in Z, N, E: the training module normalises them as the
    model does when it picks. ``augmentations`` (of ``seisbench.generate``) are put before the labels.

    Raises:
        TrainingError: a data set without columns of arrivals, or a model without labels P, S and N.
    """
    import numpy as np
    import seisbench.generate as sbg
    import torch
    from seisbench.util import worker_seeding
    from torch.utils.data import DataLoader

    found = {c: ARRIVAL.fullmatch(str(c)) for c in dataset.metadata.columns}
    phases = {column: match.group(2).upper() for column, match in found.items() if match}
    if not phases:
        raise TrainingError(
            "data set without a column trace_P_arrival_sample or trace_S_arrival_sample; nothing to learn"
        )
    if "".join(model.labels) not in ("PSN", "NPS", "SPN", "PNS", "SNP", "NSP"):
        raise TrainingError(f"SeisBench's labeller is used here for P, S and N; the model has {model.labels}")
    length = model.in_samples
    generator = sbg.GenericGenerator(dataset)
    around = sbg.WindowAroundSample(
        list(phases), samples_before=length - 50, windowlen=2 * length - 100, selection="random", strategy="pad"
    )
    generator.add_augmentations(
        [
            sbg.OneOf([around, sbg.NullAugmentation()], probabilities=[inside_share, 1 - inside_share]),
            sbg.RandomWindow(windowlen=length, strategy="pad"),
            sbg.ChangeDtype(np.float32),
            *(augmentations or []),
            sbg.ProbabilisticLabeller(
                label_columns=phases, sigma=label_width_samples, dim=0, model_labels=list(model.labels)
            ),
            sbg.ChangeDtype(np.float32, key="y"),
        ]
    )
    np.random.seed(seed)  # noqa: NPY002 - SeisBench's augmentations draw from NumPy's global generator
    return DataLoader(
        generator,
        batch_size=batch_size,
        shuffle=shuffle,
        num_workers=workers,
        worker_init_fn=worker_seeding,
        generator=torch.Generator().manual_seed(seed),
        collate_fn=_tensors,
    )


def _tensors(samples: list[dict]) -> dict:
    import numpy as np
    import torch

    return {key: torch.from_numpy(np.stack([np.asarray(s[key]) for s in samples])) for key in ("X", "y")}
