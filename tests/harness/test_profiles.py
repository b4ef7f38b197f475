"""A protocol that asks for profiles gets a file a case, and areas in runs.csv; others get none."""

import csv
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., subprocess.CompletedProcess[str]]
MakeSubmission = Callable[[str, str], Path]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_profiles_are_kept_where_a_protocol_asks_for_them(
    small_data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    team = make_submission("team", "block = bytearray(50 << 20)\ntime.sleep(0.5)\n")
    protocol = tmp_path / "profiled.toml"
    text = segjudge("protocol", "show", "segjudge").stdout
    protocol.write_text(f"{text}\n[measurement]\nprofile_hz = 10\n", encoding="utf-8")

    def run(rules: object, into: str) -> dict[str, str]:
        arguments = ["--manifest", small_data, "--protocol", rules, "--sandbox", "local"]
        made = segjudge("run", *arguments, "--submission", f"team={team}", tmp_path / into)
        assert made.returncode == 0, made.stderr
        return rows(tmp_path / into / "runs.csv")[0]

    plain = run("segjudge", "plain")
    assert "memory_area_mib_s" not in plain
    assert not (tmp_path / "plain" / "profiles").exists()

    profiled = run(protocol, "profiled")
    profile = rows(tmp_path / "profiled" / "profiles" / "team" / f"{profiled['case']}.csv")
    assert len(profile) >= 5
    assert max(float(row["memory_mib"]) for row in profile) > 50
    assert float(profiled["cpu_area_percent_s"]) == 100 * float(profiled["cpu_s"])
    assert float(profiled["memory_area_mib_s"]) > 50 * 0.4
    assert segjudge("score", tmp_path / "profiled").returncode == 0
    assert "memory_area_mib_s" in rows(tmp_path / "profiled" / "runs.csv")[0]

    run_directory, bundle = tmp_path / "profiled", tmp_path / "profiled.zip"
    assert segjudge("rank", run_directory, "--bootstrap", 20).returncode == 0
    assert segjudge("audit", run_directory, "--bundle", bundle).returncode == 0
    with zipfile.ZipFile(bundle) as archive:
        assert f"run/profiles/team/{profiled['case']}.csv" in archive.namelist()
    verified = segjudge("audit", "--verify", bundle)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    with (run_directory / "profiles" / "team" / f"{profiled['case']}.csv").open("a") as stream:
        stream.write("9.0,9.0,1.0,1.0,\n")
    edited = segjudge("audit", run_directory)
    assert edited.returncode == 1
    assert f"profile changed: profiles/team/{profiled['case']}.csv" in edited.stdout


def test_names_of_any_characters_in_the_outputs_are_a_reason_in_plain_characters(
    small_data: Path, make_submission: MakeSubmission, segjudge: Command, tmp_path: Path
) -> None:
    team = make_submission(
        "team",
        """
names = ['2DBox_US_1.npz\\n', '\\u202egnp.1_SU', 'cafe\\u0301.npz', '\\x1b[31m.npz', 'a .npz']
for name in names:
    (outputs / name).write_bytes(b'')
os.symlink('/etc/shadow', os.fsencode(outputs) + b'/\\xff.npz')
""",
    )
    arguments = ["--manifest", small_data, "--protocol", "cvpr24", "--sandbox", "local"]
    made = segjudge("run", *arguments, "--submission", f"team={team}", tmp_path / "run")
    assert made.returncode == 0, made.stderr

    found = rows(tmp_path / "run" / "runs.csv")
    assert {row["outcome"] for row in found} == {"no_output"}
    for row in found:
        assert row["reason"].isprintable(), row["reason"]
        assert "\u202e" not in row["reason"]
    assert "\x1b" not in made.stdout + made.stderr
