"""Layouts that data sets come in: a module each, which finds cases by names and tables alone."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_manifest.making.source_layouts.source import Source

__all__ = ["SOURCE_LAYOUTS", "find_cases"]

SOURCE_LAYOUTS: Mapping[str, str] = {
    "nnunet": "nnunet.find_nnunet",
    "msd": "msd.find_msd",
    "bids": "bids.find_bids",
    "brats": "brats.find_brats",
    "flare": "nnunet.find_flare",
    "cvpr": "cvpr.find_cvpr",
    "grand-challenge": "slugs.find_grand_challenge",
}
"""By name, the module here and its function of a folder; they are slow to import."""


def find_cases(layout: str, folder: Path) -> "Source":
    """The cases of a folder.

    Args:
        layout: a name of `SOURCE_LAYOUTS`.
        folder: as somebody laid it out.

    Raises:
        ManifestError: the layout's own tables can't be read.
    """
    module, _, function = SOURCE_LAYOUTS[layout].partition(".")
    source: Source = getattr(import_module(f"{__name__}.{module}"), function)(folder)
    return source
