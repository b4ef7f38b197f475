"""challenge.toml: the phases of a challenge, when they are open, and what teams may see."""

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from data_manifest.manifest import Manifest, load_manifest
from evaluate.documents.tables import write_atomically
from evaluate.facts.errors import Finding, UsageError
from evaluate.facts.misspelled import known_part
from evaluate.facts.protocol_files import builtin_protocols
from evaluate.facts.rules import Rules, load_protocol

ANCHOR = "anchor"
"""Whose team's name no team may have."""

_FILE = "challenge.toml"
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Phase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One phase.

    Attributes:
        name: of its run directory and its pages.
        manifest: of its data; a path is looked for beside challenge.toml.
        protocol: built-in name, or such a path.
        opens, closes: with an offset; days are counted in that of `opens`.
        submissions_a_day: of a team.
        shows: what a team sees before the closing: its own scores, the leaderboard too, or nothing.
        counts: which of a team's submissions the leaderboard has.
    """

    name: _Name
    manifest: str
    protocol: str
    opens: _Moment
    closes: _Moment
    submissions_a_day: Annotated[int, msgspec.Meta(ge=1)] = 1
    shows: Literal["own", "leaderboard", "nothing"] = "own"
    counts: Literal["best", "last"] = "best"

    def is_open(self, now: datetime) -> bool:
        """Whether submissions are taken."""
        return self.opens <= now < self.closes

    def shows_board(self, now: datetime) -> bool:
        """Whether everyone sees the leaderboard."""
        return self.shows == "leaderboard" or now >= self.closes

    def shows_scores(self, now: datetime) -> bool:
        """Whether a team sees its own scores."""
        return self.shows != "nothing" or now >= self.closes

    def day(self, moment: datetime) -> str:
        """The day that a moment counts to."""
        return moment.astimezone(self.opens.tzinfo).date().isoformat()


class Challenge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """challenge.toml, whole.

    Attributes:
        title: of the site.
        how_to_submit: sentences for the site, of the organiser's own.
        anchor: a submission that runs with every batch, so that times of different weeks can be
            compared; None for none.
        phases: in the order of the site; no two are open at once.
    """

    title: str
    how_to_submit: str = ""
    anchor: str | None = None
    phases: tuple[Phase, ...]

    def open_phase(self, now: datetime) -> Phase | None:
        """The one that takes submissions."""
        return next((phase for phase in self.phases if phase.is_open(now)), None)


class ChallengeFolder:
    """A challenge's folder: its file, checked whole, and where everything lies."""

    def __init__(self, root: Path) -> None:
        """Read challenge.toml.

        Raises:
            UsageError: it is missing, or a key is wrong, missing or unknown.
            ProtocolError: a phase's protocol is not valid.
            ManifestError: a phase's manifest is not valid.
        """
        self.root = root
        self.inbox, self.submissions = root / "inbox", root / "submissions"
        self.site = root / "site"
        self.challenge = _read(root / _FILE)

    @cached_property
    def rules(self) -> dict[str, Rules]:
        """Of each phase."""
        return {p.name: load_protocol(self._protocol(p.protocol)) for p in self.challenge.phases}

    @cached_property
    def data(self) -> dict[str, Manifest]:
        """Of each phase."""
        return {p.name: load_manifest(self.manifest_path(p)) for p in self.challenge.phases}

    def manifest_path(self, phase: Phase) -> Path:
        """Where a phase's manifest lies."""
        return self.root / phase.manifest

    def run_root(self, phase: Phase) -> Path:
        """A phase's run directory."""
        return self.root / "runs" / phase.name

    @property
    def anchor(self) -> str | None:
        """The anchor as `segjudge run` takes it."""
        own = self.challenge.anchor
        return str(self.root / own) if own and (self.root / own).exists() else own

    def _protocol(self, name: str) -> str:
        return name if name in builtin_protocols() else str(self.root / name)


def _read(path: Path) -> Challenge:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        fault, mend = f"can't be read: {error}", "`segjudge board init DIR` writes one"
        raise UsageError(where=str(path), found=fault, expected="TOML", mend=mend) from error
    known, problems = known_part(data, Challenge)
    try:
        challenge = msgspec.convert(known, Challenge)
    except msgspec.ValidationError as error:
        wrong = Finding(where="a key", found=str(error), expected="as docs/board.md says")
        raise UsageError(*_placed(path, [*problems, wrong])) from error
    problems += _contradictions(challenge)
    if problems:
        raise UsageError(*_placed(path, problems))
    return challenge


def _placed(path: Path, problems: list[Finding]) -> list[Finding]:
    return [replace(p, where=f"{path}: {p.where}") for p in problems]


def _contradictions(challenge: Challenge) -> list[Finding]:
    problems = []
    if not challenge.phases:
        mend = "`segjudge board init DIR` writes two"
        problems.append(Finding(where="phases", found="none", mend=mend))
    in_time = sorted(challenge.phases, key=lambda phase: phase.opens)
    for phase, before in zip(in_time, [None, *in_time], strict=False):
        where = f"phase {phase.name}"
        if phase.closes <= phase.opens:
            fault, expected = "closes before it opens", "`closes` after `opens`"
            problems.append(Finding(where=where, found=fault, expected=expected))
        elif before is not None and phase.opens < before.closes:
            fault = f"opens before {before.name} has closed"
            expected = "phases one after another: an archive is of the one that is open"
            problems.append(Finding(where=where, found=fault, expected=expected))
    if len({phase.name.lower() for phase in challenge.phases}) < len(challenge.phases):
        expected = "names that differ by more than capitals"
        problems.append(Finding(where="phases", found="two of one name", expected=expected))
    return problems


_EXAMPLE = """\
# A standing challenge; docs/board.md explains every key.
title = "My challenge"
how_to_submit = "Send your archive to the organisers; your page's address comes back."
# A submission that runs with every batch, so that times of different weeks can be compared:
# anchor = "anchor.tar.gz"

[[phases]]
name = "validation"
manifest = "validation/manifest.json"   # of `segjudge manifest build`
protocol = "segjudge"                   # `segjudge protocol list`, or a file beside this one
opens = {0}
closes = {1}
submissions_a_day = 2
shows = "leaderboard"                   # "own": own scores; "nothing": neither before the closing
counts = "best"                         # or "last"

[[phases]]
name = "test"
manifest = "test/manifest.json"
protocol = "segjudge"
opens = {1}
closes = {2}
submissions_a_day = 1
shows = "nothing"
counts = "last"
"""

_README = """\
# A standing challenge

1. Write `challenge.toml`: phases, data, dates.
2. For each team make a folder `inbox/TEAM/` (letters, digits, `.`, `_`, `-`), and put what it sends
   there: an archive of `docker save`, under a name that the team has not used. It is not changed
   and not removed. What changed within the last minute waits: it may be half copied.
3. `segjudge board take .` takes what is new, runs, scores and publishes it; with `--watch` it goes
   on looking. Cut off at any moment, the next one continues.
4. Serve `site/` with any web server. `pages.csv` says which page is whose: tell each team its
   own address, and no other.

What happened is in `board.jsonl`; every submission is kept in `submissions/NNNN/`, by number; a
phase's run directory is `runs/PHASE/`. Serve none of these.
"""


def new_challenge(root: Path, *, now: datetime) -> Path:
    """Write a new challenge's folder, to be filled in; returns its challenge.toml.

    Raises:
        UsageError: there is a challenge already, or the folder holds something else.
    """
    path = root / _FILE
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        expected = "an empty folder, or a new name"
        raise UsageError(where=str(root), found="something is there already", expected=expected)
    (root / "inbox").mkdir(parents=True)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    dates = [(day + timedelta(days=days)).isoformat() for days in (7, 67, 97)]
    write_atomically(root / "README.md", _README.encode())
    write_atomically(path, _EXAMPLE.format(*dates).encode())
    return path
