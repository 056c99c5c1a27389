"""Whether the values of a column look like something: shares from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns import _words as words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from strongroom.discover.columns._profile import Profile

    Fit = Callable[[Profile], float]

_FEW, _MANY = 60, 1_000
_LISTED, _MOSTLY_NAMES = 0.9, 0.7
_OLDEST = 122  # years, the longest life on record


def anything(_profile: Profile) -> float:
    """Fit whatever the values are."""
    return 1.0


def shaped(pattern: str) -> Fit:
    """Fit values that match an RE2 pattern, as strings."""
    return lambda profile: profile.share(pattern)


def found(*entities: str) -> Fit:
    """Fit values that are nothing but one of these entities, as recognizers say."""
    return lambda profile: sum(profile.whole_share(e) for e in entities)


def either(*fits: Fit) -> Fit:
    """Fit what fits one of several best."""
    return lambda profile: max(fit(profile) for fit in fits)


def both(*fits: Fit) -> Fit:
    """Fit what fits all of several."""
    return lambda profile: min(fit(profile) for fit in fits)


def number(low: float, high: float, *, whole: bool = True) -> Fit:
    """Fit numbers of a range."""

    def fit(profile: Profile) -> float:
        numbers = profile.numbers
        if numbers is None or (whole and not profile.whole_numbers):
            return 0.0
        return profile.share_of((numbers >= low) & (numbers <= high))

    return fit


def holding(vocabulary: Collection[str]) -> Fit:
    """Fit values with a word of a list in them."""
    return lambda profile: profile.said(
        lambda value, parts: value in vocabulary or any(w in vocabulary for w in parts)
    )


def only(vocabulary: Collection[str]) -> Fit:
    """Fit values of nothing but words of a list."""
    return lambda profile: profile.said(
        lambda _, parts: bool(parts) and all(w in vocabulary for w in parts)
    )


def being(vocabulary: Collection[str]) -> Fit:
    """Fit values that stand in a list."""
    return lambda profile: profile.said(lambda value, _: value in vocabulary)


def few(fit: Fit, most: int = _FEW) -> Fit:
    """Fit a column of at least two and not many different values, nearly all of which fit."""

    def fits(profile: Profile) -> float:
        if not 1 < profile.distinct <= most:
            return 0.0
        share = fit(profile)
        return share if share >= _LISTED else 0.0

    return fits


def varied(fit: Fit, least: int = 20) -> Fit:
    """Fit a column of many different values."""
    return lambda profile: fit(profile) if profile.distinct >= least else 0.0


def named(profile: Profile) -> float:
    """Fit what people's names look like: a few words of letters."""
    return profile.share(shapes.NAME_SHAPE) if profile.kind == "text" else 0.0


def full_name(profile: Profile) -> float:
    """Fit names of several words, each with a capital."""
    return profile.share(shapes.FULL_NAME)


def bodily(profile: Profile) -> float:
    """Fit heights and weights of people: metres, inches, centimetres, pounds, kilograms."""
    if profile.numbers is None:
        return float(profile.kind == "text")
    middle = float(np.median(profile.numbers))
    return float(1.2 <= middle <= 2.3 or 25 <= middle <= 260)  # noqa: PLR2004 - see above


def dated(profile: Profile) -> float:
    """Fit dates, however they are written."""
    if profile.kind == "date":
        return 1.0
    if profile.kind != "text":
        return number(19_000_101, 20_351_231)(profile)
    recognized = profile.whole_share("DATE_TIME") + profile.whole_share("DATE_OF_BIRTH")
    return max(profile.share(shapes.DATE), recognized)


def years(profile: Profile) -> np.ndarray:
    """Return the year of each value of the sample, 0 where there is none."""
    if profile.kind == "date":
        found_ = pc.year(profile.values)
    elif profile.texts is not None:
        told = pc.extract_regex(profile.texts, shapes.YEAR).field("year")
        found_ = told.fill_null("0").cast(pa.int64())
    else:
        return np.zeros(len(profile.weights), np.int64)
    return np.asarray(found_.to_numpy(zero_copy_only=False))


def birth_dates(profile: Profile) -> float:
    """Fit dates that are spread like birthdays: decades apart, few of them lately."""
    dates = dated(profile)
    if dates < _LISTED or profile.distinct < 20:  # noqa: PLR2004 - a spread needs some
        return 0.0
    year = years(profile)
    year = year[year > 0]
    if not len(year):
        return 0.0
    first, middle, last = np.percentile(year, [5, 50, 95])
    return dates if last - first >= 25 and 1925 <= middle <= 2006 and first >= 1900 else 0.0  # noqa: PLR2004


def diagnoses(profile: Profile) -> float:
    """Fit ICD-9: three digits, some with more behind a point, some with V or E before."""
    if profile.kind != "text" or profile.distinct < 50 or profile.numbers is not None:  # noqa: PLR2004
        return 0.0
    parted, lettered = profile.share(r"\.\d"), profile.share(r"^[VE]\d")
    return profile.share(shapes.ICD_ANY) if parted >= 0.05 and lettered > 0 else 0.0  # noqa: PLR2004


def sexes(profile: Profile) -> float:
    """Fit both sexes, by whole words or by letters."""
    seen = set(profile.whole_values)
    two = bool(seen & words.MALE) and bool(seen & words.FEMALE)
    return few(being(words.SEX))(profile) if two and seen <= words.SEX | words.UNKNOWN else 0.0


def ages(profile: Profile) -> float:
    """Fit ages in years, or bands of ages."""
    if profile.kind == "text" and profile.numbers is None:
        return profile.share(shapes.AGE_BAND)
    return number(0, _OLDEST, whole=False)(profile)


def spread_like_ages(profile: Profile) -> float:
    """Fit whole numbers spread as ages of people are: over decades, none of them frequent."""
    numbers = profile.numbers
    if numbers is None or not profile.whole_numbers or not 35 <= profile.distinct <= 110:  # noqa: PLR2004
        return 0.0
    order = np.argsort(numbers)
    total = np.cumsum(profile.weights[order])
    at = np.searchsorted(total, np.array([0.05, 0.5, 0.95]) * total[-1])
    low, middle, high = numbers[order][at]
    smooth = profile.weights.max() <= 0.08 * total[-1]
    fits = low >= 0 and high <= _OLDEST and 20 <= middle <= 60 and high - low >= 30  # noqa: PLR2004
    return float(smooth and fits and numbers.min() >= 0 and numbers.max() <= _OLDEST)


def sequence(profile: Profile) -> float:
    """Fit whole numbers that count the rows, or that are all different among very many."""
    numbers = profile.numbers
    if numbers is None or not profile.whole_numbers or profile.unique_share < 1.0:
        return 0.0
    if profile.kind != "float" and profile.distinct >= _MANY:
        return 1.0
    span = float(numbers.max() - numbers.min()) + 1
    return float(span <= 1.05 * profile.distinct)


def secrets(profile: Profile) -> float:
    """Fit single words that mix cases and digits, no two the same: passwords, tokens."""
    mixed = profile.share(r"^\S*[a-z]\S*$") * profile.share(r"^\S{6,}$")
    return mixed if profile.unique_share >= _LISTED and profile.share(r"\d") >= _LISTED else 0.0


def pieces(profile: Profile) -> float:
    """Fit card numbers that lost their last digits to a spreadsheet: 5.5E+15."""
    numbers = profile.numbers
    if numbers is None or profile.distinct < 20:  # noqa: PLR2004 - a spread needs some
        return 0.0
    first = np.floor(numbers / 1e14)
    issued = (first >= 40) & (first < 50) | (first >= 51) & (first <= 55) | (first == 60)  # noqa: PLR2004
    amex = np.isin(np.floor(numbers / 1e13), (34, 37))
    return profile.share_of(issued | amex)


def people_alone(profile: Profile, *, words: int, given: bool = True) -> float:
    """Fit people's names, by what the name tier takes for them.

    Args:
        profile: of the column.
        words: of most values: one for given and family names, more for whole names.
        given: of single words: whether they are given names more than family names.
    """
    if named(profile) < _LISTED or profile.distinct < 20:  # noqa: PLR2004 - few tell little
        return 0.0
    names = profile.names
    single = profile.tokens < 1.5  # noqa: PLR2004 - between one word and two
    if names.person < max(0.3, 2 * max(names.place, names.organization)):
        return 0.0
    if words > 1:
        return float(not single)
    return float(single and (names.given >= names.family) is given)


def towns(profile: Profile) -> float:
    """Fit names of towns."""
    if named(profile) < _MOSTLY_NAMES or profile.distinct < 20:  # noqa: PLR2004 - few tell little
        return 0.0
    names = profile.names
    place = names.place > names.person and names.place >= 0.1  # noqa: PLR2004 - without a sentence
    return float(place and names.city >= 0.5 and names.given < names.city)  # noqa: PLR2004


def regions(profile: Profile) -> float:
    """Fit names of regions, or the short signs for them."""
    if named(profile) < _MOSTLY_NAMES or profile.distinct < 20:  # noqa: PLR2004 - few tell little
        return 0.0
    short = profile.share(r"^\s*[A-Z]{2,3}\s*$") >= _LISTED
    if short:
        return float(profile.names.region_short >= 0.4)  # noqa: PLR2004
    return float(profile.names.region >= 0.5 and profile.names.place > profile.names.person)  # noqa: PLR2004


def firms(profile: Profile) -> float:
    """Fit names of companies and institutions."""
    if profile.kind != "text" or profile.distinct < 20 or profile.share(r"^.*\d") > 0.2:  # noqa: PLR2004
        return 0.0
    if profile.share(r"^\s*\S{20,}\s*$") > 0.2:  # noqa: PLR2004 - codes and sequences, not words
        return 0.0
    names = profile.names
    return float(names.organization >= 0.2 and names.organization > 2 * names.person)  # noqa: PLR2004


def phones(profile: Profile) -> float:
    """Fit digits in groups, as many as phone numbers have, nearly no two the same."""
    if profile.kind != "text" or profile.distinct_share < _LISTED or dated(profile) > 0.1:  # noqa: PLR2004
        return 0.0
    grouped = profile.share(r"^\s*\+?\(?\d[\d ()./-]{4,18}\d\s*$")
    parted = profile.share(r"\d[ ()./-]+\d")
    return grouped if parted >= 0.5 and profile.share(r"^(?:\D*\d){7,15}\D*$") >= 0.5 else 0.0  # noqa: PLR2004


def logins(profile: Profile) -> float:
    """Fit single made-up words, nearly no two the same."""
    if profile.kind != "text" or profile.distinct_share < _LISTED or profile.distinct < 20:  # noqa: PLR2004
        return 0.0
    shape = profile.share(r"^[A-Za-z][A-Za-z0-9_.-]{3,19}$")
    strange = max(profile.names.person, profile.names.place, profile.names.organization) < 0.1  # noqa: PLR2004
    return shape if strange and profile.share(r"^\D+\d*$") >= _LISTED else 0.0
