"""What each site signed at the end: checked here, and put together into one privacy statement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from strongroom.errors import StrongroomError
from strongroom.federate._message import Kind
from strongroom.federate.coordinator._members import ask
from strongroom.privacy import PrivacyStatement
from strongroom.vault import dsse_verify, strict_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from strongroom.federate._message import Message
    from strongroom.federate._recipe import Recipe
    from strongroom.federate._seams import Channel
    from strongroom.federate.coordinator._members import Member
    from strongroom.vault import VerifyKey

_MOST_WORDS = 500
_FINISH_SECONDS = 60.0
_ELSEWHERE = (
    "a person whose rows lie at several sites: what those sites spend on them adds up, and no site "
    "knows of the others' rows"
)


@dataclass(frozen=True)
class SiteStatement:
    """A site's last word on a job.

    Attributes:
        envelope: the DSSE envelope; None where none came.
        predicate: what it states, if its signature fits.
        why: it doesn't count; empty where it does.
    """

    envelope: Mapping[str, Any] | None = None
    predicate: Mapping[str, Any] | None = None
    why: str = ""

    @property
    def verified(self) -> bool:
        """The site's own key signed it, and it is about this recipe."""
        return self.predicate is not None

    @property
    def privacy(self) -> PrivacyStatement | None:
        """The guarantee that the site states for its people, if any."""
        told = (self.predicate or {}).get("privacy")
        return PrivacyStatement.from_json(told) if told else None

    @property
    def idle(self) -> bool:
        """The site says that it was in no round."""
        match self.predicate:
            case {"rounds": {"last": 0}, "privacy": None}:
                return True
            case _:
                return False

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "verified": self.verified,
            "why": self.why,
            "predicate": dict(self.predicate) if self.predicate is not None else None,
            "envelope": dict(self.envelope) if self.envelope is not None else None,
        }


def gather_statements(
    recipe: Recipe,
    channel: Channel,
    members: Mapping[str, Member],
    *,
    model: str,
    round_: int,
) -> dict[str, SiteStatement]:
    """Tell everybody who took part that the job is over, and check what they sign.

    Args:
        recipe: of the job.
        channel: to the sites.
        members: who took part at any time.
        model: digest of what came of it.
        round_: the last.
    """
    facts = {"model": model, "outcome": "done"}
    # Who can't be reached just now is asked too: the channel knows for how long to try.
    requests = {site: ask(recipe, Kind.FINISH, round_, facts) for site in members}
    deadline = max(recipe.deadline, _FINISH_SECONDS)
    answers = channel.ask(requests, deadline=deadline) if requests else {}
    return {
        site: check_statement(answers.get(site), member.key, recipe)
        for site, member in sorted(members.items())
    }


def check_statement(answer: Message | None, key: VerifyKey, recipe: Recipe) -> SiteStatement:
    """Check what a site answered to FINISH."""
    if answer is None:
        return SiteStatement(why="the site couldn't be reached at the end")
    envelope = answer.facts.get("statement")
    if not isinstance(envelope, dict):
        said = str(answer.facts.get("why", "the answer holds no statement"))
        return SiteStatement(why=said[:_MOST_WORDS])
    try:
        payload = strict_json(dsse_verify(envelope, key))
        found = SiteStatement(envelope, payload["predicate"])
        fits = payload["predicate"]["recipe"] == recipe.digest()
        _ = found.privacy
    except StrongroomError as error:
        return SiteStatement(envelope, why=error.what)
    except (KeyError, TypeError, ValueError, AttributeError):
        return SiteStatement(envelope, why="the statement can't be read")
    return found if fits else SiteStatement(envelope, why="the statement is about another recipe")


def whole_statement(
    statements: Mapping[str, SiteStatement], recipe: Recipe, gave: Collection[str]
) -> PrivacyStatement | None:
    """Return the guarantee that holds for everybody at any of the sites: the weakest site's.

    None where the recipe asks for none, or a site that took part states none. A site that agreed
    and says that it was in no round has nothing to state.

    Args:
        statements: of all that agreed.
        recipe: of the job.
        gave: sites whose updates came.
    """
    if recipe.privacy is None or not statements:
        return None
    told = {s: t.privacy for s, t in statements.items() if s in gave or not t.idle}
    if not told:
        return None
    known = {site: p for site, p in told.items() if p is not None}
    if len(known) < len(told):
        return None
    worst, one = max(known.items(), key=lambda item: (item[1].epsilon, item[1].delta))
    same = all((p.epsilon, p.delta) == (one.epsilon, one.delta) for p in known.values())
    sites = f"each of the {len(known)} sites" if same else f'"{worst}", the weakest of {len(known)}'
    return replace(
        one,
        delta=max(p.delta for p in known.values()),
        private=all(p.private for p in known.values()),
        covered=(f"everybody's rows at one site, by the statement of {sites}", *one.covered),
        not_covered=(*one.not_covered, _ELSEWHERE),
        warnings=tuple(dict.fromkeys(w for p in known.values() for w in p.warnings)),
    )


def what_was_seen(recipe: Recipe) -> str:
    """Say what the coordinator could see of a site."""
    if recipe.task == "evaluate":
        return "each site's count of right answers and mean log loss"
    if recipe.secure is None:
        seen = "each site's update of each round, in the clear"
        if recipe.privacy is None:
            return f"{seen}: with updates alone, rows of a site can often be reconstructed"
        if recipe.privacy.unit == "site":
            return f"{seen}, after the site had clipped it whole and added noise"
        unit = recipe.privacy.unit
        return f"{seen}, after the site had clipped every {unit}'s gradient and added noise"
    groups = recipe.rule.groups
    one = "the sum of all sites' updates" if groups == 1 else f"sums of {groups} groups of sites"
    seen = f"{one} of each round, of at least {recipe.secure.threshold} sites each, and no update"
    if recipe.secure.colluders:
        seen += f", if at most {recipe.secure.colluders} sites work with it"
    if recipe.privacy is not None and recipe.privacy.noise == "shared":
        seen += "; the sites' noise is in the sum"
    return seen
