"""`package.module:function`: Python code of the user's own that makes the model."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strongroom.errors import InputError, StrongroomError

if TYPE_CHECKING:
    from strongroom.models._protocol import Model
    from strongroom.models.foreign._reference import Options, Reference

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def find_function(name: str) -> Any:  # noqa: ANN401 - whatever the user named
    """Import `package.module:function`, from where the user stands too.

    Raises:
        InputError: there is no such module or function, or importing it raises.
    """
    module, _, function = name.partition(":")
    if not _NAME.fullmatch(name):
        raise InputError("not of the form package.module:function", where=name)
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        raise InputError(
            f'no module "{error.name}" can be imported',
            where=name,
            hint="is it installed in this environment, or in the folder that you stand in?",
        ) from error
    except AttributeError as error:
        raise InputError(f"{module} has no {function}, or it fails: {error}", where=name) from error
    except StrongroomError:
        raise
    except Exception as error:
        raise InputError(f"{type(error).__name__} while it was imported", where=name) from error
    finally:
        if added:
            sys.path.remove(here)
    return found


def call_factory(name: str) -> Any:  # noqa: ANN401 - what the user's function returns
    """Import `package.module:function` and call it.

    Raises:
        InputError: there is no such module or function, or it raises.
    """
    function = find_function(name)
    try:
        return function()
    except StrongroomError:
        raise
    except Exception as error:
        raise InputError(f"{type(error).__name__} in the function itself", where=name) from error


class FactoryAdapter:
    """Functions of an installed package, or of a file in the current folder."""

    name = "factory"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it reads `package.module:function`."""
        return reference.path is None and bool(_NAME.fullmatch(reference.text))

    def open(self, reference: Reference, options: Options) -> Model:
        """Return what the function returns, as a model; `recipe` of it names the function."""
        from strongroom.models.foreign._open import open_thing

        thing = call_factory(reference.text)
        return open_thing(thing, replace(options))
