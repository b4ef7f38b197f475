"""What `segjudge manifest build` says of a folder: its cases, and what was left over."""

from data_manifest.findings import grouped
from data_manifest.making.source_layouts.source import Source, SourceCase
from evaluate.cli.terminal import say


def say_source(source: Source) -> None:
    """Every case with its files, a line each, and the regions that a protocol can score."""
    say(f"{len(source.cases)} cases:")
    for case in source.cases:
        said = {"": case.modality or "modality not told", "group ": case.group, "fold ": case.fold}
        facts = ", ".join(f"{key}{value}" for key, value in said.items() if value)
        say(f"{case.identifier}: {_images(case)} -> {case.reference.name} ({facts})")
    names = {n: name for case in source.cases for n, name in case.label_names.items()}
    if names:
        say("labels: " + ", ".join(f"{n} {name}" for n, name in sorted(names.items())))
    for name, labels in source.regions.items():
        say(f'region for a protocol: {{ name = "{name}", labels = {list(labels)} }}')


def _images(case: SourceCase) -> str:
    files = [file.name for file in case.images]
    if len(files) < len(case.channels):
        return f"{files[0]} ({', '.join(case.channels)})"
    named = zip(case.channels or ("",), files, strict=True)
    return ", ".join(f"{channel} {file}".strip() for channel, file in named)


def say_left_over(source: Source) -> None:
    """Files of no case that stop nothing, one line for each reason."""
    for finding in grouped(f for f in source.findings if not f.is_problem):
        say(f"left over: {finding}")
