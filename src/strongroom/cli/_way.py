"""What the verbs that walk the way share: open the workspace, watch, say the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.cli.console import StageView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from strongroom.cli._options import Common
    from strongroom.cli.console import Console
    from strongroom.pipeline import RunResult


def walk(
    flags: Common,
    verb: str,
    *,
    until: str | None = None,
    again_from: str | None = None,
    wait: float = 0,
    train: Mapping[str, Any] | None = None,
) -> RunResult:
    """Walk the way for a verb, with its stages shown as they go; `train` changes `[train]`."""
    from strongroom import pipeline

    config = flags.config()
    if train:
        config = config.model_copy(update={"train": config.train.model_copy(update=dict(train))})
    view = StageView(flags.console)
    with flags.open_workspace(config, verb, wait=wait) as workspace:
        try:
            return pipeline.run(
                config,
                flags.config_path.parent,
                workspace,
                view,
                until=until,
                again_from=again_from,
            )
        except KeyboardInterrupt:
            flags.console.talk(
                "\ninterrupted; finished stages are kept and a started private training is in the"
                " ledger: the same command continues"
            )
            raise
        finally:
            view.stop()


def print_verdict(console: Console, result: RunResult) -> None:
    """Say what the run came to: findings that aren't a pass, then the verdict, last."""
    report = result.docs.get("report")
    if report is None:
        return
    findings = report["findings"]
    unanswered = report["verdict"]["not_evaluable"]
    for finding in findings:
        if finding["status"] in ("warn", "fail") or finding["metric"] in unanswered:
            console.finding(finding)
    console.say()
    ok = report["verdict"]["ok"]
    console.say(report["verdict"]["text"], style="bold green" if ok else "bold red")
    console.say(proved(findings))
    if not console.as_json:
        console.talk(
            "Unchanged stages are skipped next time; `strongroom verify` checks all this offline."
        )


def proved(findings: Sequence[Mapping[str, Any]]) -> str:
    """Set the proved ε beside the measured lower bound."""
    by_metric = {f["metric"]: f for f in findings}
    epsilon = by_metric.get("privacy.epsilon", {}).get("value")
    if epsilon is None:
        return "Trained without differential privacy."
    delta = by_metric["privacy.epsilon"].get("details", {}).get("delta")
    text = f"Proved ε = {epsilon:.2f}" + (f" at δ = {delta:g}" if delta else "")
    bound = by_metric.get("privacy.epsilon_lower_bound", {}).get("value")
    text += f"; measured lower bound {bound:.2f}" if bound is not None else ""
    guess = by_metric.get("privacy.epsilon_estimate", {}).get("value")
    return text + (f"; estimated at least {guess:.2f}." if guess is not None else ".")
