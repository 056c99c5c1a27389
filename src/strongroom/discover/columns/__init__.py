"""What columns are: their types, roles and reasons, and who is singled out by them.

In: a table in batches (`Look`), in constant memory. Out: a `Profile` a column (counts, shares, a
sample that never leaves this room), a `Verdict` on it (`judge`), and the smallest sets of columns
that single people out (`Search`). A new type of column is one `Sort` in the table of its family
under `sorts/`: what such columns are called, and what their values look like.
"""
