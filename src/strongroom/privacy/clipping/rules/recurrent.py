"""`nn.LSTM` and `nn.GRU`: unrolled in time, every gate's linear map watched as one sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strongroom.errors import InputError

if TYPE_CHECKING:
    from strongroom.privacy.clipping._tape import Record

    Recurrent = nn.LSTM | nn.GRU
    State = tuple[Tensor, ...]


class RecurrentRule:
    """Runs the recurrence itself (Hochreiter & Schmidhuber 1997; Cho et al. 2014).

    The gates of all steps come from two maps, of the input and of the state before, and each map's
    gradient is that of a linear layer on a sequence.
    """

    def check(self, layer: Recurrent, name: str) -> None:
        """Refuse what isn't followed.

        Raises:
            InputError: an LSTM with projections.
        """
        if layer.proj_size:
            raise InputError(
                f'layer "{name}": an LSTM with proj_size cannot be clipped',
                hint="put an nn.Linear behind it instead",
            )

    def parts(self, layer: Recurrent) -> dict[str, dict[str, str]]:
        """Return the linear maps inside, each with the names of its parameters."""
        found = {}
        for suffix in _suffixes(layer):
            for which in ("ih", "hh"):
                names = {"weight": f"weight_{which}{suffix}"}
                if layer.bias:
                    names["bias"] = f"bias_{which}{suffix}"
                found[which + suffix] = names
        return found

    def run(
        self, layer: Recurrent, record: Record, given: Tensor, state: Tensor | State | None = None
    ) -> tuple[Tensor, Tensor | State]:
        """See the layer's own `forward`; batched tensors only."""
        packed: Any = given
        if not isinstance(packed, Tensor) or given.dim() != 3:  # noqa: PLR2004 - rows, steps, features
            raise InputError(
                "a recurrent layer is clipped on [rows, steps, features] tensors only",
                hint="pad packed sequences, and mask the loss",
            )
        values = given if layer.batch_first else given.transpose(0, 1)
        n, ways = len(values), 2 if layer.bidirectional else 1
        if state is None:
            zeros = values.new_zeros(layer.num_layers * ways, n, layer.hidden_size)
            state = (zeros, zeros) if isinstance(layer, nn.LSTM) else zeros
        begin = state if isinstance(state, tuple) else (state,)
        last: list[State] = []
        for depth in range(layer.num_layers):
            if depth and layer.dropout:
                values = nn.functional.dropout(values, layer.dropout, layer.training)
            outs = []
            for way in range(ways):
                suffix = f"_l{depth}" + ("_reverse" if way else "")
                own = tuple(part[depth * ways + way] for part in begin)
                seen = values.flip(1) if way else values
                out, end = _unroll(layer, record, suffix, seen, own)
                outs.append(out.flip(1) if way else out)
                last.append(end)
            values = torch.cat(outs, -1) if ways > 1 else outs[0]
        ends = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
        out = values if layer.batch_first else values.transpose(0, 1)
        return out, ends if isinstance(layer, nn.LSTM) else ends[0]


def _suffixes(layer: Recurrent) -> list[str]:
    ways = ("", "_reverse") if layer.bidirectional else ("",)
    return [f"_l{depth}{way}" for depth in range(layer.num_layers) for way in ways]


def _unroll(
    layer: Recurrent, record: Record, suffix: str, values: Tensor, state: State
) -> tuple[Tensor, State]:
    """Return the outputs [n, t, h] and the last state of one layer in one direction."""
    own = dict(layer.named_parameters(recurse=False))
    linear = nn.functional.linear

    def mapped(which: str, x: Tensor) -> Tensor:
        return linear(x, own[f"weight_{which}{suffix}"], own.get(f"bias_{which}{suffix}"))

    gates = record(f"ih{suffix}", mapped("ih", values), values)
    before, returned, outs = [], [], []
    for step in range(values.shape[1]):
        before.append(state[0])
        back = record.leaf(mapped("hh", state[0]))
        returned.append(back)  # what comes back to it is this step's part of the map
        cell = _lstm if isinstance(layer, nn.LSTM) else _gru
        state = cell(gates[:, step], back, state)
        outs.append(state[0])
    record.sequence(f"hh{suffix}", returned, torch.stack(before, 1))
    return torch.stack(outs, 1), state


def _lstm(gates: Tensor, back: Tensor, state: State) -> State:
    i, f, g, o = (gates + back).chunk(4, -1)
    cell = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def _gru(gates: Tensor, back: Tensor, state: State) -> State:
    reset_in, update_in, new_in = gates.chunk(3, -1)
    reset_back, update_back, new_back = back.chunk(3, -1)
    update = (update_in + update_back).sigmoid()
    new = (new_in + (reset_in + reset_back).sigmoid() * new_back).tanh()
    return (new + update * (state[0] - new),)
