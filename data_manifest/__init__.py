"""What a case is: manifests with hashes, reading and writing cases, building them, prompts.

The names below are imported when they are first asked for: a command line that only shows its help,
or complains of its use, waits for no array library.
"""

from importlib import import_module
from typing import Any

# Building is not among them: it imports every reader of images. See `data_manifest.making.build`.
_HOMES = {
    "cases": ("CaseInputs", "Reference"),
    "errors": ("CaseFileError", "ManifestError", "SegjudgeError"),
    "findings": ("Finding",),
    "layouts": ("read_inputs", "read_reference"),
    "manifest": ("MODALITIES", "Case", "Label", "Manifest", "load_manifest"),
    "naming": ("CaseName", "parse_case_name"),
    "verify": ("verify_manifest",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # one list of names


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
