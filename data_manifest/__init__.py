"""What a case is: manifests with hashes, reading and writing cases, building them, prompts."""

from data_manifest.cases import CaseInputs, Reference
from data_manifest.errors import CaseFileError, ManifestError, Problem, SegjudgeError
from data_manifest.layouts import read_inputs, read_reference
from data_manifest.manifest import MODALITIES, Case, Label, Manifest, load_manifest
from data_manifest.naming import CaseName, parse_case_name
from data_manifest.verify import verify_manifest

# Building is not among them: it imports every reader of images. See `data_manifest.making.build`.
__all__ = [
    "MODALITIES",
    "Case",
    "CaseFileError",
    "CaseInputs",
    "CaseName",
    "Label",
    "Manifest",
    "ManifestError",
    "Problem",
    "Reference",
    "SegjudgeError",
    "load_manifest",
    "parse_case_name",
    "read_inputs",
    "read_reference",
    "verify_manifest",
]
