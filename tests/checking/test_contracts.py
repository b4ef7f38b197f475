"""`segjudge check` names what is wrong in submissions of other contracts than arrays and boxes."""

from pathlib import Path

import pytest

from evaluate.checking import build_sanity_cases
from evaluate.checking.starter import write_starter
from evaluate.facts.rules import Rules, load_protocol
from tests.checking.contracts_gallery import CONTRACTS, DEFECTS, GOOD
from tests.checking.test_gallery import checked, grave

_CASE = "3DBox_CT_sanity"


@pytest.fixture(scope="session")
def sanity_volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sanity_cases(tmp_path_factory.mktemp("sanity"), only=(_CASE,), prompts=())


def started(contract: str, folder: Path) -> tuple[Path, Path, Rules]:
    protocol = folder / "mine.toml"
    protocol.write_text(CONTRACTS[contract], "utf-8")
    rules = load_protocol(str(protocol))
    write_starter(folder / "team", protocol=rules, called="mine.toml")
    return folder / "team", protocol, rules


@pytest.mark.parametrize("name", DEFECTS)
def test_check_names_the_defect_of_a_folder(name: str, sanity_volume: Path, tmp_path: Path) -> None:
    defect = DEFECTS[name]
    team, protocol, _ = started(defect.contract, tmp_path)
    defect.build(team)
    _, findings = checked(
        *(tmp_path, team, "--manifest", sanity_volume, "--sandbox", "local"),
        *("--protocol", protocol),
    )
    told = grave(findings)
    assert set(told) == {defect.check, *defect.also}, told
    assert defect.says in told[defect.check]


def test_the_documentation_lists_these_too() -> None:
    page = (Path(__file__).parents[2] / "docs" / "checks.md").read_text("utf-8")
    listed = page.partition("### Other contracts\n")[2]
    rows = [line for line in listed.splitlines() if line.startswith("| ")][1:]
    assert rows == [f"| {name} | `{defect.check}` |" for name, defect in DEFECTS.items()]


@pytest.mark.parametrize("name", GOOD)
def test_what_a_contract_lets_pass_is_no_finding(
    name: str, sanity_volume: Path, tmp_path: Path
) -> None:
    contract, build = GOOD[name]
    team, protocol, _ = started(contract, tmp_path)
    build(team)
    code, findings = checked(
        *(tmp_path, team, "--manifest", sanity_volume, "--sandbox", "local"),
        *("--protocol", protocol),
    )
    assert grave(findings) == {}
    assert code == 0
