"""A resample is the table with some cases several times and others not at all; nothing else."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import RankedMetric
from evaluate.facts.scores import CaseScore
from evaluate.pairing import draw_counts
from evaluate.ranking import rank
from evaluate.ranking.methods import METHODS, metric_cases, once
from evaluate.ranking.places import weighted_median
from evaluate.ranking.scheme import Scheme
from evaluate.ranking.score_table import column, table_of
from evaluate.ranking.settings import RankSettings
from tests.ranking.score_rows import protocol, row

TEAMS = ("a", "b", "c", "d")


def random_scores(
    seed: int, *, cases: int = 30, teams: tuple[str, ...] = TEAMS, failing: float = 0.1
) -> list[CaseScore]:
    """Scores on a coarse grid, so that there are ties, with failures, in three modalities."""
    generator = np.random.default_rng(seed)
    scores = []
    for team in teams:
        for case in range(cases):
            failed = generator.random() < failing
            scores.append(
                row(
                    team,
                    f"c{case:03}",
                    modality=("CT", "MR", "PET")[case % 7 % 3],
                    dsc=0.0 if failed else float(generator.integers(1, 20)) / 20,
                    nsd=0.0 if failed else float(generator.random()),
                    wall_s=60.0 if failed else float(generator.gamma(2.0, 3.0)),
                    outcome=Outcome.TIMEOUT if failed else Outcome.OK,
                )
            )
    return scores


def repeated(scores: list[CaseScore], counts: dict[str, int]) -> list[CaseScore]:
    """The table in which each case is there as often as it was drawn."""
    return [
        row(
            s.team,
            f"{s.case}-{copy}",
            modality=s.modality,
            dsc=s.value("dsc"),
            nsd=s.value("nsd"),
            wall_s=s.value("wall_s"),
            outcome=s.outcome,
        )
        for s in scores
        for copy in range(counts[s.case])
    ]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ties", ["min", "average"])
def test_every_method_on_counts_equals_itself_on_repeated_cases(method: Any, ties: str) -> None:
    scores = random_scores(3)
    rules = RankSettings.from_protocol(protocol(ties=ties))
    table = table_of(scores, ["dsc", "nsd", "wall_s"])
    counts = draw_counts(list(table.modalities.values()), 6, np.random.default_rng(5))
    everything = slice(0, len(table.cases))
    for metric in rules.metrics:
        ours = metric_cases(column(table, metric), rules, everything).aggregate(method, counts)
        for replicate in range(6):
            drawn = dict(zip(table.cases, counts[:, replicate].tolist(), strict=True))
            copies = table_of(repeated(scores, drawn), ["dsc", "nsd", "wall_s"])
            cases = metric_cases(column(copies, metric), rules, slice(0, len(copies.cases)))
            expected = cases.aggregate(method, once(len(copies.cases)))[:, 0]
            np.testing.assert_allclose(ours[:, replicate], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "ranking",
    [
        {"across_modalities": "micro"},
        {"across_modalities": "macro"},
        {"rank_level": "modality"},
        {"ties": "average"},
    ],
)
def test_the_protocols_scheme_on_counts_equals_itself_on_repeated_cases(
    ranking: dict[str, Any],
) -> None:
    scores = random_scores(4)
    chosen = protocol(**ranking)
    rules = RankSettings.from_protocol(chosen)
    table = table_of(scores, ["dsc", "nsd", "wall_s"])
    modalities = list(table.modalities.values())
    counts = draw_counts(modalities, 4, np.random.default_rng(6))
    columns = [column(table, metric) for metric in rules.metrics]
    standing = Scheme(columns, rules, modalities).apply(counts.astype(np.float64))
    for replicate in range(4):
        drawn = dict(zip(table.cases, counts[:, replicate].tolist(), strict=True))
        rows = rank(repeated(scores, drawn), chosen, bootstrap=0).rows
        expected = {r.team: r for r in rows}
        assert standing.mean[:, replicate] == pytest.approx(
            [expected[t].mean_rank for t in TEAMS], rel=1e-12
        )
        assert standing.rank[:, replicate].tolist() == [expected[t].rank for t in TEAMS]


def test_each_modality_is_drawn_as_often_as_it_has_cases() -> None:
    modalities = [slice(0, 3), slice(3, 10)]
    counts = draw_counts(modalities, 500, np.random.default_rng(0))
    assert (counts[:3].sum(axis=0) == 3).all()
    assert (counts[3:].sum(axis=0) == 7).all()
    assert counts.mean(axis=1) == pytest.approx(np.ones(10), abs=0.2)


def test_a_patient_is_drawn_with_all_scans_among_those_of_the_same_modalities() -> None:
    modalities = [slice(0, 4), slice(4, 8)]  # of patients a, b, c and d; `b` has both modalities
    groups = ["a", "a", "b", "c", "b", "b", "d", ""]
    counts = draw_counts(modalities, 500, np.random.default_rng(0), groups=groups)
    assert (counts[0] == counts[1]).all()
    assert (counts[2] == counts[4]).all()
    assert (counts[2] == 1).all()  # the only one with both
    assert (counts[0] + counts[3] == 2).all()
    assert (counts[6] + counts[7] == 2).all()
    alone = draw_counts(modalities, 500, np.random.default_rng(0), groups=list("abcdefgh"))
    np.testing.assert_array_equal(alone, draw_counts(modalities, 500, np.random.default_rng(0)))


def test_drawing_patients_gives_the_certainty_that_they_give_and_not_that_of_their_scans() -> None:
    """Patient p has five scans, all of which `a` wins; q has one, which `b` wins.

    By hand: of two patients drawn, both are q in one draw of four, and else `a` has more wins: `a`
    is first in 3/4. Of six scans drawn one by one, each is p's with 5/6: `a` has at least three in
    1 - P(0, 1, 2 of 6) = 0.9913 (three are a tie, which both win).
    """
    scores = [
        msgspec.structs.replace(
            row(team, f"{scan}", modality="CT", dsc=0.9 if wins else 0.1), group=patient
        )
        for scan, patient in enumerate("pppppq")
        for team, wins in (("a", patient == "p"), ("b", patient == "q"))
    ]
    shares = {}
    for drawn in ("case", "group"):
        chosen = protocol(resample=drawn, metrics=(RankedMetric(name="dsc"),))
        document = rank(scores, chosen, bootstrap=4000).document
        shares[drawn] = document.bootstrap.p_first["a"]
        said = " ".join(document.warnings)
        assert "6 cases are of 2 groups" in said
        assert ("whole groups" if drawn == "group" else "single cases") in said
    assert shares == {
        "group": pytest.approx(0.75, abs=0.02),
        "case": pytest.approx(0.9913, abs=0.006),
    }


@pytest.mark.parametrize("cases", [1, 2, 7, 40, 301])
def test_medians_of_counted_values_are_medians_of_repeated_ones(cases: int) -> None:
    generator = np.random.default_rng(cases)
    values = generator.integers(0, 50, size=(3, cases)).astype(np.float64)
    usable = np.arange(cases) % 5 != 3
    # Some resamples draw few cases, or a corner of them: far from the table's own median.
    counts = np.concatenate(
        [
            generator.poisson(1.0, size=(cases, 10)),
            (generator.random((cases, 10)) < 0.1),
            np.argsort(np.argsort(values[0]))[:, np.newaxis] < cases // 4 + 1,
        ],
        axis=1,
    ).astype(np.int32)
    medians = weighted_median(values, usable, counts)
    for replicate, drawn in enumerate((counts * usable[:, np.newaxis]).T):
        if drawn.any():
            expected = np.median(np.repeat(values, drawn, axis=1), axis=1)
            np.testing.assert_allclose(medians[:, replicate], expected, rtol=1e-15)
        else:
            assert np.isnan(medians[:, replicate]).all()


@pytest.mark.parametrize("ties", ["min", "average", "max"])
@pytest.mark.parametrize(
    ("method", "aggregate"), [("rank_then_mean", np.mean), ("rank_then_median", np.median)]
)
def test_compat_ranks_the_copies_of_a_case_among_each_other(
    method: Any, aggregate: Callable[..., Any], ties: str
) -> None:
    from scipy.stats import rankdata

    scores = random_scores(8, failing=0.0)
    rules = RankSettings.from_protocol(protocol(ties=ties), compat="challenger")
    table = table_of(scores, ["dsc"])
    cases = metric_cases(column(table, rules.metrics[0]), rules, slice(0, len(table.cases)))
    counts = np.random.default_rng(2).integers(0, 4, size=(len(table.cases), 3)).astype(np.int32)
    found = cases.aggregate(method, counts)
    for replicate, drawn in enumerate(counts.T):
        pooled: list[list[float]] = [[] for _ in TEAMS]
        for case, m in enumerate(drawn):
            copies = np.repeat(-table.values["dsc"][:, case], m)
            for team, ranks in enumerate(rankdata(copies, method=ties).reshape(len(TEAMS), m)):
                pooled[team].extend(ranks)
        expected = [aggregate(ranks) for ranks in pooled]
        np.testing.assert_allclose(found[:, replicate], expected, rtol=1e-12)


def test_the_same_seed_gives_the_same_document_and_another_seed_other_draws() -> None:
    scores = random_scores(1)
    documents = [rank(scores, protocol(), seed=s, bootstrap=50).to_json() for s in (7, 7, 8)]
    assert documents[0] == documents[1]
    assert documents[0]["bootstrap"]["draws"] != documents[2]["bootstrap"]["draws"]
    for section in ("overall", "methods", "failures"):
        assert documents[0][section] == documents[2][section]


def test_the_stored_draws_give_the_stored_chances_again() -> None:
    scores = random_scores(2)
    found = rank(scores, protocol(), bootstrap=40).to_json()["bootstrap"]
    draws = found["draws"]
    raw = zlib.decompress(base64.b64decode(draws["counts"]))
    counts = np.frombuffer(raw, dtype="<u2").reshape(40, len(draws["cases"]))
    first = dict.fromkeys(TEAMS, 0)
    for replicate in counts:
        drawn = dict(zip(draws["cases"], replicate.tolist(), strict=True))
        rows = rank(repeated(scores, drawn), protocol(), bootstrap=0).rows
        for r in rows:
            first[r.team] += r.rank == 1
    assert found["p_first"] == {team: n / 40 for team, n in first.items()}


def test_a_clear_winner_is_first_in_every_resample_and_twins_beat_each_other_in_none() -> None:
    twin = [0.5, 0.6, 0.4, 0.7] * 3
    grid = {"best": [0.9, 0.8, 0.9, 0.8] * 3, "twin1": twin, "twin2": twin}
    scores = [row(t, f"c{i}", dsc=v) for t, values in grid.items() for i, v in enumerate(values)]
    found = rank(scores, protocol(), metrics=[RankedMetric(name="dsc")], bootstrap=100).to_json()
    chances = found["bootstrap"]
    assert chances["p_first"] == {"best": 1.0, "twin1": 0.0, "twin2": 0.0}
    assert chances["rank_interval"] == {"best": [1, 1], "twin1": [2, 2], "twin2": [2, 2]}
    assert chances["rank_counts"]["twin1"] == {"2": 100}
    assert chances["p_beats"]["twin1"]["twin2"] == chances["p_beats"]["twin2"]["twin1"] == 0.0
    assert chances["p_beats"]["best"]["twin2"] == 1.0
    assert chances["tau"]["mean"] == 1.0
    assert chances["tau"]["values"] == [[1.0, 100]]
    assert found["groups"]["overall"]["groups"] == [["best"], ["twin1", "twin2"]]
    assert found["groups"]["overall"]["tied_with_first"] == ["best"]


def test_a_shared_first_place_counts_for_each_team_whatever_rank_it_is_called() -> None:
    scores = [
        row(team, f"c{i}", dsc=dsc)
        for team, dsc in zip("abc", (0.5, 0.5, 0.1), strict=True)
        for i in range(3)
    ]
    chosen = protocol(ties="max")
    found = rank(scores, chosen, metrics=[RankedMetric(name="dsc")], bootstrap=20).to_json()
    assert found["bootstrap"]["p_first"] == {"a": 1.0, "b": 1.0, "c": 0.0}
    assert found["bootstrap"]["rank_counts"]["a"] == {"2": 20}


def test_taus_that_are_not_defined_are_counted() -> None:
    scores = [row(team, f"c{i}", dsc=0.5) for team in "ab" for i in range(3)]
    found = rank(scores, protocol(), metrics=[RankedMetric(name="dsc")], bootstrap=20).to_json()
    tau = found["bootstrap"]["tau"]
    assert (tau["n"], tau["undefined"], tau["mean"]) == (0, 20, None)
    json.dumps(found, allow_nan=False)


def test_resamples_without_a_usable_case_are_counted_and_left_out() -> None:
    # NSD is defined in one of four cases: about a third of the resamples do not draw it.
    scores = [
        row(team, f"c{i}", dsc=0.5, nsd=value if i == 0 else None)
        for team, value in (("a", 0.9), ("b", 0.4))
        for i in range(4)
    ]
    found = rank(scores, protocol(), metrics=[RankedMetric(name="nsd")], bootstrap=300).to_json()
    json.dumps(found, allow_nan=False)
    chances = found["bootstrap"]
    assert 0.2 < chances["undefined_replicates"] / 300 < 0.45
    assert chances["p_first"] == {"a": 1.0, "b": 0.0}
