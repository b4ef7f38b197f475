"""The case browser: `report/cases.html`, and beside it each case's images, loaded as needed."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from markupsafe import Markup

from data_manifest.manifest import Label
from data_manifest.progress import Progress
from evaluate.facts.outcome import Outcome
from evaluate.reporting.case_assets import CaseAssets, CaseJob, draw_assets, undrawn
from evaluate.reporting.case_volumes import viewer_files, with_volumes
from evaluate.reporting.failures import OUTCOME_WORDS
from evaluate.reporting.quantities import clipped
from evaluate.reporting.rendering import render
from evaluate.reporting.run_sources import Sources
from evaluate.reporting.standings import shown_quantities
from evaluate.scoring.workers import process_pool
from evaluate.store import RunDirectory

_FEWEST_SLICES, _MOST_SLICES = 3, 32
_MOST_MASKS = 200_000
"""Slices of all masks together, about: of many teams and cases, a volume has fewer slices."""
_MOST_REGIONS = 20_000
"""Masks of single regions together: of more, all labels are shown together alone."""
_WORTH_PROCESSES = 200
"""Below so many masks, starting processes takes longer than drawing."""


def write_case_browser(
    run: RunDirectory, sources: Sources, data_root: Path | None, *, problem: str, progress: Progress
) -> None:
    """Write the page, and `report/cases/NUMBER/` for every case that can be drawn."""
    drawn: dict[str, CaseAssets] = {}
    if not problem and data_root is not None:
        jobs = _jobs(run, sources, data_root)
        files = _drawn_into(drawn, jobs, sources.cases, progress)
        viewer = viewer_files() if any(job.has_volumes for job in jobs) else ()
        run.write_folder("report/cases", chain(viewer, files))
        if not any(assets.files for assets in drawn.values()):
            problem = next((drawing.problem for drawing in drawn.values()), "no case was run")
    text = render(
        "cases.html.j2",
        styles=("style.css", "cases.css", "planes.css"),
        scripts=("theme.js", "planes.js", "cases.js"),
        title=sources.protocol.title,
        problem=problem,
        cases=len(sources.cases),
        data=_for_script(_data(sources, drawn)),
    )
    run.write_document("report/cases.html", text.encode("utf-8"))


def _jobs(run: RunDirectory, sources: Sources, data_root: Path) -> list[CaseJob]:
    """A job for each case of the manifest, in the order of the cases."""
    rounds = sources.protocol.rounds.number if sources.rounds else 1
    masks = len(sources.cases) * (len(sources.teams) * rounds + 1)
    most_slices = min(_MOST_SLICES, max(_FEWEST_SLICES, _MOST_MASKS // masks))
    regions = _regions(sources)
    # Where not all can be had, what went worst is what is looked at.
    shown = shown_quantities(sources)[0]
    sign = 1 if shown.higher_is_better else -1
    worst = sorted(
        (case for case in sources.cases if case in sources.manifest_cases),
        key=lambda case: sum(
            sign * (_value(sources, team, case, shown.name) or 0) for team in sources.teams
        ),
    )
    spacious = with_volumes((sources.manifest_cases[c] for c in worst), len(sources.teams))
    return [
        CaseJob(
            case=sources.manifest_cases[case],
            data_root=data_root,
            predictions={
                number: run.prediction_path(team, case)
                for number, team in enumerate(sources.teams)
                if (score := sources.case_scores.get((team, case))) and score.outcome is Outcome.OK
            },
            output=sources.protocol.output,
            max_bytes=sources.protocol.limits.output_mib << 20,
            most_slices=most_slices,
            regions=tuple(region.labels for region in regions.get(case, ())),
            rounds=_rounds(run, sources, case),
            rules=sources.protocol if sources.rounds else None,
            has_volumes=case in spacious,
        )
        for case in sources.cases
        if case in sources.manifest_cases
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownRegion:
    """A label, or labels joined: what label_scores.csv calls it, its name, and what makes it up."""

    key: str
    name: str
    labels: tuple[int, ...]


def _regions(sources: Sources) -> dict[str, list[_ShownRegion]]:
    """What can be looked at alone, by case; nothing where there is one thing only, or too many."""
    joined = [
        _ShownRegion(key=region.name, name=region.name, labels=region.labels)
        for region in sources.protocol.scoring.regions
        if isinstance(region.labels, tuple)
    ]
    by_case = {}
    for case in sources.cases:
        entry = sources.manifest_cases.get(case)
        single = [] if entry is None else [
            _ShownRegion(key=str(e.label), name=_label_name(e), labels=(e.label,))
            for e in entry.labels
            if (e.label,) not in [region.labels for region in joined]
        ]  # fmt: skip
        by_case[case] = [*joined, *single] if len(joined) + len(single) > 1 else []
    many = sum(map(len, by_case.values())) * (len(sources.teams) + 1)
    return by_case if many <= _MOST_REGIONS else {}


def _label_name(label: Label) -> str:
    plain = label.name in ("", f"label {label.label}")
    return f"label {label.label}" if plain else f"{label.name} ({label.label})"


def _rounds(run: RunDirectory, sources: Sources, case: str) -> dict[int, dict[int, Path]]:
    """The files of all rounds on a case, by the team's number."""
    last = sources.protocol.rounds.last
    files: dict[int, dict[int, Path]] = {}
    for row in sources.rounds:
        if row.case == case:
            of_team = files.setdefault(sources.teams.index(row.team), {})
            if row.outcome is Outcome.OK:
                earlier = None if row.round == last else row.round
                path = run.prediction_path(row.team, case, earlier_round=earlier)
                of_team[row.round] = path
    return files


def _drawn_into(
    drawn: dict[str, CaseAssets], jobs: Sequence[CaseJob], cases: Sequence[str], progress: Progress
) -> Iterator[tuple[str, bytes]]:
    """The files as they come to be; what the page must know of them is left in `drawn`."""
    numbers = {case: number for number, case in enumerate(cases)}
    progress(0, len(jobs), "pictures")
    for done, (job, assets) in enumerate(zip(jobs, _draw_all(jobs), strict=True), start=1):
        drawn[job.case.id] = assets
        for name, data in assets.files.items():
            # Numbers, not names: nothing that anybody chose becomes a path or an address.
            yield f"{numbers[job.case.id]}/{name}", data
        progress(done, len(jobs), job.case.id)


def _draw_all(jobs: Sequence[CaseJob]) -> Iterator[CaseAssets]:
    """Every case's assets in order, in several processes where there are many."""
    workers = min(os.cpu_count() or 1, len(jobs))
    if workers <= 1 or sum(1 + len(job.predictions) for job in jobs) < _WORTH_PROCESSES:
        yield from map(draw_assets, jobs)
        return
    at = 0
    while at < len(jobs):
        with process_pool(workers) as pool:
            try:
                for assets in pool.map(draw_assets, jobs[at:]):
                    yield assets
                    at += 1
            except BrokenProcessPool:
                # The case that is next may not be the guilty one; the guilty one comes up in turn.
                yield undrawn("the process that drew it died (out of memory?)")
                at += 1


def _data(sources: Sources, drawn: dict[str, CaseAssets]) -> dict[str, object]:
    """Everything that the page's script shows; teams and cases by number."""
    quantities, regions = shown_quantities(sources), _regions(sources)
    teams, cases = sources.teams, sources.cases
    modality = {case: score.modality for (_, case), score in sources.case_scores.items()}
    return {
        "teams": [clipped(team, 60) for team in teams],
        "metrics": [
            {
                "name": q.name,
                "title": q.title,
                "unit": q.unit,
                "higher": q.higher_is_better,
                "score": q.is_score,
            }
            for q in quantities
        ],
        "cases": [
            {
                "name": case,
                "modality": modality[case],
                "simulated": sources.simulated(case),
                "picture": _picture(drawn.get(case)),
                "channels": [clipped(name, 40) for name in _channels(sources, case)],
                "regions": [
                    {
                        "name": clipped(region.name, 60),
                        "labels": region.labels,
                        "values": [
                            _region_values(sources, team, case, region.key) for team in teams
                        ],
                    }
                    for region in regions.get(case, ())
                ],
            }
            for case in cases
        ],
        "values": {
            q.name: [[_value(sources, team, case, q.name) for case in cases] for team in teams]
            for q in quantities
        },
        "rounds": _round_values(sources),
        # Only what did not go well, as [team, case, what].
        "failed": [
            [number, at, OUTCOME_WORDS[score.outcome]]
            for number, team in enumerate(teams)
            for at, case in enumerate(cases)
            if (score := sources.case_scores.get((team, case))) and score.outcome in OUTCOME_WORDS
        ],
    }


def _round_values(sources: Sources) -> dict[str, object] | None:
    """Of each metric that masks are scored by: the value of [team][case][round]; and failures."""
    if not sources.rounds:
        return None
    last = sources.protocol.rounds.last
    cases = {case: at for at, case in enumerate(sources.cases)}
    names = [q.name for q in shown_quantities(sources) if q.name in sources.protocol.scoring.names]
    values: dict[str, list[list[list[float | None]]]] = {
        name: [[[None] * (last + 1) for _ in cases] for _ in sources.teams] for name in names
    }
    failed = []
    for row in sources.rounds:
        team, at = sources.teams.index(row.team), cases.get(row.case)
        if at is None:
            continue
        for name in names:
            value = row.values.get(name)
            short = None if value is None else float(f"{value:.4g}")
            values[name][team][at][row.round] = short
        if row.outcome in OUTCOME_WORDS:
            failed.append([team, at, row.round, OUTCOME_WORDS[row.outcome]])
    return {"last": last, "values": values, "failed": failed}


def _channels(sources: Sources, case: str) -> tuple[str, ...]:
    entry = sources.manifest_cases.get(case)
    return entry.channels if entry and len(entry.channels) > 1 else ()


def _region_values(sources: Sources, team: str, case: str, key: str) -> dict[str, float | None]:
    """A team's scores of one label or region; empty where it was not scored by itself."""
    rows = sources.label_scores.get((team, case), [])
    row = next((row for row in rows if str(row.label) == key), None)
    return {} if row is None else {n: _short(value) for n, value in row.values.items()}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _value(sources: Sources, team: str, case: str, metric: str) -> float | None:
    score = sources.case_scores.get((team, case))
    value = score.value(metric) if score else None
    return _short(value)


def _picture(assets: CaseAssets | None) -> dict[str, object]:
    if assets is None or not assets.files:
        return {"problem": clipped(assets.problem, 200) if assets else "not in the manifest"}
    return {
        "slices": list(assets.slices),
        "depth": assets.depth,
        "columns": assets.columns,
        "rows": assets.rows,
        "aspect": float(f"{assets.aspect:.5g}"),
        "cut": assets.is_cut,
        "outside": {n: round(share, 3) for n, share in assets.outside.items() if share >= 0.001},
        "told": assets.is_told,
        "rounds": {n: list(numbers) for n, numbers in assets.rounds.items()},
        "toldRounds": {team: dict(rounds) for team, rounds in assets.told.items()},
        "steps": assets.steps,
        "problems": {n: clipped(problem, 200) for n, problem in assets.problems.items()},
    }


def _for_script(data: object) -> Markup:
    """JSON that can stand inside a script element: no character of it ends one or begins markup."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # escaped above
