"""`segjudge audit`."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from data_manifest.findings import Finding, printable
from evaluate.auditing.bundles import BundleOptions, verify_bundle, write_bundle
from evaluate.auditing.examination import Audit, RerunOptions
from evaluate.cli.published import audit_published
from evaluate.cli.sandboxes import sandbox_of
from evaluate.cli.terminal import number, say, say_finding, show_progress, warn
from evaluate.documents.audit import PlaceBounds, TeamAgain
from evaluate.facts.errors import EngineMissingError, Problem, UsageError
from evaluate.pipeline.audits import audit_run
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory

__all__ = ["audit"]

_MOST_FINDINGS = 20


def audit(options: argparse.Namespace) -> int:
    """Check a run's files, scores and places, or a bundle of them; 1 if anything is open."""
    if options.published is not None or options.json is not None:
        return audit_published(options)
    _check_options(options)
    if options.verify is not None:
        return _verify(options)
    again = RerunOptions(sample=options.sample, seed=options.seed) if options.rerun else None
    with _sandbox_for(options) as sandbox, show_progress("auditing") as progress:
        found = audit_run(
            options.run_dir,
            manifest_path=options.manifest,
            sandbox=sandbox,
            again=again,
            workers=options.jobs,
            progress=progress,
        )
    say_audit(found)
    if options.bundle is not None:
        chosen = BundleOptions(
            images=options.include_images,
            references=options.include_references,
            key_file=options.sign,
        )
        write_bundle(options.run_dir, options.bundle, chosen, manifest_path=options.manifest)
        say(f"bundle: {options.bundle}")
    say(f"{'passed' if found.passed else 'did not pass'}: {options.run_dir / 'audit.json'}")
    return 0 if found.passed else 1


def _check_options(options: argparse.Namespace) -> None:
    """Options that say nothing together are wrong use, not something to pass over."""
    found = ""
    bundling = options.include_images or options.include_references or options.sign
    if (options.run_dir is None) == (options.verify is None):
        found = "neither a run directory nor --verify, or both"
    elif options.bundle is None and bundling:
        found = "options of a bundle without --bundle"
    elif options.verify is None and (options.key or options.references):
        found = "--key or --references without --verify"
    elif options.verify is not None and (options.rerun or options.bundle or options.manifest):
        found = "--verify with an option of a run directory"
    elif options.sample is not None and not options.rerun:
        found = "--sample without --rerun"
    if found:
        raise UsageError(
            Problem(
                where="segjudge audit",
                found=found,
                expected="RUN_DIR [--rerun ...] [--bundle ...], or --verify FILE",
                mend="`segjudge audit --help` shows both",
            )
        )


def _verify(options: argparse.Namespace) -> int:
    with show_progress("verifying") as progress:
        found = verify_bundle(
            options.verify,
            key_file=options.key,
            references=options.references,
            workers=options.jobs,
            progress=progress,
        )
    say(f"bundle: {found.files} files; {printable(found.signature)}")
    if not found.scored:
        warn("no references: scores were not computed again; --references names their folder")
    say_audit(found.audit)
    say(f"{'passed' if found.audit.passed else 'did not pass'}: {options.verify}")
    return 0 if found.audit.passed else 1


@contextmanager
def _sandbox_for(options: argparse.Namespace) -> Iterator[Sandbox | None]:
    """The run's own sandbox, to run again or to look up images that only an engine holds."""
    document = RunDirectory.open(options.run_dir).document()
    name = document.last_machine.sandbox.name
    tagged = any(entry.kind == "reference" for entry in document.submissions)
    if options.sandbox == "auto":
        options.sandbox = name
    if options.rerun:
        with sandbox_of(options) as sandbox:
            yield sandbox
        return
    with ExitStack() as stack:
        found = None
        if tagged and options.sandbox == "docker":
            try:
                found = stack.enter_context(sandbox_of(options))
            except EngineMissingError:
                warn("no container engine answers: whether images were replaced is not known")
        yield found


def say_audit(found: Audit) -> None:
    """Findings, verdicts and places."""
    _line("looked at " + ", ".join(f"{count} {what}" for what, count in found.checked.items()))
    _say_findings(found.findings)
    for verdict in found.verdicts:
        _line(f"{'LOOK' if verdict.is_open else 'ok  '}  {verdict.team}: {verdict.verdict}")
        _line(f"      {verdict.words}")
    if found.rerun is not None:
        for team in found.rerun.teams:
            _say_ratios(team)
    for note in found.notes:
        warn(note)
    _say_places(found.places)


def _say_findings(findings: list[Finding]) -> None:
    for finding in findings[:_MOST_FINDINGS]:
        say_finding(finding)
    if len(findings) > _MOST_FINDINGS:
        _line(f"LOOK  {len(findings) - _MOST_FINDINGS} more findings; audit.json has all")


def _say_ratios(team: TeamAgain) -> None:
    for name, ratio in team.ratios.items():
        text = f"{ratio.ratio:.3f} times{_interval(ratio.low, ratio.high)}"
        if ratio.machine is not None:
            text += (
                f"; the machine explains {ratio.machine:.3f}, what is left is"
                f" {ratio.left:.3f}{_interval(ratio.left_low, ratio.left_high)}"
            )
        _line(f"      {team.team} {name}: {text}")


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"


def _say_places(places: list[PlaceBounds]) -> None:
    if places and all(place.stands for place in places):
        say("ok    places: every one stands")
        return
    for place in places:
        if place.stands:
            _line(f"ok    place {number(place.best, 0)} of {place.team} stands")
        else:
            _line(
                f"LOOK  {place.team} may be anywhere from place {number(place.best, 0)} to"
                f" {number(place.worst, 0)}: depends on {', '.join(place.depends_on)}"
            )


def _line(text: str) -> None:
    """A line with names and reasons in it that may be a stranger's."""
    say(printable(text))
