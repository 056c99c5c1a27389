"""The coordinator: plans a job, runs its rounds, and gathers the evidence.

In: a recipe, a channel to the sites, a place to keep the state of an unfinished job.
Out: a `FederationResult`: the model, what happened in each round, what each site signed.
Never: a site's update in an average when it is of another shape, not finite, or late; a secure sum
asked for twice; a claim about privacy that no site signed.
"""

from __future__ import annotations

from strongroom.federate.coordinator._coordinator import Coordinator
from strongroom.federate.coordinator._evaluate import evaluate_model
from strongroom.federate.coordinator._evidence import SiteStatement
from strongroom.federate.coordinator._plan import Description, describe, plan_recipe
from strongroom.federate.coordinator._result import FederationResult

__all__ = [
    "Coordinator",
    "Description",
    "FederationResult",
    "SiteStatement",
    "describe",
    "evaluate_model",
    "plan_recipe",
]
