"""What a site does for a federation, and what it lets nobody do.

In: requests (`Message`), the site's rows, policy, ledger and key. Out: answers, through one exit.
Never: a row; a fact or an array that the table of what may leave doesn't name; a private round that
the ledger hasn't reserved, or a second one of the same number; anything that the policy forbids,
whatever the coordinator asks. A site runs no code of anybody's: a recipe only names what is known.

    _site.py       who is asked: one answer for every request
    _gate.py       a recipe against the policy and the columns
    _job.py        one job: its rounds, in order, each once
    _sums.py       its secure sums: who is in them, what goes in
    _keep.py       what survives a crash
    _home.py       what the site has
    _exit.py       what may leave, counted
    _statement.py  what the site says and signs at the end
"""

from strongroom.federate.site._exit import EXITS, Traffic
from strongroom.federate.site._site import Site

__all__ = ["EXITS", "Site", "Traffic"]
