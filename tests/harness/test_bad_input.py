"""Bad input gets one line: which file, what was found, what was expected, how to mend it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluate.cli import main
from evaluate.cli.commands import COMMANDS
from tests.commands import every_command

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with code 2, and gives what it wrote to standard error."""

    def run(*arguments: object, code: int = 2) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == code
        error = capsys.readouterr().err
        assert "Traceback" not in error
        assert "segjudge: " in error
        # The command may have warned before it knew.
        lines = [line for line in error.splitlines() if not line.startswith("warning: ")]
        assert lines
        return "\n".join(lines)

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["COMMAND"]),
        (["frobnicate"], ["frobnicate", "--help"]),
        (["score"], ["RUN_DIR", "--references"]),
        (["score", "RUN", "--references", "X"], ["RUN_DIR"]),
        (
            [
                "score",
                "--references",
                "a",
                "--predictions",
                "b",
                "--out",
                "c",
                "--protocol",
                "cvpr24",
                "--manifest",
                "d",
            ],
            ["RUN_DIR"],
        ),
        (["score", "missing-run"], ["missing-run", "no such folder", "segjudge run"]),
        (["rank", "missing-run"], ["missing-run", "no such folder"]),
        (["report", "missing-run"], ["missing-run", "no such folder"]),
        (["audit", "missing-run"], ["missing-run", "no such folder"]),
        (["rank", "--scores", "no.csv", "--protocol", "cvpr24", "--out", "o"], ["no.csv"]),
        (["rank", "RUN", "--protocol", "cvpr24"], ["RUN_DIR with --protocol", "segjudge score"]),
        (["rank", "RUN", "--missing", "failure"], ["RUN_DIR with --missing"]),
        (["rank", "--metric", "dsc:-1:higher"], ["WEIGHT (above 0)", "rank --help"]),
        (["rank", "--metric", ""], ["expected NAME", "rank --help"]),
        (["protocol", "show", "cvpr99"], ["cvpr99", "cvpr24", "segjudge protocol list"]),
        (["manifest", "verify", "no.json"], ["no.json"]),
        (["manifest", "show", "no.json"], ["no.json"]),
        (["manifest", "build", "out"], ["--pairs", "--images"]),
        (["manifest", "build", "--pairs", "no.csv", "out"], ["no.csv"]),
        (["manifest", "build", "--layout", "bids", "x", "y", "--crop"], ["--crop", "--prompts"]),
        (["manifest", "build", "--layout", "cvpr", "x", "y", "--jitter", "2"], ["--jitter"]),
        (
            [
                *("score", "--references", "no", "--predictions", "no"),
                *("--protocol", "cvpr24", "--out", "o"),
            ],
            ["--references", "no such folder"],
        ),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong(
    complaint: Callable[..., str],
    arguments: list[str],
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    error = complaint(*arguments)
    assert (
        len(error.splitlines()) == 1
        and error.count("segjudge: ") == 1
        and "segjudge: segjudge" not in error
    )
    for word in words:
        assert word in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("timeout_s = 600.0", "timeout_s = -1.0", ["timeout_s", "> 0"]),
        ("timeout_s = 600.0", "timeout_s = nan", ["limits.timeout_s: nan; expected at most 1e+09"]),
        ("timeout_s = 600.0", "timeout_s = inf", ["limits.timeout_s: inf"]),
        ("timeout_s = 600.0", "timeout_s = 1e308", ["limits.timeout_s: 1e+308"]),
        ("memory_mib = 8192", "memory_mib = 99999999999999999999", ["limits.memory_mib"]),
        ('{ name = "nsd" }', '{ name = "nsd", weight = inf }', ["weight: inf"]),
        ("timeout_s = 600.0", "timeout = 600.0", ["timeout"]),
        ('labels = "union"', 'labels = "all"', ["labels", "all"]),
        ("[limits]", "[limits", []),
        ('{ name = "nsd" }', '{ name = "dsc" }', ["each named once"]),
        ('name = "nsd"', 'name = "warp"', ["warp, by which no mask is scored", "package"]),
    ],
)
def test_a_protocol_with_a_mistake_is_refused_whole(
    complaint: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    old: str,
    new: str,
    words: list[str],
) -> None:
    assert main(["protocol", "show", "segjudge"]) == 0
    text = capsys.readouterr().out
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new))
    error = complaint("protocol", "show", path)
    assert str(path) in error
    for word in words:
        assert word in error


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in every_command():
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0
        assert f"example:\n  segjudge {' '.join(command)}" in capsys.readouterr().out


def test_help_waits_for_no_library_of_arrays_or_pages() -> None:
    """All commands in one process: of what is installed, only the terminal's library is loaded."""
    lines = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from evaluate.cli import main\n"
        f"for command in {[[name, '--help'] for name in COMMANDS]}:\n"
        "    try: main(command)\n"
        "    except SystemExit: pass\n"
        "loaded = {name.partition('.')[0] for name in sys.modules.keys() - before}\n"
        "print('loaded:', *sorted(loaded - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.count("example:\n") == len(COMMANDS)
    assert done.stdout.splitlines()[-1] == "loaded: data_manifest evaluate rich"


@pytest.mark.parametrize(
    "submission",
    ["noequals", "=ref", "team=", "../up=ref", "a b=ref", "-x=ref", "x" * 65 + "=ref"],
)
def test_a_submission_must_be_name_and_reference(
    complaint: Callable[..., str], small_data: Path, tmp_path: Path, submission: str
) -> None:
    run = ["run", "--manifest", small_data, "--protocol", "cvpr24", tmp_path / "r"]
    error = complaint(*run, f"--submission={submission}", "--sandbox", "local")
    assert "NAME=REF" in error
    assert not (tmp_path / "r").exists()


def test_a_submission_that_does_not_exist_stops_the_run_before_it_starts(
    complaint: Callable[..., str], small_data: Path, tmp_path: Path
) -> None:
    run = ["run", "--manifest", small_data, "--protocol", "cvpr24", tmp_path / "r"]
    error = complaint(*run, "--submission", "a=no-such-folder", "--sandbox", "local")
    assert "no-such-folder" in error
    assert not (tmp_path / "r" / "runs.csv").exists()


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such names; run it on Linux")
def test_a_name_that_no_document_can_keep_is_named_and_no_defect(
    complaint: Callable[..., str], small_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"team\xff")
    folder.mkdir()
    (folder / "predict.sh").write_text("exit 0\n")
    run = ["run", "--manifest", small_data, "--protocol", "cvpr24", tmp_path / "r"]
    error = complaint(*run, f"--submission=a={folder}", "--sandbox", "local")
    assert r"team\udcff: a name that is not in UTF-8; expected" in error


def test_altered_inputs_are_all_named_before_anything_runs(
    complaint: Callable[..., str], small_data: Path, tmp_path: Path, participants: Path
) -> None:
    data = tmp_path / "data"
    for kind in ("inputs", "references"):
        (data / kind).mkdir(parents=True)
        for file in (small_data.parent / kind).iterdir():
            (data / kind / file.name).write_bytes(file.read_bytes())
    (data / "manifest.json").write_bytes(small_data.read_bytes())
    (data / "inputs" / "2DBox_US_1.npz").write_bytes(b"not an archive")
    (data / "inputs" / "3DBox_CT_1.npz").unlink()
    run = ["run", "--manifest", data / "manifest.json", "--protocol", "cvpr24", tmp_path / "r"]
    submission = f"--submission=boxfill={participants / 'boxfill'}"
    error = complaint(*run, submission, "--sandbox", "local")
    assert "2DBox_US_1.npz" in error and "SHA-256" in error
    assert "3DBox_CT_1.npz" in error and "no such file" in error
    assert not (tmp_path / "r").exists()


def test_a_folder_that_is_something_else_is_not_written_into(
    complaint: Callable[..., str], small_data: Path, tmp_path: Path, participants: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("dear")
    run = ["run", "--manifest", small_data, "--protocol", "cvpr24", tmp_path]
    submission = f"--submission=boxfill={participants / 'boxfill'}"
    error = complaint(*run, submission, "--sandbox", "local")
    assert "folder with other files" in error
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_where_every_reference_is_damaged_all_are_named_and_no_table_is_written(
    complaint: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("gts", "segs"):
        (tmp_path / name).mkdir()
    (tmp_path / "gts" / "2DBox_US_2.npz").write_bytes(b"PK\x03\x04 not an archive")
    np.savez(tmp_path / "gts" / "2DBox_US_3.npz", labels=np.ones((4, 4), np.uint8))
    error = complaint(
        *("score", "--references", tmp_path / "gts", "--predictions", tmp_path / "segs"),
        *("--protocol", "cvpr24", "--out", tmp_path / "out"),
    )
    assert "2DBox_US_2.npz" in error
    assert "2DBox_US_3.npz" in error and "`gts`" in error
    assert not (tmp_path / "out").exists()


def test_a_table_with_a_bad_cell_is_refused_with_its_line(
    complaint: Callable[..., str], tmp_path: Path
) -> None:
    table = tmp_path / "case_scores.csv"
    header = "team,case,modality,dimension,outcome,reason,dsc,nsd,wall_s,cpu_s,peak_memory_mib"
    table.write_text(f"{header}\na,c1,CT,3D,ok,,0.5,0.5,1,,\nb,c1,CT,3D,ok,,half,0.5,1,,\n")
    rank = ("rank", "--scores", table, "--protocol", "cvpr24", "--out", tmp_path / "out")
    error = complaint(*rank)
    assert "case_scores.csv, line 3" in error and "half" in error
    table.write_text(header.replace("team,", "") + "\n")
    assert "no column 'team'" in complaint(*rank)
    table.write_text("team,case,modality,nsd\na,c1,CT,0.5\nb,c1,CT,0.6\n")
    assert "dsc" in complaint(*rank)
    assert not (tmp_path / "out").exists()


def test_a_run_json_of_another_schema_is_refused(
    complaint: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema": 99}))
    assert "`schema` 2" in complaint("score", tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"schema": 1}))
    assert "run again into a new folder" in complaint("score", tmp_path)
    (tmp_path / "run.json").write_text("{")
    assert "can't be read" in complaint("score", tmp_path)


def test_a_foreign_package_of_our_name_is_named(tmp_path: Path, segjudge_process: Command) -> None:
    foreign = tmp_path / "evaluate"
    foreign.mkdir()
    (foreign / "__init__.py").write_text("")
    shadowed = segjudge_process("protocol", "list")  # in tmp_path, which comes first on the path
    assert shadowed.returncode == 2
    assert "another distribution's" in shadowed.stderr
    assert "Traceback" not in shadowed.stderr


def test_a_closed_terminal_stream_changes_no_exit_code(tmp_path: Path) -> None:
    command = f"{sys.executable} -m segjudge run --manifest nothing.json run 2>&- 1>&-"
    ended = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False)

    assert ended.returncode == 2
