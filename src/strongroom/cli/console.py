"""All that Strongroom says in a terminal, in one place.

The rules:
- Results go to stdout; progress, talk and errors go to stderr, except that `--json` puts exactly
  one JSON document on stdout, an error's too.
- Colour and bars only on a terminal, never with NO_COLOR or `--quiet`; a pipe gets plain lines.
- Errors are three lines: what, where, hint. Lower case, no full stop, no value of the data.
- The verdict comes last. Numbers carry their unit, interval and limit.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console as RichConsole
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from strongroom.errors import StrongroomError

STATUS_STYLE = {"pass": "green", "warn": "yellow", "fail": "red", "not_evaluable": "dim"}
_MARKS = {"done": "✓", "skipped": "✓", "failed": "✗", "running": "●"}
_BAR_AFTER_SECONDS = 0.5
_OBEYED = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in b"\n\t"}


@dataclass
class Console:
    """Where one command talks to the user.

    Attributes:
        as_json: print one JSON document and nothing else on stdout.
        quiet: no progress, no talk; results and errors only.
    """

    as_json: bool = False
    quiet: bool = False
    _out: RichConsole | None = field(default=None, repr=False)
    _err: RichConsole | None = field(default=None, repr=False)

    @property
    def out(self) -> RichConsole:
        """The rich console on stdout."""
        if self._out is None:
            self._out = _rich(stderr=False)
        return self._out

    @property
    def err(self) -> RichConsole:
        """The rich console on stderr."""
        if self._err is None:
            self._err = _rich(stderr=True)
        return self._err

    def document(self, verb: str, body: Mapping[str, Any]) -> None:
        """Print the JSON twin of a verb's result, when `--json` asks for it."""
        if self.as_json:
            text = json.dumps(
                {"schema": f"strongroom/{verb}/1", **body}, ensure_ascii=False, indent=2
            )
            sys.stdout.write(text + "\n")

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """Print a line of the result for people; silent with `--json`."""
        if not self.as_json:
            said = _seen(text)
            self.out.print(said, style=style, markup=False, highlight=False, soft_wrap=True)

    def marked(self, mark: str, text: str, aside: str = "", style: str = "") -> None:
        """Print a line of the result whose mark is coloured and whose end is dim."""
        if self.as_json:
            return
        from rich.text import Text

        line = Text.assemble((mark, style), _seen(text), (aside, "dim"))
        self.out.print(line, soft_wrap=True, highlight=False)

    def talk(self, text: str) -> None:
        """Print an aside on stderr; silent with `--quiet`."""
        if not self.quiet:
            said = _seen(text)
            self.err.print(said, style="dim", markup=False, highlight=False, soft_wrap=True)

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[int] = ()
    ) -> None:
        """Print a table; `numeric` names the columns that align to the right.

        Where it is too wide, the first column takes two fifths at most; numbers are never broken.
        """
        if self.as_json:
            return
        from rich.table import Table

        widths = [max(map(len, cells)) for cells in zip(header, *rows, strict=True)]
        most = 2 * self.out.width // 5
        fits = widths[0] <= most or sum(widths) + 2 * len(widths) <= self.out.width
        drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for index, title in enumerate(header):
            drawn.add_column(
                title,
                justify="right" if index in numeric else "left",
                no_wrap=index == 0 or index in numeric,
                overflow="fold",
            )
        for row in rows:
            first, *others = row
            drawn.add_row(*map(_plain, (first if fits else _broken(first, most), *others)))
        self.out.print(drawn)

    def error(self, error: StrongroomError) -> None:
        """Print a user's error in its three lines (and as JSON where that was asked for)."""
        if self.as_json:
            body = {"what": error.what, "where": error.where, "hint": error.hint}
            text = json.dumps({"schema": "strongroom/error/1", "error": body}, ensure_ascii=False)
            sys.stdout.write(text + "\n")
        self.err.print("error: ", style="bold red", end="", highlight=False)
        self.err.print(_seen(error.what), markup=False, highlight=False, soft_wrap=True)
        if error.where:
            where = _seen(f"  --> {error.where}")
            self.err.print(where, markup=False, highlight=False, soft_wrap=True)
        if error.hint:
            self.err.print(f"hint: {error.hint}", markup=False, highlight=False, soft_wrap=True)

    def finding(self, document: Mapping[str, Any]) -> None:
        """Print one finding in a line or two: status, title, value, interval, limit."""
        status = str(document["status"])
        self.say(f"{status.upper():<14}{describe_finding(document)}", style=STATUS_STYLE[status])
        if status != "pass":
            for key in ("reason", "hint"):
                if document.get(key):
                    mark = "hint: " if key == "hint" else ""
                    self.say(f"{'':<14}{mark}{document[key]}", style="dim")

    def bar(self, what: str) -> Bar:
        """Return a progress listener that draws a bar on stderr when the work takes long."""
        return Bar(self, what)

    @property
    def drawing(self) -> bool:
        """Whether a plot may be drawn beside a table: stdout is a terminal."""
        return not self.as_json and not self.quiet and self.out.is_terminal

    @property
    def live(self) -> bool:
        """Whether bars may be drawn: stderr is a terminal and nobody asked for quiet."""
        return not self.quiet and self.err.is_terminal and not self.err.is_dumb_terminal


@dataclass
class Bar:
    """A `Progress` that shows a bar with the time left; use it as a context manager."""

    console: Console
    what: str
    _progress: RichProgress | None = None
    _task: TaskID | None = None
    _begun: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def step(self, done: float, total: float, note: str = "") -> None:
        """Draw `done` of `total`, with a short note; nothing for work that is over at once."""
        if not self.console.live or time.monotonic() - self._begun < _BAR_AFTER_SECONDS:
            return
        if self._progress is None:
            from rich.progress import (
                BarColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._progress = Progress(
                TextColumn(" ● {task.description:<11}"),
                TextColumn("{task.fields[note]}", markup=False),
                BarColumn(bar_width=32),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(compact=True),
                TextColumn("left", style="dim"),
                console=self.console.err,
                transient=True,
            )
            self._progress.start()
            self._task = self._progress.add_task(self.what, total=total, note=_seen(note))
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total, note=_seen(note))


@dataclass
class StageView:
    """What `strongroom run` shows: a line per finished stage, a bar for the running one."""

    console: Console
    _bar: Bar | None = None

    def started(self, stage: str) -> None:
        """A stage begins."""
        self._bar = self.console.bar(stage)

    def step(self, done: float, total: float, note: str = "") -> None:
        """The running stage is `done` of `total`."""
        if self._bar is not None:
            self._bar.step(done, total, note)

    def finished(self, stage: str, summary: str, seconds: float, *, skipped: bool) -> None:
        """A stage is done, or was unchanged and skipped."""
        self.stop()
        took = "unchanged" if skipped else f"{seconds:.1f} s"
        self._line("done", stage, summary, took)

    def failed(self, stage: str) -> None:
        """A stage ended in an error or was interrupted."""
        self.stop()
        self._line("failed", stage, "", "")

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.__exit__()
            self._bar = None

    def _line(self, state: str, stage: str, summary: str, took: str) -> None:
        console = self.console
        if console.quiet or console.as_json:
            return
        from rich.text import Text

        colour = "red" if state == "failed" else "green"
        first, *rest = summary.split("\n")
        line = Text.assemble(
            (f" {_MARKS[state]} ", colour), f"{stage:<11} ", first, "  ", (took, "dim")
        )
        console.out.print(line, soft_wrap=True, highlight=False)
        for more in rest:
            console.out.print(f"{'':<15}{more}", markup=False, soft_wrap=True, highlight=False)


def describe_finding(document: Mapping[str, Any]) -> str:
    """Say a finding in one line: metric, value, interval, limit."""
    value, interval = document.get("value"), document.get("interval")
    if value is None:
        return f"{document['metric']}: not evaluable"
    text = f"{document['metric']} = {number(value)}"
    if interval:
        text += f" [{number(interval['low'])}, {number(interval['high'])}]"
    limit = limit_words(document)
    text += f", limit {limit}" if limit else ""
    # Two attacks may answer one metric: say which this is.
    return (
        f"{text} (by {document['check'].rpartition('.')[2]})" if document.get("queries") else text
    )


def limit_words(document: Mapping[str, Any]) -> str:
    """Return what a finding was held against, in words; empty if against nothing."""
    threshold = document.get("threshold") or {}
    return " and ".join(
        f"at {side} {number(threshold[key])}"
        for side, key in (("least", "min"), ("most", "max"))
        if threshold.get(key) is not None
    )


def number(value: float) -> str:
    """Write a number with the digits that matter."""
    if value == int(value) and abs(value) < 1e15:  # noqa: PLR2004 - exact in a float64
        return f"{int(value):,}"
    return f"{value:.3g}" if abs(value) < 0.01 else f"{value:.3f}".rstrip("0").rstrip(".")  # noqa: PLR2004


def _plain(cell: str) -> Any:  # noqa: ANN401 - rich's own renderable
    from rich.text import Text

    return Text(_seen(cell))


def _seen(text: str) -> str:
    """Return a text that moves no cursor: names of files may hold what terminals obey."""
    return text.translate(_OBEYED)


def _broken(path: str, width: int) -> str:
    """Break a long path into lines, after a slash where there is one near enough."""
    lines = []
    while len(path) > width:
        cut = path.rfind("/", width // 3, width) + 1 or width
        lines.append(path[:cut])
        path = path[cut:]
    return "\n".join([*lines, path])


def _rich(*, stderr: bool) -> RichConsole:
    from rich.console import Console as RichConsole

    width = None
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty():
        # A pipe has no width: lines are never folded for it.
        width = int(os.environ.get("COLUMNS", "0")) or 200
    return RichConsole(stderr=stderr, width=width, highlight=False)
