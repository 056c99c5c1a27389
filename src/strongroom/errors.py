"""The one small tree of errors that a user can cause.

Every error says *what* is wrong, *where* (file, line, column or key) and *how to mend it*. The CLI
prints those three lines and exits with `exit_code`; anything that isn't a `StrongroomError` is a
bug and shows a traceback. Texts start in lower case, never hold a secret or a value of the data.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class StrongroomError(Exception):
    """A user's mistake or a refusal.

    Args:
        what: one line, lower case: what is wrong.
        where: the file, line, column or key it concerns, if there is one.
        hint: one line: how to mend it.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  --> {self.where}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class InputError(StrongroomError):
    """Bad usage: an argument, a flag or a combination that can't be."""


class ConfigError(InputError):
    """`strongroom.toml` or a specification object holds something that can't be."""


class DataError(InputError):
    """The user's data can't be read or doesn't fit what was asked."""


class EndpointError(InputError):
    """A model behind an address doesn't answer, or not as it should; it was asked again first."""


class MissingExtraError(InputError):
    """An optional dependency is needed and not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs {package}, which is not installed",
            hint=f'pip install "strongroom[{extra}]"',
        )


class KeyRefusedError(StrongroomError):
    """A key file others can read, a wrong key or passphrase, a key that doesn't fit."""


class TamperedError(StrongroomError):
    """An artefact, a record or a ledger entry isn't what was written."""


class WorkspaceError(StrongroomError):
    """The workspace can't be used: missing, read-only, full, locked, from another version."""


class RefusedError(StrongroomError):
    """The request was understood and a policy says no (exit 1)."""

    exit_code = 1


class BudgetExceededError(RefusedError):
    """The privacy budget doesn't cover what was asked."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return `did you mean "…"?` for the nearest of `known`, or None when nothing is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None
