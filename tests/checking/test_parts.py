"""The parts of a check on what no gallery shows: hostile layers, false alarms, the sanity cases."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from data_manifest.findings import Severity
from data_manifest.manifest import MODALITIES, load_manifest, sha256_of
from data_manifest.prompts.boxes import Boxes
from data_manifest.verify import verify_manifest
from evaluate.checking import CATALOGUE, archive_findings, build_sanity_cases
from evaluate.checking.archive_checks import image_findings
from evaluate.checking.files import is_secret, named_secrets, script_findings, stack
from evaluate.checking.mask_checks import mask_hits
from evaluate.checking.variants import score_variants, variant_findings
from evaluate.cli import main
from evaluate.facts.rules import load_protocol
from evaluate.sandbox.archives import ArchivedImage
from evaluate.sandbox.image_settings import ImageSettings
from evaluate.sandbox.layers import ImageContents, LayerEntry
from tests.checking.gallery import ARCHIVES, CONTAINERS, FOLDERS, stub_system
from tests.sandbox.archive_writer import HandmadeImage, tar_of, write_archive

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_the_sanity_cases_are_of_every_modality_and_both_dimensions(tmp_path: Path) -> None:
    path = build_sanity_cases(tmp_path / "a")
    manifest = load_manifest(path)
    assert verify_manifest(path) == []
    assert {case.modality for case in manifest.cases} == set(MODALITIES)
    assert {case.dimension for case in manifest.cases} == {"2D", "3D"}
    assert sum(file.stat().st_size for file in (tmp_path / "a").rglob("*.npz")) < 4 * 2**20


def test_the_same_seed_gives_the_same_sanity_cases_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = build_sanity_cases(tmp_path / name, seed=seed).parent / "inputs"
        digests.append({path.name: sha256_of(path) for path in folder.iterdir()})
    assert digests[0] == digests[1]
    assert all(digests[0][name] != digests[2][name] for name in digests[0])


def test_a_check_needs_no_package_of_the_demo(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(('nilearn', 'pydicom', 'skimage'))\n"
        "from evaluate.checking import build_sanity_cases\n"
        "from pathlib import Path\n"
        "build_sanity_cases(Path(sys.argv[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(load_manifest(tmp_path / "manifest.json").cases) > 15


def test_a_poor_mask_is_not_taken_for_a_geometric_mistake() -> None:
    generator = np.random.default_rng(0)
    scores = []
    for number in range(12):
        reference = np.zeros((64, 64), np.uint8)
        y, x = generator.integers(8, 30, 2)
        reference[y : y + 20, x : x + 14] = 1
        # Eroded and speckled: bad, and no flip mends it.
        prediction = reference * (generator.random(reference.shape) < 0.4)
        scores.append(score_variants(f"case-{number}", reference, prediction))
    (finding,) = variant_findings(scores)
    assert finding.severity is Severity.OK


@pytest.mark.parametrize("axes", [(0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_swapped_axes_of_a_cube_are_named(axes: tuple[int, ...]) -> None:
    reference = np.zeros((40, 40, 40), np.uint8)
    reference[4:12, 6:30, 20:36] = 1
    reference[20:36, 22:28, 2:14] = 2
    scores = [score_variants("cube", reference, np.transpose(reference, axes))]
    (finding,) = variant_findings(scores)
    assert finding.severity is Severity.PROBLEM
    swapped = [name for axis, name in enumerate("zyx") if axes[axis] != axis]
    assert all(name in finding.found for name in swapped)


def test_a_shift_across_a_large_volume_is_found_in_reasonable_memory() -> None:
    reference = np.zeros((40, 512, 512), np.uint8)
    reference[10:30, 100:260, 200:320] = 1
    moved = np.roll(reference, (0, 60, -80), axis=(0, 1, 2))
    (finding,) = variant_findings([score_variants("large", reference, moved)])
    assert "shifting" in finding.found


def test_overlapping_boxes_and_small_objects_raise_no_alarm() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    mask[24:27, 24:27] = 2
    boxes = np.array([[10, 10, 39, 39], [22, 22, 30, 30]])
    assert list(mask_hits("case", Boxes(corners=boxes), mask)) == []


def hostile_layer(kind: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        if kind == "links in a circle":
            for name, target in (("bin", "sbin"), ("sbin", "bin"), ("workspace", "workspace")):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, target
                archive.addfile(info)
        elif kind == "paths that climb out":
            info = tarfile.TarInfo("../../../../workspace/predict.sh")
            info.size = 4
            archive.addfile(info, io.BytesIO(b"evil"))
        elif kind == "a device":
            info = tarfile.TarInfo("dev/null")
            info.type = tarfile.CHRTYPE
            archive.addfile(info)
        else:
            info = tarfile.TarInfo("x\x1b[31m\n.pem")
            archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind", ["links in a circle", "paths that climb out", "a device", "names with control letters"]
)
def test_a_hostile_layer_is_read_to_its_end(kind: str, tmp_path: Path) -> None:
    image = HandmadeImage(
        [tar_of(stub_system(), folders={"workspace": 0o755}), hostile_layer(kind)],
        {"WorkingDir": "/workspace"},
        ["team:latest"],
        "amd64",
    )
    path = write_archive(tmp_path / "team.tar.gz", image.members("docker"))
    findings = archive_findings(path, load_protocol("cvpr24"), now=NOW)
    assert "archive-readable" in {finding.code for finding in findings}
    assert not (tmp_path.parent / "workspace").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"if [[ -d /x ]]; then\n", "`if [[` is bash's"),
        (b"set -e\nset -euo pipefail\n", "`set -euo pipefail` is bash's"),
        (b"function run { python3 predict.py; }\nrun\n", "is bash's"),
        (b"cat <<< hello\n", "`cat <<<` is bash's"),
        (b"\xef\xbb\xbfset -e\n", "a byte order mark"),
        (b"set -e\r\npython3 predict.py\r\n", "Windows line ends"),
    ],
)
def test_what_sh_does_not_understand_is_named(content: bytes, said: str) -> None:
    size = len(content)
    script = LayerEntry(path="predict.sh", kind="file", size=size, mode=0o755, content=content)
    (finding,) = script_findings(script)
    assert said in finding.found and finding.is_problem
    quoted = LayerEntry(
        path="predict.sh", kind="file", size=9, mode=0o755, content=b"cat << E\n# <<<\nE\n"
    )
    assert all(not finding.is_problem for finding in script_findings(quoted))


def test_long_words_and_blank_lines_take_no_time() -> None:
    script = LayerEntry(
        path="predict.sh", kind="file", size=2**16, mode=0o755, content=b"\n" * 2**16 + b"x"
    )
    started = time.monotonic()
    assert [finding.severity for finding in script_findings(script)] == [Severity.OK]
    assert named_secrets(["A" * 10_000 + "TOKEN", "TOKEN" * 2_000] * 20) == []
    assert time.monotonic() - started < 2


def test_a_layer_that_is_no_tar_file_is_a_note_and_no_crash(tmp_path: Path) -> None:
    image = HandmadeImage(
        [os.urandom(4096)], {"WorkingDir": "/workspace"}, ["team:latest"], "amd64"
    )
    path = write_archive(tmp_path / "team.tar.gz", image.members("docker"))
    findings = archive_findings(path, load_protocol("cvpr24"), now=NOW)
    (found,) = [f for f in findings if f.code == "archive-readable" and f.severity is Severity.NOTE]
    assert "not all was looked at" in found.found


@pytest.mark.parametrize(
    "config",
    [{"config": [], "history": 3}, {"config": {"Env": 5, "WorkingDir": {}}}, {"created": []}],
)
def test_a_configuration_of_the_wrong_types_is_no_crash(
    config: dict[str, object], tmp_path: Path
) -> None:
    class Odd(HandmadeImage):
        @property
        def config(self) -> bytes:
            return json.dumps(json.loads(super().config) | config).encode()

    path = write_archive(tmp_path / "team.tar.gz", Odd([tar_of(stub_system())]).members("docker"))
    assert archive_findings(path, load_protocol("cvpr24"), now=NOW)


def test_the_page_escapes_whatever_a_participant_wrote(
    small_data: Path, make_submission: Callable[[str, str], Path], tmp_path: Path
) -> None:
    submission = make_submission(
        "x", "sys.exit('<script>alert(1)</script><img src=x onerror=a()>')\n"
    )
    page, report = tmp_path / "page.html", tmp_path / "check.json"
    arguments = [submission, "--manifest", small_data, "--html", page, "--json", report]
    assert main(["check", *map(str, arguments), "--sandbox", "local"]) == 1
    text = page.read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text and "<img src=x" not in text
    assert text.count('<svg class="case') + text.count('<figure class="case">') >= 4
    told = json.loads(report.read_text("utf-8"))
    assert told["passed"] is False
    assert all("<script>alert(1)" in case["log_tail"] for case in told["cases"])
    assert text.count("<summary>End of the log of") == 4


def test_an_archive_without_an_engine_is_looked_at_and_not_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = HandmadeImage(
        [tar_of(stub_system(), folders={"workspace": 0o755})],
        {"WorkingDir": "/workspace"},
        ["team:latest"],
        "amd64",
    )
    path = write_archive(tmp_path / "team.tar.gz", image.members("docker25"))
    assert main(["check", str(path), "--sandbox", "local"]) == 3
    assert "needs a container engine" in capsys.readouterr().out


def test_a_reference_that_names_nothing_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "absent.tar.gz"), "--static"]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path",
    [
        *("root/.ssh/id_rsa", "workspace/.env", "app/.env.production", "workspace/server.pem"),
        *("home/a/.aws/credentials", "workspace/deploy.key", "root/.netrc", "srv/kaggle.json"),
        "root/.docker/config.json",
    ],
)
def test_a_name_of_a_key_is_a_secret(path: str) -> None:
    assert is_secret(path)


@pytest.mark.parametrize(
    "path",
    [
        *("etc/ssl/certs/ca-certificates.crt", "etc/ssl/private/snakeoil.key", "root/.ssh/id.pub"),
        "usr/local/lib/python3.11/site-packages/certifi/cacert.pem",
        *("opt/conda/ssl/cacert.pem", "opt/conda/pkgs/x/test.key", "workspace/.env.example"),
        *("workspace/model.pt", "workspace/environment.yml", "workspace/keys.py"),
        "opt/venv/lib/python3.11/site-packages/tornado/test/test.key",
    ],
)
def test_a_certificate_or_an_example_is_no_secret(path: str) -> None:
    assert not is_secret(path)


def test_libraries_of_cuda_are_worth_a_note() -> None:
    library = "usr/lib/python3/dist-packages/nvidia/cublas/lib/libcublas.so.12"
    entry = LayerEntry(path=library, kind="file", size=500 * 2**20, mode=0o644)
    image = ArchivedImage(
        config="c",
        config_sha256="0" * 64,
        layers=("l",),
        tags=(),
        architecture="amd64",
        system="linux",
        archive_sha256="0" * 64,
        unpacked_bytes=0,
    )
    contents = ImageContents(settings=ImageSettings(), layers=((entry,),), unread=())
    findings = image_findings(image, contents, load_protocol("cvpr24"), now=NOW)
    (gpu,) = [finding for finding in findings if finding.code == "gpu"]
    assert gpu.severity is Severity.NOTE
    assert "500 MiB" in gpu.found


def test_what_a_later_layer_puts_back_is_there() -> None:
    def file(path: str, size: int = 1) -> LayerEntry:
        return LayerEntry(path=path, kind="file", size=size, mode=0o644)

    system = stack(
        [
            [file("a/b/c", 10), file("a/d"), file("e")],
            [file("a/.wh.b", 0), file("e", 2)],
            [file("a/b/c", 3)],
            [file("a/.wh..wh..opq", 0), file("a/f")],
        ]
    )
    assert sorted(system.entries) == ["a/f", "e"]
    assert sorted((f.path, f.size) for f in system.hidden) == [
        *(("a/b/c", 3), ("a/b/c", 10), ("a/d", 1), ("e", 1)),
    ]


def documented() -> list[list[str]]:
    """The cells of all rows of the tables in docs/checks.md that begin with a name."""
    text = (Path(__file__).parents[2] / "docs" / "checks.md").read_text("utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows]


def test_the_documentation_lists_every_check_with_its_words() -> None:
    rows = [row for row in documented() if len(row) == 5 and row[0].startswith("`")]
    assert rows == [
        [f"`{name}`", check.looks_at, check.expected, check.why, check.mend]
        for name, check in CATALOGUE.items()
    ]


def test_the_documentation_lists_the_whole_gallery() -> None:
    rows = [row for row in documented() if len(row) == 3 and row[1].startswith("`")]
    kinds = (("folder", FOLDERS), ("archive", ARCHIVES))
    wanted = [[name, f"`{d.check}`", kind] for kind, all_of in kinds for name, d in all_of.items()]
    wanted += [[name, f"`{check}`", "container"] for name, (check, _, _) in CONTAINERS.items()]
    assert rows == wanted
