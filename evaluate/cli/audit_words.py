"""What an audit found, in lines: of a run, or of the run in a bundle."""

from collections.abc import Sequence

from data_manifest.findings import Finding, printable
from evaluate.auditing.examination import Audit
from evaluate.cli.terminal import number, say, say_finding, warn
from evaluate.documents.audit import PlaceBounds
from evaluate.documents.audited_reruns import TeamAgain

_MOST_FINDINGS = 20


def say_audit(audit: Audit) -> None:
    """Findings, verdicts and places."""
    _line(
        "looked at " + ", ".join(f"{count} {what}" for what, count in audit.of_run.checked.items())
    )
    _say_findings(audit.findings)
    for verdict in audit.of_run.verdicts:
        _line(f"{'LOOK' if verdict.is_open else 'ok  '}  {verdict.team}: {verdict.verdict}")
        _line(f"      {verdict.words}")
    if audit.of_run.rerun is not None:
        for team in audit.of_run.rerun.teams:
            _say_ratios(team)
    for note in audit.of_run.notes:
        warn(Finding(where="this audit", found=note))
    _say_places(audit.of_run.places)


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


def _say_places(places: Sequence[PlaceBounds]) -> None:
    if not places:
        say("LOOK  places: not known")
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
