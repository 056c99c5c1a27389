"""A rehearsal: the planned training on made-up rows, with canaries, thrown away.

It audits the code, the clipping and the noise that the real training then goes through, not that
very training: no private row is read, so nothing is spent, and the real training is the same to the
bit as one without canaries. Its coins come from the run's secret seed by a label of their own, so a
killed run rehearses the same again.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from strongroom.privacy import SecretStream
from strongroom.privacy._noise import SEED_BYTES
from strongroom.progress import SILENT
from strongroom.train._loop import Examples, fit

if TYPE_CHECKING:
    from torch import nn

    from strongroom.privacy import LossFunction, SlotCanaries
    from strongroom.train._loop import Plan

WHAT = "slot canaries in a rehearsal on made-up rows, white-box log-likelihood ratio of its noisy "
WHAT += "gradients"

_ROWS = 64


def rehearse(
    network: nn.Module,
    examples: Examples,
    plan: Plan,
    stream: SecretStream,
    *,
    loss: LossFunction,
    canaries: int,
) -> SlotCanaries | None:
    """Return what the canaries saw in a training of a copy of `network` on made-up rows.

    Args:
        network: as it stands before the first step; left alone.
        examples: of which shape and type the rows are; their values aren't read.
        plan: of the real training.
        stream: the real training's coins; the rehearsal's are derived from them.
        loss: as for `fit`.
        canaries: how many.
    """
    made_up = Examples(
        np.zeros((_ROWS, *examples.inputs.shape[1:]), examples.inputs.dtype),
        np.zeros((_ROWS, *examples.labels.shape[1:]), examples.labels.dtype),
        examples.augment,
        examples.micro_batch,
    )
    return fit(
        copy.deepcopy(network),
        made_up,
        replace(plan, canaries=canaries),
        SecretStream(stream.raw("rehearsal", 0, SEED_BYTES)),
        loss=loss,
        evaluate=None,
        checkpointer=None,
        progress=SILENT,
    ).canaries
