"""The one way to compile a loop that Python is too slow for: numba, typed, cached on disk.

No compiler is needed on a user's machine, and nothing imports numba before a kernel is needed:
kernels stand in files of their own that are imported where they are called. Every kernel has a
plain NumPy twin in the tests that must agree.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")


def compiled(function: Function, **options: bool) -> Function:
    """Compile a function of arrays and numbers when it is first called; keep it for next time.

    Division by zero gives infinities and NaN as in NumPy, and no sum is reordered.
    """
    import numba

    settings: Any = numba.config
    if not settings.CACHE_DIR:
        settings.CACHE_DIR = str(_place())
    njit: Any = numba.njit
    made: Function = njit(cache=True, error_model="numpy", nogil=True, **options)(function)
    return made


def borrowing(function: Function) -> Function:
    """Compile a function that makes no arrays: it only borrows those that it is given.

    Otherwise every call counts the references to each of them, with the processor's bus locked:
    100 ns for a call that may do less.
    """
    return compiled(function, _nrt=False)


def inlined(function: Function) -> Function:
    """Compile a borrowing function into each loop that calls it.

    Every array that a call hands over is seven words on the stack: more than a short one does.
    """
    return compiled(function, _nrt=False, forceinline=True)


def never_compiled() -> bool:
    """Tell whether a first use is still ahead, which takes half a minute."""
    return "NUMBA_CACHE_DIR" not in os.environ and not _place().exists()


def _place() -> Path:
    return Path(platformdirs.user_cache_dir("strongroom")) / "kernels" / _code()


@cache
def _code() -> str:
    """Name what all kernels are made of: one may call another that stands in another file.

    By itself numba looks at a kernel's own file only, and would keep calling the old one.
    """
    found, root = hashlib.sha256(), Path(__file__).parent
    for file in sorted([*root.rglob("_kernels*.py"), *root.glob("models/bank/*.py")]):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]
