"""Training of pickers: banks in memory, batches made on the device, Lightning's loop, weights that carry their recipe.

from course_utils.picking import training

bank = training.bank_from_dataset(seisbench_dataset)
batches = training.Batches(bank, labels="PSN", seed=1)
result = training.train(model, batches, recipe=training.Recipe(steps=2000))
"""

from .augment import Augmentation
from .banks import Bank, TrainingError, bank_from_arrays, bank_from_dataset
from .batches import Batches
from .finetune import GENTLE, event_splits, fine_tune
from .fit import Trained, train
from .labels import make_labels
from .recipe import Recipe
from .seisbench_loader import seisbench_loader

__all__ = [
    "GENTLE",
    "Augmentation",
    "Bank",
    "Batches",
    "Recipe",
    "Trained",
    "TrainingError",
    "bank_from_arrays",
    "bank_from_dataset",
    "event_splits",
    "fine_tune",
    "make_labels",
    "seisbench_loader",
    "train",
]
