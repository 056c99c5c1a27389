"""Whom a guarantee hides, and which two data sets it can't tell apart."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from strongroom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Unit(StrEnum):
    """Whose presence the guarantee hides."""

    EXAMPLE = "example"
    SUBJECT = "subject"
    SITE = "site"


class Relation(StrEnum):
    """Which two data sets count as neighbours.

    Attributes:
        ADD_OR_REMOVE_ONE: one has a unit more.
        ZERO_OUT: the same units, and one of them is blank in one data set: it takes its place in
            every batch and adds nothing (Kairouz et al. 2021). For mechanisms in which a unit's
            place is fixed beforehand, so that removing it would move the others.
        REPLACE_ONE: the same number of units, one of them another: a sum moves by up to twice
            the clip norm.
    """

    ADD_OR_REMOVE_ONE = "add_or_remove_one"
    ZERO_OUT = "zero_out"
    REPLACE_ONE = "replace_one"

    @property
    def shift(self) -> float:
        """How far one unit moves a clipped sum, in clip norms."""
        return 2.0 if self is Relation.REPLACE_ONE else 1.0

    @property
    def words(self) -> str:
        """The relation in words."""
        return self.value.replace("_", " ")


def common_relation(
    relations: Iterable[Relation], possible: Iterable[Collection[Relation]]
) -> Relation:
    """Return the relation in which mechanisms may be added up.

    Where all have the same, it is that one. A mechanism that hides the adding or removing of a
    unit by bounding its contribution to sums hides its blanking just as well, with the same loss;
    so those two are added up as `ZERO_OUT` where every mechanism was proved in it. Replacing is
    never mixed with them unasked.

    Args:
        relations: each mechanism's own relation.
        possible: the relations in which each can be accounted.

    Raises:
        InputError: there is none.
    """
    own = set(relations)
    if len(own) <= 1:
        return next(iter(own), Relation.ADD_OR_REMOVE_ONE)
    if Relation.REPLACE_ONE not in own and all(Relation.ZERO_OUT in each for each in possible):
        return Relation.ZERO_OUT
    names = " and ".join(sorted(f'"{each.words}"' for each in own))
    raise InputError(
        f"guarantees about different neighbours can't be added up: {names}",
        hint="use one sampling for all private trainings on the same people",
    )
