"""One round's updates: each site's in the clear, or sums of groups of sites."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError, StrongroomError
from strongroom.federate._message import Kind, Message, MessageError
from strongroom.federate.coordinator._members import ask
from strongroom.federate.secure import PHASES, Quantiser, SecureError, ServerRound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe, SecureSpec
    from strongroom.federate._seams import Channel
    from strongroom.federate._shared import SharedNoise
    from strongroom.federate.coordinator._members import Members

UPDATE = "update"


class RoundLostError(StrongroomError):
    """A round that gave no update: the model stays as it was."""


@dataclass
class Gathered:
    """What a rule can work on.

    Attributes:
        what: "sites" or "groups".
        rows: name of a site or a group to its arrays, float64 [d] each: "update", and what the
            strategy asks for beside it.
        weights: of each.
        sites: who is in it.
        dropped: who isn't, and why.
        groups: name to sites, where sums were made in several.
    """

    what: str
    rows: dict[str, dict[str, NDArray[np.float64]]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    sites: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def stacked(self, name: str) -> NDArray[np.float64]:
        """Return one array of all, float64 [n, d], in the order of `rows`."""
        return np.stack([row[name] for row in self.rows.values()])


@dataclass(frozen=True)
class Exchange:
    """What a round needs to reach the sites.

    Attributes:
        recipe, channel, members: of the job.
        number: of the round.
        arrays: what TRAIN carries: "parameters" float32 [d], and what the strategy sends.
        size: d.
        heard: told of each answer.
        noise: what the sites' shared noise needs to be read; None where they share none.
    """

    recipe: Recipe
    channel: Channel
    members: Members
    number: int
    arrays: Mapping[str, NDArray[np.float32]]
    size: int
    heard: Callable[[str, Message], None]
    noise: SharedNoise | None = None

    @property
    def kind(self) -> Kind:
        """What the sites are asked for."""
        return Kind.GROW if self.recipe.task == "trees" else Kind.TRAIN

    def train(self, facts: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Message], Gathered]:
        """Send each site TRAIN (or GROW) with its facts; return the answers, and who dropped out.

        Who refuses or doesn't answer is taken out of the members.
        """
        requests = {
            site: ask(self.recipe, self.kind, self.number, facts[site], self.arrays)
            for site in facts
        }
        found = self.channel.ask(requests, deadline=self.recipe.deadline, heard=self.heard)
        gathered = Gathered("sites")
        for site in requests:
            answer = found.get(site)
            if answer is None:
                self.members.left(site, self.number)
                gathered.dropped[site] = "no answer within the deadline"
            elif answer.kind is Kind.REFUSED:
                why = self.members.refused(site, self.number, self.kind, answer)
                gathered.dropped[site] = f"refused: {why}"
            else:
                self.members.answered(site)
        return {s: a for s, a in found.items() if s not in gathered.dropped}, gathered


def gather_clear(exchange: Exchange, names: Sequence[str]) -> Gathered:
    """Ask every member for its update; what isn't one is dropped with the reason, never averaged.

    Args:
        exchange: the round.
        names: of the arrays that must come: "update" first.
    """
    members, recipe = exchange.members, exchange.recipe
    answers, gathered = exchange.train({site: {} for site in members.agreed})
    for site, answer in answers.items():
        try:
            arrays = {name: answer.require(name, "float32", (exchange.size,)) for name in names}
        except MessageError as error:
            gathered.dropped[site] = error.what
            members.refused(site, exchange.number, exchange.kind, answer.refuse(error.what))
            continue
        gathered.rows[site] = {name: array.astype(np.float64) for name, array in arrays.items()}
        weight = members.agreed[site].weight if recipe.weighting == "rows" else 1.0
        gathered.weights[site] = weight
        gathered.sites.append(site)
    return gathered


def gather_sums(exchange: Exchange, secure: SecureSpec) -> Gathered:
    """Sum the updates of each group securely; the sums are all that is learnt.

    Raises:
        RoundLostError: there are too few members for one group, or a group of those that are there
            would not be safe from as many colluders as the recipe says.
    """
    recipe, members = exchange.recipe, exchange.members
    groups = draw_groups(recipe, exchange.number, sorted(members.agreed))
    keys = {site: member.key for site, member in members.agreed.items()}
    weighted = recipe.weighting == "rows"
    facts: dict[str, dict[str, Any]] = {}
    # Weights are told relative to the largest, so that all fit below one bound.
    scale = max(members.agreed[site].weight for site in keys) if weighted else 1.0
    for group in groups.values():
        told: dict[str, Any] = {
            "group": group,
            "keys": {site: keys[site].to_text() for site in group},
        }
        told |= {"scale": scale} if weighted else {}
        facts.update(dict.fromkeys(group, told))
    try:
        rounds = {
            name: ServerRound(
                secure,
                {site: keys[site] for site in group},
                job=recipe.job,
                round=exchange.number,
                length=exchange.size + 1,
            )
            for name, group in groups.items()
        }
    except SecureError as error:
        raise RoundLostError(error.what) from error
    _, gathered = exchange.train(facts)
    gathered.what, gathered.groups = "groups", groups
    lost = _exchange(exchange, rounds)
    for name, sums in rounds.items():
        _note_gone(gathered, name, sums, lost)
        _note_liars(exchange, sums)
        if name in lost:
            continue
        try:
            if exchange.noise is None:
                total, weight = Quantiser(secure, len(groups[name])).decode(sums.total())
            else:
                total, weight = exchange.noise.decode(sums.total(), scale)
        except (SecureError, InputError) as error:
            gathered.dropped |= dict.fromkeys(sums.members, error.what)
            continue
        gathered.rows[name] = {UPDATE: total / weight}
        gathered.weights[name] = weight
        gathered.sites += sums.members
    return gathered


def _exchange(exchange: Exchange, rounds: Mapping[str, ServerRound]) -> dict[str, str]:
    """Go through all phases with all groups at once; return why groups were lost."""
    lost: dict[str, str] = {}
    for phase in PHASES:
        live = {name: sums for name, sums in rounds.items() if name not in lost}
        requests = {name: sums.requests(phase) for name, sums in live.items()}
        asked = {site: message for one in requests.values() for site, message in one.items()}
        answers = exchange.channel.ask(asked, deadline=exchange.recipe.deadline) if asked else {}
        for name, sums in live.items():
            own = {site: answers[site] for site in requests[name] if site in answers}
            try:
                sums.take(phase, own)
            except SecureError as error:
                lost[name] = f"{phase}: {error.what}"
    return lost


def _note_gone(gathered: Gathered, name: str, sums: ServerRound, lost: Mapping[str, str]) -> None:
    for site, why in sums.gone.items():
        gathered.dropped.setdefault(site, why)
    if name in lost:
        for site in gathered.groups[name]:
            gathered.dropped.setdefault(site, f"its group's sum was lost: {lost[name]}")


def _note_liars(exchange: Exchange, sums: ServerRound) -> None:
    """Take out who sent several sites what they couldn't use; of one alone it can't be told."""
    for site, accusers in sums.accused.items():
        if len(accusers) > max(exchange.recipe.rule.liars, 1) and site in exchange.members.agreed:
            why = f"{len(accusers)} sites couldn't use what it sent them"
            exchange.members.excluded(site, exchange.number, Kind.SHARES, why)


def draw_groups(recipe: Recipe, number: int, sites: Sequence[str]) -> dict[str, list[str]]:
    """Part the members into groups anew for a round, by public coins that every site can repeat.

    The order is that of SHA-256 over the recipe's digest, the round and the name. There are as many
    groups as the rule asks for, or fewer, so that each has at least `threshold` members.

    Raises:
        RoundLostError: there are too few for one.
    """
    assert recipe.secure is not None  # noqa: S101 - groups are for secure sums
    most = len(sites) // recipe.secure.threshold
    count = min(recipe.rule.groups, most)
    if not count:
        raise RoundLostError(
            f"{len(sites)} sites are fewer than the threshold of {recipe.secure.threshold}"
        )

    digest = recipe.digest()

    def coin(site: str) -> bytes:
        return hashlib.sha256(f"{digest}\0{number}\0{site}".encode()).digest()

    order = sorted(sites, key=coin)
    return {f"group {k + 1}": sorted(order[k::count]) for k in range(count)}
