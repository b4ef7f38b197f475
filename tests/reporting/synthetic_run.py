"""A synthetic run directory: random blobs, three teams or more, failures, and hostile text in it.

Everything is written through the store's and the manifest's own interfaces, so that the report
reads what a real run leaves behind.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, shift
from scipy.stats import rankdata

from data_manifest.cases import CaseInputs, Reference
from data_manifest.layouts.npz_contract import write_inputs, write_reference
from data_manifest.layouts.npz_writing import write_npz
from data_manifest.manifest import Case, FileEntry, Label, Manifest, save_manifest, sha256_of
from data_manifest.prompts.boxes import Boxes
from evaluate.documents.run import RunDocument, rules_key
from evaluate.documents.run_parts import Calibration, ManifestReference, StageRules, SubmissionEntry
from evaluate.facts.attempts import Attempt
from evaluate.facts.machine import Host, Machine, SandboxFacts
from evaluate.facts.outcome import Outcome
from evaluate.facts.rules import load_protocol
from evaluate.facts.scores import CaseScore, LabelScore, ModalityScore
from evaluate.facts.turns import Turn
from evaluate.store import RunDirectory

HOSTILE = "</pre><script>alert('log')</script><img src=x onerror=alert(1)>"
TEAMS = ("aurora-seg", "box-filler", "<img src=x onerror=alert(1)> & a rather long team name")
MODALITIES = {"CT": "3D", "MR": "3D", "Dermoscopy": "2D", "Ultrasound": "2D"}
SIMULATED = ("Ultrasound",)
Array = npt.NDArray[np.generic]


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """What `make_run` made: the run directory and the folder of the data set."""

    run: RunDirectory
    data_root: Path


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large a synthetic run is.

    Attributes:
        cases_each: of every modality, less those in `left_out`.
        masks: False leaves out images, predictions and logs.
    """

    teams: tuple[str, ...] = TEAMS
    cases_each: int = 6
    left_out: tuple[str, ...] = ()
    masks: bool = True
    isolated: bool = False
    drift: float = 0.03
    simulated: tuple[str, ...] = SIMULATED
    with_ranking_json: bool = True
    failures: dict[tuple[str, str], Outcome] = field(default_factory=dict)


def _blob(shape: tuple[int, ...], rng: np.random.Generator, size: float) -> Array:
    """A smooth random object near the middle, about `size` of each axis wide."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    centre = rng.uniform(-0.3, 0.3, len(shape))
    radius = sum(((a - c) / size) ** 2 for a, c in zip(axes, centre, strict=True))
    noise = gaussian_filter(rng.normal(size=shape), [max(1, n / 14) for n in shape])
    return np.asarray(radius + noise / noise.std() * 0.22 < 1)


def _case_arrays(dimension: str, rng: np.random.Generator) -> tuple[CaseInputs, Reference]:
    shape = (160, 200) if dimension == "2D" else (12, 112, 96)
    labels = np.zeros(shape, np.uint16)
    labels[_blob(shape, rng, 0.45)] = 1
    labels[_blob(shape, rng, 0.2)] = 2
    grey = (
        70
        + 60 * (labels > 0)
        + 35 * (labels == 2)
        + gaussian_filter(rng.normal(size=shape), 1.2) * 60
    )
    image = np.clip(gaussian_filter(grey, 0.7), 0, 255).astype(np.uint8)
    spacing = (2.5, 0.8, 0.8) if dimension == "3D" else None
    if dimension == "2D":
        tint = np.array([1.0, 0.8, 0.72])
        image = np.clip(image[..., None] * tint, 0, 255).astype(np.uint8)
    boxes = []
    for label in (1, 2):
        where = np.argwhere(labels == label)
        low, high = where.min(axis=0)[::-1], where.max(axis=0)[::-1]
        boxes.append([*low, *high])
    return (
        CaseInputs(image=image, prompts=(Boxes(corners=np.array(boxes)),), spacing_mm=spacing),
        Reference(labels=labels, spacing_mm=spacing),
    )


def _predict(reference: Array, skill: float, rng: np.random.Generator) -> Array:
    sigma = [(1 - skill) * size * 0.16 for size in reference.shape]
    moved = shift(reference.astype(np.float64), rng.normal(0, sigma), order=0)
    noise = gaussian_filter(rng.normal(size=reference.shape), 2.5)
    moved[noise / noise.std() > 1.2 + 2 * skill] = 0
    return moved.astype(np.uint16)


def _dice(a: Array, b: Array) -> float:
    total = int(a.sum() + b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


class _Builder:
    """Writes one synthetic run, step by step."""

    def __init__(self, root: Path, scale: Scale) -> None:
        self.scale = scale
        self.rng = np.random.default_rng(7)
        self.data_root = root / "data"
        for folder in ("inputs", "references"):
            (self.data_root / folder).mkdir(parents=True)
        self.run = RunDirectory(root / "run")
        self.references: dict[str, Array] = {}
        self.protocol = load_protocol("segjudge")

    def manifest(self) -> Manifest:
        cases = []
        for modality, dimension in MODALITIES.items():
            for number in range(self.scale.cases_each):
                name = f"{dimension}Box_{modality}_{number:04d}"
                if name in self.scale.left_out:
                    continue
                files = {"inputs": name, "references": name}
                shape: tuple[int, ...] = (12, 112, 96) if dimension == "3D" else (160, 200)
                hashes = dict.fromkeys(files, "0" * 64)
                if self.scale.masks:
                    inputs, reference = _case_arrays(dimension, self.rng)
                    write_inputs(self.data_root / "inputs" / f"{name}.npz", inputs)
                    write_reference(self.data_root / "references" / f"{name}.npz", reference)
                    self.references[name] = reference.labels
                    hashes = {f: sha256_of(self.data_root / f / f"{name}.npz") for f in files}
                cases.append(
                    Case(
                        id=name,
                        modality=modality,
                        dimension="3D" if dimension == "3D" else "2D",
                        shape=shape,
                        spacing_mm=(2.5, 0.8, 0.8) if dimension == "3D" else None,
                        labels=(
                            Label(label=1, name="organ"),
                            Label(label=2, name="<script>alert('label')</script>"),
                        ),
                        prompts=("boxes",),
                        image=FileEntry(path=f"inputs/{name}.npz", sha256=hashes["inputs"]),
                        reference=FileEntry(
                            path=f"references/{name}.npz", sha256=hashes["references"]
                        ),
                        source="made by a test",
                        licence="CC0-1.0",
                        origin="simulated" if modality in self.scale.simulated else "real",
                    )
                )
        found = Manifest(schema=1, name="blobs", cases=tuple(sorted(cases, key=lambda c: c.id)))
        save_manifest(found, self.data_root / "manifest.json")
        return found

    def _one(self, team: str, skill: float, case: Case) -> tuple[CaseScore, list[LabelScore]]:
        outcome = self.scale.failures.get((team, case.id), Outcome.OK)
        values: list[LabelScore] = []
        prediction: Path | None = None
        if self.scale.masks and outcome is Outcome.OK:
            reference = self.references[case.id]
            predicted = _predict(reference, skill, self.rng)
            prediction = self.data_root / "prediction.npz"
            write_npz(prediction, {"segs": predicted})
            pairs = [(n, reference == n, predicted == n) for n in (1, 2)]
        else:
            pairs = []
        for label in (1, 2):
            dsc = float(np.clip(self.rng.normal(skill, 0.06), 0, 0.99))
            counts = (1, 1)
            if pairs:
                _, wanted, got = pairs[label - 1]
                dsc, counts = _dice(wanted, got), (int(wanted.sum()), int(got.sum()))
            values.append(
                LabelScore(
                    team=team, case=case.id, modality=case.modality, label=label,
                    values={"dsc": dsc, "nsd": dsc**1.4}, reference_voxels=counts[0],
                    prediction_voxels=counts[1],
                )
            )  # fmt: skip
        failed = outcome is not Outcome.OK
        wall = float(np.exp(self.rng.normal(np.log(0.3 + 9 * skill**6), 0.25)))
        dsc = 0.0 if failed else float(np.mean([v.values["dsc"] for v in values]))
        score = CaseScore(
            team=team, case=case.id, modality=case.modality, dimension=case.dimension,
            outcome=outcome, reason=f"killed after 600 s {HOSTILE}" if failed else "",
            values={
                "dsc": dsc, "nsd": dsc**1.4, "wall_s": 600.0 if failed else wall,
                "cpu_s": wall * 1.6, "peak_memory_mib": 900 * skill,
            },
        )  # fmt: skip
        record = Attempt(
            team=team, case=case.id, round=0, outcome=outcome, reason=score.reason,
            exit_code=None if failed else 0, wall_s=score.value("wall_s"),
            cpu_s=score.value("cpu_s"),
            peak_memory_mib=score.value("peak_memory_mib"), measured_by="cgroup",
            started_at="2025-03-01T12:00:00Z", machine="0" * 12,
            rules_sha256=self.protocol.run_sha256,
        )  # fmt: skip
        log = f"loading the model\n{HOSTILE}\n\x1b[31mRuntimeError: out of luck\x1b[0m\n".encode()
        self._keep(record, prediction, log + b"\xff\xfe not utf-8\n")
        return score, [] if failed else values

    def _keep(self, record: Attempt, prediction: Path | None, log: bytes) -> None:
        if not self.scale.masks:
            return
        turn = Turn(team=record.team, case=record.case)
        number = self.run.begin(turn, job_sha256="0" * 64)
        self.run.keep(
            record, number=number, job_sha256="0" * 64, options={},
            prediction=prediction.read_bytes() if prediction else None, log=log,
        )  # fmt: skip

    def build(self) -> Synthetic:
        manifest = self.manifest()
        self.run.write_run_document(self._document(manifest))
        save_manifest(manifest, self.run.root / "manifest.json")
        skills = np.linspace(0.93, 0.62, len(self.scale.teams))
        scores, labels = [], []
        for team, skill in zip(self.scale.teams, skills, strict=True):
            for case in manifest.cases:
                score, values = self._one(team, float(skill), case)
                scores.append(score)
                labels += values
        self.run.write_rows(scores, CaseScore)
        self.run.write_rows(labels, LabelScore)
        self.run.write_rows([_as_run(score, self.protocol.run_sha256) for score in scores], Attempt)
        self.run.write_rows(_by_modality(scores), ModalityScore)
        _write_ranking(self.run, scores, with_json=self.scale.with_ranking_json)
        return Synthetic(run=self.run, data_root=self.data_root)

    def _document(self, manifest: Manifest) -> RunDocument:
        machine = Machine(
            host=Host(
                cpu="Xeon W-2133", cores=12, memory_mib=64000, kernel="6.1", os="Debian 12",
                machine="x86_64", cgroup_version=2, python="3.11.2",
            ),
            sandbox=SandboxFacts(
                name="docker" if self.scale.isolated else "local",
                isolated=self.scale.isolated,
                engine={"not_enforced": [] if self.scale.isolated else ["network", "memory_mib"]},
            ),
            versions={"numpy": "2.4.6", "scipy": "1.17.1"},
        )  # fmt: skip
        rules = rules_key(self.protocol)
        return RunDocument(
            segjudge="0.1.0",
            created_at="2025-03-01T12:00:00Z",
            finished_at="2025-03-01T12:41:10Z",
            seed=0,
            manifest=ManifestReference(
                name=manifest.name,
                sha256=manifest.digest(),
                path="data/manifest.json",
                cases=len(manifest.cases),
            ),
            submissions=tuple(
                SubmissionEntry(
                    team=team,
                    reference=f"{number}.tar.gz",
                    kind="archive" if self.scale.isolated else "folder",
                    digest="sha256:" + hashlib.sha256(team.encode()).hexdigest(),
                    details={"size_mib": 120 + number},
                )
                for number, team in enumerate(self.scale.teams)
            ),
            rules={rules: self.protocol},
            stages=StageRules(run=rules, score=rules, rank=rules),
            machines={machine.key: machine},
            calibration={
                machine.key: Calibration(
                    samples=(0.52, 0.53), drift=self.scale.drift, limit=0.1, parallel=1,
                    fair=self.scale.drift <= 0.1,
                )
            },
        )  # fmt: skip


def _as_run(score: CaseScore, rules_sha256: str) -> Attempt:
    return Attempt(
        team=score.team, case=score.case, round=0, outcome=score.outcome, reason=score.reason,
        exit_code=None if score.outcome.is_failure else 0, wall_s=score.value("wall_s"),
            cpu_s=score.value("cpu_s"),
        peak_memory_mib=score.value("peak_memory_mib"), measured_by="cgroup",
        started_at="2025-03-01T12:00:00Z", machine="0" * 12,
        rules_sha256=rules_sha256,
    )  # fmt: skip


def _by_modality(scores: list[CaseScore]) -> list[ModalityScore]:
    rows = []
    for team in sorted({s.team for s in scores}):
        for modality in sorted({s.modality for s in scores}):
            mine = [s for s in scores if s.team == team and s.modality == modality]
            for metric in ("dsc", "nsd", "wall_s", "cpu_s", "peak_memory_mib"):
                values = np.array([s.values[metric] for s in mine])
                rows.append(
                    ModalityScore(
                        team=team, modality=modality, metric=metric, n=len(values),
                        failures=sum(s.outcome.is_failure for s in mine),
                        mean=float(values.mean()), sd=float(values.std()),
                        median=float(np.median(values)), q25=float(np.quantile(values, 0.25)),
                        q75=float(np.quantile(values, 0.75)),
                    )
                )  # fmt: skip
    return rows


def _write_ranking(run: RunDirectory, scores: list[CaseScore], *, with_json: bool) -> None:
    teams = sorted({s.team for s in scores})
    cases = sorted({s.case for s in scores})
    table = {(s.team, s.case): s for s in scores}
    ranks = np.zeros((3, len(cases), len(teams)))
    for m, (metric, sign) in enumerate((("dsc", -1), ("nsd", -1), ("wall_s", 1))):
        values = np.array([[sign * table[t, c].values[metric] for t in teams] for c in cases])
        ranks[m] = rankdata(values, method="min", axis=1)
    per_case = ranks.mean(axis=0)
    mean = per_case.mean(axis=0)
    place = rankdata(mean, method="min").astype(int)
    order = np.argsort(mean)
    lines = ["team,rank,mean_rank"]
    lines += [f'"{teams[i]}",{place[i]},{float(mean[i])!r}' for i in order]
    run.write_document("ranking.csv", ("\n".join(lines) + "\n").encode())
    if with_json:
        run.write_document("ranking.json", json.dumps(_bootstrap(teams, per_case)).encode())


def _bootstrap(teams: list[str], per_case: npt.NDArray[np.float64]) -> dict[str, object]:
    rng = np.random.default_rng(1)
    n = len(per_case)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=1000)
    places = rankdata(counts @ per_case / n, method="min", axis=1)
    return {
        "bootstrap": {
            "replicates": 1000,
            "rank_interval": {
                t: [float(q) for q in np.quantile(places[:, i], [0.025, 0.975])]
                for i, t in enumerate(teams)
            },
            "p_first": {t: float(np.mean(places[:, i] == 1)) for i, t in enumerate(teams)},
            "rank_counts": {
                t: {
                    str(p): int(n)
                    for p, n in zip(*np.unique(places[:, i], return_counts=True), strict=True)
                }
                for i, t in enumerate(teams)
            },
        },
        "groups": {
            "overall": {"groups": [], "tied_with_first": list(TEAMS[::2])},
            "metrics": {},
        },
    }


def make_run(root: Path, scale: Scale) -> Synthetic:
    """Write a synthetic run of a given scale into an empty folder."""
    return _Builder(root, scale).build()
