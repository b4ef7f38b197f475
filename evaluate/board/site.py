"""`segjudge board publish`: the challenge as a static site, to be served by anything."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from data_manifest.findings import Finding
from data_manifest.manifest import sha256_of
from evaluate.board.challenge import ChallengeFolder, Phase
from evaluate.board.counted import PhaseStanding, final_ranking, standing_of
from evaluate.board.submission_pages import (
    NOT_RUN,
    cells_of,
    heads_of,
    ratio_text,
    submission_page,
)
from evaluate.board.taking import log_of
from evaluate.documents.board_log import BoardLog, CameAgain
from evaluate.documents.run_parts import RankOptions
from evaluate.documents.tables import write_table
from evaluate.facts.errors import RankingRefusedError
from evaluate.facts.rules import Rules
from evaluate.facts.scores import CaseScore
from evaluate.ranking.stage import rank_run
from evaluate.reporting.page import write_report
from evaluate.reporting.quantities import count_of
from evaluate.reporting.rendering import render
from evaluate.reporting.rules_told import rules_told
from evaluate.store import RunDirectory
from evaluate.store.folders import replace_folder


class PageAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A row of pages.csv, the organiser's: whose page lies where."""

    team: str
    number: str
    phase: str
    name: str
    state: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """A team on a phase's leaderboard, with all that it handed in."""

    place: str
    team: str
    number: str
    date: str
    cells: list[str]
    ratio: str
    failures: str
    history: list[tuple[str, str, list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhasePart:
    """A phase on the first page."""

    phase: Phase
    state: str
    cases: str
    heads: list[str]
    rows: list[BoardRow]
    shows_board: bool
    has_anchor: bool
    has_report: bool


def states(folder: ChallengeFolder, now: datetime) -> tuple[str, ...]:
    """Where each phase stands: a site of other states is out of date."""
    return tuple(_state(phase, now) for phase in folder.challenge.phases)


def publish_site(folder: ChallengeFolder, *, now: datetime) -> list[Finding]:
    """Replace site/ and pages.csv; returns what the organiser should know.

    Only for who holds the folder. A phase that has closed, and has nothing left to run, is ranked
    with resampling, and its report is copied, without pictures of the data.

    Raises:
        SegjudgeError: a run directory, table or protocol is not what it should be.
    """
    log = log_of(folder)
    notes: list[Finding] = []
    for left in (*folder.root.glob(".site.*"), *folder.root.glob("reports/.*")):
        shutil.rmtree(left)  # of a command that was cut off
    standings = {p.name: standing_of(folder, p, log) for p in folder.challenge.phases}
    reports: dict[str, Path] = {}
    for phase in folder.challenge.phases:
        waits = any(event.phase == phase.name for event in log.outstanding)
        if now >= phase.closes and standings[phase.name].everything and not waits:
            options = final_ranking(standings[phase.name], phase, log)
            report = _final_report(folder, phase, options, notes)
            reports |= {phase.name: report} if report else {}
    replace_folder(folder.site, _files(folder, log, standings, reports, now))
    rows = [
        PageAddress(
            team=event.file.team,
            number=f"{event.number:04d}",
            phase=event.phase,
            name=event.file.name,
            state=NOT_RUN[event.not_run] if event.not_run else "",
            page=f"s/{event.token}.html",
        )
        for event in log.handed_in
    ]
    write_table(folder.root / "pages.csv", rows, PageAddress)
    return notes


def _final_report(
    folder: ChallengeFolder, phase: Phase, options: RankOptions, notes: list[Finding]
) -> Path | None:
    """The folder of a closed phase's report, made where it is not there yet.

    It has no pictures, since data may have to stay hidden, and no pages for teams alone. It is
    kept apart: what `segjudge report` makes in the run directory is the organiser's.
    """
    root, kept = folder.run_root(phase), folder.root / "reports" / phase.name
    run = RunDirectory.open(root)
    document = run.document()
    options = msgspec.structs.replace(options, seed=document.seed)
    ranked = document.ranked_from == sha256_of(run.table_path(CaseScore))
    if kept.is_dir() and ranked and document.ranking == options:
        return kept
    try:
        rank_run(root, options)
    except RankingRefusedError as error:
        notes.extend(error.problems)
        return None
    with run.locked():
        report = write_report(run, data_root=None).parent
    replace_folder(kept, _below(report, without="teams"))
    return kept


def _below(folder: Path, *, without: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file of a folder by its path in it."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.parts[0] != without:
            yield inside.as_posix(), path.read_bytes()


def _files(
    folder: ChallengeFolder,
    log: BoardLog,
    standings: dict[str, PhaseStanding],
    reports: dict[str, Path],
    now: datetime,
) -> Iterator[tuple[str, bytes]]:
    """Every file of the site by its path in it."""
    challenge = folder.challenge
    phases = {phase.name: phase for phase in challenge.phases}
    parts = [_part(folder, p, standings[p.name], p.name in reports, now) for p in challenge.phases]
    news = [*reversed(_news(folder, log, now))]
    page = render(
        "board.html.j2",
        styles=("style.css", "board.css"),
        scripts=("theme.js",),
        challenge=challenge,
        parts=parts,
        news=news[:20],
        published=now,
        moment_text=_moment_text,
    )
    yield "index.html", page.encode()
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": challenge.title,
        "items": news,
    }
    yield "feed.json", json.dumps(feed, indent=1, ensure_ascii=False).encode()
    yield "robots.txt", b"User-agent: *\nDisallow: /s/\n"
    for name, phase in phases.items():
        rules = render(
            "board_rules.html.j2",
            styles=("style.css", "board.css"),
            scripts=("theme.js",),
            title=challenge.title,
            phase=phase,
            headings=_by_heading(folder.rules[name]),
        )
        yield f"rules-{name}.html", rules.encode()
    yield "s/index.html", b""  # a server that lists folders would tell every address
    for event in log.handed_in:
        again = [e for e in log.events if isinstance(e, CameAgain) and e.number == event.number]
        text = submission_page(
            folder,
            event,
            phase=phases.get(event.phase),
            standing=standings.get(event.phase),
            again=again,
            now=now,
        )
        yield f"s/{event.token}.html", text.encode()
    for name, report in reports.items():
        for inside, data in _below(report):
            yield f"report-{name}/{inside}", data


def _moment_text(moment: datetime) -> str:
    """To the minute, with the offset.

    >>> _moment_text(datetime.fromisoformat("2031-03-03T09:00:00+01:00"))
    '2031-03-03 09:00 UTC+01:00'
    """
    offset = f"{moment:%z}".replace("+0000", "")
    return f"{moment:%Y-%m-%d %H:%M} UTC{offset[:3]}{offset and ':'}{offset[3:]}"


def _by_heading(rules: Rules) -> dict[str, list[str]]:
    headings: dict[str, list[str]] = {}
    for line in rules_told(rules):
        headings.setdefault(line.heading, []).append(line.text)
    return headings


def _state(phase: Phase, now: datetime) -> str:
    if now < phase.opens:
        return "not open yet"
    return "open" if phase.is_open(now) else "closed"


def _part(
    folder: ChallengeFolder,
    phase: Phase,
    standing: PhaseStanding,
    has_report: bool,
    now: datetime,
) -> PhasePart:
    cases = folder.data[phase.name].cases
    kinds = Counter(f"{case.modality} {case.dimension}" for case in cases)
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    shows = phase.shows_board(now)
    return PhasePart(
        phase=phase,
        state=_state(phase, now),
        cases=f"{count_of(len(cases), 'case')}: {told}",
        heads=heads_of(standing),
        rows=[*_rows(standing)] if shows else [],
        shows_board=shows,
        has_anchor=any(run.times_anchor for run in standing.everything),
        has_report=has_report,
    )


def _rows(standing: PhaseStanding) -> Iterator[BoardRow]:
    for run in standing.counted:
        team = run.submission.file.team
        own = [r for r in standing.everything if r.submission.file.team.lower() == team.lower()]
        yield BoardRow(
            place=f"{run.place:g}",
            team=team,
            number=f"{run.submission.number:04d}",
            date=run.submission.arrived_at[:10],
            cells=cells_of(standing, run),
            ratio=ratio_text(run),
            failures=f"{run.failures} of {run.outcomes.total()}",
            history=[
                (f"{r.submission.number:04d}", r.submission.arrived_at[:10], cells_of(standing, r))
                for r in own
            ],
        )


def _news(folder: ChallengeFolder, log: BoardLog, now: datetime) -> list[dict[str, str]]:
    """What everyone may know, in order; of a batch only where everyone sees the leaderboard."""
    news = []
    for phase in folder.challenge.phases:
        for moment, what in ((phase.opens, "opened"), (phase.closes, "closed")):
            if moment <= now:
                news.append((moment, f"{phase.name}-{what}", f"Phase {phase.name} {what}"))
        for batch in log.batches:
            if batch.phase == phase.name and phase.shows == "leaderboard":
                text = f"{phase.name}: {count_of(len(batch.numbers), 'submission')} ranked"
                moment = datetime.fromisoformat(batch.at)
                news.append((moment, f"{phase.name}-batch-{batch.numbers[0]}", text))
    return [
        {
            "id": identifier,
            "title": text,
            "content_text": f"{text}.",
            "date_published": moment.isoformat(timespec="seconds"),
        }
        for moment, identifier, text in sorted(news)
    ]
