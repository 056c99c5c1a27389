"""What is measured on a federation that ran: on what crossed, and on the very updates."""

from __future__ import annotations

from strongroom.audit._finding import Severity
from strongroom.audit.metrics._metric import Metric
from strongroom.config import Limit

_STAYS = ("GDPR Art. 5(1)(c)", "GDPR Art. 25", "GDPR Art. 32", "NIST AI 100-2")
_UPDATES = (
    "OWASP AISVS 1.0 11.3.1",
    "MITRE ATLAS AML.T0024.001",
    "NIST AI 100-2",
    "GDPR Art. 32",
    "EDPB Opinion 28/2024",
)
_SITES = ("MITRE ATLAS AML.T0020", "NIST AI 100-2", "GDPR Art. 32")
_PROTECT = (
    "send updates through secure aggregation ([job.secure]), have sites clip and noise them "
    "([job.privacy]), and let each update be of many rows"
)

METRICS = (
    Metric(
        "federation.records_in_traffic",
        "How many records and planted identifiers of a site were found in what left it "
        "(search of the captured traffic)",
        Severity.CRITICAL,
        _STAYS,
        "find out which message held them (the search names it), stop the federation, and see "
        "what stands between that site's rows and its exit",
        limit=Limit(max=0),
    ),
    Metric(
        "federation.update_recovered_share",
        "How many of the updates that the coordinator could see gave a row away "
        "(gradient inversion of the updates that were sent)",
        Severity.HIGH,
        _UPDATES,
        _PROTECT,
        limit=Limit(max=0.1),
    ),
    Metric(
        "federation.sum_recovered_share",
        "How many of the rounds' sums gave a row of some site away "
        "(gradient inversion of secure sums)",
        Severity.HIGH,
        _UPDATES,
        "a sum of few rows is as telling as a batch of as many: let sites train on more rows a "
        "round, or have them clip and noise ([job.privacy])",
        limit=Limit(max=0.1),
    ),
    Metric(
        "federation.traffic_differences",
        "How many sites count other messages and bytes than the coordinator counts of them",
        Severity.MEDIUM,
        _STAYS,
        "compare the counts by kind: messages were added, lost or changed between the two",
        limit=Limit(max=0),
    ),
    Metric(
        "federation.sites_without_evidence",
        "How many sites that took part left no evidence that could be verified",
        Severity.MEDIUM,
        _STAYS,
        "ask these sites to answer the end of the job, with the key that they agreed with",
        limit=Limit(max=0),
    ),
    Metric(
        "federation.sites_outvoted",
        "How many sites, or groups of sites, the robust rule gave (almost) no say in most rounds",
        Severity.INFO,
        _SITES,
        "see whether these sites' rows differ from the others', or whether they lie",
    ),
)
