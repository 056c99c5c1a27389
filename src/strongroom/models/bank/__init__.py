"""Banks: many models of one shape trained together, each on its own part of the same rows.

In: rows as numbers, a membership matrix [models, rows], a recipe. Out: what every model says of
every row. They are an attacker's shadow models: what training promises (noise from a secure
generator, checkpoints, a ledger) isn't kept here.
"""

from strongroom.models.bank._forest import ForestSpec, forest_probabilities
from strongroom.models.bank._image import ImageBank, train_image_bank
from strongroom.models.bank._plan import threads
from strongroom.models.bank._table import Bank, BankReader, Entries, train_bank

__all__ = [
    "Bank",
    "BankReader",
    "Entries",
    "ForestSpec",
    "ImageBank",
    "forest_probabilities",
    "threads",
    "train_bank",
    "train_image_bank",
]
