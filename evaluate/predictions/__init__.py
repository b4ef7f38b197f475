"""A stranger's file to a label map, or the reason why not."""

from evaluate.predictions.files import open_regular_file
from evaluate.predictions.reading import BadPrediction, read_prediction

__all__ = ["BadPrediction", "open_regular_file", "read_prediction"]
