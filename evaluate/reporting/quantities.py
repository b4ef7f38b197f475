"""How a quantity is named and printed: titles, units, which direction is better, digits."""

from dataclasses import dataclass, replace

from data_manifest.errors import printable
from evaluate.facts.metric_rules import MEASURED
from evaluate.facts.ranking_rules import of_label
from evaluate.facts.rules import Rules
from evaluate.ranking import RankSettings
from metrics import METRICS, MetricDef

DASH = "\N{EN DASH}"
"""Stands where there is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A metric as a reader sees it."""

    metric: MetricDef
    title: str
    long_title: str

    @property
    def name(self) -> str:
        """The column of case_scores.csv."""
        return self.metric.name

    @property
    def unit(self) -> str:
        """Empty for a score from 0 to 1."""
        return self.metric.unit

    @property
    def higher_is_better(self) -> bool:
        """Its direction."""
        return self.metric.direction == "higher"

    @property
    def is_score(self) -> bool:
        """Whether it runs from 0 to 1; the others are positive amounts, shown on a log axis."""
        return self.unit == "" and self.higher_is_better

    @property
    def word(self) -> str:
        """Title inside a sentence."""
        return self.title if self.title[1:2].isupper() else self.title.lower()

    @property
    def head(self) -> str:
        """Title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: float | None) -> str:
        """A value without its unit; a dash where there is none."""
        if value is None:
            return DASH
        return score_text(value) if self.is_score else _amount(value)

    def text_with_unit(self, value: float | None) -> str:
        """A value with its unit, for a sentence."""
        return f"{self.text(value)}\N{NO-BREAK SPACE}{self.unit}".rstrip()


QUANTITIES = {
    name: Quantity(
        metric=METRICS[name], title=METRICS[name].title, long_title=METRICS[name].long_title
    )
    for name in METRICS
    if not METRICS.is_foreign(name)
}
"""Our own metrics, by column name."""


def quantities_of(rules: Rules) -> dict[str, Quantity]:
    """Every column of a protocol's scores, in the order in which a page shows them."""
    quantities = {}
    for scored in rules.scoring.metrics:
        definition = replace(scored.definition, name=scored.name)
        own = scored.metric in (None, scored.name)
        quantities[scored.name] = Quantity(
            metric=definition,
            title=definition.title if own else scored.name,
            long_title=definition.long_title if own else f"{definition.long_title} ({scored.name})",
        )
    for reduced in rules.scoring.over_rounds:
        whole = rules.scoring.definition(reduced.name)
        if whole is not None:
            quantities[reduced.name] = Quantity(
                metric=whole, title=whole.title, long_title=whole.long_title
            )
    quantities |= {name: QUANTITIES[name] for name in MEASURED}
    return quantities | {
        name: _of_label(quantities[metric], name, label)
        for name in RankSettings.from_protocol(rules).columns
        for metric, label in (of_label(name),)
        if label and metric in quantities
    }


def _of_label(whole: Quantity, name: str, label: str) -> Quantity:
    """A metric of one label or region."""
    return Quantity(
        metric=replace(whole.metric, name=name),
        title=f"{whole.title} of {label}",
        long_title=f"{whole.long_title} of {label}",
    )


def score_text(value: float) -> str:
    """A score from 0 to 1; never rounded up to a perfect one.

    >>> score_text(0.99997), score_text(1.0), score_text(0.8125)
    ('0.999', '1.000', '0.812')
    """
    text = f"{value:.3f}"
    return "0.999" if text == "1.000" and value < 1 else text


def _amount(value: float) -> str:
    if abs(value) < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def percent(share: float) -> str:
    r"""A share as a percentage that claims neither certainty nor impossibility.

    >>> percent(0.973), percent(0.9996), percent(1.0), percent(0.0004)
    ('97\xa0%', 'over 99\xa0%', '100\xa0%', 'under 1\xa0%')
    """
    if 0 < share < 0.01:
        return "under 1\N{NO-BREAK SPACE}%"
    if 0.995 <= share < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def count_of(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count_of(1, "case"), count_of(2, "case"), count_of(2, "modality", "modalities")
    ('1 case', '2 cases', '2 modalities')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clipped(text: str, width: int) -> str:
    """A stranger's text on one line, of at most `width` characters, its end kept.

    >>> clipped("a-very-long-name-v2", 10)
    'a-very…-v2'
    """
    line = printable(text)
    if len(line) <= width:
        return line
    end = max(1, width // 3)
    return f"{line[: width - end - 1]}…{line[-end:]}"
