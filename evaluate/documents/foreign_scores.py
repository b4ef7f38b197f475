"""A table of case scores that another tool made, as our own records.

It needs a team, a case and a modality in every row, and a column for each metric that is ranked.
"""

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from data_manifest.foreign_numbers import read_numbers
from data_manifest.foreign_tables import ForeignTable, listed, quoted, read_foreign_table
from evaluate.facts.errors import Problem, TableError
from evaluate.facts.outcome import Outcome
from metrics import METRICS

__all__ = ["ForeignScore", "read_foreign_scores"]

_NAMES = ("team", "case", "modality")
_TEXTS = ("dimension", "reason")
_SCORE_WORDS = re.compile(
    r"dice|dsc|nsd|iou|jaccard|f1|sensitivity|specificity|precision|recall|accuracy|%|percent", re.I
)
