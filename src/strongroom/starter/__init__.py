"""The first five minutes: a commented strongroom.toml from a look at the data, and the examples.

In: a data file, or the name of an example. Out: files that the user owns from then on. Nothing
here is private: the configuration holds names, roles and counts, never a value of the data.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.config import CONFIG_NAME
from strongroom.data import Kind, Role
from strongroom.errors import InputError, did_you_mean
from strongroom.files import write_bytes
from strongroom.starter._federation import lay_out_sites, write_example_settings

if TYPE_CHECKING:
    from strongroom.data import Dataset
    from strongroom.discover import Found

__all__ = [
    "examples",
    "lay_out_example",
    "lay_out_federation",
    "render_config",
    "write_config",
    "write_example_settings",
]

_SMALL_DELTA_ROWS = 100_000
_ENOUGH_FOR_A_THOUSANDTH, _ENOUGH_FOR_A_HUNDREDTH = 2_000, 200
_LEARNT = (Role.FEATURE, Role.QUASI_IDENTIFIER, Role.SENSITIVE)
_ROLES_WORTH_A_LINE = (
    Role.DIRECT_IDENTIFIER,
    Role.QUASI_IDENTIFIER,
    Role.SENSITIVE,
    Role.IGNORE,
)


def write_config(
    found: Found, dataset: Dataset, source: Path, folder: Path, *, replace: bool = False
) -> Path:
    """Write a commented strongroom.toml for a data file; return its path.

    Raises:
        InputError: there already is one, and it isn't to be replaced.
    """
    path = folder / CONFIG_NAME
    if path.exists() and not replace:
        raise InputError(
            f"there already is a {CONFIG_NAME}",
            where=str(path),
            hint="move it away, or give --force",
        )
    write_bytes(path, render_config(found, dataset, source).encode())
    return path


def render_config(found: Found, dataset: Dataset, source: Path) -> str:
    """Return the text of a strongroom.toml with what `found` suggests and why."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("strongroom.starter", "."),
        autoescape=False,  # noqa: S701 - TOML, not HTML: the filters below quote for it
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"text": _text, "key": _key, "comment": _comment}
    roles = found.roles
    text = dataset.kind is not Kind.IMAGE and _only_text(found)
    return environment.get_template("strongroom.toml.jinja").render(
        source=source,
        images=dataset.kind is Kind.IMAGE,
        text=text,
        name=source.name.split(".")[0],
        target=next((c for c, r in roles.items() if r is Role.TARGET), None),
        sensitive=Role.SENSITIVE in roles.values(),
        quasi=Role.QUASI_IDENTIFIER in roles.values(),
        rows=_declared(dataset.rows),
        columns=[c for c in found.columns if c.role in _ROLES_WORTH_A_LINE],
        leak=_leak_limit(0 if text or dataset.kind is Kind.IMAGE else dataset.rows),
        delta="1e-5" if dataset.rows < _SMALL_DELTA_ROWS else "1e-6",
    )


def examples() -> tuple[str, ...]:
    """The names of the examples that came with the package."""
    root = _examples_folder()
    return tuple(sorted(p.name for p in root.iterdir() if (p / CONFIG_NAME).is_file()))


def lay_out_example(name: str, folder: Path) -> list[Path]:
    """Copy an example's data and configuration into a new folder; return the files.

    Raises:
        InputError: no such example, or the folder isn't empty.
    """
    known = examples()
    if name not in known:
        raise InputError(
            f'no example "{name}"',
            hint=did_you_mean(name, known) or f"the examples are: {', '.join(known)}",
        )
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder isn't empty", where=str(folder), hint="name a new one")
    folder.mkdir(parents=True, exist_ok=True)
    source = _examples_folder() / name
    files = [p for p in sorted(source.iterdir()) if p.suffix in {".gz", ".toml", ".md", ".py"}]
    for file in files:
        shutil.copyfile(file, folder / file.name)
    return [folder / f.name for f in files]


def lay_out_federation(folder: Path) -> dict[str, Path]:
    """Part the example among three sites below a new folder; see `_federation`.

    Raises:
        InputError: the folder isn't empty.
    """
    return lay_out_sites(_examples_folder() / "adult", folder)


def _only_text(found: Found) -> bool:
    """Tell whether nothing but people's sentences is left to learn from."""
    left = [c for c in found.columns if c.role in _LEARNT]
    return bool(left) and all(c.free_text for c in left)


def _leak_limit(rows: int) -> str:
    """Return a policy line on membership that this many rows can answer.

    A quarter is held out, and a true-positive rate at 0.1 % false positives says nothing below a
    thousand of them; at 1 %, below a hundred. Of images and text nothing but the area is asked: no
    shadow models are trained on them.
    """
    held_out = rows // 4
    if held_out >= _ENOUGH_FOR_A_THOUSANDTH:
        return '"membership.tpr_at_fpr_0.001" = { max = 0.01 }'
    if held_out >= _ENOUGH_FOR_A_HUNDREDTH:
        return '"membership.tpr_at_fpr_0.01" = { max = 0.05 }'
    return '"membership.auc" = { max = 0.6 }'


def _examples_folder() -> Path:
    checkout = Path(__file__).parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "examples").is_dir():
        return checkout / "examples"
    return Path(__file__).parents[1] / "_examples"


def _declared(rows: int) -> int:
    """Round a count to two digits: near enough to train with, and no longer the exact count."""
    scale: int = 10 ** max(len(str(rows)) - 2, 0)
    return max(rows // scale * scale, 1)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _comment(value: str) -> str:
    """Keep a comment on its line: a column's name may hold anything."""
    return "".join(c if c.isprintable() else " " for c in value)


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "")
    return name if plain.isascii() and plain.isalnum() else _text(name)
