"""How a case becomes files in a container's inputs folder, and an output becomes a label map."""

from data_manifest.layouts.exported_masks import VIEWABLE, viewer_affine, write_viewable_mask
from data_manifest.layouts.formats import FORMATS, format_of, stem_of
from data_manifest.layouts.layout import Layout, first_contract
from data_manifest.layouts.layout_problems import contradictions
from data_manifest.layouts.named_files import (
    PLATFORM_MASK,
    InputFile,
    Inputs,
    OutputFile,
    References,
)
from data_manifest.layouts.npz_contract import read_inputs
from data_manifest.layouts.outputs import (
    ArrayFacts,
    BadPrediction,
    array_facts,
    read_prediction,
)
from data_manifest.layouts.references import read_reference, read_reference_header
from data_manifest.layouts.regular_files import open_regular_file
from data_manifest.layouts.stored import read_case, read_stored_inputs

__all__ = [
    "FORMATS",
    "PLATFORM_MASK",
    "VIEWABLE",
    "ArrayFacts",
    "BadPrediction",
    "InputFile",
    "Inputs",
    "Layout",
    "OutputFile",
    "References",
    "array_facts",
    "contradictions",
    "first_contract",
    "format_of",
    "open_regular_file",
    "read_case",
    "read_inputs",
    "read_prediction",
    "read_reference",
    "read_reference_header",
    "read_stored_inputs",
    "stem_of",
    "viewer_affine",
    "write_viewable_mask",
]
