"""Everything that a run directory says, computed again from what it rests on.

Files are compared with their digests, scores with their masks, places with their scores. Each level
is made again from the level below as it was recorded where that is still known, so that one change
is found once, at its root, and not in all that follows from it.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from data_manifest.manifest import Manifest, sha256_of
from data_manifest.progress import Progress, silent
from evaluate.auditing import Cause, Evidence, Finding, code_digests, read_evidence
from evaluate.auditing.facts import trace_facts
from evaluate.auditing.file_digests import (
    AlteredFile,
    altered_data,
    altered_results,
    as_found,
    file_findings,
)
from evaluate.auditing.manifests import manifest_in_order, read_manifest
from evaluate.auditing.table_cells import Table, compare_tables, read_cells
from evaluate.auditing.tracing import environment_changes, merged, trace_document, trace_table
from evaluate.errors import (
    Problem,
    ProtocolError,
    RankingRefusedError,
    RunDirectoryError,
    TableError,
)
from evaluate.pipeline.places import options_of, rank_result
from evaluate.pipeline.scores import Scores, tables_of
from evaluate.protocol import Protocol, protocol_from_json
from evaluate.records import CaseScore, LabelScore, ModalityScore, Outcome, RunRecord
from evaluate.running import Plan, Submission, job_sha256, library_versions
from evaluate.sandbox import Image
from evaluate.scoring import jobs_of_run, modality_scores, score_jobs
from evaluate.store import JournalEntry, RunDirectory
from evaluate.tables import write_table

__all__ = ["AtHand", "Recheck", "recheck"]

_Journal = dict[tuple[str, str, int], JournalEntry]
_RANKING_VERSIONS = frozenset({"settings.versions"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AtHand:
    """What of a run there is to look at.

    Attributes:
        manifest_path: of the data, if they are not where the run says.
        images: whether the inputs are there.
        references: whether the references are there; without them no case is scored again.
        workers: processes to score in; None for one a CPU.
        journal: the runs, where they do not stand in the run directory (as in a bundle).
    """

    manifest_path: Path | None = None
    images: bool = True
    references: bool = True
    workers: int | None = None
    journal: _Journal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """What was found, and what the rest of an audit goes on with.

    Attributes:
        facts: run.json as the last stage left it.
        evidence: what the stages left; None if nothing says so.
        journal: the runs.
        manifest: the cases.
        data_root: where their files are.
        protocol: the rules that the tables were made by.
        scores: the case scores that are believed: recorded where nothing speaks against them.
        findings: with their causes.
        checked: how much was looked at, by kind.
    """

    facts: dict[str, Any]
    evidence: Evidence | None
    journal: _Journal
    manifest: Manifest
    data_root: Path
    protocol: Protocol
    scores: list[CaseScore]
    findings: list[Finding]
    checked: dict[str, int]


def recheck(
    run: RunDirectory,
    *,
    at_hand: AtHand | None = None,
    progress: Progress = silent,
) -> Recheck:
    """Compare a run directory with itself, level by level; nothing is written.

    Args:
        run: the run directory.
        at_hand: what there is to look at; None for everything, where the run says.
        progress: told after every case.

    Raises:
        SegjudgeError: run.json or the manifest can't be read at all.
    """
    return _Work(run, at_hand or AtHand()).all(progress)


class _Work:
    """One recheck, level by level."""

    def __init__(self, run: RunDirectory, at_hand: AtHand) -> None:
        self._run = run
        self._at_hand = at_hand
        self._evidence = read_evidence(run.root)
        found = run.facts()
        self._findings = trace_facts(found, self._evidence)
        # What was sealed counts: from edited facts nothing follows.
        self._facts = self._evidence.facts if self._evidence else found
        recorded = self._facts["manifest"]
        where = at_hand.manifest_path or Path(recorded["path"])
        if at_hand.manifest_path is not None and at_hand.manifest_path.exists():
            given = manifest_in_order(at_hand.manifest_path)
            if given.digest() != recorded["sha256"]:
                raise RunDirectoryError(
                    Problem(
                        where=f"--manifest {at_hand.manifest_path}",
                        found="a manifest of other data",
                        expected=f"the one that {run.root} was run on",
                    )
                )
        copy = run.root / "manifest.json"
        self._manifest, more = read_manifest(copy, digest=recorded["sha256"], others=[where])
        self._findings += more
        self._data_root = where.parent
        self._journal = run.journal() if at_hand.journal is None else at_hand.journal
        self._found_protocol = found.get("protocol")
        self._protocol = protocol_from_json(
            self._facts["protocol"], where=str(run.root / "run.json")
        )
        self._checked: dict[str, int] = {}
        self._altered: list[AlteredFile] = []
        self._in_doubt: set[tuple[str, str]] = set()

    def all(self, progress: Progress) -> Recheck:
        """Every level."""
        data, looked_at = altered_data(
            self._manifest,
            self._data_root,
            images=self._at_hand.images,
            references=self._at_hand.references,
        )
        self._checked["data files"] = looked_at
        results, looked_at = altered_results(self._run, self._journal.values())
        self._checked["masks and logs"] = looked_at
        self._altered = data + results
        traced = self._trace_runs()
        scored = self._scores_of_now(progress)
        believed, more, follows = self._trace_scores(scored)
        traced += more
        self._findings += file_findings(self._altered, follows)
        self._findings += [_with_cells(finding, follows) for finding in traced]
        self._findings += self._trace_places(believed)
        self._findings += self._stale()
        self._tell_effects_of_protocol(progress)
        return Recheck(
            facts=self._facts,
            evidence=self._evidence,
            journal=self._journal,
            manifest=self._manifest,
            data_root=self._data_root,
            protocol=self._protocol,
            scores=believed,
            findings=merged(self._findings),
            checked=self._checked,
        )

    def _intact(self, name: str) -> bool | None:
        """Whether a file's bytes are those that its stage wrote; None where that is not known."""
        sealed = self._evidence.files.get(name) if self._evidence else None
        path = self._run.root / name
        if sealed is None:
            return None
        return path.is_file() and sha256_of(path) == sealed

    def _environment(self, stage: str) -> str:
        then = self._evidence.stages.get(stage) if self._evidence else None
        if then is None:
            return ""
        return environment_changes(
            {"versions": then.versions, "code": then.code},
            {"versions": library_versions(), "code": code_digests()},
        )

    def _made_again(self, rows: Sequence[Any], kind: type) -> Table:
        """A table as it would be written now, read as text."""
        with tempfile.TemporaryDirectory(prefix="segjudge-audit-") as folder:
            path = Path(folder) / self._run.table_path(kind).name
            write_table(path, rows, kind)
            return read_cells(path)

    # --- runs -----------------------------------------------------------------------------------

    def _trace_runs(self) -> list[Finding]:
        """The journal beside runs.csv, the jobs, and the cases that should have been run."""
        records = [entry.record for entry in self._journal.values()]
        table = read_cells(self._run.table_path(RunRecord))
        findings, _ = trace_table(
            table,
            self._made_again(records, RunRecord),
            intact=self._intact(table.name),
            source=Cause.JOURNAL,
            failed={(r.team, r.case) for r in records if r.outcome.is_failure},
        )
        self._checked["runs"] = len(records)
        findings += self._other_jobs()
        if self._is_another_journal():
            # Not harmless: the table agrees with a journal that is another one now.
            findings = [
                replace(f, cause=Cause.TABLE, found="a table of another journal", is_harmless=False)
                if f.is_harmless
                else f
                for f in findings
            ]
        self._in_doubt = {
            (team, case)
            for f in findings
            if f.cause is Cause.JOURNAL
            for team in f.teams
            for case in f.cases
        }
        return findings + self._without_result(findings)

    def _is_another_journal(self) -> bool:
        """Whether runs were added or changed since they were scored; a bundle has no journal."""
        if self._at_hand.journal is not None:
            return False
        return bool(self._facts.get("scored_from") != self._run.journal_sha256())

    def _other_jobs(self) -> list[Finding]:
        """Runs of another image, other inputs or other limits than run.json says."""
        stages = self._evidence.stages if self._evidence else {}
        rules = self._protocol
        if "run" in stages:
            rules = protocol_from_json(stages["run"].protocol, where="evidence.json")
        plan = Plan(
            protocol=rules,
            manifest=self._manifest,
            data_root=self._data_root,
            submissions=(),
            sandbox_name=str(self._facts["sandbox"]["name"]),
            seed=int(self._facts["seed"]),
        )
        submissions = {s["team"]: _submission(s) for s in self._facts["submissions"]}
        cases = {case.id: case for case in self._manifest.cases}
        changed: dict[str, list[str]] = {}
        for entry in self._journal.values():
            team, case = entry.record.team, entry.record.case
            known = team in submissions and case in cases
            if not known or entry.job_sha256 != job_sha256(plan, submissions[team], cases[case]):
                changed.setdefault(team, []).append(case)
        return [
            Finding(
                cause=Cause.JOURNAL,
                where=f"runs of {team}",
                recorded="made with another image, other inputs, limits or sandbox",
                found="another job by run.json and manifest.json",
                teams=(team,),
                cases=tuple(names),
            )
            for team, names in sorted(changed.items())
        ]

    def _without_result(self, told: Sequence[Finding]) -> list[Finding]:
        """Cases that failed on our side, or that no run is recorded of."""
        known = {(team, case) for f in told for team in f.teams for case in f.cases}
        findings = []
        for submission in self._facts["submissions"]:
            for case in self._manifest.cases:
                pair = (str(submission["team"]), case.id)
                entry = self._journal.get((*pair, 0))
                if entry is None and pair not in known:
                    found = "no run of it in the journal"
                elif entry is not None and entry.record.outcome is Outcome.HARNESS_ERROR:
                    found = f"a failure on our side: {entry.record.reason}"
                else:
                    continue
                findings.append(
                    Finding(
                        cause=Cause.UNFINISHED,
                        where=" ".join(pair),
                        recorded="one result for each team and case",
                        found=found,
                        teams=pair[:1],
                        cases=pair[1:],
                    )
                )
        return findings

    # --- scores ---------------------------------------------------------------------------------

    def _scores_of_now(self, progress: Progress) -> Scores:
        """Scores of what is there; without references, the recorded ones, if they are intact."""
        if self._at_hand.references:
            return self._score_as_found(self._protocol, progress)
        for kind in (LabelScore, CaseScore):
            name = self._run.table_path(kind).name
            if not self._intact(name):
                self._findings.append(
                    Finding(
                        cause=Cause.TABLE,
                        where=name,
                        recorded="the table that scoring wrote",
                        found="other bytes; which cells, only the references can tell",
                    )
                )
        try:
            labels, cases = self._run.read_rows(LabelScore), self._run.read_rows(CaseScore)
        except TableError:
            labels, cases = [], []  # told above: such bytes no stage has written
        return Scores(cases=cases, labels=labels, modalities=[])

    def _score_as_found(self, protocol: Protocol, progress: Progress = silent) -> Scores:
        """Scores of the files that are there, altered or not."""
        journal, manifest = as_found(self._altered, self._journal, self._manifest)
        jobs = jobs_of_run(
            self._run,
            journal,
            manifest=manifest,
            data_root=self._data_root,
            teams=[str(submission["team"]) for submission in self._facts["submissions"]],
        )
        workers = self._at_hand.workers
        scores = tables_of(score_jobs(jobs, protocol, workers=workers, progress=progress))
        self._checked["cases scored again"] = len(scores.cases)
        return scores

    def _explained(self) -> set[tuple[str, str]]:
        """Teams and cases whose scores an altered file, or a missing run, changes."""
        teams = [str(submission["team"]) for submission in self._facts["submissions"]]
        missing = {
            (team, case.id)
            for team in teams
            for case in self._manifest.cases
            if (team, case.id, 0) not in self._journal
        }
        return (
            missing
            | self._in_doubt
            | {
                (team, file.case)
                for file in self._altered
                if file.cause in (Cause.MASK, Cause.REFERENCE)
                for team in ([file.team] if file.team else teams)
            }
        )

    def _trace_scores(
        self, scored: Scores
    ) -> tuple[list[CaseScore], list[Finding], dict[tuple[str, str], list[Any]]]:
        failed = {(c.team, c.case) for c in scored.cases if c.outcome.is_failure}
        findings: list[Finding] = []
        follows: dict[tuple[str, str], list[Any]] = {}
        tables = ((scored.labels, LabelScore), (scored.cases, CaseScore))
        for rows, kind in tables:
            recorded = read_cells(self._run.table_path(kind))
            more, cells = trace_table(
                recorded,
                self._made_again(rows, kind),
                intact=self._intact(recorded.name),
                explained=self._explained(),
                failed=failed,
                environment=self._environment("score"),
            )
            findings += more
            for pair, found in cells.items():
                follows.setdefault(pair, []).extend(found)
        believed = self._believed(scored)
        modalities = read_cells(self._run.table_path(ModalityScore))
        more, _ = trace_table(
            modalities,
            self._made_again(modality_scores(believed), ModalityScore),
            intact=self._intact(modalities.name),
            environment=self._environment("score"),
        )
        return believed, findings + more, follows

    def _believed(self, scored: Scores) -> list[CaseScore]:
        """Recorded rows where the table is intact or their files are not; the others as found."""
        try:
            recorded = {(row.team, row.case): row for row in self._run.read_rows(CaseScore)}
        except TableError:
            return scored.cases
        if self._intact(self._run.table_path(CaseScore).name):
            return list(recorded.values())
        explained = self._explained()
        now = {(row.team, row.case): row for row in scored.cases}
        for pair in explained & recorded.keys():
            now[pair] = recorded[pair]
        return [now[pair] for pair in sorted(now)]

    # --- places ---------------------------------------------------------------------------------

    def _trace_places(self, believed: list[CaseScore]) -> list[Finding]:
        root = self._run.root
        try:
            options = options_of(self._run, self._facts)
            if options.seed is None:
                options = msgspec.structs.replace(options, seed=self._facts["seed"])
            result = rank_result(self._run, options, scores=believed, protocol=self._protocol)
        except RankingRefusedError as error:
            return [
                Finding(
                    cause=Cause.UNFINISHED,
                    where="ranking",
                    recorded="places",
                    found=str(error.problems[0]),
                )
            ]
        environment = self._environment("rank")
        with tempfile.TemporaryDirectory(prefix="segjudge-audit-") as folder:
            path = Path(folder) / "ranking.csv"
            write_table(path, result.rows, type(result.rows[0]))
            again = read_cells(path)
        recorded = read_cells(root / "ranking.csv")
        intact = self._intact("ranking.csv")
        findings, _ = trace_table(recorded, again, intact=intact, environment=environment)
        try:
            before = json.loads((root / "ranking.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            before = f"can't be read: {error}"
        now = json.loads(json.dumps(result.to_json(), allow_nan=False))
        self._checked["places"] = len(result.rows)
        return findings + trace_document(
            "ranking.json",
            before,
            now,
            intact=self._intact("ranking.json"),
            teams=sorted({row.team for row in result.rows}),
            environment=environment,
            ignored=_RANKING_VERSIONS,
        )

    def _stale(self) -> list[Finding]:
        """Stages that were not done again after what they rest on was."""
        scores = self._run.table_path(CaseScore)
        findings = []
        if self._is_another_journal() and not any(
            finding.cause is Cause.JOURNAL or "runs.csv" in finding.where
            for finding in self._findings
        ):
            findings.append(_stale("the scores", "runs that are not those of now", "score"))
        if self._intact(scores.name) and self._facts.get("ranked_from") != sha256_of(scores):
            findings.append(_stale("the ranking", "scores that are not those of now", "rank"))
        return findings

    def _tell_effects_of_protocol(self, progress: Progress) -> None:
        """Which scores an edited rule would change."""
        changed = [i for i, f in enumerate(self._findings) if f.cause is Cause.PROTOCOL]
        if not changed or not self._at_hand.references:
            return
        try:
            edited = protocol_from_json(self._found_protocol, where="run.json")
        except ProtocolError:
            return
        if edited.digest("scoring", "failures", "container") == self._protocol.digest(
            "scoring", "failures", "container"
        ):
            return
        rows = self._score_as_found(edited, progress).cases
        recorded = read_cells(self._run.table_path(CaseScore))
        cells = tuple(
            cell
            for row in compare_tables(recorded, self._made_again(rows, CaseScore))
            for cell in row.cells
        )
        for index in changed[:1]:
            self._findings[index] = replace(self._findings[index], cells=cells)


def _with_cells(finding: Finding, follows: dict[tuple[str, str], list[Any]]) -> Finding:
    """An edited journal with the scores that it would change."""
    if finding.cause is not Cause.JOURNAL:
        return finding
    pairs = [(team, case) for team in finding.teams for case in finding.cases]
    more = tuple(cell for pair in pairs for cell in follows.get(pair, ()))
    return replace(finding, cells=finding.cells + more)


def _submission(entry: dict[str, Any]) -> Submission:
    team, digest = str(entry["team"]), entry.get("digest")
    if not digest:
        return Submission(team=team, image=None, problem=str(entry.get("problem") or ""))
    image = Image(
        reference=str(entry["reference"]),
        digest=str(digest),
        kind=str(entry["kind"]),
        handle="",
        details={},
    )
    return Submission(team=team, image=image)


def _stale(what: str, source: str, stage: str) -> Finding:
    return Finding(
        cause=Cause.STALE,
        where=what,
        recorded=f"made from {source}",
        found=f"`segjudge {stage}` makes them again",
    )
