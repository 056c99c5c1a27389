"""Federated analytics: what sites may tell of columns that nobody declared, and how it is read.

In: a `Query`: statistics of columns, and how private each site's part must be.
Out: an `Analysis`: sums over sites with standard errors, and declarations made from them.
Never: a value of a row; a category that only the noise kept from being one person's; a statistic
whose noise isn't in the accounting of the whole query. What a site allows and pays is `site`'s.

A statistic is one file: what it counts, how far one row moves it, how sums of it are read.

    counts      rows by category, of a list that the query proposes
    categories  the categories themselves, where nobody knows them
    histogram   a number on public bins
    quantiles   a number's quantiles between public ends: knots and range
    moments     mean and variance of a number between public ends
"""

from __future__ import annotations

from strongroom.federate.analytics._analysis import Analysis, analyse
from strongroom.federate.analytics._declare import declare
from strongroom.federate.analytics._query import Query, QueryPrivacySpec, Released, read_query
from strongroom.federate.analytics._release import QueryNoise, noise_of, release
from strongroom.federate.analytics._statistic import Finding, Statistic
from strongroom.federate.analytics.categories import Categories
from strongroom.federate.analytics.counts import Counts
from strongroom.federate.analytics.histogram import Histogram
from strongroom.federate.analytics.moments import Moments
from strongroom.federate.analytics.quantiles import Quantiles

__all__ = [
    "Analysis",
    "Categories",
    "Counts",
    "Finding",
    "Histogram",
    "Moments",
    "Quantiles",
    "Query",
    "QueryNoise",
    "QueryPrivacySpec",
    "Released",
    "Statistic",
    "analyse",
    "declare",
    "noise_of",
    "read_query",
    "release",
]
