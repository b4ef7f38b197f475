"""docs/metrics.md lists every metric as the registry has it, and says what each setting means."""

import math
import re
from pathlib import Path

import pytest

from metrics import METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
OWN = [metric for metric in METRICS.values() if not METRICS.is_foreign(metric.name)]


GROUPS = {
    "of objects": METRICS["lesion_f1"].options,
    "of distances": {k: o for k, o in METRICS["hd"].options.items() if k != "surface"},
}
"""Settings that several metrics have: the page lists them once."""


def setting(name, option):
    default = option.default
    if default is None:
        return f"`{name}` (needed)"
    if isinstance(default, bool):
        default = str(default).lower()
    elif default in (math.inf, ""):
        default = "none"
    return f"`{name}` ({default:g})" if isinstance(default, float) else f"`{name}` ({default})"


def row(metric):
    """The metric's line of the page's table."""
    worst = metric.worst if isinstance(metric.worst, str) else f"{metric.worst:g}"
    empty = ", ".join(
        rule if isinstance(rule, str) else f"{rule:g}"
        for rule in (
            getattr(metric.empty, name) for name in ("both", "reference", "prediction", "failed")
        )
    )
    left, settings = dict(metric.options), []
    for group, members in GROUPS.items():
        if members.items() <= left.items():
            settings.append(group)
            left = {name: option for name, option in left.items() if name not in members}
    settings += [setting(*item) for item in left.items()]
    cells = [
        f"`{metric.name}`", metric.definition, metric.unit or "0 to 1", metric.direction,
        "none" if worst == "inf" else worst, empty, ", ".join(settings) or "none",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


@pytest.mark.parametrize("metric", OWN, ids=lambda metric: metric.name)
def test_a_metric_s_line_is_as_the_registry_has_it(metric):
    if not metric.is_measured:
        assert row(metric) in PAGE.splitlines()


@pytest.mark.parametrize("group", GROUPS)
def test_settings_that_several_metrics_have_are_listed_once(group):
    listed = ", ".join(setting(*item) for item in GROUPS[group].items())
    assert f"Settings {group}: {listed}." in PAGE.splitlines()


def test_every_setting_has_a_line_and_no_other_name_has():
    explained = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE))
    assert explained == {name for metric in OWN for name in metric.options}
