"""Training of pickers: banks in memory, batches made on the device, Lightning's loop, weights that carry their recipe.

from course_utils.picking import training

bank = training.bank_from_dataset(seisbench_dataset)
batches = training.Batches(bank, labels="PSN", seed=1)
result = training.train(model, batches, recipe=training.Recipe(steps=2000))
"""

from .augment import Augmentation
from .banks import Bank, TrainingError, bank_from_arrays, bank_from_dataset
from .batches import Batches
from .fit import Trained, train
from .labels import make_labels
from .recipe import Recipe

__all__ = [
    "Augmentation",
    "Bank",
    "Batches",
    "Recipe",
    "Trained",
    "TrainingError",
    "bank_from_arrays",
    "bank_from_dataset",
    "make_labels",
    "train",
]
