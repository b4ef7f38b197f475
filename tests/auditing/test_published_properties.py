"""A right table is never called wrong, and a wrong digit in it is, whatever the scores are."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.auditing.published_tables import check_alone, read_published
from evaluate.documents.published import TableVerdict
from evaluate.facts.errors import TableError

MODALITIES = ("CT", "MR", "PET", "Ultrasound", "X-Ray", "Dermoscopy", "Endoscopy", "Fundus", "OCT")
Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


class Made:
    """Random scores of cases, and the table that a paper would print of them."""

    def __init__(self, seed: int, *, way: str, digits: int, percent: bool, counted: bool) -> None:
        rng = np.random.default_rng(seed)
        self.way, self.percent, self.counted = way, percent, counted
        self.decimals = digits - 2 if percent else digits
        teams, modalities = int(rng.integers(4, 9)), int(rng.integers(3, 10))
        self.modalities = MODALITIES[:modalities]
        self.counts = np.concatenate([[3, 400], rng.integers(3, 900, modalities - 2)])
        skill = rng.uniform(0.5, 0.9, (teams, modalities))
        drawn = [
            rng.beta(8 * skill[:, m], 8 * (1 - skill[:, m]), (self.counts[m], teams)).T
            for m in range(modalities)
        ]
        self.means: Floats = np.array([scores.mean(axis=1) for scores in drawn]).T
        pooled = np.concatenate(drawn, axis=1)
        self.averages: Floats = {
            "macro": self.means.mean(axis=1),
            "micro": pooled.mean(axis=1),
            "median": np.median(self.means, axis=1),
        }[way]

    def printed(self, value: float) -> str:
        return f"{value * (100 if self.percent else 1):.{self.decimals}f}"

    def rows(self) -> list[list[str]]:
        unit = " (%)" if self.percent else ""
        head = ["Team", *(f"{m} DSC{unit}" for m in self.modalities), f"Average DSC{unit}", "Rank"]
        # Places are those of the scores as they are, not as they are printed.
        places = (self.averages[:, None] < self.averages).sum(axis=1) + 1
        rows = [
            [f"team {i}", *map(self.printed, means), self.printed(average), str(place)]
            for i, (means, average, place) in enumerate(
                zip(self.means, self.averages, places, strict=True)
            )
        ]
        if self.counted:
            total = int(self.counts.sum())
            rows.append(["n", *map(str, self.counts), str(total), ""])
        return [head, *rows]


def checked(folder: Path, rows: list[list[str]]) -> TableVerdict:
    path = folder / "table.csv"
    path.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    return check_alone(read_published(path))


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=150, deadline=None)
@given(
    seed=SEEDS,
    way=st.sampled_from(["macro", "micro", "median"]),
    digits=st.integers(2, 6),
    percent=st.booleans(),
    counted=st.booleans(),
)
def test_a_table_of_rounded_scores_is_never_flagged(
    folder: Path, seed: int, way: str, digits: int, percent: bool, counted: bool
) -> None:
    made = Made(seed, way=way, digits=digits, percent=percent, counted=counted)
    assert checked(folder, made.rows()).findings == ()


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, steps=st.sampled_from([-9, -3, 3, 9]))
def test_a_wrong_digit_is_flagged_in_a_mean_over_cases_where_the_cases_are_counted(
    folder: Path, seed: int, steps: int
) -> None:
    made = Made(seed, way="micro", digits=4, percent=False, counted=True)
    rows = [row[:-1] for row in made.rows()]
    team = 1 + seed % (len(rows) - 2)
    rows[team][-1] = f"{float(rows[team][-1]) + steps * 1e-4:.4f}"
    assert [f.code for f in checked(folder, rows).findings] == ["average"]


CELLS = st.sampled_from(
    ["", "–", "0.9", "91,2", "1.000", "0", "-3", "1e308", "12 %", "0.8 ± 0.1", "2nd", "CT", "Mean",
     "Average", "Rank", "n", "DSC", "NSD (%)", "CT DSC", "Time (ms)", "Mean rank", "team", "'",
     "**", "0e99", "1e-99", "9e14"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rows=st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n))))
def test_whatever_stands_in_a_table_it_is_checked_or_refused(
    folder: Path, rows: list[list[str]]
) -> None:
    path = folder / "any.csv"
    path.write_text("\n".join(";".join(row) for row in rows), encoding="utf-8")
    try:
        table = read_published(path)
    except TableError as error:
        assert str(error).count("\n") == len(error.problems) - 1
        return
    assert isinstance(check_alone(table).findings, tuple)
