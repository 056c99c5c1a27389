"""Check digits as data: programs of whole numbers that one kernel runs.

Every scheme and every country's number is a `Check` made of the words in `_instructions`; adding
one means writing down its rule, not another loop. The tests hold them against python-stdnum.
"""

from strongroom.discover.checks._check import Check
from strongroom.discover.checks._lists import CHECKS
from strongroom.discover.checks._wallets import Address

__all__ = ["CHECKS", "Address", "Check"]
