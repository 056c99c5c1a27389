"""Real, or a placeholder of the right shape: what stands in documentation, templates and tests."""

from __future__ import annotations

import hashlib
import re

# Words of people in the place of a secret; in random letters they come up less than once in 10^6.
_PLACEHOLDER = re.compile(
    r"(?i)x{6}|\*{4}|\.{3}|example|placeholder|changeme|change_me|redacted|replace|insert|"
    r"(?:your|my|some|enter|put)[-_. ]?"
    r"(?:own|api|app|secret|token|key|pass|user|account|access|auth)|"
    r"dummy|_here$|-here$|<[^>]*>|\$\{|\$\(|%\(|\{\{|\}\}|process\.env|getenv|environ|secrets?\."
)
_SAME = re.compile(r"(.)\1{7}")
_LONGEST_RUN = 14  # "abcdefghijklmno", "0123456789abcdef": nobody draws these
# Examples that everybody has read, of AWS, Stripe, Algolia, Mailchimp and on gitleaks' list of
# Google keys: by their digests, so that nobody takes these lines for a leak.
_PUBLISHED = frozenset({
    "04720f8c5b48eb54", "1dbab3955ee24509", "1eb23f4ff31fee4a", "2331a06e46b6014b",
    "2e12236193731ba6", "4278860ad7c8919f", "4a16f082cc847d2b", "5a2e3466d7aa6d95",
    "6ada812c0c203722", "6e9c4b146acd9dcd", "71733bf44ea4212a", "7fa6fe73624d5bcb",
    "81b4f6c06b09cbed", "826e0fd9a88ef5e1", "a667918ad80f14e8", "afd2f205ef556be9",
    "b0d0f6e9ac73ad77", "b122867768cf1807", "c8124856cec20160", "e4576406f972acf1",
    "e8e6b794c8c91613", "f27f5358a7c61641",
})  # fmt: skip


def real(secret: str) -> bool:
    """Say whether a key is more than a placeholder of its shape."""
    return (
        _PLACEHOLDER.search(secret) is None
        and _SAME.search(secret) is None
        and longest_run(secret) <= _LONGEST_RUN
        and digest(secret) not in _PUBLISHED
    )


def drawn(secret: str) -> bool:
    """Say whether a key isn't written by hand, in kinds whose keys hold words that people use."""
    return longest_run(secret) <= _LONGEST_RUN


def digest(secret: str) -> str:
    """Return what published examples are known by."""
    return hashlib.blake2b(secret.encode(), digest_size=8).hexdigest()


def longest_run(secret: str) -> int:
    """Return how many characters in a row each follow the one before (`abc…`, `890…`, `9ab…`)."""
    longest = run = 1
    for before, after in zip(secret.lower(), secret[1:].lower(), strict=False):
        follows = ord(after) - ord(before) == 1 or (before, after) in {("9", "0"), ("9", "a")}
        run = run + 1 if follows else 1
        longest = max(longest, run)
    return longest
