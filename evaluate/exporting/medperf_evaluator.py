"""`segjudge export medperf`: an evaluator that hospitals run on data which never leave them."""

import json
from pathlib import Path

from evaluate.exporting.exported_files import (
    as_yaml,
    filled,
    references_of,
    start_export,
    write_image,
)
from evaluate.facts.rules import Rules

_VOLUMES = "/mlcommons/volumes"


def export_medperf(out: Path, *, protocol: Rules, references: Path, image: str) -> None:
    """Write container_config.yaml, the parameters, the image's folder and a README.

    Of the references one must be there: nothing of them is written.

    Raises:
        UsageError: the folder exists, there are no references, or segjudge can't be packed.
    """
    references_of(references, protocol)
    start_export(out)
    write_image(out / "image", protocol=protocol, user="10001", entry="medperf")

    def volume(name: str, kind: str, file: str = "") -> dict[str, str]:
        return {"mount_path": f"{_VOLUMES}/{name}{file}", "type": kind}

    config = {
        "image": image,
        "container_type": "DockerImage",
        "tasks": {
            "evaluate": {
                "input_volumes": {
                    "predictions": volume("predictions", "directory"),
                    "labels": volume("labels", "directory"),
                    "parameters_file": volume("parameters", "file", "/parameters_file.yaml"),
                },
                "output_volumes": {
                    "output_path": volume("results", "file", "/results.yaml"),
                    "local_outputs_path": volume("local_outputs", "directory"),
                },
            }
        },
    }
    (out / "container_config.yaml").write_text(as_yaml(config), encoding="utf-8")
    # JSON is YAML.
    rules = json.dumps(protocol.to_json(), indent=1) + "\n"
    (out / "parameters_file.yaml").write_text(rules, encoding="utf-8")
    values = {"TITLE": protocol.title, "IMAGE": image}
    (out / "README.md").write_text(filled("medperf.md", values), encoding="utf-8")
