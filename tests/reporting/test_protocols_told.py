"""`segjudge protocol check` tells every key of a file, and every mistake in it."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest

from evaluate.facts.first_schema import upgraded
from evaluate.facts.protocol_files import builtin_protocols, whole_file
from evaluate.facts.rules import Rules, load_protocol
from evaluate.facts.scoring_rules import with_options
from evaluate.reporting.rules_told import corrected_twin, rules_told
from tests.scoring.folders import command


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value: of a list of tables those in its tables, of another the list."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list) and node and all(isinstance(part, dict) for part in node):
        for number, part in enumerate(node):
            yield from leaves(part, (*path, number))
    else:
        yield path


def choices(kind: Any) -> list[Any]:
    """The values that a type lists."""
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [value for part in get_args(kind) for value in choices(part)]


def kind_of(path: tuple[Any, ...]) -> Any:
    """The type of the key at a place; None below a dictionary."""
    kind: Any = Rules
    for key in (key for key in path if isinstance(key, str)):
        structs = [kind, *get_args(kind)]
        kind = next(
            (k for k in structs if isinstance(k, type) and issubclass(k, msgspec.Struct)), None
        )
        fields = (
            {} if kind is None else {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
        )
        kind = fields.get(key)
        if kind is None:
            return None
    return kind


def others(value: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    """Values that the key could have instead."""
    if path[-1] == "metric" or (path[1:2] == ("metrics",) and path[-1] == "name"):
        yield "iou" if value != "iou" else "hd95"
    yield from (choice for choice in choices(kind_of(path)) if choice != value)
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value / 2, 0.0)
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, list):
        yield from (
            value[:-1],
            ["x"],
            value[::-1],
            [part + 1 for part in value if isinstance(part, int)],
        )


def changed(rules: dict[str, Any], path: tuple[Any, ...]) -> Rules:
    """The rules with another value at a place."""
    value = at(rules, path)
    for other in (other for other in others(value, path) if other != value):
        data = copy.deepcopy(rules)
        at(data, path[:-1])[path[-1]] = other
        try:
            return msgspec.convert(data, Rules)
        except msgspec.ValidationError:
            continue
    raise AssertionError(f"no other value for {path}: {value!r}")


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def words(rules: Rules) -> list[str]:
    return [line.text for line in rules_told(rules)]


@pytest.mark.parametrize("name", builtin_protocols())
def test_each_key_of_a_preset_is_told_as_the_words_change_with_its_value(name: str) -> None:
    rules = load_protocol(name)
    told, plain = words(rules), json.loads(json.dumps(rules.to_json()))
    said = leaves(with_options(upgraded(whole_file(name)[0])))
    assert not [p for p in said if p != ("schema",) and words(changed(plain, p)) == told]


@pytest.mark.parametrize("name", builtin_protocols())
def test_a_preset_that_repeats_traps_has_a_twin_with_fewer(name: str) -> None:
    rules = load_protocol(name)
    twin = corrected_twin(rules)
    if rules.traps and not name.endswith("-corrected"):
        assert twin is not None and len(twin.traps) < len(rules.traps)


def test_the_words_are_in_the_order_of_a_challenge(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("protocol", "check", "kits23") == 0
    text = capsys.readouterr().out
    lines = (
        "The image as {case}/imaging.nii.gz, in nii.gz",
        "600 s for a run on a case, start-up included.",
        "nsd with tolerance_mm 1.1498198361434828",
        "An invented label, of no list and no region, costs nothing.",
        "dsc where neither map has it: 1; only the prediction has it (a false alarm): 0;"
        " only the reference has it (a miss): 0; the case failed or is missing: 0.",
        "A missing prediction is not in the average of cohort_scores.csv.",
        "What kits23-corrected does instead",
        "dsc over cases: mean of each label's values; a failed case counts with its price.",
    )
    places = [text.find(line) for line in lines]
    assert -1 not in places
    assert places[-2:] == sorted(places[-2:]) and places[0] < places[1]


def test_the_resolved_file_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("protocol", "check", "kits23-corrected", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["limits"]["timeout_s"] == 600.0
    assert [region["name"] for region in data["scoring"]["regions"]] == [
        "kidney",
        "masses",
        "tumor",
    ]


MISTAKES = {
    "limit.timeout_s = 3.0": "limit: a key that nobody knows; did you mean `limits`?",
    "limits.timeouts = 3.0": "limits.timeouts: a key that nobody knows; did you mean `timeout_s`?",
    'scoring.label = "union"': "scoring.label: a key that nobody knows; did you mean `labels`?",
    'scoring.metrics = [{ name = "nsd", tolerence_mm = 2.0 }]': "did you mean `tolerance_mm`?",
    'scoring.metrics = [{ name = "dsc", emty = { both = 1.0 } }]': "did you mean `empty`?",
    'scoring.metrics = [{ name = "hd96" }]': "did you mean `hd95`?",
    'scoring.cohort = [{ metric = "dcs", statistics = ["mean"] }]': "did you mean `dsc`?",
    'ranking.tie_breaks = ["hd95"]': "ranking.tie_breaks: ['hd95']",
}


def test_every_mistake_has_a_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (mistake, line) in enumerate(MISTAKES.items()):
        path = tmp_path / f"mine{number}.toml"
        path.write_text(f'base = "segjudge"\n{mistake}\n', encoding="utf-8")
        assert command("protocol", "check", path) == 2
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 and line in said[0], said
    path.write_text(
        'base = "segjudge"\nlimits.timeouts = 3.0\nscoring.label = "union"\nprompts = ["boxs"]\n'
        'ranking.tie_breaks = ["hd95"]\n',
        encoding="utf-8",
    )
    assert command("protocol", "check", path) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4
