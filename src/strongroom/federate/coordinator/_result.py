"""What a federated job came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from strongroom.drawing import PLOT_HEIGHT, Picture, Series, picture, plot
from strongroom.federate.coordinator._evidence import what_was_seen, whole_statement
from strongroom.notebook import html_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.federate._recipe import Recipe
    from strongroom.federate.coordinator._evidence import SiteStatement
    from strongroom.models import TrainedModel
    from strongroom.privacy import PrivacyStatement

_DIVERGED = 1.5


@dataclass(frozen=True)
class FederationResult:
    """A model that sites trained together, and everything that is known about it.

    Attributes:
        model: the released model: of the last round, or the mean over the rounds of the last half
            where `[train].average`.
        recipe: the job.
        rounds: of each: who was asked, who answered, who was dropped and why, what the rule did to
            whom, the metrics; or why the round was lost.
        metrics: "test", over the test rows of all sites that tell their counts: as
            `models.metrics` says, without AUC; and `per_site`. Exact, not noised.
        statements: each site's signed evidence, checked.
        refusals: who said no, in which round, and why.
        members: who agreed: public key, weight, and the round of joining.
        seconds: of the coordinator, all runs of the job together.
    """

    model: TrainedModel
    recipe: Recipe
    rounds: tuple[dict[str, Any], ...]
    metrics: dict[str, dict[str, Any]]
    statements: Mapping[str, SiteStatement]
    refusals: tuple[dict[str, Any], ...]
    members: Mapping[str, dict[str, Any]]
    seconds: float

    @cached_property
    def privacy(self) -> PrivacyStatement | None:
        """The guarantee for everybody at any site, or None: see `whole_statement`."""
        gave = {site for r in self.rounds for site in r.get("answered", ())}
        return whole_statement(self.statements, self.recipe, gave)

    @property
    def seen(self) -> str:
        """What the coordinator could see of a site, in words."""
        return what_was_seen(self.recipe)

    @property
    def curve(self) -> tuple[tuple[int, float], ...]:
        """Pairs (round, log loss on the sites' test rows)."""
        return tuple(
            (r["round"], r["metrics"]["log_loss"]) for r in self.rounds if r.get("metrics")
        )

    @cached_property
    def tolerated(self) -> dict[str, Any]:
        """What went wrong and was borne, over all rounds.

        `rule` and how many `liars` it is meant for; `outvoted` and `cut`: name of a site (or a
        group) to the number of rounds in which the rule gave it (almost) no say, or scaled it down;
        `dropped`: site to the rounds that it missed; `lost`: rounds without an update, with the
        reason.
        """
        told = [r.get("tolerated", {}) for r in self.rounds]
        many = {k: Counter(n for t in told for n in t.get(k, ())) for k in ("outvoted", "cut")}
        dropped = Counter(n for r in self.rounds for n in r.get("dropped", ()))
        return {
            "rule": self.recipe.rule.name,
            "liars": self.recipe.rule.liars,
            "of": "groups" if self.recipe.rule.groups > 1 else "sites",
            **{k: dict(v.most_common()) for k, v in many.items()},
            "dropped": dict(dropped.most_common()),
            "lost": {str(r["round"]): r["lost"] for r in self.rounds if "lost" in r},
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should stumble over, each with its reason."""
        found = []
        losses = [loss for _, loss in self.curve]
        if losses and losses[-1] > _DIVERGED * min(losses):
            best = min(self.curve, key=lambda point: point[1])
            found.append(
                f"training diverged: log loss {best[1]:.3g} at round {best[0]}, {losses[-1]:.3g} "
                "at the end; lower the learning rates, or take a rule that tolerates liars"
            )
        missing = {s: t.why for s, t in self.statements.items() if not t.verified}
        found += [f'no evidence from "{site}": {why}' for site, why in missing.items()]
        if self.recipe.privacy is not None and self.privacy is None:
            found.append("no guarantee can be stated: not every site that took part states one")
        lost = self.tolerated["lost"]
        if lost:
            found.append(f"{len(lost)} of {self.recipe.rounds} rounds gave no update")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the tensors stay out."""
        return {
            "model": {
                "digest": self.model.digest(),
                "classes": list(self.model.classes),
                "target": self.model.target,
                **self.model.describe(),
            },
            "recipe": self.recipe.model_dump(mode="json"),
            "digest": self.recipe.digest(),
            "metrics": self.metrics,
            "privacy": self.privacy.to_json() if self.privacy else None,
            "seen": self.seen,
            "tolerated": self.tolerated,
            "members": dict(self.members),
            "statements": {site: s.to_json() for site, s in self.statements.items()},
            "refusals": list(self.refusals),
            "rounds": list(self.rounds),
            "curve": [list(point) for point in self.curve],
            "warnings": list(self.warnings),
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        recipe, told = self.recipe, self.tolerated
        done = sum("lost" not in r for r in self.rounds)
        lines = [
            f"{self.model!r}, {len(self.members)} sites, {done} rounds, {self.seconds:.1f} s",
        ]
        if "test" in self.metrics:
            found = self.metrics["test"]
            low, high = found["accuracy_interval"]
            lines.append(
                f"  test     accuracy {found['accuracy']:.4f} [{low:.4f}, {high:.4f}] on "
                f"{found['rows']:,} rows of {found['sites']} sites"
            )
        if recipe.task != "evaluate":
            how = recipe.strategy.name if recipe.task == "train" else "trees"
            lines.append(f"  rule     {how}, {_ruled(told)}")
        if told["dropped"]:
            lines.append(f"  dropped  {_often(told['dropped'], len(self.rounds))}")
        lines.append(f"  seen     the coordinator could see {self.seen}")
        signed = sum(s.verified for s in self.statements.values())
        lines.append(f"  evidence of {signed} of {len(self.statements)} sites, signed")
        lines += [f"  warning  {text}" for text in self.warnings]
        lines.append(str(self.privacy) if self.privacy else "without privacy")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        if "test" in self.metrics:
            parts = {**self.metrics["test"].get("per_site", {}), "all": self.metrics["test"]}
            rows = [
                (name, f"{100 * _accuracy(m):.1f} %", f"{m['log_loss']:.3f}", f"{m['rows']:,}")
                for name, m in parts.items()
            ]
        header = ("site", "accuracy", "log loss", "test rows")
        table = html_table(rows, header=header, caption=repr(self.model))
        return f"{table}{self.plot()}<pre>{escape(str(self))}</pre>"

    def plot(self) -> Picture:
        """Return the learning curve over the rounds as SVG text; empty where no site tells."""
        if not self.curve:
            return Picture()
        (first, began), (last, ended) = self.curve[0], self.curve[-1]
        drawn = plot(
            "plot-curve",
            "Learning curve",
            f"log loss {began:.3g} at round {first}, {ended:.3g} at round {last}",
            [Series("log loss", self.curve, dots=True)],
            x_label="rounds",
            y_label="log loss on the sites' test rows",
        )
        return picture(drawn, heights=[PLOT_HEIGHT])


def _accuracy(found: Mapping[str, Any]) -> float:
    return float(found.get("accuracy", found.get("right", 0) / found["rows"]))


def _ruled(told: Mapping[str, Any]) -> str:
    text = f"{told['rule']}" + (f" for f = {told['liars']} {told['of']}" if told["liars"] else "")
    for what in ("outvoted", "cut"):
        if told[what]:
            text += f"; {what} {', '.join(f'{n} {k}×' for n, k in list(told[what].items())[:5])}"
    return text


def _often(counted: Mapping[str, int], rounds: int) -> str:
    few = ", ".join(f"{name} {count}×" for name, count in list(counted.items())[:5])
    more = f" and {len(counted) - 5} more" if len(counted) > 5 else ""  # noqa: PLR2004 - as above
    return f"{few}{more} in {rounds} rounds"
