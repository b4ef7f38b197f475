"""The presets rank as their challenges did: against ranks that scipy and numpy make in the test."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.stats import rankdata

from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import Rules, load_protocol
from evaluate.facts.scores import CaseScore, LabelScore
from evaluate.ranking import places_of, rank
from evaluate.ranking.places import shared_places
from evaluate.ranking.settings import RankSettings
from tests.scoring.folders import command

TEAMS, CASES = [f"t{i}" for i in range(6)], [f"fdg_lmu_{i:03}" for i in range(7)]
CASES += [f"psma_ukt_{i:03}" for i in range(4)]
Values = Mapping[str, np.ndarray]


def made(name: str, *, seed: int = 0) -> tuple[Rules, Values, Values]:
    """A preset, and values by column: of cases, and of labels, each (teams, cases).

    They have few digits, so that there are ties.
    """
    rules, rng = load_protocol(name), np.random.default_rng(seed)
    columns = RankSettings.from_protocol(rules).columns
    values = {n: np.round(rng.random((len(TEAMS), len(CASES))), 1) for n in columns}
    of_cases = {n: v for n, v in values.items() if "[" not in n}
    return rules, of_cases, {n: v for n, v in values.items() if "[" in n}


def places(rules: Rules, cases: Values, labels: Values) -> list[float]:
    """What segjudge makes of them, resampled too."""
    scores = [
        CaseScore(
            team=team,
            case=case,
            modality="CT",
            dimension="3D",
            outcome=Outcome.OK,
            reason="",
            values={n: float(v[i, j]) for n, v in cases.items()},
        )
        for i, team in enumerate(TEAMS)
        for j, case in enumerate(CASES)
    ]
    rows = [
        LabelScore(
            team=team,
            case=case,
            modality="CT",
            label=label,
            values={
                n.partition("[")[0]: float(v[i, j])
                for n, v in labels.items()
                if n.endswith(f"[{label}]")
            },
            reference_voxels=1,
            prediction_voxels=1,
        )
        for label in sorted({n[:-1].partition("[")[2] for n in labels})
        for i, team in enumerate(TEAMS)
        for j, case in enumerate(CASES)
    ]
    result = rank(scores, rules, bootstrap=20, labels=rows)
    found = {row.team: row.rank for row in result.rows}
    assert found == places_of(scores, rules, labels=rows)
    return [found[team] for team in TEAMS]


def ranks(values: np.ndarray, *, higher: bool, ties: str = "min") -> np.ndarray:
    """Of each column."""
    return rankdata(np.round(-values if higher else values, 9), method=ties, axis=0)


def last(means: np.ndarray, ties: str = "min") -> list[float]:
    return list(rankdata(np.round(means, 9), method=ties))


LOWER = ("hd95", "volume", "count", "lesion_hd95", "masd", "betti0", "wall_s")


def higher(name: str) -> bool:
    return not any(word in name for word in LOWER)


@pytest.mark.parametrize("name", ["brats23-gli", "brats23-met"])
def test_brats_ranks_in_every_case_and_region(name: str) -> None:
    rules, _, labels = made(name)
    assert len(labels) == 6
    in_each = [ranks(v, higher=higher(n), ties="average") for n, v in labels.items()]
    means = {n.partition("[")[0]: np.zeros((6, 11)) for n in labels}
    assert places(rules, means, labels) == last(np.mean(in_each, axis=(0, 2)), "average")


@pytest.mark.parametrize("name", ["isles22", "isles24-2024", "isles24"])
def test_isles_ranks_each_metric_in_every_case(name: str) -> None:
    rules, cases, _ = made(name)
    assert len(cases) == 4
    in_each = [ranks(v, higher=higher(n)) for n, v in cases.items()]
    assert places(rules, cases, {}) == last(np.mean(in_each, axis=(0, 2)))


WEIGHTS = {"dsc": 0.5, "fp_volume_ml": 0.25, "fn_volume_ml": 0.25}


@pytest.mark.parametrize("name", ["autopet1", "autopet3", "autopet4"])
def test_autopet_weighs_ranks_of_means(name: str) -> None:
    rules, cases, _ = made(name)
    parts = [WEIGHTS[n] * ranks(v.mean(axis=1), higher=higher(n)) for n, v in cases.items()]
    assert places(rules, cases, {}) == last(np.sum(parts, axis=0))


@pytest.mark.parametrize("name", ["toothfairy1", "toothfairy2", "toothfairy3"])
def test_toothfairy_ranks_means(name: str) -> None:
    rules, cases, _ = made(name)
    parts = [ranks(v.mean(axis=1), higher=higher(n)) for n, v in cases.items()]
    assert places(rules, cases, {}) == last(np.mean(parts, axis=0))


def test_panther_ranks_means_and_the_error_of_the_burden() -> None:
    rules, cases, _ = made("panther25")
    parts = [
        ranks(np.sqrt((v**2).mean(axis=1)), higher=False)
        if "volume" in n
        else ranks(v.mean(axis=1), higher=higher(n))
        for n, v in cases.items()
    ]
    assert len(parts) == 5
    assert places(rules, cases, {}) == last(np.mean(parts, axis=0))


def test_hecktor_2021_ranks_a_mean_and_a_median() -> None:
    rules, cases, _ = made("hecktor21")
    parts = [
        ranks(cases["dsc"].mean(axis=1), higher=True),
        ranks(np.median(cases["hd95"], axis=1), higher=False),
    ]
    assert places(rules, cases, {}) == last(np.mean(parts, axis=0))


def test_hecktor_2022_ranks_the_mean_of_two_aggregated_dice() -> None:
    rules, cases, labels = made("hecktor22", seed=4)
    dice = [
        2
        * labels[f"intersection_volume_ml[{region}]"].sum(axis=1)
        / sum(
            labels[f"{whose}_volume_ml[{region}]"].sum(axis=1)
            for whose in ("reference", "prediction")
        )
        for region in ("GTVp", "GTVn")
    ]
    assert places(rules, cases, labels) == list(ranks(np.mean(dice, axis=0), higher=True))


def test_autopet_v_ranks_in_each_data_set() -> None:
    rules, cases, labels = made("autopet5")
    parts = []
    for where in (slice(0, 7), slice(7, 11)):
        tp, fp, fn = (
            labels[f"lesion_{n}[lesion]"][:, where].sum(axis=1) for n in ("tp", "fp", "fn")
        )
        parts.append(ranks(cases["dsc"][:, where].mean(axis=1), higher=True))
        parts.append(ranks(2 * tp / (2 * tp + fp + fn), higher=True))
    assert places(rules, cases, labels) == last(np.mean(parts, axis=0))


@pytest.mark.parametrize("name", ["flare22", "flare23", "flare24-t1", "flare24-t2"])
def test_flare_ranks_in_every_case_and_the_processors_time_at_half_weight(name: str) -> None:
    rules, cases, _ = made(name)
    weights = {"dsc": 1.0, "nsd": 1.0, "wall_s": 1.0, "cpu_s": 0.5}
    in_each = [w * ranks(cases[n], higher=n in ("dsc", "nsd")) for n, w in weights.items()]
    assert places(rules, cases, {}) == last(np.sum(in_each, axis=0).mean(axis=1))


def test_topcow_weighs_seven_metrics_alike() -> None:
    """Recalls by sklearn's definition, of made-up variants."""
    rules, cases, labels = made("topcow24", seed=2)
    rng = np.random.default_rng(5)
    for name in ("anterior", "posterior"):
        true = np.tile(rng.choice([1111.0, 1101.0, 11.0], size=len(CASES)), (len(TEAMS), 1))
        answer = rng.choice([1111.0, 1101.0, 11.0, 0.0], size=true.shape)
        labels[f"reference_variant[{name}]"][:] = true
        labels[f"prediction_variant[{name}]"][:] = np.where(
            rng.random(true.shape) < 0.5, true, answer
        )
        labels[f"topology_match[{name}]"][:] = rng.random(true.shape) < 0.6

    def accuracy(team: int, name: str, *, topology: bool) -> float:
        true = labels[f"reference_variant[{name}]"][team]
        right = labels[f"prediction_variant[{name}]"][team] == true
        right &= (labels[f"topology_match[{name}]"][team] == 1) | (not topology)
        return float(np.mean([right[true == variant].mean() for variant in set(true)]))

    parts = [
        ranks(cases[n].mean(axis=1), higher=higher(n))
        for n in ("dsc", "cldice", "betti0_error", "hd95")
    ]
    tp, fp, fn = (
        np.array([v.sum(axis=1) for n, v in labels.items() if n.startswith(f"lesion_{kind}")])
        for kind in ("tp", "fp", "fn")
    )
    assert len(tp) == 4
    parts.append(ranks(np.mean(2 * tp / (2 * tp + fp + fn), axis=0), higher=True))
    for topology in (False, True):
        of_teams = [
            [accuracy(team, name, topology=topology) for name in ("anterior", "posterior")]
            for team in range(len(TEAMS))
        ]
        parts.append(ranks(np.mean(of_teams, axis=1), higher=True))
    assert places(rules, cases, labels) == last(np.mean(parts, axis=0))


def test_kits_parts_equal_teams_by_the_tumour() -> None:
    rules, cases, labels = made("kits23")
    (tumor,) = labels.values()
    for name in cases:
        cases[name][:] = np.array([1, 1, 2, 3, 3, 4])[:, np.newaxis] / 10
    tumor[:] = np.array([1, 2, 3, 4, 4, 5])[:, np.newaxis] / 10
    # Best first: 5; 3 and 4, equal in all; 2; then 1 before 0, by the tumour.
    assert places(rules, cases, labels) == [6, 5, 4, 2, 2, 1]


def test_metrics_of_a_group_are_ranked_together_first() -> None:
    """As HECKTOR 2025 does: the rank of GTVp, and that of the two ranks of GTVn."""
    rules, cases, _ = made("toothfairy1")
    metrics = (
        {"name": "dsc"},
        {"name": "hd95", "group": "nodes"},
        {"name": "cldice", "group": "nodes"},
    )
    ranking = msgspec.convert({"metrics": metrics, "rank_level": "cohort"}, type(rules.ranking))
    rules = msgspec.structs.replace(rules, ranking=ranking)
    cases = dict(cases) | {"cldice": np.round(np.random.default_rng(9).random((6, 11)), 1)}
    one, two, three = (
        ranks(cases[n].mean(axis=1), higher=higher(n)) for n in ("dsc", "hd95", "cldice")
    )
    nodes = np.array(last((two + three) / 2))
    assert places(rules, cases, {}) == last((one + nodes) / 2)


def test_teams_that_no_test_parts_from_the_best_share_its_place() -> None:
    ranked = np.array([[1.0], [2.0], [3.0], [4.0]])
    parted = np.zeros((4, 4), dtype=bool)
    parted[0, 2:] = parted[2:, 0] = parted[1, 3] = parted[3, 1] = True
    # The third is not parted from the second, but from the first, whose place the second has.
    assert shared_places(ranked, parted).ravel().tolist() == [1, 1, 3, 3]


def test_a_table_of_labels_is_ranked(tmp_path: Path) -> None:
    table = "team,case,modality,label,dsc,nsd\n"
    for team, tumor in (("a", 0.5), ("b", 0.7)):
        table += f"{team},c0,CT,kidney,{1.2 - tumor},0.9\n{team},c0,CT,tumor,{tumor},0.9\n"
    (tmp_path / "label_scores.csv").write_text(table, encoding="utf-8")
    out = ("--protocol", "kits23", "--out", tmp_path / "out")
    assert command("rank", "--scores", tmp_path / "label_scores.csv", *out) == 0
    rows = (tmp_path / "out" / "ranking.csv").read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[:3] for row in rows[1:]] == [["a", "2", "1.0"], ["b", "1", "1.0"]]
