"""Model stealing: what a copy made from answers alone is worth.

In: a model that can be asked, rows that the thief has, a query budget. Out: how often the copy says
what the model says, and whether it was recovered exactly. Never: the model's inside; the true
labels of rows that were made up.
"""

from strongroom.attacks.stealing._copy import CopyByQueries
from strongroom.attacks.stealing._exact import ExactRecovery

__all__ = ["CopyByQueries", "ExactRecovery"]
