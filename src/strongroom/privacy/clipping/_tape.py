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
from torch.autograd.graph import get_gradient_edge

from strongroom.errors import InputError
from strongroom.privacy.clipping._use import Space, Use
from strongroom.privacy.clipping.rules import LINEAR, OPAQUE, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True, eq=False)
class Site:
    """A map with parameters: a layer, or one of several inside a layer.

    Attributes:
        name: for people.
        layer: what its rule is given.
        rule: how it is clipped.
        names: the rule's parameter name to the module's.
        kind: the type of its parameters.
        space: memory for its rule.
    """

    name: str
    layer: nn.Module
    rule: Any
    names: Mapping[str, str]
    kind: torch.dtype
    space: Space = field(default_factory=Space)


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
        if part in self.sites:
            self.tape.note_steps(self.sites[part], outputs, given)

    @staticmethod
    def leaf(output: Tensor) -> Tensor:
        """Make sure that a gradient comes back to an output."""
        return output if output.requires_grad else output.requires_grad_()


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
    by_hook: bool = False
    rows: int = 0
    uses: list[tuple[Site, Use]] = field(default_factory=list)
    _edges: list[Any] = field(default_factory=list)
    _handles: list[Any] = field(default_factory=list)

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
        self._fast_path = any(
            isinstance(m, nn.TransformerEncoderLayer) for m in self.module.modules()
        )
        self._images = any(isinstance(m, nn.Conv2d) for m in self.module.modules())
        names = [n for site in self.sites for n in site.names.values()]
        self.shares = len(set(names)) < len(names)
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
            site = Site(name, layer, rule, own, self._kind(own))
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

    def _kind(self, names: Mapping[str, str]) -> torch.dtype:
        return self.parameters[next(iter(names.values()))].dtype

    def _inside(self, layer: nn.Module, name: str, rule: Any) -> None:  # noqa: ANN401 - see RULES
        learnt = self._names(layer, name, recurse=True)
        if not learnt:
            return
        rule.check(layer, name)
        sites = {}
        inner = rule if hasattr(rule, "squared") else LINEAR
        for part, parameters in rule.parts(layer).items():
            names = {k: learnt[v] for k, v in parameters.items() if v in learnt}
            if names:
                full = f"{name}.{part}" if name else part
                sites[part] = Site(full, layer, inner, names, self._kind(names))
        self.sites += sites.values()
        self._runners.append((layer, rule, Record(self, sites)))

    def laid(self, values: Any) -> Any:  # noqa: ANN401 - an argument of the module
        """Lay pictures channels last, if the module convolves: all that follows is quicker so."""
        if not (self._images and isinstance(values, Tensor) and values.dim() == 4):  # noqa: PLR2004
            return values
        last = values.contiguous(memory_format=torch.channels_last)
        _, channels, high, wide = last.shape
        # With one channel both layouts are the same memory: the strides say which one is meant.
        return last.as_strided(
            last.shape,
            (channels * high * wide, 1, channels * wide, channels),
            last.storage_offset(),
        )

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the module; within, `record` costs little."""
        if self._handles:
            yield
            return
        self.attach()
        try:
            yield
        finally:
            for handle in self._handles:
                handle.remove()
            self._handles = []

    def attach(self) -> None:
        """Watch the module from now on."""
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
        self._handles = handles

    def begin(self, rows: int) -> None:
        """Record, until told to stop, for a backward that somebody else runs."""
        self.rows, self.uses, self._edges, self.recording = rows, [], [], True

    def record(self, rows: int) -> _Recording:
        """Record the uses of one forward on a batch of so many rows."""
        self.rows, self.uses, self._edges = rows, [], []
        return _Recording(self, self._fast_path)

    def backward(self, losses: Tensor) -> None:
        """Bring the gradient of the summed losses to every use."""
        if not self._edges:
            return
        if not losses.requires_grad:
            self.uses = []
            return
        returned = iter(
            torch.autograd.grad(losses, self._edges, torch.ones_like(losses), allow_unused=True)
        )
        for _, use in self.uses:
            own = [next(returned) for _ in range(max(use.outputs, 1))]
            use.gradient = own[0] if use.outputs == 0 else _stacked(own)
        self._edges = []

    def take(self) -> list[tuple[Site, Use]]:
        """Return the uses that a gradient came back to, and forget them."""
        for _, use in self.uses:
            if use.steps:
                use.gradient = _stacked(use.steps)
        found = [
            (site, use)
            for site, use in self.uses
            if use.gradient is not None and _same_type(site, use)
        ]
        self.uses = []
        return found

    def note(self, site: Site, output: Tensor, given: tuple[Any, ...]) -> Tensor:
        """Note one use."""
        if self.recording:
            if output.shape[0] != self.rows:
                self._refuse_rows(site, output)
            if not output.requires_grad:
                # It hangs on nothing that needs a gradient: it becomes a leaf.
                output.requires_grad_()
            use = Use(given, self.rows_per_unit, site.space)
            if self.by_hook:
                watch: Any = output.register_hook  # untyped in PyTorch
                watch(partial(setattr, use, "gradient"))
            else:
                self._edges.append(get_gradient_edge(output))
            self.uses.append((site, use))
        return output

    def note_steps(self, site: Site, outputs: Sequence[Tensor], given: Tensor) -> None:
        """Note one use in steps."""
        if self.recording:
            use = Use((given,), self.rows_per_unit, site.space, len(outputs))
            if self.by_hook:
                use.steps = [None] * len(outputs)
                for i, output in enumerate(outputs):
                    watch: Any = output.register_hook
                    watch(partial(use.steps.__setitem__, i))
            else:
                self._edges += [get_gradient_edge(output) for output in outputs]
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

    def _refuse_rows(self, site: Site, output: Tensor) -> None:
        raise InputError(
            f'layer "{site.name}" ({type(site.layer).__name__}) returned '
            f"{list(output.shape)} in a batch of {self.rows} rows: whose row is whose?",
            hint="its first axis must count the rows of the batch, for example "
            "positions.expand(len(batch), -1)",
        )


class _Recording:
    """Turns recording on and off; plain methods, since it is entered for every micro-batch."""

    def __init__(self, tape: Tape, fast_path: bool) -> None:  # noqa: FBT001 - private
        self._tape, self._fast_path = tape, fast_path

    def __enter__(self) -> None:
        self._tape.recording = True
        if self._fast_path and torch.backends.mha.get_fastpath_enabled():
            torch.backends.mha.set_fastpath_enabled(False)  # it would pass the layers by
        else:
            self._fast_path = False

    def __exit__(self, *_: object) -> None:
        self._tape.recording = False
        if self._fast_path:
            torch.backends.mha.set_fastpath_enabled(True)


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


def _stacked(steps: Sequence[Tensor | None]) -> Tensor | None:
    """Return [n, t, d] of the steps' gradients; a step that nothing came back to has zeros."""
    some = next((s for s in steps if s is not None), None)
    if some is None:
        return None
    return torch.stack([torch.zeros_like(some) if s is None else s for s in steps], 1)


def _same_type(site: Site, use: Use) -> bool:
    """Bring inputs and gradients of mixed precision to the parameters' type."""
    if use.returned.dtype is not site.kind:
        use.gradient = use.returned.to(site.kind)
    given = use.given
    if given.dtype is not site.kind and given.is_floating_point():
        use.inputs = (given.to(site.kind), *use.inputs[1:])
    return True
