"""What every holder of a secret has in common."""

from __future__ import annotations

from typing import NoReturn, SupportsIndex


class Secret:
    """Refuses to be copied or pickled, and says nothing of itself unless a subclass does."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: secret>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} is never pickled or copied: pass it on as it is")
