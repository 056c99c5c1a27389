"""Watches a module while it runs: what every trainable layer was given and what came back.

The parameters take no part in the graph (`requires_grad` is off), so a backward goes to the
*outputs* of the layers only and no summed weight gradient is ever formed.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.errors import InputError
from strongroom.privacy.clipping._use import Use
from strongroom.privacy.clipping.rules import LINEAR, OPAQUE, RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, eq=False)
class Site:
    """A map with parameters: a layer, or one of several inside a layer.

    Attributes:
        name: for people.
        layer: what its rule is given.
        rule: how it is clipped.
        names: the rule's parameter name to the module's.
    """

    name: str
    layer: nn.Module
    rule: Any
    names: Mapping[str, str]


@dataclass(eq=False)
class Record:
    """Notes the uses of the maps inside one layer that a rule runs itself."""

    tape: Tape
    sites: Mapping[str, Site]

    def __call__(self, part: str, output: Tensor, *given: Tensor) -> Tensor:
        """Note that `part` turned `given` into `output`, and return the output."""
        return self.tape.note(self.sites[part], output, given) if part in self.sites else output

    def sequence(self, part: str, outputs: Sequence[Tensor], given: Tensor) -> None:
        """Note that `part` turned given[:, t] into outputs[t], for every t."""
        if part in self.sites and self.tape.recording:
            self.tape.note_steps(self.sites[part], outputs, given)


@dataclass(eq=False)
class Tape:
    """The sites of a module and, while it records, their uses.

    Args:
        module: its trainable parameters are those with `requires_grad` when the tape is made; all
            are frozen then, since whoever trains them writes them.
        rows_per_unit: consecutive rows that belong to one unit.

    Raises:
        InputError: nothing is trainable, or a layer can't be clipped; says which and what to do.
    """

    module: nn.Module
    rows_per_unit: int = 1
    recording: bool = False
    rows: int = 0
    uses: list[tuple[Site, Use]] = field(default_factory=list)

    def __post_init__(self) -> None:
        trainable = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.parameters: dict[str, nn.Parameter] = trainable
        if not trainable:
            raise InputError(
                "the model has no trainable parameter",
                hint="turn requires_grad on for the parameters to learn",
            )
        # Every name of a shared parameter leads to the first.
        first = {id(p): n for n, p in trainable.items()}
        self._canonical = {
            n: first[id(p)]
            for n, p in self.module.named_parameters(remove_duplicate=False)
            if id(p) in first
        }
        self.sites: list[Site] = []
        self._runners: list[tuple[nn.Module, Any, Record]] = []
        self._watched: list[tuple[nn.Module, Site]] = []
        self._find(self.module, "")
        self._in_place = [m for m in self.module.modules() if getattr(m, "inplace", False)]
        self.module.requires_grad_(requires_grad=False)

    def _find(self, layer: nn.Module, name: str) -> None:
        own = self._names(layer, name, recurse=False)
        rule = RULES.get(type(layer))
        if hasattr(rule, "run"):
            self._inside(layer, name, rule)
            return
        if own:
            if rule is None:
                rule, own = OPAQUE, self._names(layer, name, recurse=True)
                OPAQUE.check(layer, name)
            site = Site(name, layer, rule, own)
            self.sites.append(site)
            self._watched.append((layer, site))
            if rule is OPAQUE:
                return
        for child, inner in layer.named_children():
            self._find(inner, f"{name}.{child}" if name else child)

    def _names(self, layer: nn.Module, name: str, *, recurse: bool) -> dict[str, str]:
        prefix = f"{name}." if name else ""
        return {
            n: self._canonical[prefix + n]
            for n, _ in layer.named_parameters(recurse=recurse, remove_duplicate=False)
            if prefix + n in self._canonical
        }

    def _inside(self, layer: nn.Module, name: str, rule: Any) -> None:  # noqa: ANN401 - see RULES
        learnt = self._names(layer, name, recurse=True)
        if not learnt:
            return
        rule.check(layer, name)
        sites = {}
        for part, parameters in rule.parts(layer).items():
            names = {k: learnt[v] for k, v in parameters.items() if v in learnt}
            if names:
                sites[part] = Site(f"{name}.{part}" if name else part, layer, LINEAR, names)
        self.sites += sites.values()
        self._runners.append((layer, rule, Record(self, sites)))

    def attach(self) -> list[Any]:
        """Watch the module until what is returned has been removed."""
        handles: list[Any] = [
            layer.register_forward_hook(partial(self._hook, site)) for layer, site in self._watched
        ]
        handles += [
            layer.register_forward_pre_hook(self._expand)
            for layer, _ in self._watched
            if isinstance(layer, nn.Embedding)
        ]
        for layer, rule, record in self._runners:
            layer.forward = _Runner(self, layer, rule, record)
            handles.append(_Restore(layer, "forward"))
        for layer in self._in_place:
            # What a layer returned must still be there when its gradient comes.
            layer.inplace = False  # type: ignore[assignment]
            handles.append(_Again(layer))
        return handles

    @contextmanager
    def record(self, rows: int) -> Iterator[None]:
        """Record the uses of one forward on a batch of so many rows."""
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # it would pass the layers by
        self.recording, self.rows, self.uses = True, rows, []
        try:
            yield
        finally:
            self.recording = False
            torch.backends.mha.set_fastpath_enabled(fast)

    def take(self) -> dict[Site, list[Use]]:
        """Return the uses that a gradient came back to, and forget them."""
        found: dict[Site, list[Use]] = {}
        for site, use in self.uses:
            if use.steps:
                use.gradient = _stacked(use.steps)
            if use.gradient is not None:
                found.setdefault(site, []).append(_same_type(site, use))
        self.uses = []
        return found

    def note(self, site: Site, output: Tensor, given: tuple[Any, ...]) -> Tensor:
        """Note one use."""
        if self.recording:
            use = Use(given, self.rows_per_unit)
            self._check_rows(site, output)
            if not output.requires_grad:
                # It hangs on nothing that needs a gradient: it becomes a leaf.
                output.requires_grad_()
            watch(output, partial(setattr, use, "gradient"))
            self.uses.append((site, use))
        return output

    def note_steps(self, site: Site, outputs: Sequence[Tensor], given: Tensor) -> None:
        """Note one use in steps."""
        use = Use((given,), self.rows_per_unit, steps=[None] * len(outputs))
        for i, output in enumerate(outputs):
            watch(output, partial(use.steps.__setitem__, i))
        self.uses.append((site, use))

    def _hook(self, site: Site, layer: nn.Module, given: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
        if not self.recording:
            return
        if not isinstance(output, Tensor):
            raise InputError(
                f'layer "{site.name}" ({type(layer).__name__}) returns a {type(output).__name__}',
                hint="a layer with parameters of its own must return one tensor",
            )
        if not given or not isinstance(given[0], Tensor):
            raise InputError(
                f'layer "{site.name}" ({type(layer).__name__}) is called by keyword',
                hint="give it its input by position",
            )
        self.note(site, output, given)

    def _expand(self, layer: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Give every row of the batch its own copy of what all share, such as positions."""
        del layer
        if self.recording and given and len(given[0]) == 1 != self.rows:
            return (given[0].expand(self.rows, *given[0].shape[1:]), *given[1:])
        return None

    def _check_rows(self, site: Site, output: Tensor) -> None:
        if output.shape[:1] != (self.rows,):
            raise InputError(
                f'layer "{site.name}" ({type(site.layer).__name__}) returned '
                f"{list(output.shape)} in a batch of {self.rows} rows: whose row is whose?",
                hint="its first axis must count the rows of the batch, for example "
                "positions.expand(len(batch), -1)",
            )


class _Runner:
    """Stands in for a layer's `forward`: records, or steps aside."""

    def __init__(self, tape: Tape, layer: nn.Module, rule: Any, record: Record) -> None:  # noqa: ANN401
        self._tape, self._layer, self._rule, self._record = tape, layer, rule, record
        self.__signature__ = inspect.signature(type(layer).forward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the layer's own
        if self._tape.recording:
            return self._rule.run(self._layer, self._record, *args, **kwargs)
        return type(self._layer).forward(self._layer, *args, **kwargs)


@dataclass
class _Restore:
    """Takes an attribute of the instance away again, so that the class's shows."""

    layer: nn.Module
    name: str

    def remove(self) -> None:
        self.layer.__dict__.pop(self.name, None)


@dataclass
class _Again:
    """Lets a layer work in place again."""

    layer: nn.Module

    def remove(self) -> None:
        self.layer.inplace = True  # type: ignore[assignment]


def watch(output: Tensor, tell: Callable[[Tensor], None]) -> None:
    """Have the gradient that comes back to an output told."""
    hook: Any = output.register_hook  # untyped in PyTorch
    hook(tell)


def _stacked(steps: list[Tensor | None]) -> Tensor | None:
    """Return [n, t, d] of the steps' gradients; a step that nothing came back to has zeros."""
    some = next((s for s in steps if s is not None), None)
    if some is None:
        return None
    return torch.stack([torch.zeros_like(some) if s is None else s for s in steps], 1)


def _same_type(site: Site, use: Use) -> Use:
    """Bring inputs and gradients of mixed precision to the parameters' type."""
    kind = next(site.layer.parameters()).dtype
    if use.returned.dtype is not kind:
        use.gradient = use.returned.to(kind)
    if use.given.is_floating_point() and use.given.dtype is not kind:
        use.inputs = (use.given.to(kind), *use.inputs[1:])
    return use
