"""What a site says at the end of a job, and signs: what was asked, done, spent and sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom import __version__
from strongroom.store._survey import STATEMENT_TYPE
from strongroom.store.evidence import make_statement
from strongroom.vault import canonical_json, dsse_sign
from strongroom.vault.signing import IN_TOTO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.federate._recipe import Recipe
    from strongroom.federate.site._keep import Record
    from strongroom.privacy import PrivacyStatement
    from strongroom.vault import SigningKey

KIND = "federation"


def sign_statement(
    recipe: Recipe,
    record: Record,
    privacy: PrivacyStatement | None,
    told: Mapping[str, str],
    key: SigningKey,
    pinned: Mapping[str, str],
    site: str,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an in-toto statement about the job, for the site's own log, and signed for others.

    Args:
        recipe: what was agreed to.
        record: what was done.
        privacy: what was proved, or None.
        told: what the coordinator says came of it: nothing that the site could check.
        key: the site's.
        pinned: keys of other sites that its people had set.
        site: its name.
    """
    predicate = {
        "site": site,
        "version": __version__,
        "job": recipe.job,
        "project": recipe.project,
        "recipe": record.digest,
        "task": recipe.task,
        "rounds": {"asked": recipe.rounds, "last": record.round},
        "privacy": privacy.to_json() if privacy is not None else None,
        "trusted": list(trusted(recipe)),
        "traffic": record.traffic.to_json(),
        "peers": {
            name: {"key": text, "pinned": name in pinned or name == site}
            for name, text in sorted(record.peers.items())
        },
        "refusals": record.refusals,
        "told": dict(told),
    }
    statement = make_statement(KIND, [("recipe", record.digest)], predicate)
    payload = canonical_json({**statement, "_type": STATEMENT_TYPE})
    return statement, dsse_sign(payload, IN_TOTO, key)


def trusted(recipe: Recipe) -> tuple[str, ...]:
    """Return who must be trusted with what, for what the job promises to hold."""
    found = []
    if recipe.task == "evaluate":
        return ("nobody: counts of right answers left, which the site's policy allows",)
    if recipe.secure is None:
        seen = "the coordinator sees this site's updates one by one"
        found.append(
            f"{seen}, with the noise that the site added"
            if recipe.privacy is not None
            else f"{seen}: it is trusted not to work rows out of them"
        )
    else:
        few = recipe.secure.threshold
        found.append(
            f"the coordinator sees sums of at least {few} sites' updates; who controls it and all "
            "other sites of a sum sees this site's"
        )
    if recipe.privacy is not None and recipe.privacy.noise == "shared":
        assert recipe.secure is not None  # noqa: S101 - the recipe says so
        found.append(
            f"the other sites: the guarantee holds if {recipe.secure.threshold} of each sum add "
            "their share of the noise"
        )
    if recipe.privacy is not None and recipe.privacy.noise == "own":
        found.append("nobody for the guarantee: the site's own noise is enough")
    return tuple(found)
