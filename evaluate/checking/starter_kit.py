"""The participants that segjudge ships, and the kit that makes a submission of each of them."""

import shutil
from pathlib import Path

import evaluate
from evaluate.facts.errors import UsageError

_KIT = "kit"
_SHARES = "shares.txt"
"""Of a participant: the files of others that it takes, a line each, relative to all of them."""


def _shipped() -> Path:
    """In the installed package, or in the checkout."""
    package = Path(evaluate.__file__).parent
    for folder in (package / "participants", package.parent / "participants"):
        if (folder / _KIT).is_dir():
            return folder
    raise UsageError(
        where="segjudge",
        found="no participants beside this installation",
        expected="the folder `participants` that segjudge ships",
        mend="install segjudge again",
    )


def kit_file(name: str) -> Path:
    """A file that every submission needs, by its name."""
    return _shipped() / _KIT / name


def ready_participants(out: Path) -> dict[str, Path]:
    """Put each shipped participant on top of the kit; equal files give equal digests.

    What an earlier call left there is brought up to date.

    Returns:
        The folders, by name.
    """
    shipped = _shipped()
    ready = {}
    for own in sorted(path.parent for path in shipped.glob("*/predict.py")):
        folder = out / own.name
        for source in (shipped / _KIT, own):
            ignored = shutil.ignore_patterns("__pycache__", _SHARES)
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=ignored)
        shares = own / _SHARES
        for name in shares.read_text("utf-8").split() if shares.is_file() else ():
            shutil.copy(shipped / name, folder)
        ready[folder.name] = folder
    return ready
