"""Where things stand in the arrays of the name model, for kernels, loader and training."""

from __future__ import annotations

ENTITIES = (
    "PERSON",
    "GPE",
    "LOCATION",
    "ORGANIZATION",
    "NRP",
    "STREET_ADDRESS",
    "ZIP_CODE",
    "DATE_TIME",
    "AGE",
    "TITLE",
    "PROFESSION",
)
"""What the model may find. A token's label is 0 (nothing) or 1 + 4 * entity + place."""

ADDRESS = ("STREET_ADDRESS", "GPE", "LOCATION", "ZIP_CODE")
"""What the lines of an address may be."""

BEGIN, INSIDE, END, SINGLE = range(4)
"""Places of a token in a span."""

LABELS = 1 + 4 * len(ENTITIES)

SPACE, BREAK, WORD, NUMBER, MARK = range(5)
"""Kinds of characters; tokens are runs of letters, runs of digits, and single marks."""

GAPS = 4
"""What stands before a token: nothing, space, a line break, or the beginning of the text."""
FLAGS = GAPS * GAPS
"""Gap before and gap after together."""

# Rows of the embedding matrix that a token adds up.
CASES = 3  # lower, Capitalised or mIxed, UPPER
BITS = 32  # word lists that a word may stand in
RATES = 8
SHAPES = 0
LISTS = SHAPES + 96
CAPITALS = LISTS + BITS * CASES  # how often the word is written with a capital
FREQUENCIES = CAPITALS + RATES
CLUSTERS_4 = FREQUENCIES + RATES  # Brown clusters of the word as written, prefixes of the path
CLUSTERS_6 = CLUSTERS_4 + 16
CLUSTERS_8 = CLUSTERS_6 + 64
CLUSTERS = CLUSTERS_8 + 256
LOWER_6 = CLUSTERS + 1024  # and of the word in small letters
LOWER = LOWER_6 + 64
AFFIXES = LOWER + 1024
AFFIX_ROWS = 1 << 14
VOCABULARY = AFFIXES + AFFIX_ROWS  # and on: words seen in training

MOST_ROWS = 64
"""A token never has more rows than this."""
LONGEST = 48
"""Characters of a word that are looked at for its beginning and end."""

REACH = 2
"""The first layer sees so many tokens on either side."""
TAPS = 3
"""The second layer sees so many outputs of the first on either side."""
WIDE, DEEP = 128, 96
"""Numbers that the first and the second layer give for a token: two times 64, three times 32."""
OUT = 64
"""Numbers of the third, two times 32, of which the first `LABELS` say something."""

SEGMENT = 2048
"""Tokens that see each other; longer values are cut there."""
TOGETHER = 256
"""Tokens of short values that go through the layers together."""
ROOM = SEGMENT + TOGETHER + 2 * TAPS
"""Tokens that do so at most, with what keeps values apart."""
SIDE = 32
"""Loud tokens of them that meet the same rows of the second layer one after another."""
