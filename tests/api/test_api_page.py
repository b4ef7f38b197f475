"""Every example of docs/api.md runs, on a run and on folders of masks as a reader has them."""

import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

import segjudge
from evaluate.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|toml)([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COPY = (
    "for path in inputs.iterdir():\n"
    "    case = np.load(path)\n"
    "    segs = np.zeros(case['imgs'].shape[:case['boxes'].shape[1] // 2], np.uint8)\n"
    "    for label, box in enumerate(case['boxes'], 1):\n"
    "        low, high = box[:len(box) // 2][::-1], box[len(box) // 2:][::-1]\n"
    "        segs[tuple(slice(a, b + 1 - {short}) for a, b in zip(low, high))] = label\n"
    "    np.savez(outputs / path.name, segs=segs)\n"
)


@pytest.fixture(scope="module")
def folder(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two teams, and its references and masks as two folders."""
    folder = tmp_path_factory.mktemp("api")
    submissions = []
    for team, short in (("alpha", 0), ("beta", 3)):
        made = folder / team
        made.mkdir()
        (made / "predict.sh").write_text("exec python3 -B predict.py\n")
        (made / "predict.py").write_text(
            "import os, pathlib\nimport numpy as np\n"
            "inputs = pathlib.Path(os.environ['SEGJUDGE_INPUTS'])\n"
            "outputs = pathlib.Path(os.environ['SEGJUDGE_OUTPUTS'])\n" + COPY.format(short=short)
        )
        submissions += ["--submission", f"{team}={made}"]
    run = folder / "my-run"
    rules = ["--manifest", str(small_data), "--protocol", "cvpr24", "--sandbox", "local"]
    for command in (
        ["run", *rules, *submissions, str(run)],
        ["score", str(run)],
        ["rank", str(run), "--bootstrap", "100"],
    ):
        assert main(command) == 0
    (folder / "gts").symlink_to(small_data.parent / "references")
    (folder / "segs").symlink_to(run / "predictions" / "alpha")
    return folder


def test_every_plain_example_runs_in_its_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for language, words, body in BLOCKS:
        if language == "python" and not words:
            exec(compile(body, "docs/api.md", "exec"), names)  # noqa: S102  # our own page
    printed = capsys.readouterr().out
    assert " is first; " in printed
    ranked = names["ranked"]
    assert isinstance(ranked, segjudge.RankedTable)
    assert list(ranked.leaderboard["team"]) == ["alpha", "beta"]


def test_the_frames_hold_what_the_csv_files_hold(folder: Path) -> None:
    run = segjudge.open_run(folder / "my-run")
    for name in ("runs", "case_scores", "label_scores", "modality_scores"):
        path = folder / "my-run" / f"{name}.csv"
        written = pd.read_csv(path)
        frame = getattr(run, name)
        assert list(frame.columns) == list(written.columns)
        for column in written.columns:
            known = written[column].notna()
            same = frame[column].astype(written[column].dtype, errors="ignore")[known]
            assert (same.astype(str) == written[column][known].astype(str)).all(), column
            assert (frame[column].isna() | (frame[column] == "") == ~known).all(), column


def test_a_folder_scores_as_the_run_and_as_the_command_do(folder: Path, tmp_path: Path) -> None:
    run = segjudge.open_run(folder / "my-run")
    made = segjudge.score_folder(
        folder / "gts", folder / "segs", "cvpr24", out=tmp_path / "out", jobs=1
    )
    of_run = run.case_scores[run.case_scores["team"] == "alpha"].reset_index()
    assert list(made.case_scores["dsc"]) == list(of_run["dsc"])
    assert list(pd.read_csv(tmp_path / "out" / "case_scores.csv")["dsc"]) == list(of_run["dsc"])
    leaderboard = pd.read_csv(folder / "my-run" / "ranking.csv").set_index("team")
    assert made.means["dsc"] == pytest.approx(leaderboard["dsc"]["alpha"], rel=1e-15)
    assert made.failures == 0


def test_tables_are_parquet_files_on_request(folder: Path, tmp_path: Path) -> None:
    run = segjudge.open_run(folder / "my-run")
    run.to_parquet(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == [
        *("case_scores", "label_scores", "modality_scores", "runs")
    ]
    again = pd.read_parquet(tmp_path / "case_scores.parquet")
    pd.testing.assert_frame_equal(again, run.case_scores, check_dtype=False)


def test_a_frame_that_can_be_read_in_two_ways_is_refused_by_its_cell(folder: Path) -> None:
    table = segjudge.open_run(folder / "my-run").case_scores[["team", "case", "modality", "dsc"]]
    doubled = pd.concat([table, table.head(1)])
    with pytest.raises(segjudge.SegjudgeError, match="1 rows that are there twice"):
        segjudge.rank(doubled, "cvpr24", metrics={"dsc": "higher"})
    with pytest.raises(segjudge.SegjudgeError, match="lower"):
        segjudge.rank(table, "cvpr24", metrics={"dsc": "lower"})


def test_what_is_no_run_directory_is_said_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(segjudge.SegjudgeError, match=str(tmp_path)):
        segjudge.open_run(tmp_path)


def test_importing_segjudge_loads_neither_numpy_nor_pandas() -> None:
    code = "import sys, segjudge; print(sorted({'numpy', 'pandas', 'evaluate'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def in_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two references and one mask as NIfTI files, and the page's protocol."""
    for name in ("data/gt_segmentations", "out/validation"):
        (tmp_path / name).mkdir(parents=True)
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:5, 2:6, 3:7], labels[6:8], labels[:2, :2] = 1, 2, 3
    for case in ("a", "b"):
        image = nibabel.Nifti1Image(labels, np.diag([1.0, 1.0, 2.0, 1.0]))
        nibabel.save(image, tmp_path / "data" / "gt_segmentations" / f"{case}.nii.gz")
    nibabel.save(image, tmp_path / "out" / "validation" / "a.nii.gz")
    (protocol,) = (body for language, words, body in BLOCKS if "challenge.toml" in words)
    (tmp_path / "challenge.toml").write_text(protocol)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def example(word: str) -> dict[str, object]:
    names: dict[str, object] = {}
    (body,) = (body for _, words, body in BLOCKS if words.strip() == word)
    exec(compile(body, "docs/api.md", "exec"), names)  # noqa: S102  # our own page
    return names


def test_a_trainer_of_nnunet_scores_its_validation(
    in_training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nnU-Net's class is stood in for: its two folders, its log, its validation that writes."""
    said: list[object] = []

    class nnUNetTrainer:  # noqa: N801  # its name
        preprocessed_dataset_folder_base, output_folder = "data", "out"

        def perform_actual_validation(self, save_probabilities: bool = False) -> None:
            said.append("validated")

        def print_to_log_file(self, *words: object) -> None:
            said.extend(words)

    name = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
    for parent in (name.rsplit(".", depth)[0] for depth in range(4)):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    sys.modules[name].nnUNetTrainer = nnUNetTrainer  # type: ignore[attr-defined]
    trainer = example("nnunet")["ScoredTrainer"]
    assert callable(trainer)
    trainer().perform_actual_validation()
    assert said == ["validated", "segjudge:", {"dsc": 0.5, "nsd": 0.5}, "failed:", 1]
    assert (in_training / "out" / "segjudge" / "case_scores.csv").is_file()


def test_a_handler_of_monai_adds_its_means_when_the_evaluator_is_done(
    in_training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ignite's engine is stood in for: events, handlers, a state with metrics."""
    events = types.SimpleNamespace(COMPLETED="completed")
    monkeypatch.setitem(sys.modules, "ignite", types.ModuleType("ignite"))
    monkeypatch.setitem(sys.modules, "ignite.engine", types.SimpleNamespace(Events=events))

    class Engine:
        def __init__(self) -> None:
            self.state = types.SimpleNamespace(metrics={"loss": 0.1})
            self.handlers: dict[str, Callable[[Engine], None]] = {}

        def add_event_handler(self, event: str, handler: "Callable[[Engine], None]") -> None:
            self.handlers[event] = handler

    handler, engine = example("monai")["SegjudgeHandler"], Engine()
    assert callable(handler)
    handler("data/gt_segmentations", "out/validation", "challenge.toml").attach(engine)
    engine.handlers["completed"](engine)
    assert engine.state.metrics == {"loss": 0.1, "segjudge_dsc": 0.5, "segjudge_nsd": 0.5}
