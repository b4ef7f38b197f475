"""The compiled kernel is that of its source, and a broken installation says how to mend it."""

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metrics
from metrics import score_labels
from tests.capabilities import compiler
from tests.metrics.reference_script import reference_surface_dice
from tests.metrics.volumes import label_pairs, spacings, tolerances

ROOT = Path(metrics.__file__).parents[1]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_rows_longer_than_a_word_score_as_the_reference(data):
    """Shapes around 64 and 128 voxels, where bits go from one word to the next."""
    width = data.draw(st.sampled_from([61, 62, 63, 64, 65, 126, 127, 128, 129, 200]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    density = data.draw(st.sampled_from([0.02, 0.2, 0.8, 0.98]))
    maps = rng.random((2, *data.draw(st.sampled_from([(1, 1), (2, 3), (4, 5)])), width)) < density
    spacing = data.draw(spacings())
    tolerance = data.draw(tolerances(spacing))
    (score,) = score_labels(
        *maps.astype(np.uint8), spacing_mm=spacing, tolerance_mm=tolerance, labels=[1]
    )
    expected = reference_surface_dice(*maps, spacing, tolerance)
    assert score.nsd == pytest.approx(expected, abs=1e-12, nan_ok=True)


@settings(max_examples=150, deadline=None)
@given(pair=label_pairs(labels=4), order=st.permutations(range(3)), wide=st.booleans())
def test_no_layout_and_no_dtype_changes_a_digit(pair, order, wide):
    options = {"spacing_mm": (2.5, 0.8, 0.8), "tolerance_mm": 2.0, "labels": [1, 2, 3, 4]}
    plain = score_labels(*pair, **options)
    back = np.argsort(order)
    laid_out = [np.ascontiguousarray(m.transpose(order)).transpose(back) for m in pair]
    if wide:
        laid_out[1] = laid_out[1].astype(np.uint16)
    assert repr(score_labels(*laid_out, **options)) == repr(plain)


@pytest.mark.parametrize("spacing", [0.02, 0.05, 0.15])
@pytest.mark.parametrize("shift", [0, 3, 40])
def test_balls_of_any_size_score_as_the_reference(spacing, shift):
    """A ball of a few rows, one that is looked at by planes, one that is left to a transform."""
    reference = np.zeros((10, 30, 90), dtype=np.uint8)
    reference[2:8, 5:25, 10:45] = 1
    reference[4, 12, 20:30] = 0
    prediction = np.roll(reference, shift, axis=2)
    prediction[5, 7, 3] = 1
    spacing_mm = (spacing, spacing * 1.5, spacing)
    (score,) = score_labels(reference, prediction, spacing_mm=spacing_mm, tolerance_mm=2.0)
    expected = reference_surface_dice(reference == 1, prediction == 1, spacing_mm, 2.0)
    assert score.nsd == pytest.approx(expected, abs=1e-12)


def test_a_map_of_more_spans_than_most_have_is_counted_whole():
    reference = np.zeros((3000, 3200), dtype=np.uint8)
    reference[:, ::16] = 1  # 600,000 spans, and few for so many pixels
    prediction = reference.copy()
    prediction[2990:, 3184] = 0
    (score,) = score_labels(reference, prediction, spacing_mm=(1, 1), tolerance_mm=0.0)
    assert (score.reference_voxels, score.prediction_voxels) == (600_000, 599_990)
    assert score.dsc == 2 * 599_990 / (600_000 + 599_990)


def test_memory_that_is_kept_is_not_taken_from_the_system_again():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the C library is not glibc, whose way of giving memory back this is about")
    script = """
import resource
import numpy as np
from metrics.kernel import keep_memory
def pages(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        blocks = [np.ones(3 << 20, dtype=np.uint8) for _ in range(8)]
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
given_back = pages(20)
keep_memory()
pages(1)
print(given_back, pages(20))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    given_back, kept = map(int, done.stdout.split())
    assert kept < 0.02 * given_back


def scored_by(folder: Path) -> subprocess.CompletedProcess[str]:
    script = "import numpy as np, metrics; m = np.ones((2, 2), bool); "
    script += "print(metrics.surface_dice(m, m, spacing_mm=(1, 1), tolerance_mm=1))"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_kernel_of_another_source_or_none_is_refused_with_the_way_to_mend_it(tmp_path):
    shutil.copytree(ROOT / "metrics", tmp_path / "metrics")
    assert scored_by(tmp_path).stdout.strip() == "1.0"
    source = tmp_path / "metrics" / "kernel" / "kernel.c"
    source.write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    found = scored_by(tmp_path)
    assert found.returncode
    assert "was not made from" in found.stderr
    assert "pip install" in found.stderr
    for library in source.parent.glob("_kernel.*"):
        library.unlink()
    assert "no compiled kernel" in scored_by(tmp_path).stderr


@pytest.mark.compiler
def test_the_kernel_compiles_without_a_warning_and_knows_its_source(tmp_path):
    """By any compiler that is there; the build itself runs with the same options."""
    sources = map(str, (ROOT / "metrics" / "kernel").glob("*.c"))
    done = subprocess.run(
        [
            *(compiler(), "-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow"),
            *("-Werror", "-shared", "-fPIC", "-o", str(tmp_path / "kernel.so"), *sources),
        ],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.sanitizers
def test_the_kernel_reads_and_writes_nothing_out_of_bounds(tmp_path):
    """Random label maps under the address and undefined-behaviour sanitizers.

    Written without a processor's own instructions, it counts what it counts with them.
    """
    folder = tmp_path / "metrics"
    shutil.copytree(ROOT / "metrics", folder)
    sources = sorted((folder / "kernel").glob("*.[ch]"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    (library,) = (folder / "kernel").glob("_kernel.*")
    options = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    options += ["-U__SSE2__"]
    command = [compiler(), "-std=c11", *options, "-shared", "-fPIC"]
    command += [f'-DSEGJUDGE_SOURCE="{digest}"', "-o", str(library)]
    command += [str(path) for path in sources if path.suffix == ".c"]
    subprocess.run(command, capture_output=True, check=True)
    runtime = subprocess.run(
        [compiler(), "-print-file-name=libasan.so"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout.strip()
    script = """
import numpy as np, metrics
from metrics.spans import Spans
from metrics.topology import skeleton
rng = np.random.default_rng(1)
for _ in range(150):
    shape = rng.integers(1, [4, 6, 140]) if rng.random() < 0.7 else rng.integers(1, [20, 150])
    maps = (rng.random((2, *shape)) < rng.random()) * rng.integers(1, 4, (2, *shape))
    maps = maps.astype(rng.choice([np.uint8, np.uint16]))
    spacing = rng.choice([0.1, 0.3, 1.0, 2.5], len(shape))
    tolerance = rng.choice([0, 0.9, 2.0, 6.0])
    print(metrics.score_labels(*maps, spacing_mm=spacing, tolerance_mm=tolerance))
    Spans.of(maps[0]).dilated(1, connectivity=18).joined(rng.choice([6, 18, 26]))
    Spans.of(maps[0]).joined(rng.choice([6, 18, 26]))
    skeleton(maps[0] > 0)
print("done")
"""
    watched = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}
    plain, done = (
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**env, "PYTHONPATH": str(root)},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        for root, env in ((ROOT, {}), (tmp_path, watched))
    )
    assert done.stdout.endswith("done\n"), done.stderr[-3000:]
    assert done.stdout == plain.stdout
