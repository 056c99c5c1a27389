"""Erasure: whether a model still knows rows that were to be deleted.

In: the forgotten rows, rows that are still in, rows that never were. Out: how far the forgotten
stand out from the never seen, and whether so many rows could have shown it. Never: a verdict that
the rows are too few for.
"""

from strongroom.attacks.erasure._forgotten import Forgotten

__all__ = ["Forgotten"]
