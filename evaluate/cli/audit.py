"""`segjudge audit`."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evaluate.auditing import Finding
from evaluate.auditing.standing import PlaceBounds
from evaluate.cli.sandboxes import sandbox_of
from evaluate.cli.terminal import number, say, show_progress, warn
from evaluate.errors import EngineMissingError
from evaluate.pipeline.audits import Audit, RerunOptions, audit_run
from evaluate.sandbox import Sandbox
from evaluate.store import RunDirectory

__all__ = ["audit"]

_MOST_FINDINGS = 20
_MOST_CELLS = 5


def audit(options: argparse.Namespace) -> int:
    """Check a run's files, scores and places; 1 if anything is open."""
    again = RerunOptions(sample=options.sample, seed=options.seed) if options.rerun else None
    with _sandbox_for(options) as sandbox, show_progress("auditing") as progress:
        found = audit_run(
            options.run_dir,
            manifest_path=options.manifest,
            sandbox=sandbox,
            again=again,
            progress=progress,
        )
    say_audit(found)
    say(f"{'passed' if found.passed else 'did not pass'}: {options.run_dir / 'audit.json'}")
    return 0 if found.passed else 1


@contextmanager
def _sandbox_for(options: argparse.Namespace) -> Iterator[Sandbox | None]:
    """The run's own sandbox, to run again or to look up images that only an engine holds."""
    facts = RunDirectory.open(options.run_dir).facts()
    name = str(facts.get("sandbox", {}).get("name", "auto"))
    tagged = any(entry.get("kind") == "reference" for entry in facts.get("submissions", []))
    if options.sandbox == "auto" and name in ("docker", "local"):
        options.sandbox = name
    if options.rerun:
        with sandbox_of(options) as sandbox:
            yield sandbox
        return
    if not (tagged and options.sandbox == "docker"):
        yield None
        return
    try:
        opened = sandbox_of(options)
        sandbox = opened.__enter__()
    except EngineMissingError:
        warn("no container engine answers: whether images were replaced was not looked up")
        yield None
        return
    try:
        yield sandbox
    finally:
        opened.__exit__(None, None, None)


def say_audit(found: Audit) -> None:
    """Findings, verdicts and places."""
    say("looked at " + ", ".join(f"{count} {what}" for what, count in found.checked.items()))
    _say_findings(found.findings)
    for verdict in found.verdicts:
        say(f"{'LOOK' if verdict.is_open else 'ok  '}  {verdict.team}: {verdict.verdict}")
        say(f"      {verdict.words}")
    if found.rerun is not None:
        for team in found.rerun["teams"]:
            _say_ratios(team)
    for note in found.notes:
        warn(note)
    _say_places(found.places)


def _say_findings(findings: list[Finding]) -> None:
    for finding in findings[:_MOST_FINDINGS]:
        mark = "ok  " if finding.is_harmless else "LOOK"
        say(f"{mark}  {finding.cause}: {finding.where}")
        say(f"      recorded {finding.recorded}, found {finding.found}")
        for cell in finding.cells[:_MOST_CELLS] if len(finding.cells) > 1 else ():
            say(f"      {cell.where}: {cell.recorded} recorded, {cell.found} by what is there")
        if len(finding.cells) > _MOST_CELLS:
            say(f"      and {len(finding.cells) - _MOST_CELLS} more cells; audit.json has all")
    if len(findings) > _MOST_FINDINGS:
        say(f"LOOK  {len(findings) - _MOST_FINDINGS} more findings; audit.json has all")


def _say_ratios(team: dict[str, Any]) -> None:
    for name, ratio in team["ratios"].items():
        text = f"{ratio['ratio']:.3f} times ({ratio['low']:.3f} to {ratio['high']:.3f})"
        if ratio["machine"] is not None:
            text += (
                f"; the machine explains {ratio['machine']:.3f}, what is left is"
                f" {ratio['left']:.3f} ({ratio['left_low']:.3f} to {ratio['left_high']:.3f})"
            )
        say(f"      {team['team']} {name}: {text}")


def _say_places(places: list[PlaceBounds]) -> None:
    if places and all(place.stands for place in places):
        say("ok    places: every one stands")
        return
    for place in places:
        if place.stands:
            say(f"ok    place {number(place.best, 0)} of {place.team} stands")
        else:
            say(
                f"LOOK  {place.team} may be anywhere from place {number(place.best, 0)} to"
                f" {number(place.worst, 0)}: depends on {', '.join(place.depends_on)}"
            )
