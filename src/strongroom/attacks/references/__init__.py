"""Models that the attacker trains to learn how the target would behave: shadows, references.

In: the rows under attack and a recipe. Out: what each of M models says of each row, and which rows
it learnt from. Trained once for all attacks of an audit, and only when an attack asks. A recipe is
the target's own where it is known, else a stand-in, and says which. With a cache, the next audit
of the same rows by the same recipe trains nothing.
"""

from strongroom.attacks.references._bank import BankRecipe
from strongroom.attacks.references._cache import SignalCache
from strongroom.attacks.references._choice import recipe_of
from strongroom.attacks.references._fitted import FittedRecipe
from strongroom.attacks.references._models import ReferenceModels, Shadows, random_memberships
from strongroom.attacks.references._recipe import Fitted, Recipe

__all__ = [
    "BankRecipe",
    "Fitted",
    "FittedRecipe",
    "Recipe",
    "ReferenceModels",
    "Shadows",
    "SignalCache",
    "random_memberships",
    "recipe_of",
]
