"""MedPerf's task `evaluate`: predictions and labels to results.yaml, which names no case.

Results leave the hospital, so they are numbers over cases alone; the tables by case stay in the
local outputs.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import segjudge
from evaluate.documents.tables import write_atomically, write_json
from segjudge.platforms.handed_in import aggregates, rules_in, score_handed_in, told


def results_of(made: segjudge.FolderTables) -> Mapping[str, object]:
    """Numbers over cases: of all, and of each modality."""
    modalities: dict[str, dict[str, float | int]] = {}
    for row in made.scores.modalities:
        if row.mean is not None:
            modalities.setdefault(row.modality, {})[row.metric] = row.mean
            modalities[row.modality]["n"] = row.n
    return {
        "protocol": f"{made.protocol.name} {made.protocol.version}",
        "cases": len(made.scores.cases),
        **aggregates(made),
        "modalities": modalities,
    }


def evaluate(volumes: Path) -> None:
    """Score what is mounted and write the results.

    Args:
        volumes: folder of the volumes.
    """
    rules = rules_in(volumes / "parameters" / "parameters_file.yaml")
    made = score_handed_in(volumes / "labels", volumes / "predictions", rules)
    write_json(volumes / "results" / "results.yaml", results_of(made))  # JSON is YAML
    local = volumes / "local_outputs"
    if local.is_dir():
        for name in ("case_scores", "label_scores", "modality_scores"):
            text = getattr(made, name).to_csv(index=False)
            write_atomically(local / f"{name}.csv", text.encode())


def main() -> int:
    """Evaluate at the platform's own paths; a task's name on the command line is not needed."""
    return told(lambda: evaluate(Path("/mlcommons/volumes")))


if __name__ == "__main__":
    sys.exit(main())
