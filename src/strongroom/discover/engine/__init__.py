"""The pattern tier: rules compiled together, and one pass over the bytes of a column.

In: rules, and columns of strings. Out: `Hits`. Patterns become automata (`_dialect`, `_automaton`,
`_shelf`), a plan says what tells that a rule may begin somewhere (`_plan`), a table of four bytes
says where to look at all (`_sieve`), arrays of all that are what three kernels read (`_tables`):
one goes over the bytes, one goes where only a word of context makes a rule count, and the last
judges what both saw.
"""

from strongroom.discover.engine._engine import Engine

__all__ = ["Engine"]
