"""Federated training: sites train one model together, and no site's rows leave it.

In: a `Recipe`, sites that each hold rows, a policy and a ledger, a `Channel` between them.
Out: one model, and evidence from every site of what it did, spent and sent.
Never: code from the coordinator at a site; a row, or anything of one person's, in a message; an
update in the clear where the recipe says secure aggregation; a private step that the site's own
ledger hasn't reserved. Only `flare` knows NVIDIA FLARE, and everything else runs without it.

    site/         what a site does and what it lets nobody do
    coordinator/  rounds, resumption, the result
    strategies/   FedAvg, FedProx, FedAdam, SCAFFOLD: a file each
    rules/        mean, median, trimmed mean, Krum, Bulyan, norm bound: a file each
    secure/       secure aggregation
    evidence/     what crossed: traffic, search for rows, attacks on the very updates
    liars         sites that lie, for simulations
    flare/        the same over NVIDIA FLARE: kits, processes, mutual TLS
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from strongroom.federate._decisions import AskedJob, Decisions
from strongroom.federate._loopback import Fault, LoopbackChannel
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate._recipe import (
    Recipe,
    RuleSpec,
    SecureSpec,
    SitePrivacySpec,
    StrategySpec,
)
from strongroom.federate._seams import Answers, Channel
from strongroom.federate._settings import JobSpec, Settings, read_settings, write_settings
from strongroom.federate._words import in_a_line, in_words

if TYPE_CHECKING:
    from strongroom.federate._simulate import simulate

__all__ = [
    "Answers",
    "AskedJob",
    "Channel",
    "Decisions",
    "Fault",
    "JobSpec",
    "Kind",
    "LoopbackChannel",
    "Message",
    "MessageError",
    "Recipe",
    "RuleSpec",
    "SecureSpec",
    "Settings",
    "SitePrivacySpec",
    "StrategySpec",
    "in_a_line",
    "in_words",
    "read_settings",
    "simulate",
    "write_settings",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    # It needs torch, which is loaded when it is asked for.
    if name == "simulate":
        return importlib.import_module("strongroom.federate._simulate").simulate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
