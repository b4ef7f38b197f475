"""What `segjudge init` writes is built, and its image passes `check`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluate.checking import build_sanity_cases
from evaluate.facts.rules import load_protocol
from tests.exporting.organs import build_arguments
from tests.harness.test_starting_a_submission import DOCUMENTED, begin_and_check, speak

pytestmark = pytest.mark.engine
IN_CONTAINERS = ("--sandbox", "docker", *build_arguments())


def test_a_new_submission_s_image_passes_check(segjudge: Callable, small_data: Path) -> None:
    begin_and_check(segjudge, small_data, *IN_CONTAINERS)


@pytest.mark.parametrize("contract", range(3))
def test_a_new_submission_s_image_speaks_each_contract_of_the_documentation(
    segjudge: Callable, tmp_path: Path, contract: int
) -> None:
    rules = tmp_path / "mine.toml"
    rules.write_text(DOCUMENTED[contract], encoding="utf-8")
    # All sanity cases were its without an engine; one shows what the image has to do with it.
    one = {"only": ("3DBox_MR_sanity",), "prompts": ()}
    data = build_sanity_cases(tmp_path / "data", layout=load_protocol(str(rules)).layout, **one)
    speak(segjudge, rules, DOCUMENTED[contract], *IN_CONTAINERS, "--manifest", data)
