"""A protocol's scoring as it is for one case, where its text prompts decide."""

import msgspec
import numpy as np
import numpy.typing as npt

from data_manifest.layouts.text_prompts import TextPrompts
from evaluate.facts.scoring_rules import Scoring


def scoring_of_case(
    scoring: Scoring, reference: npt.NDArray[np.integer], asked: TextPrompts | None
) -> Scoring:
    """The metrics, labels and regions that are meant for a case.

    Returns:
        The same without prompts. Else labels are a list, and metrics those of the case's kind; no
        metric where nothing is to be scored, so that no value is defined.
    """
    if not scoring.needs_prompts:
        return scoring
    if asked is None:
        raise ValueError("this scoring needs the case's text prompts")
    kind = "instance" if asked.is_instance else "semantic"
    chosen = tuple(metric for metric in scoring.metrics if metric.cases in ("all", kind))
    names = {metric.name for metric in chosen}
    regions = tuple(
        region for region in scoring.regions if region.metrics is None or names & {*region.metrics}
    )
    labels = scoring.labels
    if labels in ("prompted", "prompted_above_lowest"):
        left_out = int(reference.min()) if labels == "prompted_above_lowest" else 0
        present = {*np.flatnonzero(np.bincount(reference.ravel())).tolist()} - {left_out}
        labels = () if asked.is_instance else tuple(n for n in asked.labels if n in present)
    metrics = chosen if labels or regions else ()
    return msgspec.structs.replace(scoring, metrics=metrics, regions=regions, labels=labels)
