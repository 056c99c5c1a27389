"""How much does one private training run leak at least (privacy auditing)?

In: scores and truths of planted canaries. Out: a certified lower bound on ε. Bounds that assume a
family of mechanisms would be estimates and aren't made here.
"""

from strongroom.attacks.privacy._one_run import OneRun, one_run, p_value

__all__ = ["OneRun", "one_run", "p_value"]
