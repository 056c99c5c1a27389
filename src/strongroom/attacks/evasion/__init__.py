"""Could somebody change a record a little, in ways a person could, and flip the prediction?

In: a model, its encoder, rows as people know them. Out: an `EvasionResult`. Only whole, valid rows
are ever shown to the model: types, ranges and known categories are kept.
"""

from strongroom.attacks.evasion._coordinate_search import CoordinateSearch, coordinate_search
from strongroom.attacks.evasion._moves import Column, Encoder, valid_changes

__all__ = ["Column", "CoordinateSearch", "Encoder", "coordinate_search", "valid_changes"]
