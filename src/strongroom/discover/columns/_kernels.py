"""Loops over the values of a column: hashing, grouping, counting. Plain twins are in the tests.

Values are told apart by 64-bit hashes: among a million different ones, two share one with a
chance of 3 in 10^8. The hash 0 stands for a value that is missing.
"""

from __future__ import annotations

import numpy as np

from strongroom.compiled import compiled

# Odd constants of splitmix64 (Steele, Lea, Flood 2014), whose finaliser mixes every bit into all.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_ONE = np.uint64(1)
_SPACE, _TAB, _RETURN = 32, 9, 13


@compiled
def mixed(word: np.uint64) -> np.uint64:
    """Return a hash of one word; never 0."""
    z = np.uint64(word) + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    z ^= z >> np.uint64(31)
    return z if z != 0 else _ONE


@compiled
def blank(byte: int) -> bool:
    """Say whether a byte is white space."""
    return byte == _SPACE or _TAB <= byte <= _RETURN


@compiled
def hash_words(words: np.ndarray, valid: np.ndarray, hashes: np.ndarray) -> None:
    """Hash fixed-size values: uint64 [n] words; bool [n]; into uint64 [n]."""
    for i in range(len(words)):
        hashes[i] = mixed(words[i]) if valid[i] else np.uint64(0)


@compiled
def hash_texts(
    data: np.ndarray, offsets: np.ndarray, valid: np.ndarray, hashes: np.ndarray
) -> None:
    """Hash strings; one of nothing but white space counts as missing.

    Args:
        data: uint8, the bytes of all strings.
        offsets: int64 [n + 1], where each begins in `data`.
        valid: bool [n].
        hashes: uint64 [n], written.
    """
    for i in range(len(hashes)):
        hashes[i] = 0
        if not valid[i]:
            continue
        at, end = np.uint64(offsets[i]), np.uint64(offsets[i + 1])
        seen = at
        while seen < end and blank(data[seen]):
            seen += _ONE
        if seen == end:
            continue
        h = (end - at) * _GOLDEN
        while at + np.uint64(8) <= end:
            word = np.uint64(0)
            for j in range(8):
                word |= np.uint64(data[at + np.uint64(j)]) << np.uint64(8 * j)
            h = (h ^ word) * _MIX_1
            h ^= h >> np.uint64(32)
            at += np.uint64(8)
        word, shift = np.uint64(0), np.uint64(0)
        while at < end:
            word |= np.uint64(data[at]) << shift
            shift += np.uint64(8)
            at += _ONE
        hashes[i] = mixed((h ^ word) * _MIX_2)


@compiled
def group(
    hashes: np.ndarray, keys: np.ndarray, codes: np.ndarray, first: np.ndarray, counts: np.ndarray
) -> int:
    """Find the different values of a batch; missing ones are left out.

    Gives up when more than half of the table is used.

    Args:
        hashes: uint64 [n].
        keys: uint64, zeros, a power of two long.
        codes: int64, as long as keys.
        first: int64 [n], written: where each different value stands first.
        counts: int64 [n], written: how often it stands there.

    Returns:
        How many there are, or -1 if it gave up.
    """
    mask, found = np.uint64(len(keys) - 1), 0
    most = len(keys) // 2
    for i in range(len(hashes)):
        h = hashes[i]
        if h == 0:
            continue
        at = h & mask
        while keys[at] != 0 and keys[at] != h:
            at = (at + _ONE) & mask
        if keys[at] == 0:
            if found == most:
                return -1
            keys[at], codes[at] = h, found
            first[found], counts[found] = i, 1
            found += 1
        else:
            counts[codes[at]] += 1
    return found


@compiled
def count_in(
    keys: np.ndarray,
    counts: np.ndarray,
    used: int,
    level: int,
    hashes: np.ndarray,
    times: np.ndarray,
    begin: int,
) -> tuple[int, int]:
    """Add values to a table of counts, until three quarters of it are used.

    Only hashes whose first `level` bits are 0 are counted.

    Args:
        keys: uint64, a power of two long: the table; 0 is an empty place.
        counts: int64, beside the keys.
        used: how many places of the table are taken.
        level: see above.
        hashes: uint64 [n], what to add.
        times: int64 [n], how often.
        begin: where to begin in `hashes`.

    Returns:
        Where it ended (n when all is in) and how many places are taken then.
    """
    mask = np.uint64(len(keys) - 1)
    most = 3 * len(keys) // 4
    for i in range(begin, len(hashes)):
        h = hashes[i]
        if level > 0 and h >> np.uint64(64 - level) != 0:
            continue
        at = h & mask
        while keys[at] != 0 and keys[at] != h:
            at = (at + _ONE) & mask
        if keys[at] == 0:
            if used >= most:
                return i, used
            keys[at] = h
            used += 1
        counts[at] += times[i]
    return len(hashes), used


@compiled
def unseen(keys: np.ndarray, hashes: np.ndarray, places: np.ndarray) -> int:
    """Find the values that a table doesn't hold.

    Args:
        keys: uint64, a power of two long: the table; 0 is an empty place.
        hashes: uint64 [n].
        places: int64 [n], written: where in `hashes` they stand.

    Returns:
        How many.
    """
    mask, found = np.uint64(len(keys) - 1), 0
    for i in range(len(hashes)):
        at = hashes[i] & mask
        while keys[at] != 0 and keys[at] != hashes[i]:
            at = (at + _ONE) & mask
        if keys[at] == 0:
            places[found] = i
            found += 1
    return found


@compiled
def look_up(keys: np.ndarray, counts: np.ndarray, hashes: np.ndarray, times: np.ndarray) -> None:
    """Read the counts of values that a table holds.

    Args:
        keys: uint64, a power of two long: the table.
        counts: int64, beside the keys.
        hashes: uint64 [n], all of them held.
        times: int64 [n], written.
    """
    mask = np.uint64(len(keys) - 1)
    for i in range(len(hashes)):
        at = hashes[i] & mask
        while keys[at] != hashes[i]:
            at = (at + _ONE) & mask
        times[i] = counts[at]


@compiled
def pick(begin: int, level: int, places: np.ndarray, hashes: np.ndarray, count: int) -> int:
    """Choose of places `begin` … `begin + count` those whose hash begins with `level` zero bits.

    Args:
        begin: the first place.
        level: how many bits must be 0.
        places: int64 [count], written: chosen ones, counted from `begin`.
        hashes: uint64 [count], written: their hashes.
        count: how many places.

    Returns:
        How many were chosen.
    """
    found = 0
    for i in range(count):
        h = mixed(np.uint64(begin + i))
        if level == 0 or h >> np.uint64(64 - level) == 0:
            places[found], hashes[found] = i, h
            found += 1
    return found


@compiled
def tally(
    row: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    entity: np.ndarray,
    score: np.ndarray,
    validated: np.ndarray,
    lengths: np.ndarray,
    counts: np.ndarray,
    covers: float,
    sums: np.ndarray,
) -> None:
    """Add up what was found in the different values of a batch.

    Args:
        row: int64 [hits], sorted: the value of each hit.
        start: its first byte.
        end: the byte after it.
        entity: row of `sums`.
        score: how sure it is.
        validated: whether it was proved.
        lengths: int64, bytes of each value without the white space around it.
        counts: int64, how often each value stands in the column.
        covers: a hit that covers this share of a value is the value.
        sums: float64 [entities, 5], added to: spans, values, values that are nothing else, values
            with a validated one, sum of the best score of each value.
    """
    best = np.zeros(len(sums), np.float64)
    longest = np.zeros(len(sums), np.int64)
    proved = np.zeros(len(sums), np.bool_)
    i = 0
    while i < len(row):
        value, begin = row[i], i
        while i < len(row) and row[i] == value:
            e = entity[i]
            sums[e, 0] += counts[value]
            best[e] = max(best[e], score[i])
            longest[e] = max(longest[e], end[i] - start[i])
            proved[e] = proved[e] or validated[i]
            i += 1
        for j in range(begin, i):
            e = entity[j]
            if longest[e] > 0:
                sums[e, 1] += counts[value]
                if longest[e] >= covers * lengths[value]:
                    sums[e, 2] += counts[value]
                if proved[e]:
                    sums[e, 3] += counts[value]
                sums[e, 4] += counts[value] * best[e]
            best[e], longest[e], proved[e] = 0.0, 0, False


@compiled
def trimmed(data: np.ndarray, offsets: np.ndarray, lengths: np.ndarray) -> None:
    """Count the bytes of each string without the white space around it, into int64 [n]."""
    for i in range(len(lengths)):
        start, end = offsets[i], offsets[i + 1]
        while start < end and blank(data[start]):
            start += 1
        while end > start and blank(data[end - 1]):
            end -= 1
        lengths[i] = end - start


@compiled
def alone(
    columns: np.ndarray,
    chosen: np.ndarray,
    persons: np.ndarray,
    keys: np.ndarray,
    owners: np.ndarray,
    seats: np.ndarray,
) -> int:
    """Count the rows whose values in the chosen columns no other person has.

    Args:
        columns: uint64 [columns, rows], hashes.
        chosen: int64, which columns.
        persons: uint64 [rows], not 0: who each row is about.
        keys: uint64, overwritten: a power of two larger than the number of rows.
        owners: uint64, as long as keys; overwritten.
        seats: int64 [rows], overwritten.

    Returns:
        How many.
    """
    keys[:] = 0
    mask = np.uint64(len(keys) - 1)
    for i in range(columns.shape[1]):
        h = np.uint64(0)
        for j in range(len(chosen)):
            h = (h ^ columns[chosen[j], i]) * _MIX_1
        h = mixed(h)
        at = h & mask
        while keys[at] != 0 and keys[at] != h:
            at = (at + _ONE) & mask
        seats[i] = at
        if keys[at] == 0:
            keys[at], owners[at] = h, persons[i]
        elif owners[at] != persons[i]:
            owners[at] = 0
    count = 0
    for i in range(columns.shape[1]):
        count += owners[seats[i]] != 0
    return count
