"""`segjudge rank`: from scores to places."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from data_manifest.manifest import sha256_of
from evaluate.documents.foreign_scores import ForeignScore, read_foreign_scores
from evaluate.documents.ranking import write_ranking
from evaluate.documents.run_parts import RankOptions
from evaluate.documents.tables import write_table
from evaluate.facts.aggregates import VARIANTS
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.metric_rules import NOT_FOR_METRICS, metric_named
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import RankedMetric, Rules
from evaluate.facts.scores import CaseScore, LabelScore
from evaluate.ranking import RankSettings, Result, rank
from evaluate.ranking.label_columns import needs_labels
from evaluate.ranking.score_table import Missing
from evaluate.store import RunDirectory
from evaluate.store.seals import seal_stage

__all__ = [
    "RankOptions",
    "labels_ranked_by",
    "rank_result",
    "rank_run",
    "rank_table",
    "scores_to_rank",
]

_SAMPLED = ("cpu_s", "peak_memory_mib")
_MOST_NAMED = 8


def rank_result(
    run: RunDirectory,
    options: RankOptions | None = None,
    *,
    scores: Sequence[CaseScore] | None = None,
    protocol: Rules | None = None,
) -> Result:
    """Rank a run's teams; by default with the options, scores and rules that it was ranked with."""
    document = run.document()
    if options is None:
        options = document.ranking or RankOptions()
    rules = protocol or document.rules_of("score")
    result = rank(
        scores_to_rank(run.read_rows(CaseScore) if scores is None else scores, options),
        rules,
        labels=labels_ranked_by(run, rules),
        seed=document.seed if options.seed is None else options.seed,
        bootstrap=options.bootstrap,
        adjustment=options.adjustment,
        compat=options.compat,
    )
    sampled = tuple(_badly_measured(run, result))
    result = result.warned(*sampled, *_not_as_scored(options))
    result = replace(result, notes=(*result.notes, *sampled))
    if not document.unequal_machines:
        return result
    warning = f"cases were run on {document.unequal_machines}: their times may not be compared"
    return result.warned(warning)


def scores_to_rank(scores: Sequence[CaseScore], options: RankOptions) -> Sequence[CaseScore]:
    """Without the teams that are left out, and with times on the scale of the first machine.

    What failed costs what it costs on every machine.
    """
    if not options.left_out and not options.slower:
        return scores
    return [
        score
        if (slower := options.slower.get(score.team)) is None
        or (seconds := score.value("wall_s")) is None
        or score.outcome is not Outcome.OK
        else score.with_values(wall_s=seconds / slower)
        for score in scores
        if score.team not in options.left_out
    ]


def _not_as_scored(options: RankOptions) -> Iterator[str]:
    """In words, what is ranked otherwise than the tables of scores have it."""
    by_reason: dict[str, list[str]] = {}
    for team, why in sorted(options.left_out.items()):
        by_reason.setdefault(why, []).append(team)
    for why, teams in by_reason.items():
        yield f"not ranked, {why}: {_some(teams)}"
    if any(slower != 1 for slower in options.slower.values()):
        told = [f"{team} {slower:.2f}" for team, slower in sorted(options.slower.items())]
        yield f"times are divided by how much slower the machine was that day: {_some(told)}"


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def labels_ranked_by(run: RunDirectory, rules: Rules) -> Sequence[LabelScore]:
    """The rows of label_scores.csv where the rules rank by labels; none where they do not."""
    by_label = needs_labels(RankSettings.from_protocol(rules).columns)
    return run.read_rows(LabelScore) if by_label else ()


def _badly_measured(run: RunDirectory, result: Result) -> Iterator[str]:
    """Columns that are ranked by, and were seen by samples alone: short runs show too little."""
    settings = result.document.settings
    ranked = [m.name for m in settings.metrics if m.name in _SAMPLED] if settings else []
    if not ranked:
        return
    teams = Counter(a.team for a in run.attempts() if a.measured_by == "stats")
    if teams:
        counted = ", ".join(f"{team} ({count} runs)" for team, count in sorted(teams.items()))
        yield (
            f"{', '.join(ranked)}: measured by samples (`measured_by` stats), which may show less"
            f" than a short run used: {counted}"
        )


def rank_run(root: Path, options: RankOptions | None = None) -> Result:
    """Rank the teams of a run from its case scores, and write ranking.csv and ranking.json."""
    run = RunDirectory.open(root)
    with run.locked():
        document = run.document()
        if document.scored_from != run.journal_sha256():
            raise RankingRefusedError(
                where=str(root),
                found="cases that were run since it was scored, or no scores yet",
                expected="scores of all that was run",
                mend=f"`segjudge score {root}`",
            )
        options = options or RankOptions()
        if options.seed is None:
            options = msgspec.structs.replace(options, seed=document.seed)
        result = rank_result(run, options)
        run.write_ranking(result.rows, result.document)
        run.write_run_document(
            msgspec.structs.replace(
                document.ranked_as_scored(),
                ranking=options,
                ranked_from=sha256_of(run.table_path(CaseScore)),
            )
        )
        seal_stage(run, "rank", "ranking.csv", "ranking.json")
    return result


def rank_table(
    *,
    scores: Path,
    protocol: Rules,
    out: Path | None,
    options: RankOptions | None = None,
    metrics: Sequence[RankedMetric] | None = None,
    missing: Missing | None = None,
) -> tuple[Result, tuple[str, ...]]:
    """Rank the teams of a table of case scores, by the protocol's metrics or by others.

    The table may be another tool's: it needs team, case, modality, and the metrics' columns.

    Args:
        scores: the table.
        protocol: the rules.
        out: folder of what is written; None to write nothing.
        options: beside the rules.
        metrics: to rank by, instead of the protocol's.
        missing: what an empty cell is where other teams have a value; None: undefined where the
            table has a column `outcome`, which would say that it failed, and a failure otherwise.

    Returns:
        The ranking, and notes on how the table was read.

    Raises:
        TableError: the table can't be read, or could be read in two ways.
        RankingRefusedError: it is not complete, or a name is that of a column that is no metric.
    """
    options = options or RankOptions()
    metrics = None if metrics is None else [_own_name(metric) for metric in metrics]
    names = [metric.name for metric in (protocol.ranking.metrics if metrics is None else metrics)]
    no_metrics = sorted(NOT_FOR_METRICS.intersection(names))
    if no_metrics:
        raise RankingRefusedError(
            where="metrics to rank by",
            found=f"{', '.join(no_metrics)}, which is no metric",
            expected="a column of numbers",
        )
    settings = RankSettings.from_protocol(protocol, metrics=metrics)  # before a long table is read
    read, notes = read_foreign_scores(scores, [n for n in settings.columns if n not in VARIANTS])
    if missing is None:
        missing = "undefined" if any(score.outcome for score in read) else "failure"
    result = rank(
        [_case_score(score) for score in read],
        protocol,
        seed=options.seed or 0,
        bootstrap=options.bootstrap,
        metrics=metrics,
        adjustment=options.adjustment,
        compat=options.compat,
        priced=False,
        missing=missing,
    )
    result = result.warned(*(f"{scores}: {note}" for note in notes))
    if out is not None:
        write_table(out / "ranking.csv", result.rows, type(result.rows[0]))
        write_ranking(out / "ranking.json", result.document)
    return result, tuple(notes)


def _case_score(score: ForeignScore) -> CaseScore:
    return CaseScore(
        team=score.team,
        case=score.case,
        modality=score.modality,
        dimension=score.dimension,
        outcome=score.outcome or Outcome.OK,
        reason=score.reason,
        values=score.values,
        group=score.group,
    )


def _own_name(metric: RankedMetric) -> RankedMetric:
    """A metric of ours that is written in other capitals by its own name."""
    name = metric.name.casefold()
    if metric.direction is not None or metric_named(name) is None:
        return metric
    return msgspec.structs.replace(metric, name=name)
