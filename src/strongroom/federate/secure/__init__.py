"""Secure aggregation: a server learns the sum of the sites' vectors, and of no fewer.

In: whole numbers (`Quantiser`) of the sites, messages. Out: their exact sum, or `SecureError`.
Never: a site's vector, to anybody; a second sum of the same round.

The protocol is that of Bonawitz et al. 2017, "Practical Secure Aggregation for Privacy-Preserving
Machine Learning", in its variant for a server that lies, on complete or sparse graphs (Bell et al.
2020). Neither side does input or output: a `SiteRound` answers messages and a `ServerRound` makes
them, in five phases (`PHASES`):

- KEYS: each site signs two fresh public keys.
- SHARES: from all sites' keys (`sites`, `keys`) each knows its neighbours in the graph. It shares
  out the seed of a mask of its own, and its secret mask key, sealed to each neighbour.
- SUBMIT: it is given the shares of others (`sites` that have shared, `shares`), adds its own mask
  and one with each neighbour (which the neighbour takes away) to its vector, and signs which sites
  those are. The vector must be there by then: `SiteRound.hold`.
- CONFIRM: it is shown who has submitted (`sites`), each with its signature (`signatures`): all
  masked with the same. It signs this one set of survivors.
- UNMASK: shown `threshold` signatures on that set, it reveals of each neighbour one share: of a
  survivor's own mask, or of the mask key of a site that dropped out. Never both.

What holds, of sites that keep to it, if at most `SecureSpec.colluders` others work with the server:
any two sets with enough signatures have an honest signer in common, who signs one set only, so at
most one sum of a round is ever unmasked; it has at least `threshold` sites in it; colluders hold
fewer shares than give a secret back; and the honest survivors stay connected whoever dropped out.
So the server learns the sum of the honest survivors' vectors, and nothing else about them. What
doesn't hold: that the sum is right. A site may submit any vector, and a server may report any sum.

    round = ServerRound(spec, keys, job=job, round=1, length=d + 1)
    for phase in PHASES:
        round.take(phase, channel.ask(round.requests(phase), deadline=60))
    vectors, weight = Quantiser(spec, len(keys)).decode(round.total())
"""

from strongroom.federate.secure._graph import Graph, Risk, enough_neighbours, risk
from strongroom.federate.secure._quantiser import Quantiser
from strongroom.federate.secure._server import ServerRound
from strongroom.federate.secure._setting import ANSWERS, PHASES, SecureError
from strongroom.federate.secure._site import SiteRound

__all__ = [
    "ANSWERS",
    "PHASES",
    "Graph",
    "Quantiser",
    "Risk",
    "SecureError",
    "ServerRound",
    "SiteRound",
    "enough_neighbours",
    "risk",
]
