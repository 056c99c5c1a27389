"""The pattern tier: rules compiled together, and one pass over the bytes of a column.

In: rules, and columns of strings. Out: `Hits`. Patterns become automata (`_dialect`, `_automaton`,
`_shelf`), a plan says what tells that a rule may begin somewhere (`_plan`), a table of four bytes
says where to look at all (`_sieve`), and arrays of all that are what the kernels read (`_tables`).

A pass (`_pass`) goes through a column window by window, each step making a list of which the next
makes a shorter one: places where something may begin (`_kernels_search`); words of context
(`_kernels_context`); walks through automata, and those that only a word of context makes worth it
(`_kernels_starts`); what ends where (`_kernels_walk`); and hits (`_kernels_judge`), if everything
proves them (`_kernels_proofs`).
"""

from strongroom.discover.engine._engine import Engine

__all__ = ["Engine"]
