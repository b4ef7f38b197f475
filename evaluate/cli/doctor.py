"""`segjudge doctor`."""

import argparse
from pathlib import Path

from data_manifest.findings import Severity
from evaluate.cli.terminal import say_finding


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The arguments of `segjudge doctor`."""
    command.add_argument("--engine", action="store_true", help="only whether an engine answers")
    command.add_argument(
        "--sandbox",
        choices=("docker", "podman"),
        default="docker",
        help="which engine (default: %(default)s, or what DOCKER_HOST names)",
    )
    command.add_argument("--runtime", help="of the engine, whose limits are tried, such as runsc")
    command.add_argument("--json", type=Path, metavar="FILE", help="the findings, as a file")


def call(options: argparse.Namespace) -> int:
    """Say what works here; 3 if no engine answers."""
    from evaluate.doctor import examine_engine, examine_machine
    from evaluate.documents.doctor import write_doctor_document

    examine = examine_engine if options.engine else examine_machine
    findings = examine(options.environment, options.sandbox, options.runtime)
    missing = any(f.where == "engine" and f.severity is not Severity.OK for f in findings)
    if options.json:
        write_doctor_document(options.json, findings, engine=not missing)
    for finding in findings:
        say_finding(finding)
    return 3 if missing else 0
