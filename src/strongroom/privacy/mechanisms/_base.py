"""What every mechanism can say about itself."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from strongroom.errors import InputError, MissingExtraError
from strongroom.privacy._relation import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.privacy.mechanisms._gaussian import PoissonGaussian

ADD_REMOVE = (Relation.ADD_OR_REMOVE_ONE, Relation.ZERO_OUT, Relation.REPLACE_ONE)

# Sampling rate, noise multiplier, steps.
Part = tuple[float, float, int]

_KINDS: dict[str, type[Mechanism]] = {}


class Mechanism(ABC):
    """A release, or many, with the facts from which its cost follows.

    A mechanism is the only thing that can be accounted, and what makes the release reads the
    sampling, the noise and the number of steps from it: noise and accountant can't drift apart.
    A subclass is a frozen dataclass whose fields are the facts; it says in which relations it can
    be accounted, the first being its own, and how: as one exact Gaussian, by its privacy-loss
    distribution, by its Rényi divergences.

    Attributes:
        TYPE: names the kind in JSON.
        relations: in which neighbouring relations it can be accounted; the first is its own.
        sampling_rate: the chance of a unit to be in a step's batch.
        noise_multiplier: standard deviation of the noise over the clip norm.
        steps: how many releases.
    """

    TYPE: ClassVar[str]

    if TYPE_CHECKING:

        @property
        def relations(self) -> tuple[Relation, ...]: ...

        @property
        def sampling_rate(self) -> float: ...

        @property
        def noise_multiplier(self) -> float: ...

        @property
        def steps(self) -> int: ...

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "TYPE" in vars(cls):
            _KINDS[cls.TYPE] = cls

    @staticmethod
    def poisson_gaussian(
        *, sampling_rate: float, noise_multiplier: float, steps: int
    ) -> PoissonGaussian:
        """Name a Poisson-sampled Gaussian whose noise is fixed beforehand."""
        from strongroom.privacy.mechanisms._gaussian import PoissonGaussian

        return PoissonGaussian(sampling_rate, noise_multiplier, steps)

    @property
    def relation(self) -> Relation:
        """The neighbouring relation of its own guarantee."""
        return self.relations[0]

    @property
    def event(self) -> Any:  # noqa: ANN401 - dp_accounting.DpEvent is untyped and imported lazily
        """The same fact as a `dp_accounting.DpEvent`, in its own relation.

        Gaussian noise stands in it as a multiple of what one unit can move under that relation.
        """
        return self.event_under(self.relation)

    @abstractmethod
    def event_under(self, relation: Relation) -> Any:  # noqa: ANN401 - as above
        """Return the event for an accountant that takes a Gaussian's noise over *its shift*.

        That is how dp-accounting's RDP accountant reads events (its PLD accountant doubles the
        shift of a Gaussian itself under replace-one; `losses` doesn't go through it).
        """

    def gaussian(self, relation: Relation) -> float | None:
        """Return μ where all its releases together are exactly one Gaussian N(0, 1) or N(μ, 1)."""
        del relation
        return None

    def parts(self, relation: Relation) -> tuple[Part, ...]:
        """Return the Poisson-sampled Gaussians that dominate it together; none: not known."""
        del relation
        return ()

    def losses(self, relation: Relation, grid: float) -> Any:  # noqa: ANN401 - untyped library
        """Return its privacy-loss distribution on a grid, never too small; None: not known."""
        whole = None
        for rate, noise, steps in self.parts(relation):
            one = gaussian_losses(noise, grid, rate, relation)
            one = one.self_compose(steps) if steps > 1 else one
            whole = one if whole is None else whole.compose(one)
        return whole

    @property
    def accountant(self) -> str:
        """How its ε is computed."""
        from strongroom.privacy._accounting import accountant_of

        return accountant_of([self])

    def epsilon(self, delta: float) -> float:
        """Return an upper bound on ε at `delta`, in its own relation."""
        from strongroom.privacy._accounting import compose_epsilon

        return compose_epsilon([self], delta)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: the event as a ledger or a statement keeps it."""
        fields: Any = dataclasses.fields(self)  # type: ignore[arg-type]  # every kind is one
        return {"type": self.TYPE, **{f.name: _plain(getattr(self, f.name)) for f in fields}}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Mechanism:
        """Read back what `to_json` gave, whatever the kind.

        Raises:
            InputError: an event of a kind that this version can't account, or a damaged one.
        """
        from strongroom.privacy import mechanisms  # every kind has then said its name

        del mechanisms
        kind = _KINDS.get(str(document.get("type")))
        if kind is None:
            raise InputError(
                f'cannot account for an event of type "{document.get("type")}"',
                hint="it was written by a newer version of strongroom",
            )
        try:
            return kind.read({k: v for k, v in document.items() if k != "type"})
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f'an event of type "{kind.TYPE}" is damaged') from error

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Self:
        """Make one of this kind from its facts."""
        known: Any = dataclasses.fields(cls)  # type: ignore[arg-type]  # every kind is one
        names = {f.name for f in known}
        # A fact that isn't understood may be one that costs.
        if set(facts) != names:
            odd = sorted(set(facts) ^ names)
            raise InputError(f'an event of type "{cls.TYPE}" is damaged: {", ".join(odd)}')
        return cls(**facts)

    def check_relation(self, relation: Relation) -> None:
        """Refuse a relation in which it has no guarantee."""
        if relation not in self.relations:
            raise InputError(
                f'a mechanism of type "{self.TYPE}" has no guarantee under "{relation.words}"',
                hint=f'it is accounted under "{self.relation.words}"',
            )


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if hasattr(value, "to_json"):
        return value.to_json()
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def dp_accounting() -> Any:  # noqa: ANN401 - the library ships no types
    """Import dp-accounting, or say what to install."""
    try:
        import dp_accounting as library
    except ImportError as error:
        raise MissingExtraError("dp-accounting", "train") from error
    return library


def check_noise(multiplier: float) -> None:
    """Refuse a noise that hides nothing."""
    if not (multiplier > 0 and math.isfinite(multiplier)):
        raise InputError(f"a noise multiplier of {multiplier:g} gives no privacy")


def check_rate(rate: float) -> None:
    """Refuse a sampling rate that is none."""
    if not 0 < rate <= 1:
        raise InputError(f"a sampling rate of {rate:g} is not in (0, 1]")


def check_count(count: int, what: str = "step") -> None:
    """Refuse fewer than one."""
    if count < 1:
        raise InputError(f"a mechanism makes at least one {what}")


def repeated(event: Any, count: int) -> Any:  # noqa: ANN401 - DpEvent
    """Return the event of making the same release `count` times, adaptively."""
    return dp_accounting().SelfComposedDpEvent(event, count)


def gaussian_losses(deviation: float, grid: float, rate: float, relation: Relation) -> Any:  # noqa: ANN401
    """Return the loss distribution of one (Poisson-sampled) Gaussian; connect-the-dots.

    Args:
        deviation: of the noise, over the clip norm.
        grid: discretisation of the loss.
        rate: the sampling rate.
        relation: dp-accounting doubles the shift under replace-one itself.
    """
    dp = dp_accounting()
    neighbours = dp.NeighboringRelation
    return dp.pld.privacy_loss_distribution.from_gaussian_mechanism(
        deviation,
        value_discretization_interval=grid,
        sampling_prob=rate,
        use_connect_dots=True,
        neighboring_relation=neighbours.REPLACE_ONE
        if relation is Relation.REPLACE_ONE
        else neighbours.ADD_OR_REMOVE_ONE,
    )
