"""The pattern tier: rules compiled together, and one pass over the bytes of a column.

In: rules, and columns of strings. Out: `Hits`. Patterns become automata (`_dialect`, `_automaton`,
`_shelf`), a plan says what tells that a rule may begin somewhere (`_plan`), arrays of all that are
what two kernels read (`_tables`): one goes over the bytes, the other judges what it saw.
"""

from strongroom.discover.engine._engine import Engine

__all__ = ["Engine"]
