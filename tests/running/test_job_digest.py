"""A result counts only for the job that it is of: image, inputs, rules and sandbox."""

import msgspec
import pytest

from data_manifest.manifest import load_manifest
from evaluate.facts.machine import Machine, SandboxFacts, describe_host
from evaluate.facts.rounds import Rounds
from evaluate.facts.rules import Rules, load_protocol
from evaluate.facts.run_rules import Limits
from evaluate.running import Plan, Submission, job_sha256, outstanding
from evaluate.sandbox import Image
from evaluate.store import RunDirectory
from tests.running.test_retries import Flaky, start

_JOB = {"image": "sha256:1", "inputs_sha256": "2", "rules_sha256": "3", "sandbox": "local"}


@pytest.mark.parametrize("part", sorted(_JOB))
def test_another_part_makes_another_job(part: str) -> None:
    assert job_sha256(**_JOB) == job_sha256(**dict(_JOB))
    assert job_sha256(**{**_JOB, part: "another"}) != job_sha256(**_JOB)


CVPR24 = load_protocol("cvpr24")
OF_A_RUN = {
    "prompts": (),
    "rounds": Rounds(number=2, prompts="largest_error_click"),
    "input": msgspec.structs.replace(CVPR24.input, files=CVPR24.input.files * 2),
    "container": msgspec.structs.replace(CVPR24.container, command=("sh",)),
    "output": msgspec.structs.replace(CVPR24.output, key="mask"),
    "limits": msgspec.structs.replace(CVPR24.limits, memory_mib=1),
    "measurement": msgspec.structs.replace(CVPR24.measurement, profile_hz=5.0),
}


@pytest.mark.parametrize("part", CVPR24.__struct_fields__)
def test_rules_are_others_for_a_run_only_where_they_decide_what_a_container_meets(
    part: str,
) -> None:
    another = OF_A_RUN.get(part, f"another {part}")
    changed = msgspec.structs.replace(CVPR24, **{part: another})
    assert (changed.run_sha256 != CVPR24.run_sha256) == (part in OF_A_RUN)
    assert changed.digest() != CVPR24.digest()


def test_a_key_that_a_later_version_adds_makes_no_run_of_this_one_another() -> None:
    rules = load_protocol("cvpr24")

    def later(factor: int) -> Rules:
        kind = msgspec.defstruct("Later", [("factor", int, 1)], bases=(Limits,), kw_only=True)
        limits = kind(**msgspec.structs.asdict(rules.limits), factor=factor)
        return msgspec.structs.replace(rules, limits=limits)

    assert later(1).run_sha256 == rules.run_sha256 != later(2).run_sha256
    assert later(1).digest() == rules.digest() != later(2).digest()


@pytest.mark.parametrize("changed", ["nothing", "image", "inputs", "rules", "sandbox"])
def test_what_was_changed_is_run_again_and_nothing_else(changed: str, small_data, tmp_path) -> None:
    start(Flaky(range(0)), small_data, tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    manifest, rules = load_manifest(small_data), load_protocol("cvpr24")
    first, *others = manifest.cases
    if changed == "inputs":
        image = msgspec.structs.replace(first.image, sha256="0" * 64)
        first = msgspec.structs.replace(first, image=image)
        manifest = msgspec.structs.replace(manifest, cases=(first, *others))
    if changed == "rules":
        limits = msgspec.structs.replace(rules.limits, timeout_s=1.0)
        rules = msgspec.structs.replace(rules, limits=limits)
    image = Image(
        reference="image",
        digest="1" if changed == "image" else "0",
        kind="reference",
        handle="image",
        details={},
    )
    plan = Plan(
        protocol=rules,
        manifest=manifest,
        data_root=small_data.parent,
        submissions=(Submission(team="team", image=image),),
        machine=Machine(
            host=describe_host(),
            sandbox=SandboxFacts(
                name="another" if changed == "sandbox" else "flaky", isolated=False, engine={}
            ),
            versions={},
        ),
        seed=0,
    )
    todo = {series.case.id for block in outstanding(plan, run) for series in block.series}
    everything = {case.id for case in manifest.cases}
    assert todo == {"nothing": set(), "inputs": {first.id}}.get(changed, everything)
