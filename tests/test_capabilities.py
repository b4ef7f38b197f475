"""What a machine lacks is said in a sentence to act on, and in CI nothing may be lacking."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.capabilities import CAPABILITIES

ROOT = Path(__file__).parents[1]


def without_programs(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The tests of zstd, as on a machine that has no programs at all."""
    chosen = ["tests/sandbox/test_archives.py", "-k", "zstd", f"--basetemp={tmp_path / 'theirs'}"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *chosen],
        cwd=ROOT,
        env=os.environ | {"PATH": str(tmp_path), "CI": ""} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_test_that_lacks_something_is_skipped_and_says_what_to_do(tmp_path: Path) -> None:
    done = without_programs(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    said = "missing: zstd (no zstd is found). To run this test: apt-get install zstd"
    assert re.search(rf"^SKIPPED \[3\] .*{re.escape(said)}$", done.stdout, re.MULTILINE)
    assert re.search(r"3 skipped, \d+ deselected", done.stdout.splitlines()[-1])


def test_in_ci_the_same_is_a_failure(tmp_path: Path) -> None:
    done = without_programs(tmp_path, CI="true")
    assert done.returncode == 1
    assert len(re.findall(r"^ERROR .*CI may skip nothing; missing: zstd", done.stdout, re.M)) == 3


@pytest.mark.parametrize("name", CAPABILITIES)
def test_ci_installs_what_the_sentence_names(name: str) -> None:
    mend, run = CAPABILITIES[name].mend, (ROOT / ".ci" / "run").read_text("utf-8")
    wanted = re.findall(r"apt-get install ([a-z0-9 -]+)", mend)
    packages = wanted[0].split() if wanted else []
    packages += re.findall(r"(?:make|\.ci/engine) \S+", mend)
    for package in packages:
        assert re.search(rf"(?<![\w-]){re.escape(package)}(?![\w-])", run), package
