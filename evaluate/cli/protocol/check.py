"""`segjudge protocol check`."""

import argparse
import json

from evaluate.cli.terminal import say


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The protocol, and how it is told."""
    command.add_argument("name", help="built-in name or TOML file")
    command.add_argument(
        "--json", action="store_true", help="print every key with its value instead, bases included"
    )


def call(options: argparse.Namespace) -> int:
    """Explain a protocol, after checking it whole."""
    from evaluate.facts.rules import load_protocol
    from evaluate.reporting.rules_told import changes, corrected_twin, rules_told

    rules = load_protocol(options.name)
    if options.json:
        say(json.dumps(rules.to_json(), indent=1))
        return 0
    heading = ""
    for line in rules_told(rules):
        if line.heading != heading:
            heading = line.heading
            say(f"\n{heading}")
        say(f"  {line.text}")
    twin = corrected_twin(rules)
    if twin is not None:
        say(f"\nWhat {twin.name} does instead")
        for line in changes(rules, twin):
            say(f"  {line.text}")
    return 0
