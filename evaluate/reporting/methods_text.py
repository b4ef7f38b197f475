"""The methods section that an organiser publishes: a paragraph of facts of this very run."""

from evaluate.facts.outcome import Outcome
from evaluate.facts.scoring_rules import Scoring
from evaluate.reporting.quantities import clipped, count_of
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.standings import modalities
from evaluate.reporting.words import LEVELS, costs_of_failure, metric_title

_ADJUSTMENTS = {
    "holm": "adjusted by Holm’s method",
    "bh": "adjusted by the method of Benjamini and Hochberg",
    "none": "not adjusted",
}
_TIES = {"min": "the best", "average": "the average", "max": "the worst"}


def methods_paragraphs(sources: Sources) -> tuple[str, ...]:
    """Data and runs; metrics; ranking; statistics and software."""
    return (
        f"{data_text(sources)} {_runs(sources)}",
        metrics_text(sources),
        f"{aggregation_text(sources)} {ties_text(sources)} {missing_text(sources)}",
        f"{statistics_text(sources)} {software_text(sources)}",
    )


def data_text(sources: Sources) -> str:
    """How many cases of which modality, and where they come from."""
    counts = "; ".join(f"{clipped(m.name, 40)} {m.cases} ({m.origin})" for m in modalities(sources))
    manifest = sources.document.manifest
    name = clipped(manifest.name or "unnamed", 80)
    known = f" (SHA-256 of its manifest {clipped(manifest.sha256[:12], 12)}…)"
    dimensions = [score.dimension for score in sources.scores_of(sources.teams[0])]
    two, three = (sum(d == wanted for d in dimensions) for wanted in ("2D", "3D"))
    many = count_of(len(sources.modalities), "modality", "modalities")
    return (
        f"The data set {name}{known} has {count_of(len(sources.cases), 'case')}, {two} 2D and"
        f" {three} 3D, of {many}: {counts}."
    )


def _runs(sources: Sources) -> str:
    limits = sources.protocol.limits
    cpus = "all CPUs of the machine" if limits.cpus is None else f"{limits.cpus:g} CPUs"
    how = (
        "in a container without network, which saw the inputs of that case alone"
        if sources.document.is_isolated
        else "without the isolation of a container"
    )
    text = (
        f"Each of {count_of(len(sources.teams), 'submission')} was run on every case on its own,"
        f" {how}, with at most {limits.timeout_s:g}\N{NO-BREAK SPACE}s, {limits.memory_mib:,}"
        f"\N{NO-BREAK SPACE}MiB of memory and {cpus}."
    )
    hosts = [machine.host for machine in sources.document.machines.values()]
    machines = "; ".join(f"{host.cores} cores ({clipped(host.cpu, 60)})" for host in hosts)
    text += f" {'The machine' if len(hosts) == 1 else 'The machines'} had {machines}."
    if sources.document.unequal_machines:
        text += " Times of different machines may not be compared."
    elif sources.document.machines_apart:
        text += " All submissions met on the same machine for a case; times compare within cases."
    return text


_LABELS = {
    "reference": "each label of the reference",
    "union": "each label of the reference or of the prediction",
    "one_to_maximum": "the labels from 1 to the reference’s largest",
    "prompted": "each label that the case’s text prompts name and its reference has",
    "prompted_above_lowest": "each label that the case’s text prompts name and its reference has,"
    " but for the reference’s smallest value",
}


def _scored(scoring: Scoring) -> str:
    """The labels and regions that count, in words."""
    words = []
    if isinstance(scoring.labels, str):
        words.append(_LABELS[scoring.labels])
    elif scoring.labels:
        named = [scoring.label_names.get(str(label), str(label)) for label in scoring.labels]
        words.append(f"the labels {', '.join(named)}")
    if scoring.regions:
        words.append(f"the regions {', '.join(region.name for region in scoring.regions)}")
    return " and ".join(words)


def metrics_text(sources: Sources) -> str:
    """What was measured, with each metric's settings."""
    scoring = sources.protocol.scoring
    titles = [metric_title(metric) for metric in scoring.metrics]
    ranked = [sources.quantities[m.name] for m in sources.protocol.ranking.metrics]
    names = [f"{one.long_title}, {one.metric.direction} is better" for one in ranked]
    text = f"Metrics are: {'; '.join(names)}. "
    text += "".join(f"{one.title}: {one.metric.definition} " for one in ranked)
    text += (
        f"{' and '.join(titles)} were computed for {_scored(scoring)} and averaged over the"
        " labels of a case"
    )
    for metric in scoring.metrics:
        tolerance = metric.options.get("tolerance_mm")
        if tolerance is not None:
            text += f"; the tolerance of {metric_title(metric)} was"
            text += f" {tolerance:g}\N{NO-BREAK SPACE}mm"
            text += " (pixels for 2D cases)" if scoring.two_d_spacing == "unit" else ""
            text += " (pixels without spacing)" if scoring.two_d_spacing == "case" else ""
        if metric.gate is not None:
            text += f", and {metric_title(metric)} counted as its worst value where"
            text += f" {metric.gate.metric.upper()} is {metric.gate.unmet}"
    if scoring.spacing_order == "stored":
        text += (
            ". As in the challenge’s own script, the stored x, y, z spacing was applied to z, y, x"
            " arrays"
        )
    return f"{text}."


def aggregation_text(sources: Sources) -> str:
    """From the values of cases to places."""
    ranking = sources.protocol.ranking
    weights = ", ".join(f"{sources.quantities[m.name].title} {m.weight:g}" for m in ranking.metrics)
    first = f"Teams were ranked {LEVELS[ranking.rank_level]}, metric by metric"
    over = "over modalities"
    if ranking.rank_level in ("case", "label"):
        alike = "modality" if ranking.across_modalities == "macro" else "case"
        over = f"over cases so that every {alike} weighs alike"
    elif ranking.rank_level != "modality":
        over = "over strata" if ranking.rank_level == "stratum" else ""
    over = f"{over} and over metrics" if over else "over metrics"
    clipped_at = [
        f"{quantity.title} better than {quantity.text_with_unit(m.tolerance)}"
        for m in ranking.metrics
        if m.tolerance is not None and (quantity := sources.quantities[m.name])
    ]
    if clipped_at:
        first += f" (values of {' and of '.join(clipped_at)} counted as equal to it)"
    return (
        f"{first}; ranks were averaged {over} (weights: {weights}), and the averages were ranked."
    )


def ties_text(sources: Sources) -> str:
    """What equal values share."""
    text = f"Equal values share {_TIES[sources.protocol.ranking.ties]} of their ranks"
    breaks = sources.ranking.settings.tie_breaks if sources.ranking.settings else ()
    if breaks:
        text += f"; equal places are parted by {', '.join(clipped(b, 40) for b in breaks)}"
    return f"{text}."


def missing_text(sources: Sources) -> str:
    """What a failed case counts, and how many there were."""
    failed = [s for s in sources.case_scores.values() if s.outcome.is_failure]
    limits = sources.protocol.limits
    text = (
        "A missing, late or unusable result was never dropped: it counts with"
        f" {costs_of_failure(sources.protocol)} and the time limit of"
        f" {limits.timeout_s:g}\N{NO-BREAK SPACE}s."
    )
    if not failed:
        return f"{text} There was none among {len(sources.case_scores):,} results."
    kinds = ", ".join(
        f"{sum(s.outcome is kind for s in failed)} {kind.value.replace('_', ' ')}"
        for kind in Outcome
        if any(s.outcome is kind for s in failed)
    )
    return f"{text} Of {len(sources.case_scores):,} results {len(failed):,} were such: {kinds}."


def statistics_text(sources: Sources) -> str:
    """Resamples and tests, as far as ranking.json has them."""
    if len(sources.teams) < 2:
        return "With one team there is nothing to test."
    settings, bootstrap = sources.ranking.settings, sources.ranking.bootstrap
    parts = []
    if bootstrap and bootstrap.replicates:
        by = " within each modality" if bootstrap.stratified_by == "modality" else ""
        seed = f" (seed {settings.seed})" if settings else ""
        draws = count_of(bootstrap.replicates, "resample")
        of = "groups of cases" if settings and settings.resample == "group" else "cases"
        parts.append(
            f"How sure the places are was estimated with {draws} of the {of}, drawn with"
            f" replacement{by}{seed}, the same for all teams."
        )
    if sources.ranking.tests and settings:
        how = _ADJUSTMENTS.get(settings.adjustment, "adjusted")
        parts.append(
            "Pairs of teams were compared by one-sided paired Wilcoxon signed-rank tests, with"
            f" p-values {how}, at alpha {settings.alpha:g}."
        )
    return " ".join(parts) or "No resamples or tests were computed."


def software_text(sources: Sources) -> str:
    """Versions, and the protocol with its digest."""
    versions = dict(sources.document.last_machine.versions)
    versions.pop("segjudge", None)
    used = ", ".join(
        f"{clipped(str(name), 30)} {clipped(str(version), 30)}"
        for name, version in versions.items()
    )
    protocol = sources.protocol
    text = (
        f"Everything was computed with segjudge {clipped(sources.document.segjudge, 30)}"
        f" under protocol {protocol.name} {protocol.version}"
        f" (SHA-256 {protocol.digest()[:12]}…)"
    )
    return f"{text}, with {used}." if used else f"{text}."
