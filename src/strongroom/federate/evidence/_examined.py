"""A site whose answers are searched for its own records before they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from strongroom.errors import StrongroomError
from strongroom.federate._message import Kind, Message
from strongroom.federate._model import Blueprint
from strongroom.federate._recipe import Recipe
from strongroom.federate.evidence._leaks import LeakSearch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from strongroom.data import Dataset
    from strongroom.federate._seams import Answers
    from strongroom.federate.evidence._leaks import LeakReport

_MOST_JOBS = 4


class Examined:
    """An `Answers` around a site: an answer in which a record stands doesn't leave.

    The exit of a site knows what *kinds* of things may leave; this looks at what they hold, for
    whatever the exit can't see, such as a row in an array of the right shape. It begins with a
    job's PROPOSE and ends with its FINISH.

    Args:
        site: what answers.
        data: its rows.
        told: is given each finished job's report: (job, report).
        alarmed: is given (job, report) when an answer was held back.
        public: what everybody may know beside the recipe.
    """

    def __init__(
        self,
        site: Answers,
        data: Dataset,
        *,
        told: Callable[[str, LeakReport], None] = lambda job, report: None,  # noqa: ARG005
        alarmed: Callable[[str, LeakReport], None] = lambda job, report: None,  # noqa: ARG005
        public: Iterable[bytes] = (),
    ) -> None:
        self._site, self._data = site, data
        self._told, self._alarmed, self._public = told, alarmed, tuple(public)
        self._searches: dict[str, LeakSearch] = {}

    @property
    def name(self) -> str:
        """See `Answers.name`."""
        return self._site.name

    def answer(self, request: Message) -> Message:
        """See `Answers.answer`."""
        answer = self._site.answer(request)
        if request.kind is Kind.PROPOSE and answer.kind is Kind.PROPOSE:
            self._begin(request)
        search = self._searches.get(request.job)
        if search is None:
            return answer
        before = search.found
        search.read([answer.encode()])
        if search.found > before:
            self._alarmed(request.job, search.report())
            return request.refuse(
                "this answer held a record of the site: it doesn't leave",
                hint="the people at the site are told which row, and what it looked like",
            )
        if request.kind in {Kind.FINISH, Kind.STOP} and answer.kind is not Kind.REFUSED:
            self._told(request.job, self._searches.pop(request.job).report())
        return answer

    def _begin(self, request: Message) -> None:
        if request.job in self._searches:
            return
        try:
            recipe = Recipe.model_validate(request.facts["recipe"])
            inputs = Blueprint.of(recipe).model.read(self._data)[0]
        except (KeyError, ValidationError, StrongroomError):
            return  # the site will say so itself
        while len(self._searches) >= _MOST_JOBS:
            self._searches.pop(next(iter(self._searches)))
        # What the coordinator knows already can't be given away.
        public = (*self._public, recipe.canonical())
        self._searches[request.job] = LeakSearch(self._data, inputs=inputs, public=public)
