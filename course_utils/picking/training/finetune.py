"""Transfer: published or synthetic weights, a few records of the place, and splits that keep every event whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .augment import Augmentation
from .banks import Bank, TrainingError
from .batches import Batches
from .fit import Trained, train
from .recipe import Recipe

# a tenth of the learning rate of a training from nothing, few steps, no first bias
GENTLE = Recipe(steps=150, learning_rate=2e-4, noise_bias=None, warm_up=0.1, validate_every=50)


def event_splits(
    events: Sequence, sizes: Sequence[int], repeats: int = 5, held_out: float = 0.4, seed: int = 0
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Repeated splits by event for a curve of score against number of training events.

    Args:
        events: the event of each record.
        sizes: numbers of training events; 0 means no training, the start weights themselves.
        held_out: share of the events to test on, drawn anew in every repeat and never trained on in it.

    Yields:
        (repeat, size, training rows, test rows). Within a repeat all sizes share their test rows, and a larger training
        set holds the smaller one.

    Raises:
        TrainingError: fewer events than the largest size and the held-out ones together.
    """
    names, of_row = np.unique(np.asarray(events), return_inverse=True)
    tested = max(1, round(held_out * len(names)))
    if max(sizes) > len(names) - tested:
        raise TrainingError(
            f"{len(names)} events, {tested} of them held out: {max(sizes)} to train on are not there; lower sizes or held_out"
        )
    for repeat in range(repeats):
        order = np.random.default_rng([seed, repeat]).permutation(len(names))
        test = np.flatnonzero(np.isin(of_row, order[:tested]))
        for size in sizes:
            yield repeat, size, np.flatnonzero(np.isin(of_row, order[tested : tested + size])), test


def fine_tune(
    model,
    bank: Bank,
    *,
    noise: Bank | None = None,
    recipe: Recipe = GENTLE,
    augmentation: Augmentation | None = None,
    batch_size: int = 16,
    label_width_samples: float = 10.0,
    device: str = "auto",
    **options,
) -> Trained:
    """A copy of ``model`` trained a little further on ``bank``; the model itself stays as it is.

    ``recipe.freeze`` says what stays fixed: "none", "encoder", or "all_but_output". Records bring their own noise, so
    by default they are shifted, rotated and dropped as elsewhere, but not filtered, stretched or made noisier.
    ``options`` go to :func:`train`.
    """
    from .module import label_letters

    gentle = Augmentation(stretch_chance=0.0, filter_chance=0.0, hum_chance=0.0, spike_chance=0.0, clip_chance=0.0)
    batches = Batches(
        bank,
        noise=noise,
        window_samples=model.in_samples,
        labels=label_letters(model),
        batch_size=min(batch_size, len(bank)),
        seed=recipe.seed,
        augmentation=augmentation or gentle,
        label_width_samples=label_width_samples,
    )
    recipe = replace(recipe, validate_every=min(recipe.validate_every, recipe.steps))
    return train(copy.deepcopy(model), batches, None, recipe, device=device, **options)
