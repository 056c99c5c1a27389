"""The name model in plain Python and NumPy: slow, and what the kernels must agree with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.discover.names import _layout as at
from strongroom.discover.names._model import ONE

if TYPE_CHECKING:
    from collections.abc import Mapping

_WRAP = (1 << 64) - 1
_BASIS, _PRIME = 1469598103934665603, 1099511628211


def _signed(h: int) -> int:
    h &= _WRAP
    return h - (1 << 64) if h >> 63 else h


def _hash(codes: list[int], basis: int = _BASIS) -> int:
    h = basis
    for c in codes:
        h = _signed((h ^ c) * _PRIME)
    return h


def fold(char: str) -> str:
    """Return the small letter of a character that has one below 0x800."""
    low = char.lower()
    return low if ord(char) < 0x800 and len(low) == 1 and ord(low) < 0x800 else char


def kind_of(char: str) -> int:
    """Return the kind of a character."""
    c = ord(char)
    if char in "\n\r\x85\u2028\u2029":
        return at.BREAK
    if char in " \t\xa0\u202f\u3000\ufeff" or 0x2000 <= c <= 0x200F:
        return at.SPACE
    if char.isascii():
        return at.NUMBER if char.isdigit() else at.WORD if char.isalpha() else at.MARK
    if char in "ªµº\u2126\u212a\u212b":
        return at.WORD
    if c < 0xC0 or char in "×÷" or any(a <= c < b for a, b in ((0x2010, 0x2C00), (0x3001, 0x3040))):
        return at.MARK
    return at.MARK if 0xFF00 <= c < 0xFF10 or c >= 0x1F000 else at.WORD


def split(text: str) -> list[tuple[int, int, int, int]]:
    """Return (start, end, kind, gap) of every token, in code points."""
    found: list[tuple[int, int, int, int]] = []
    gap = 3
    for i, char in enumerate(text):
        kind = kind_of(char)
        if kind <= at.BREAK:
            gap = gap if gap == 3 else max(gap, 1 + kind)
            continue
        last = found[-1] if found else None
        if last and last[1] == i and last[2] == kind != at.MARK and gap == 0:
            found[-1] = (last[0], i + 1, kind, last[3])
        else:
            found.append((i, i + 1, kind, gap))
        gap = 0
    return found


def _number(digits: str) -> int:
    n, value = len(digits), int(digits[:2])
    if n == 1:
        row = 0
    elif n == 2:
        row = next(r for r, most in ((5, 9), (1, 12), (2, 31), (3, 59), (4, 99)) if value <= most)
    elif n == 4:
        row = {19: 7, 20: 7, 17: 9, 18: 9}.get(value, 8)
    else:
        most = ((3, 6), (5, 10), (6, 11), (8, 12), (11, 13))
        row = next((r for size, r in most if n <= size), 14)
    return at.SHAPES + 64 + row


class Twin:
    """A model, read the plain way."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.a = arrays
        self.places = {int(key): i for i, key in enumerate(arrays["words"])}

    def _find(self, codes: list[int]) -> int | None:
        h = _hash(codes)
        return self.places.get((h ^ (h >> 32)) & 0xFFFFFFFF)

    def rows(self, word: str, kind: int) -> list[int]:  # noqa: C901, PLR0912 - one of each
        """Return the rows of a token."""
        if kind == at.NUMBER:
            return [_number(word)]
        a = self.a
        small = "".join(map(fold, word))
        upper = [s != c for s, c in zip(small, word, strict=True)]
        n, many = len(word), sum(upper)
        if kind == at.MARK:
            shape, case = 80, 0
        elif not many:
            shape, case = (48 if ord(word[-1]) >= 0x590 else 0), 0
        elif many == n:
            shape, case = (8, 1) if n == 1 else (24, 2)
        elif upper[0]:
            shape, case = (16 if many == 1 else 32), 1
        else:
            shape, case = 40, 0
        if kind == at.WORD:
            shape += next((i for i, most in enumerate((1, 2, 3, 4, 6, 9, 13)) if n <= most), 7)
        found = [at.SHAPES + shape]
        of_low = self._find([ord(c) for c in small])
        of_raw = self._find([ord(c) for c in word])
        if of_raw is None and many == n and n > 1:
            of_raw = self._find([ord(c) for c in word[0] + small[1:]])
        if of_raw is not None and a["clusters"][of_raw]:
            cluster = int(a["clusters"][of_raw])
            path = int(a["paths"][cluster])
            found += [at.CLUSTERS_4 + path % 16, at.CLUSTERS_6 + path % 64]
            found += [at.CLUSTERS_8 + path, at.CLUSTERS + cluster]
        if of_low is not None:
            cluster, rate = int(a["clusters"][of_low]), int(a["rates"][of_low])
            if many and cluster:
                found += [at.LOWER_6 + int(a["paths"][cluster]) % 64, at.LOWER + cluster]
            if rate != 255:
                found += [at.CAPITALS + rate // 8, at.FREQUENCIES + rate % 8]
            if a["numbers"][of_low]:
                found.append(at.VOCABULARY + int(a["numbers"][of_low]) - 1)
            bits = int(a["lists"][of_low])
            found += [at.LISTS + at.CASES * b + case for b in range(at.BITS) if bits >> b & 1]
        if kind == at.WORD and n <= at.LONGEST:
            codes = [ord(c) for c in small]
            ends = ((codes, _BASIS), (codes[::-1], _BASIS ^ 0x5BD1E995))
            for letters, basis in ends:
                for size in range(2, min(n, 4) + 1):
                    h = _hash(letters[:size], basis)
                    found.append(at.AFFIXES + ((h ^ (h >> 29)) & (at.AFFIX_ROWS - 1)))
        return found

    def chances(self, text: str, tokens: list[tuple[int, int, int, int]]) -> np.ndarray:
        """Return [tokens, labels] logarithms of chances, and the gate's sums."""
        a, n = self.a, len(tokens)
        width = len(a["gate"])
        first = a["first"].reshape(len(a["first"]), -1, width)
        hidden = np.empty((n, width))
        words = [
            sum(a["scale"][r] * a["embed"][r].astype(np.float64) for r in self.rows(text[s:e], k))
            for s, e, k, _ in tokens
        ]
        for t in range(n):
            after = tokens[t + 1][3] if t + 1 < n else 3
            hidden[t] = np.rint(ONE * a["flags"][tokens[t][3] * at.GAPS + after])
            for k in range(max(0, t - at.REACH), min(n, t + at.REACH + 1)):
                hidden[t] += np.rint(ONE * words[k] @ first[:, k - t + at.REACH])
        hidden = np.maximum(hidden, 0) / ONE
        self.gate = hidden @ a["gate"] + a["gate_bias"][0]
        out = np.empty((n, at.LABELS))
        for t in range(n):
            deep = a["second_bias"].astype(np.float64)
            for k in range(max(0, t - at.TAPS), min(n, t + at.TAPS + 1)):
                deep = deep + hidden[k] @ a["second"][k - t + at.TAPS]
            out[t] = np.maximum(deep, 0) @ a["third"] + a["third_bias"]
        out -= out.max(1, keepdims=True)
        logs: np.ndarray = out - np.log(np.exp(out).sum(1, keepdims=True))
        return logs

    def find(self, text: str) -> list[tuple[int, int, str, float]]:
        """Return (start, end, entity, score) in code points."""
        tokens = split(text)
        chance = self.chances(text, tokens) if tokens else np.empty((0, at.LABELS))
        labels = np.zeros(len(tokens), int)
        loud = self.gate > 0 if tokens else np.empty(0, bool)
        t = 0
        while t < len(tokens):
            end = t
            while end < len(tokens) and loud[end]:
                end += 1
            if end > t:
                labels[t:end] = viterbi(chance[t:end])
            t = max(end, t + 1)
        found: list[tuple[int, int, str, float]] = []
        begin, address, wrapped = 0, -1, False
        for t, label in enumerate(labels):
            if label == 0:
                continue
            entity, place = divmod(int(label) - 1, 4)
            if place in {at.BEGIN, at.SINGLE}:
                begin = t
            if place in {at.END, at.SINGLE}:
                score = 1 - np.exp(chance[begin : t + 1, 0].max())
                start, end, name = tokens[begin][0], tokens[t][1], at.ENTITIES[entity]
                between = text[found[-1][1] : start] if found else "-"
                gap = not between.strip(" \t\r\n,")
                within = address == len(found) - 1 >= 0 and name in at.ADDRESS
                if within and gap and ("\n" in between or wrapped):
                    found[-1] = (found[-1][0], end, *found[-1][2:])
                    wrapped = True
                    continue
                found.append((start, end, name, float(score)))
                inline = name == "STREET_ADDRESS" and tokens[begin][3] < 2
                if inline and len(found) > 1 and found[-2][2] == name:
                    inline = not gap
                address, wrapped = len(found) - 1 if inline else -1, False
        return found


def viterbi(chance: np.ndarray) -> np.ndarray:
    """Return the likeliest labels that are whole spans, over a full table of transitions."""
    labels = range(at.LABELS)
    place = [-1, *((m - 1) % 4 for m in labels[1:])]
    opens = [p in {at.BEGIN, at.INSIDE} for p in place]
    allowed = np.array([
        [(place[m] in {at.INSIDE, at.END} and (b - 1) // 4 == (m - 1) // 4) if opens[b]
         else place[m] not in {at.INSIDE, at.END} for m in labels]
        for b in labels
    ])  # fmt: skip
    moves = np.where(allowed, 0.0, -1e30)
    score = chance[0] + np.where([p in {at.INSIDE, at.END} for p in place], -1e30, 0.0)
    back = []
    for row in chance[1:]:
        ways = score[:, None] + moves
        back.append(ways.argmax(0))
        score = ways.max(0) + row
    path = [int((score + np.where(opens, -1e30, 0.0)).argmax())]
    for by in reversed(back):
        path.append(int(by[path[-1]]))
    return np.array(path[::-1])


Hit = tuple[int, int, str, float]
"""Start, end, entity and score."""


def parts(text: str) -> list[tuple[int, int]]:
    """Return of each run between spaces its first word and what is joined to it."""
    kinds = [*map(kind_of, text), at.SPACE]
    found, first = [], 0
    for last, kind in enumerate(kinds):
        if kind > at.BREAK:
            continue
        start = next((k for k in range(first, last) if kinds[k] == at.WORD), last)
        end = start
        while end < last and (
            kinds[end] in {at.WORD, at.NUMBER} or (text[end] in "'’-" and kinds[end + 1] == at.WORD)
        ):
            end += 1
        if text[max(start, end - 2) : end] in {"'s", "’s"}:
            end -= 2
        if start < end:
            found.append((start, end))
        first = last + 1
    return found


def _small(word: str) -> str:
    return "".join(map(fold, word))


def _named(word: str) -> bool:
    letters = [c for c in word[1:] if kind_of(c) == at.WORD and fold(c) == c]
    return len(word) > 2 and fold(word[0]) != word[0] and bool(letters)


def _words(text: str, hit: Hit) -> list[str]:
    return [text[hit[0] : hit[1]][a:b] for a, b in parts(text[hit[0] : hit[1]])]


def met_again(text: str, hits: list[Hit], sure: float, score: float, stranger: float) -> list[Hit]:
    """Return what full names say of other names."""
    titled = [
        i > 0 and hits[i - 1][2] == "TITLE" and len(text[hits[i - 1][1] : hit[0]].encode()) <= 2
        for i, hit in enumerate(hits)
    ]
    full = [
        list(filter(_named, _words(text, hit)))
        for hit, title in zip(hits, titled, strict=True)
        if hit[2] == "PERSON" and hit[3] >= sure and len(_words(text, hit)) + title > 1
    ]
    known, surnames = {w for name in full for w in name}, {name[-1] for name in full if name}
    if not known:
        return hits
    found = []
    for hit, title in zip(hits, titled, strict=True):
        start, end, entity, said = hit
        words = _words(text, hit)
        if entity == "PERSON" and not title and len(words) == 1 and words[0] not in known:
            odds = stranger * said / (1 - said)
            said = odds / (1 + odds)
        found.append((start, end, entity, said))
    firms = [_words(text, h) for h in hits if h[2] == "ORGANIZATION"]
    firm_words = {w for words in firms if len(words) > 1 for w in words}
    gone = {text[a:b] for a, b in parts(text) if fold(text[a]) == text[a]}
    for run in _runs(text):
        words = [text[a:b] for a, b in run]
        if not known.issuperset(words) or (len(words) == 1 and _small(words[0]) in gone):
            continue
        start, end = run[0][0], run[-1][1]
        across = [h for h in found if h[0] < end and start < h[1]]
        if not across:
            found.append((start, end, "PERSON", score))
        elif len(across) == 1 and start <= across[0][0] and across[0][1] <= end:
            entity = across[0][2]
            firm = entity == "ORGANIZATION" and words[-1] not in firm_words
            if words[-1] in surnames and (firm or entity in {"GPE", "LOCATION"}):
                found[found.index(across[0])] = (start, end, "PERSON", across[0][3])
    return sorted(found)


def _runs(text: str) -> list[list[tuple[int, int]]]:
    """Return the words with capitals, those together that are a space apart."""
    found: list[list[tuple[int, int]]] = []
    for start, end in parts(text):
        if fold(text[start]) != text[start]:
            if found and found[-1][-1][1] == start - 1 and text[start - 1] == " ":
                found[-1].append((start, end))
            else:
                found.append([(start, end)])
    return found
