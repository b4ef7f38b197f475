"""Building a data set from pairs of files, or the demo: cases' files and their manifest.

The same sources and the same seed give the same bytes.
"""

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from data_manifest.demo.records import DemoPackageMissing, RawCase
from data_manifest.errors import CaseFileError, Finding, ManifestError
from data_manifest.findings import Tell, untold
from data_manifest.making.from_files import raw_cases
from data_manifest.making.image_folders import MANIFEST, whole_folder
from data_manifest.making.image_pairs import Pair
from data_manifest.making.writing import INPUTS, REFERENCES, write_case
from data_manifest.manifest import Case, Manifest, Preparation, load_manifest, save_manifest
from data_manifest.progress import Progress, silent
from data_manifest.prompts import USUAL
from data_manifest.verify import verify_manifest

DEMO = "demo"
"""The demo data set's name."""

_DEMO_JITTER = 2  # pixels: prompts as a careful hand draws them
_LIBRARIES = (
    *("nibabel", "nilearn", "numpy", "pillow", "pydicom", "scikit-image", "scipy", "simpleitk"),
)


def build_manifest(
    pairs: Sequence[Pair],
    out: Path,
    *,
    name: str | None = None,
    margin: int = 0,
    jitter: int = 0,
    seed: int = 0,
    window: tuple[float, float] | None = None,
    remove_small: bool = False,
    crop: bool = False,
    prompts: Sequence[str] = USUAL,
    rounds: int = 1,
    progress: Progress = silent,
    tell: Tell = untold,
) -> Manifest:
    """Make cases of images and their references, and a manifest beside them.

    Args:
        pairs: from `pairs_from_csv` or `pairs_from_folders`.
        out: folder for manifest.json, inputs/ and references/.
        name: of the data set; by default the folder's.
        margin: pixels that every prompt is wider than its object, on every side.
        jitter: most random pixels that are added to that.
        seed: of the jitter.
        window: level and width in HU for the CT images; by default the one for soft tissue.
        remove_small: take pieces under 100 voxels, or under 10 pixels in a slice, from the
            references, as the challenge's organisers did.
        crop: cut volumes to the slices from the first to the last with an object, as they did.
        prompts: the kinds that cases get.
        rounds: for how many rounds they are made ahead.
        progress: told before the first and after every pair.
        tell: takes what was converted, or looks odd, by file.

    Raises:
        ManifestError: every problem of every pair; then nothing is written.
    """
    preparation = Preparation(
        seed=seed,
        margin=margin,
        jitter=jitter,
        small_objects_removed=remove_small,
        cropped=crop,
        recipe=_recipe(),
    )
    name = name or out.resolve().name
    of = {str(pair.image): {"group": pair.group, "fold": pair.fold} for pair in pairs}
    return _build(
        raw_cases(pairs, window=window, tell=tell),
        len(pairs),
        out,
        of=of,
        name=name,
        preparation=preparation,
        prompts=prompts,
        rounds=rounds,
        progress=progress,
        tell=tell,
    )


def build_demo(out: Path, *, seed: int = 0, progress: Progress = silent) -> Manifest:
    """Make the demo data set, or keep it where an intact one of this seed and version is.

    Args:
        out: folder for manifest.json, inputs/ and references/.
        seed: of what is simulated and of the prompts' jitter.
        progress: told before the first and after every case.

    Raises:
        ManifestError: the folder holds something else, or a package with an image is missing.
    """
    preparation = Preparation(seed=seed, margin=0, jitter=_DEMO_JITTER, recipe=_recipe())
    intact = _intact_build(out / MANIFEST, preparation)
    if intact is not None:
        return intact
    from data_manifest import demo  # its packages are an extra that nothing else needs

    try:
        made, total = demo.demo_cases(seed), len(demo.demo_identifiers())
        return _build(made, total, out, name=DEMO, preparation=preparation, progress=progress)
    except DemoPackageMissing as error:
        mend = "pip install 'segjudge[demo]'"
        raise ManifestError(where="demo data", found=str(error), mend=mend) from error


def _intact_build(manifest: Path, preparation: Preparation) -> Manifest | None:
    try:
        built = load_manifest(manifest)
    except ManifestError:
        return None
    if (built.name, built.preparation) != (DEMO, preparation) or verify_manifest(manifest):
        return None
    return built


def _build(
    made: Iterable[RawCase | CaseFileError],
    total: int,
    out: Path,
    *,
    name: str,
    preparation: Preparation,
    prompts: Sequence[str] = USUAL,
    rounds: int = 1,
    progress: Progress,
    tell: Tell = untold,
    of: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Manifest:
    """Write all cases; what can't become one is collected, so that it is mended in one go."""
    cases: dict[str, Case] = {}
    problems: list[Finding] = []
    with whole_folder(out, name=name) as folder:
        for kind in (INPUTS, REFERENCES):
            (folder / kind).mkdir()
        progress(0, total, "building")
        for done, raw in enumerate(made, start=1):
            try:
                if isinstance(raw, CaseFileError):
                    raise raw
                case = write_case(
                    folder, raw, preparation=preparation, prompts=prompts, rounds=rounds, tell=tell
                )
                cases[case.id] = msgspec.structs.replace(case, **of.get(raw.file, {}))
                progress(done, total, case.id)
            except CaseFileError as error:
                problems += error.problems
        if not problems and not cases:
            problems.append(Finding(where=str(out), found="no cases", expected="at least one"))
        if problems:
            raise ManifestError(*problems)
        manifest = Manifest(
            schema=1,
            name=name,
            cases=tuple(sorted(cases.values(), key=lambda case: case.id)),
            preparation=preparation,
        )
        save_manifest(manifest, folder / MANIFEST)
        return load_manifest(folder / MANIFEST)


def _recipe() -> str:
    """SHA-256 of the code and tables that make cases, and of the libraries' versions."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent  # all of data_manifest
    for file in sorted([*package.rglob("*.py"), *package.rglob("*.toml")]):
        digest.update(file.relative_to(package).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for library in _LIBRARIES:
        try:
            version = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            version = "absent"
        digest.update(f"{library} {version}\0".encode())
    return digest.hexdigest()
