"""Chapters about the model: usefulness, what it leaks, the budget, the privacy statement."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from strongroom.drawing import learning_curve
from strongroom.report import _charts as charts
from strongroom.report import _format as fmt
from strongroom.report._metrics import Unit, metric
from strongroom.report._read import bounds, finite, items, mapping, number, numbers, text
from strongroom.report._section import Figure, Section, Table
from strongroom.report._summary import (
    TPR,
    accuracy,
    interval_range,
    interval_words,
    is_private,
    worst,
)

if TYPE_CHECKING:
    from strongroom.report._data import ReportData
    from strongroom.report._read import Document

_RATES = (0.001, 0.01, 0.1)
# More lines than that can't be told apart; the table has all curves.
_MOST_DRAWN = 4
_RELATION = {
    "add_or_remove_one": "adding or removing one",
    "replace_one": "replacing one by another",
    "zero_out": "blanking one",
}


def utility(data: ReportData) -> Section | None:
    """Privacy against utility: what the guarantee costs in accuracy."""
    here = accuracy(data.train)
    if data.train is None or here is None:
        return None
    marks = [_mark(data.train, "This model", "here", _epsilon(data))]
    lead = [f"The released model predicts {fmt.percent(here)} of unseen records correctly."]
    plain = accuracy(data.train.get("comparison"))
    if plain is not None:
        marks.append(
            _mark(mapping(data.train, "comparison"), "Same model, no privacy", "twin", None)
        )
        cost = plain - here
        verdict = (
            "privacy costs nothing measurable here"
            if abs(cost) < 0.0005  # noqa: PLR2004 - half a tenth of a point
            else f"privacy {'costs' if cost > 0 else 'gains'} {fmt.points(cost)}"
        )
        lead.append(
            f"The same model trained without privacy, and not released, reaches "
            f"{fmt.percent(plain)}: {verdict}."
        )
    majority = number(data.train, "majority")
    if majority is not None:
        lead.append(
            f"Always giving the commonest answer would be right {fmt.percent(majority)} of the "
            "time, so anything near that line has learnt little."
        )
    previous = _previous_mark(data)
    if previous:
        marks.append(previous)
    trail = sweep_marks(data.sweep)
    if trail:
        where = f" on “{text(data.sweep, 'public')}”" if text(data.sweep, "public") else ""
        lead.append(
            f"The line is the same model at other ε{where}: "
            + ", ".join(
                f"{fmt.percent(m.accuracy)} at {fmt.epsilon(m.epsilon or 0.0)}" for m in trail
            )
            + "."
        )
    rows = tuple(
        (
            m.label,
            "none" if m.epsilon is None else fmt.epsilon(m.epsilon),
            fmt.percent(m.accuracy),
            fmt.range_of(Unit.SHARE, m.low, m.high) if m.high > m.low else fmt.NOTHING,
        )
        for m in (*marks, *trail)
    )
    if majority is not None:
        rows += (("Commonest answer", fmt.NOTHING, fmt.percent(majority), fmt.NOTHING),)
    figure = Figure(
        charts.privacy_utility(marks, majority, " ".join(lead), trail=trail),
        f"Accuracy on unseen records. Vertical lines are 95{fmt.GAP}% intervals.",
        (*((m.shape, m.label) for m in marks), *([("c1", "Other ε")] if trail else [])),
        Table(
            "Accuracy against privacy loss",
            ("Model", "ε", "Accuracy", f"95{fmt.GAP}% interval"),
            rows,
        ),
    )
    return Section(
        "utility", "What does privacy cost?", "Privacy and utility", tuple(lead),
        data.record("train"), figure, facts=_training_facts(data.train),
    )  # fmt: skip


def sweep_marks(sweep: Document | None) -> list[charts.Mark]:
    """Return the points of a sweep over ε that measured accuracy, by rising ε."""
    if text(sweep, "measure") != "accuracy":
        return []
    marks = []
    for point in items(sweep, "points"):
        epsilon, value = number(point, "epsilon"), number(point, "value")
        if epsilon and value is not None:
            low, high = bounds(point, "interval") or (value, value)
            marks.append(charts.Mark("Other ε", "swept", epsilon, value, low, high))
    return marks


def learning(data: ReportData) -> Section | None:
    """How the loss fell while the model learnt."""
    points = [p for p in map(_step_and_loss, items(data.train, "curve")) if p is not None]
    if len(points) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    (first, began), (last, ended) = points[0], points[-1]
    step, least = min(points, key=lambda p: p[1])
    start = f"{fmt.significant(began)} (step {fmt.count(first)})"
    end = f"{fmt.significant(ended)} (step {fmt.count(last)})"
    lead = [f"Log loss on unseen records went from {start} to {end}."]
    if least < ended * 0.99:
        lead.append(f"It was lowest, {fmt.significant(least)}, at step {fmt.count(step)}.")
    if mapping(data.train, "stopping"):
        lead.append(_stopping(mapping(data.train, "stopping")))
    figure = Figure(
        learning_curve(points, " ".join(lead)),
        "Log loss of the parameters as they stood at each step; smaller is better.",
        (("c1", "log loss"),),
        Table(
            "Learning curve",
            ("Step", "Log loss"),
            tuple((fmt.count(s), fmt.significant(v)) for s, v in points),
        ),
    )
    return Section("learning", "How did it learn?", "Learning curve", tuple(lead),
                   data.record("train"), figure)  # fmt: skip


def _stopping(told: Document) -> str:
    step, best = number(told, "stopped"), fmt.count(number(told, "best") or 0.0)
    began = f"It was stopped at step {fmt.count(step)}" if step else "It was not stopped early"
    return f"{began}: the best parameters, of step {best}, were chosen by {text(told, 'on')}."


def _step_and_loss(point: Any) -> tuple[float, float] | None:  # noqa: ANN401 - JSON is anything
    if not isinstance(point, list | tuple) or len(point) != 2:  # noqa: PLR2004 - a pair
        return None
    step, loss = finite(point[0]), finite(point[1])
    return None if step is None or loss is None else (step, loss)


def _epsilon(data: ReportData) -> float | None:
    value = number(data.train, "privacy", "epsilon")
    return value if value and is_private(data) else None


def _mark(train: Document, label: str, shape: str, epsilon: float | None) -> charts.Mark:
    value = accuracy(train) or 0.0
    low, high = bounds(train, "metrics", "test", "accuracy_interval") or (value, value)
    return charts.Mark(label, shape, epsilon, value, low, high)


def _previous_mark(data: ReportData) -> charts.Mark | None:
    before = list(data.previous or ())
    value = number(worst(before, "utility.accuracy"), "value")
    if value is None:
        return None
    epsilon = number(worst(before, "privacy.epsilon"), "value")
    pair = bounds(worst(before, "utility.accuracy"), "interval") or (value, value)
    return charts.Mark("Previous run", "previous", epsilon or None, value, *pair)


def _training_facts(train: Document) -> tuple[tuple[str, str], ...]:
    test = mapping(train, "metrics", "test")
    rows, area, loss = (number(test, key) for key in ("rows", "auc", "log_loss"))
    balanced, perplexity, bits = (
        number(test, key) for key in ("balanced_accuracy", "perplexity", "bits_per_byte")
    )
    pair = bounds(test, "auc_interval")
    steps, seconds = number(train, "steps"), number(train, "seconds")
    learnt = number(train, "metrics", "train", "accuracy")
    spread = f" ({fmt.range_of(Unit.AUC, *pair)})" if pair else ""
    facts = [
        ("Model", _model_name(train)),
        ("Tested on", "" if rows is None else f"{fmt.count(rows)} unseen records"),
        ("Accuracy on training records", "" if learnt is None else fmt.percent(learnt)),
        ("Balanced accuracy", "" if balanced is None else fmt.percent(balanced)),
        ("Perplexity of a token", "" if perplexity is None else fmt.significant(perplexity)),
        ("Bits per byte", "" if bits is None else fmt.significant(bits)),
        ("Area under the ROC curve", "" if area is None else fmt.auc(area) + spread),
        ("Log loss", "" if loss is None else fmt.significant(loss)),
        ("Training steps", "" if steps is None else fmt.count(steps)),
        ("Training time", "" if seconds is None else fmt.duration(seconds)),
    ]
    return tuple((name, said) for name, said in facts if said)


_KINDS = {
    "cnn": "Convolutional network",
    "scattering": "Linear model of wavelet scattering",
    "ngram": "Linear model of hashed n-grams",
    "text-classifier": "Transformer that classifies text",
    "language-model": "Transformer that writes text",
}


def _model_name(train: Document) -> str:
    model = mapping(train, "model")
    if not model:
        return text(train, "model")
    kind, parameters = text(model, "kind"), number(model, "parameters")
    if kind:
        name = _KINDS.get(kind, kind)
        return name if parameters is None else f"{name}, {fmt.count(parameters)} parameters"
    hidden, inputs = items(model, "hidden"), number(model, "inputs")
    layers = " and ".join(fmt.plain(width) for width in hidden)
    name = f"Neural network, hidden layers of {layers}" if hidden else "Logistic regression"
    return name if inputs is None else f"{name}, {fmt.count(inputs)} inputs"


def leak(data: ReportData) -> Section | None:
    """ROC of the attacks that try to tell who was in the training data."""
    curves = _curves(data)
    at_rates = [
        f
        for f in data.findings
        if "membership." in text(f, "metric") and number(f, "value") is not None
    ]
    if not curves and not at_rates:
        return None
    share = worst(data.findings, TPR)
    value = number(share, "value")
    lead = [_MEMBERSHIP]
    if value is not None and share is not None:
        spread = interval_words(share)
        lead.insert(
            0,
            f"At 1 false accusation in 1,000, the strongest attack recognised {fmt.percent(value)} "
            f"of the people in the training data{f' ({spread})' if spread else ''}. "
            f"Guessing would recognise {fmt.percent(0.001)}.",
        )
    rows = tuple(
        (
            metric(text(f, "metric"), text(f, "title")).name,
            fmt.value_of(metric(text(f, "metric")).unit, number(f, "value")),
            interval_range(f) or fmt.NOTHING,
            text(f, "check"),
        )
        for f in at_rates
    )
    table = Table(
        "Attacks on membership", ("Measure", "Value", f"95{fmt.GAP}% interval", "Check"), rows
    )
    return Section(
        "leak", "Could someone tell who was in the training data?", "Leak measured", tuple(lead),
        data.record("audit"), _roc(data, curves), table if rows else None,
    )  # fmt: skip


def _curves(data: ReportData) -> list[charts.Curve]:
    curves = []
    for name, points in mapping(data.audit, "curves").items():
        fpr, tpr, low, high = (numbers(points, key) for key in ("fpr", "tpr", "low", "high"))
        if len(fpr) == len(tpr) > 1:
            order = sorted(range(len(fpr)), key=lambda i: (fpr[i], tpr[i]))
            banded = len(low) == len(high) == len(fpr)
            curves.append(
                charts.Curve(
                    str(name),
                    [fpr[i] for i in order],
                    [tpr[i] for i in order],
                    [low[i] for i in order] if banded else [],
                    [high[i] for i in order] if banded else [],
                )
            )
    return curves


def _roc(data: ReportData, curves: list[charts.Curve]) -> Figure | None:
    if not curves:
        return None
    held = (worst(data.findings, TPR) or {}).get("threshold") or data.policy.get(TPR)
    most = number(held, "max")
    read = [(c.label, [_at_rate(c, rate) for rate in _RATES]) for c in curves]
    rows = tuple(
        (label, f"{fmt.percent(rate)}", fmt.percent(t), spread)
        for label, points in read
        for rate, (t, spread) in zip(_RATES, points, strict=True)
    )
    description = "; ".join(
        f"{label} recognises "
        + ", ".join(
            f"{fmt.percent(t)} at {fmt.percent(rate)} false accusations"
            for rate, (t, _) in zip(_RATES, points, strict=True)
        )
        for label, points in read
    )
    drawn = curves[:_MOST_DRAWN]
    kinds = tuple((f"c{i}", c.label) for i, c in enumerate(drawn, start=1))
    banded = any(c.low for c in drawn)
    return Figure(
        charts.roc(
            drawn, (0.001, most) if most else None, f"{description}. Chance is the diagonal."
        ),
        "Both axes are logarithmic, because the lower left corner is what matters."
        + (" Bands are confidence intervals." if banded else ""),
        (*kinds, ("chance", "guessing")),
        Table(
            "People recognised, by share of strangers wrongly accused",
            ("Attack", "Wrongly accused", "Recognised", "Interval"),
            rows,
        ),
    )


def _at_rate(curve: charts.Curve, rate: float) -> tuple[float, str]:
    """Return the best true-positive rate within a false-positive rate, and its interval."""
    within = [i for i, f in enumerate(curve.fpr) if f <= rate * (1 + 1e-9)]
    best = max(within, key=lambda i: curve.tpr[i], default=None)
    if best is None:
        return 0.0, fmt.NOTHING
    spread = (
        fmt.range_of(Unit.SHARE, curve.low[best], curve.high[best]) if curve.low else fmt.NOTHING
    )
    return curve.tpr[best], spread


def budget(data: ReportData) -> Section | None:
    """The fuel gauge, and every run that drew from it."""
    if data.budget is None:
        return None
    total, spent = number(data.budget, "budget"), number(data.budget, "spent") or 0.0
    entries = items(data.budget, "entries")
    account = text(data.budget, "account")
    delta = number(data.budget, "delta")
    source = f"“{account}”" if account else "this data"
    runs = f"{len(entries)} private run{'s'[: len(entries) != 1]}"
    lead = [
        f"Every private training draws on one allowance for {source}. {runs} "
        f"{'have' if len(entries) != 1 else 'has'} spent ε {fmt.epsilon(spent)} together"
        + (f", at δ = {fmt.delta(delta)}" if delta else "")
        + "."
    ]
    figure = None
    if total:
        left = total - spent
        lead.append(
            f"ε {fmt.epsilon(left)} of {fmt.epsilon(total)} is left ({fmt.percent(left / total)}). "
            "When it is gone, further private training on this data is refused."
            if left >= 0
            else f"That is more than the {fmt.epsilon(total)} allowed."
        )
        held = sum(number(e, "epsilon") or 0.0 for e in entries if text(e, "state") == "reserved")
        held = min(held, spent)
        legend = [("fuel", "spent")] + [("reserved", "reserved by a run that hasn’t finished")] * (
            held > 0
        )
        figure = Figure(
            charts.gauge(spent, held, total, " ".join(lead)),
            "What is spent of the allowance.",
            (*legend, ("limit", "budget")),
            Table(
                "Privacy budget", ("", "ε"),
                (("Spent", fmt.epsilon(spent)), ("Budget", fmt.epsilon(total)),
                 ("Left", fmt.epsilon(left))),
            ),
        )  # fmt: skip
    else:
        lead.append("No budget was set, so nothing would stop further runs from adding to it.")
    return Section("budget", "How much privacy has been spent?", "Privacy budget", tuple(lead),
                   data.record("ledger", "train"), figure,
                   notes=("Runs add up by composition, which can be less than their plain sum.",)
                   if len(entries) > 1 else ())  # fmt: skip


def statement(data: ReportData) -> Section | None:
    """What the proof says, for whom, and what it doesn't cover."""
    if data.train is None:
        return None
    said = mapping(data.train, "privacy")
    title, short = "What exactly is proved?", "Privacy statement"
    epsilon, delta = number(said, "epsilon"), number(said, "delta")
    if not said or epsilon is None:
        lead = (
            "Nothing: the model was trained without a privacy guarantee (differential privacy).",
        )
        return Section("statement", title, short, lead, data.record("train"))
    unit = _UNITS.get(text(said, "unit"), text(said, "unit"))
    relation = _RELATION.get(text(said, "relation"), text(said, "relation"))
    lead_parts = []
    if said.get("private", True) is not True:
        lead_parts.append(
            "This statement is not private: the noise could be repeated by whoever knows the seed. "
            "It serves tests only."
        )
    lead_parts.append(
        # No adjective: whether the factor is small is for the reader to say.
        f"Whoever studies the model, with any method and any other knowledge: their odds of being "
        f"right about whether {unit or 'one row'} was in the training data change by at most a "
        f"factor of {_factor(epsilon)} (differential privacy, "
        f"ε{fmt.GAP}={fmt.GAP}{fmt.epsilon(epsilon)})"
        + (f", except with a probability of about δ = {fmt.delta(delta)}." if delta else ".")
    )
    facts = (
        ("Protects", unit),
        ("Compared by", relation),
        ("ε", fmt.epsilon(epsilon)),
        ("δ", "" if delta is None else fmt.delta(delta)),
        ("Accountant", text(said, "accountant")),
        ("Sampling", text(said, "sampling")),
        ("Sampling rate", _plain_number(said, "sampling_rate")),
        ("Noise multiplier (σ)", _plain_number(said, "noise_multiplier")),
        ("Clip norm", _plain_number(said, "clip_norm")),
        ("Steps", _plain_number(said, "steps")),
        ("Noise from", text(said, "noise_source")),
        ("Composed events", _plain_number({"n": len(items(said, "events"))}, "n")),
    )
    return Section(
        "statement", title, short, tuple(lead_parts), data.record("train"),
        facts=tuple((name, value) for name, value in facts if value),
        notes=tuple(str(w) for w in items(said, "warnings")),
    )  # fmt: skip


_MEMBERSHIP = (
    "Attackers were given the model and asked: was this person in the training data (membership "
    "inference)? What counts is how many they recognise while hardly ever accusing a stranger; an "
    "average over everybody would hide the few people who are easy to recognise."
)
_UNITS = {"example": "one row", "subject": "one person, with all their rows"}


def _factor(epsilon: float) -> str:
    """Return e^ε; beyond a million the factor says nothing any more."""
    return fmt.significant(math.exp(epsilon)) if epsilon < math.log(1e6) else "more than a million"


def _plain_number(document: Document, key: str) -> str:
    value = finite(document.get(key))
    return "" if value is None else fmt.plain(value)
