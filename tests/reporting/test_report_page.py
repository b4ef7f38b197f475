"""The report: what a participant named is text, every number is the run's, gaps are named."""

import csv
import os
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest
from synthetic_run import HOSTILE, MODALITIES, TEAMS, Scale, Synthetic, make_run

from data_manifest.layouts.npz_writing import write_npz
from evaluate.facts.attempts import Attempt
from evaluate.facts.errors import RunDirectoryError, TableError
from evaluate.facts.outcome import Outcome
from evaluate.facts.scores import CaseScore
from evaluate.reporting import write_report
from evaluate.store import RunDirectory


class Page(HTMLParser):
    """The page as a browser's parser sees it: elements, and text outside scripts and styles."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._silent = False
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += f" {data}"

    def count(self, tag: str, class_: str = "") -> int:
        wanted = set(class_.split())
        return sum(
            name == tag and wanted <= set((attributes.get("class") or "").split())
            for name, attributes in self.elements
        )


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page(report)


@pytest.fixture
def copy_of(synthetic: Synthetic, tmp_path: Path) -> Callable[[], Synthetic]:
    """A copy of the run that a test may spoil; the data set is a copy too."""

    def copy() -> Synthetic:
        run = RunDirectory(tmp_path / "run")
        shutil.copytree(synthetic.run.root, run.root)
        data = tmp_path / "data"
        shutil.copytree(synthetic.data_root, data)
        return Synthetic(run=run, data_root=data)

    return copy


def test_nothing_that_a_participant_wrote_becomes_markup(page: Page) -> None:
    assert page.count("script") == 1
    assert page.count("img") == 0
    handlers = [a for _, attributes in page.elements for a in attributes if a.startswith("on")]
    assert handlers == []
    assert "<script>alert('log')</script>" in page.text  # in logs and reasons, as text
    assert "<script>alert('label')</script>" in page.text
    assert TEAMS[2] in page.text
    assert HOSTILE not in page.source


def test_control_characters_of_a_log_are_shown_as_escapes(page: Page) -> None:
    assert "\x1b" not in page.source
    assert "\\x1b[31mRuntimeError: out of luck" in page.text


def test_every_address_is_inside_the_page_or_a_page_beside_it(page: Page, report: Path) -> None:
    for _, attributes in page.elements:
        for name in ("href", "src", "xlink:href", "action"):
            target = attributes.get(name)
            inside = ("#", "data:image/webp;base64,")
            if target is not None and not target.startswith(inside):
                assert (report.parent / target).is_file()
                assert target == "cases.html" or target.startswith("modalities/")
        assert "style" not in attributes  # the page's own policy would refuse it


def test_every_team_and_modality_is_on_the_page(page: Page) -> None:
    for name in (*TEAMS, *MODALITIES):
        assert name in page.text


def test_the_first_sentence_names_the_winner(page: Page) -> None:
    assert f"{TEAMS[0]} ranks first of 3 teams" in page.text
    assert "1,000 resamples of the cases" in page.text


def test_macro_and_micro_means_are_those_of_the_case_scores(tmp_path: Path) -> None:
    left_out = ("3DBox_CT_0000", "3DBox_CT_0001", "3DBox_CT_0002", "3DBox_MR_0003")
    made = make_run(tmp_path, Scale(masks=False, left_out=left_out, with_ranking_json=False))
    page = Page(write_report(made.run, data_root=None))
    orders = [a["data-order"] for t, a in page.elements if t == "td" and "data-order" in a]
    cells = [float(order or "nan") for order in orders[:27]]
    rows = {mean_rank: means for _, mean_rank, *means, _ in (cells[i : i + 9] for i in (0, 9, 18))}
    with (made.run.root / "ranking.csv").open(newline="") as stream:
        ranked = {row["team"]: float(row["mean_rank"]) for row in csv.DictReader(stream)}
    scores = made.run.read_rows(CaseScore)
    for team, mean_rank in ranked.items():
        expected = []
        for metric in ("dsc", "nsd", "wall_s"):
            of = {
                m: [s.values[metric] for s in scores if (s.team, s.modality) == (team, m)]
                for m in MODALITIES
            }
            macro = np.mean([np.mean(values) for values in of.values()])
            micro = np.mean(np.concatenate(list(of.values())))
            assert macro != pytest.approx(micro, rel=1e-6)
            expected += [macro, micro]
        assert rows[mean_rank] == pytest.approx(expected, rel=1e-12)


def test_failures_are_listed_with_reason_and_the_end_of_the_log(page: Page) -> None:
    assert "2 results of 72 failed" in page.text
    assert "time limit" in page.text
    assert "crashed" in page.text
    assert page.text.count("loading the model") == 2


def test_a_long_log_is_shown_by_its_end_alone(copy_of: Callable[[], Synthetic]) -> None:
    made = copy_of()
    lines = "".join(f"line {number}\n" for number in range(200_000))
    made.run.log_path(TEAMS[1], "3DBox_CT_0002").write_text(lines)
    text = Page(write_report(made.run, data_root=None)).text
    assert "line 199999" in text
    assert "line 199900 " not in text


def test_a_log_that_is_a_link_is_not_followed(
    copy_of: Callable[[], Synthetic], tmp_path: Path
) -> None:
    made = copy_of()
    secret = tmp_path / "secret"
    secret.write_text("the organiser's secret")
    log = made.run.log_path(TEAMS[1], "3DBox_CT_0002")
    log.unlink()
    log.symlink_to(secret)
    assert "secret" not in Page(write_report(made.run, data_root=None)).text


def test_a_sandbox_that_does_not_isolate_is_announced(page: Page) -> None:
    assert page.count("aside", "banner stop") == 1
    assert "Not valid for official scoring" in page.text


def test_simulated_data_are_announced(page: Page) -> None:
    assert "6 of the 24 cases are simulated" in page.text


def test_an_isolated_run_on_real_data_has_no_banner(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, isolated=True, simulated=()))
    page = Page(write_report(made.run, data_root=None))
    assert page.count("aside", "banner") == 0


def test_a_machine_that_drifted_is_announced(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, isolated=True, drift=0.31))
    text = Page(write_report(made.run, data_root=None)).text
    assert "Times are not comparable" in text
    assert "31" in text


def test_the_cases_beside_which_other_programs_ran_are_announced(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, isolated=True, simulated=()))
    runs = made.run.read_rows(Attempt)
    cases = sorted({run.case for run in runs})
    beside = dict.fromkeys(cases[:4], 1.31) | {cases[5]: 0.2}
    runs = [msgspec.structs.replace(run, others_cpus=beside.get(run.case)) for run in runs]
    made.run.write_rows(runs, Attempt)

    text = Page(write_report(made.run, data_root=None)).text

    teams = len({run.team for run in runs})
    assert f"During {4 * teams} of {len(runs)} runs, of 4 cases" in text
    assert f"{cases[0]}, {cases[1]}, {cases[2]} and 1 more" in text
    assert "up to 1.3 processors" in text


def test_every_team_has_its_worst_and_best_cases_as_pictures(page: Page) -> None:
    pictures = [a["class"] for t, a in page.elements if t == "svg" and "case-" in str(a["class"])]
    for position in range(3):
        assert sum(f"case-{position}-" in str(name) for name in pictures) == 6
    drawn = {a["href"] for t, a in page.elements if t == "use" and a.get("href")}
    identifiers = {f"#{a['id']}" for t, a in page.elements if t in ("image", "path") and "id" in a}
    assert drawn == identifiers


def test_pictures_of_volumes_say_which_slice_they_show(page: Page) -> None:
    assert "of 12, the largest reference area" in page.text


def test_the_report_of_three_teams_and_24_cases_is_small(report: Path) -> None:
    assert report.stat().st_size < 8_000_000


def test_the_same_run_gives_the_same_bytes(synthetic: Synthetic, report: Path) -> None:
    first = report.read_bytes()
    assert write_report(synthetic.run, data_root=synthetic.data_root).read_bytes() == first


def test_without_the_data_set_the_report_says_why_it_has_no_pictures(
    copy_of: Callable[[], Synthetic],
) -> None:
    made = copy_of()
    page = Page(write_report(made.run, data_root=None))
    assert "No pictures. the data set was not at hand" in page.text
    assert page.count("image") == 0
    page = Page(write_report(made.run, data_root=made.data_root / "gone"))
    assert "No pictures. the data set's folder is gone" in page.text
    (made.run.root / "manifest.json").unlink()
    page = Page(write_report(made.run, data_root=made.data_root))
    assert "No pictures. the run directory holds no copy of the manifest" in page.text


def test_a_reference_that_was_altered_since_is_not_shown(copy_of: Callable[[], Synthetic]) -> None:
    made = copy_of()
    for reference in (made.data_root / "references").iterdir():
        write_npz(reference, {"gts": np.ones((160, 200), np.uint8)})
    page = Page(write_report(made.run, data_root=made.data_root))
    assert "is not the file that was scored" in page.text
    assert page.count("image") == 0


def test_a_prediction_that_was_spoilt_since_costs_only_its_own_picture(
    copy_of: Callable[[], Synthetic],
) -> None:
    made = copy_of()
    for case in sorted((made.run.root / "predictions" / TEAMS[0]).iterdir()):
        case.unlink()
        os.mkfifo(case)
    page = Page(write_report(made.run, data_root=made.data_root))
    assert page.text.count("no mask to show") == 6
    assert page.count("image") > 0


def test_a_prediction_of_noise_does_not_swell_the_report(copy_of: Callable[[], Synthetic]) -> None:
    made = copy_of()
    rng = np.random.default_rng(0)
    for case in (made.run.root / "predictions" / TEAMS[0]).glob("2D*"):
        write_npz(case, {"segs": rng.integers(0, 60_000, (160, 200)).astype(np.uint16)})
    assert write_report(made.run, data_root=made.data_root).stat().st_size < 8_000_000


def test_a_run_without_resamples_says_that_its_certainty_is_not_known(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, with_ranking_json=False))
    text = Page(write_report(made.run, data_root=None)).text
    assert "How far the places depend on the choice of cases was not computed" in text


def test_one_team_alone_is_not_called_a_winner(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, teams=("alone",)))
    text = Page(write_report(made.run, data_root=None)).text
    assert "alone is the only team" in text
    assert "ranks first" not in text
    assert "resamples" not in text


def test_a_team_that_failed_everywhere_keeps_its_row(tmp_path: Path) -> None:
    names = [f"{d}Box_{m}_{n:04d}" for m, d in MODALITIES.items() for n in range(2)]
    failed = {("broken", name): Outcome.IMAGE_ERROR for name in names}
    scale = Scale(teams=("fine", "broken"), cases_each=2, failures=failed)
    made = make_run(tmp_path, scale)
    text = Page(write_report(made.run, data_root=made.data_root)).text
    assert "8 results of 16 failed" in text
    assert "No case of this team gave a mask" in text


def test_a_result_that_the_harness_owes_is_announced(copy_of: Callable[[], Synthetic]) -> None:
    made = copy_of()
    first, *others = made.run.read_rows(CaseScore)
    owed = msgspec.structs.replace(first, outcome=Outcome.HARNESS_ERROR, values={})
    made.run.write_rows([owed, *others], CaseScore)
    assert "1 result could not be scored" in Page(write_report(made.run, data_root=None)).text


def test_a_run_directory_of_another_schema_is_refused(copy_of: Callable[[], Synthetic]) -> None:
    made = copy_of()
    made.run.write_document("run.json", b'{"schema": 3}')
    with pytest.raises(RunDirectoryError, match="another format"):
        write_report(made.run, data_root=None)


def test_a_run_that_was_not_ranked_is_refused_with_the_way_out(
    copy_of: Callable[[], Synthetic],
) -> None:
    made = copy_of()
    (made.run.root / "ranking.csv").unlink()
    with pytest.raises(TableError, match="segjudge rank"):
        write_report(made.run, data_root=None)


def test_a_ranking_of_other_teams_is_refused(copy_of: Callable[[], Synthetic]) -> None:
    made = copy_of()
    made.run.write_document("ranking.csv", b"team,rank,mean_rank\nsomebody,1,1.0\n")
    with pytest.raises(TableError, match="the teams of case_scores"):
        write_report(made.run, data_root=None)


def _ranked(made: Synthetic, rows: str) -> str:
    head = "team,rank,mean_rank,rank_micro,mean_rank_micro,rank_macro,mean_rank_macro\n"
    made.run.write_document("ranking.csv", (head + rows).encode())
    return Page(write_report(made.run, data_root=None)).text


def test_teams_on_one_place_share_it_in_words(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, teams=("a", "b", "c")))
    text = _ranked(made, "a,1,1.5,1,1.5,1,1.5\nb,1,1.5,1,1.5,1,1.5\nc,3,3,3,3,3,3\n")
    assert "a and b share the first place" in text
    assert "c follows with 3.00" in text


def test_a_winner_that_depends_on_how_cases_are_weighed_is_said_to(tmp_path: Path) -> None:
    made = make_run(tmp_path, Scale(masks=False, teams=("a", "b")))
    text = _ranked(made, "a,1,1.4,2,1.6,1,1.4\nb,2,1.6,1,1.4,2,1.6\n")
    assert "Where every case weighs alike, b would be first." in text
    assert "Where every modality weighs alike" not in text


def test_teams_that_no_test_parts_from_the_first_are_named(page: Page) -> None:
    assert f"can not tell it apart from {TEAMS[2][:10]}" in page.text
