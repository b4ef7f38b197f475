"""A run's scores, in lines."""

from collections import Counter
from collections.abc import Iterable

from evaluate.cli.terminal import number, say, table, warn
from evaluate.facts.errors import Finding
from evaluate.facts.metric_rules import MEASURED, metric_named
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore, ModalityScore
from evaluate.facts.scoring_rules import Scoring
from evaluate.scoring.jobs import UNREAD
from evaluate.scoring.score_tables import RunScores


def _without_value(case: CaseScore) -> list[str]:
    """The metrics of masks that have no value."""
    return [n for n, value in case.values.items() if value is None and n not in MEASURED]


def _case(case: CaseScore) -> str:
    return f"{case.team} {case.case}".strip()


def _mean(score: ModalityScore | None, cases: int) -> str:
    """A mean, and over how many cases where not over all."""
    if score is None or score.mean is None:
        return number(None)
    return number(score.mean, 4) + ("" if score.n == cases else f" (n={score.n})")


def _title(name: str) -> str:
    metric = metric_named(name)
    return metric.title if metric else name


def say_definitions(names: Iterable[str], scoring: Scoring | None = None) -> None:
    """What a metric is whose name alone does not say it, or that is a protocol's own.

    Args:
        names: columns.
        scoring: of the protocol that they are computed by; None where that is not known.
    """
    for name in names:
        chosen = scoring.metric(name) if scoring else None
        metric = (scoring.definition(name) if scoring else None) or metric_named(name)
        is_own = metric is not None and metric_named(name) is None
        if metric is None or not (metric.has_variants or is_own):
            continue
        settings = chosen.settings_of(None) if chosen else {}
        given = chosen.options if chosen else {}
        told = [key for key, value in settings.items() if key in given or isinstance(value, str)]
        here = ", ".join(f"`{key}` {settings[key]}" for key in sorted(told))
        head = f"{name}: {metric.title}." if is_own else f"{metric.title}:"
        say(f"{head} {metric.definition}" + (f" Here: {here}." if here else ""))


def say_scores(scores: RunScores, *, of_run: bool = True) -> None:
    """Means by team and modality, and what failed; of folders the references were told before."""
    cells: dict[tuple[str, str], dict[str, ModalityScore]] = {}
    for row in scores.modalities:
        cells.setdefault((row.team, row.modality), {})[row.metric] = row
    counts = Counter(
        (case.team, case.modality)
        for case in scores.cases
        if case.outcome is not Outcome.HARNESS_ERROR
    )
    shown = [
        name for name in dict.fromkeys(m.metric for m in scores.modalities) if name not in MEASURED
    ]
    rows = [
        [
            team,
            modality,
            str(counts[team, modality]),
            str(next(iter(metrics.values())).failures),
            *(_mean(metrics.get(name), counts[team, modality]) for name in shown),
        ]
        for (team, modality), metrics in sorted(cells.items())
    ]
    heads = [_title(name) for name in shown]
    table("Means over cases", ["team", "modality", "cases", "failed", *heads], rows)
    say_definitions(shown, scores.scoring)
    undefined = [
        c for c in scores.cases if c.outcome is not Outcome.HARNESS_ERROR and _without_value(c)
    ]
    for case in undefined[:5]:
        names = ", ".join(_without_value(case))
        fault = f"{names} undefined; the case is left out of that mean"
        warn(Finding(where=_case(case), found=fault))
    if scores.unlike:
        first, more = "; ".join(scores.unlike[:3]), len(scores.unlike) - 3
        fault = f"{len(scores.unlike)} predictions have none of their reference's labels: {first}"
        mend = "look whether labels are numbered otherwise, such as 255 for 1"
        warn(Finding(where="labels", found=fault + (f" and {more} more" * (more > 0)), mend=mend))
    for team, line in scores.alike:
        warn(Finding(where=team, found=line))
    ours = [case for case in scores.cases if case.outcome is Outcome.HARNESS_ERROR]
    for case in ours[:5] if of_run else ():
        fault = f"not scored, a failure on our side: {case.reason}"
        unread = case.reason.startswith(UNREAD)
        mend = "" if unread else "`segjudge run` again (it resumes), then `segjudge score`"
        warn(Finding(where=_case(case), found=fault, mend=mend))
    for kind, odd in (("undefined", undefined), ("not scored", ours)):
        if len(odd) > 5:
            fault = f"{len(odd)} cases {kind}"
            warn(Finding(where="case_scores.csv", found=fault, mend="it lists them all"))
