"""How a case becomes files in a container's inputs folder, and an output becomes a label map."""

from data_manifest.layouts.outputs import BadPrediction, read_prediction
from data_manifest.layouts.regular_files import open_regular_file

__all__ = ["BadPrediction", "open_regular_file", "read_prediction"]
