"""How much does a private training leak at least (privacy auditing)?

In: scores and truths of planted canaries, or a training function that anybody wrote
(`audit_training`, `audit_many_runs`). Out, kept apart by name and type: a *certified* lower bound
on ε (`one_run`, `many_runs`, which take nothing for granted), and an *estimate* (`estimate`,
tighter, which holds if the mechanism is of the family that it was accounted as).
"""

from strongroom.attacks.privacy._estimate import Estimate, estimate
from strongroom.attacks.privacy._family import Family, Separation, gaussian_separation
from strongroom.attacks.privacy._many_runs import (
    ManyRuns,
    Rates,
    audit_many_runs,
    from_rates,
    many_runs,
)
from strongroom.attacks.privacy._one_run import (
    OneRun,
    one_run,
    p_value,
    planned_guesses,
    refuted,
)
from strongroom.attacks.privacy._plan import Plan, plan_guesses
from strongroom.attacks.privacy._training import (
    Training,
    TrainingAudit,
    audit_training,
)

__all__ = [
    "Estimate",
    "Family",
    "ManyRuns",
    "OneRun",
    "Plan",
    "Rates",
    "Separation",
    "Training",
    "TrainingAudit",
    "audit_many_runs",
    "audit_training",
    "estimate",
    "from_rates",
    "gaussian_separation",
    "many_runs",
    "one_run",
    "p_value",
    "plan_guesses",
    "planned_guesses",
    "refuted",
]
