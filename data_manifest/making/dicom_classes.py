"""Which DICOM files are images at all, and which of those have pixels that can be taken."""

# mypy: disallow-untyped-calls=False

import math
from collections.abc import Sequence

import pydicom

from data_manifest.making.image_formats import FormatError

_AS_NUMBERS = "hand in the label map itself, as NIfTI, MHA or PNG"
_CONVERT = "convert it first to a label map on its image's grid, e.g. with"
_NO_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.66.4": f"{_CONVERT} dcmqi's `segimage2itkimage` or highdicom",
    "1.2.840.10008.5.1.4.1.1.66.7": f"{_CONVERT} dcmqi's `segimage2itkimage` or highdicom",
    "1.2.840.10008.5.1.4.1.1.66.5": f"{_CONVERT} 3D Slicer",
    "1.2.840.10008.5.1.4.1.1.481.3": f"{_CONVERT} `dcmrtstruct2nii` or plastimatch",
    "1.2.840.10008.5.1.4.1.1.481.2": "a dose is no image of the body",
    "1.2.840.10008.5.1.4.1.1.30": "export the map as NIfTI",
}


def check_class(header: pydicom.Dataset) -> None:
    """Nothing, if a file is an image by its SOP class.

    Raises:
        FormatError: it is a segmentation, a structure set, a report, a dose, or has no pixels.
    """
    uid = header.get("SOPClassUID") or ""
    if uid in _NO_IMAGES or "Rows" not in header:
        name = pydicom.uid.UID(uid).name.removesuffix(" Storage") if uid else "no SOP class"
        raise FormatError(
            f"a DICOM file of another kind: {name}",
            "an image",
            _NO_IMAGES.get(uid, "hand in the image, or a label map, itself"),
        )


def check_length(header: pydicom.Dataset, size: int, name: str) -> None:
    """Nothing, if behind a header that says plain pixels are as many bytes as these take.

    Raises:
        FormatError: there are fewer, of which a decoder makes up the rest.
    """
    syntax = getattr(header, "file_meta", pydicom.Dataset()).get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed or "Rows" not in header:
        return
    sizes = ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "BitsAllocated")
    bits = math.prod(int(header.get(tag) or 1) for tag in sizes)
    subsampled = str(header.get("PhotometricInterpretation", "")).endswith(("_422", "_420"))
    if size and not subsampled and size < bits // 8:
        raise FormatError(
            f"{name} can't be read as DICOM: fewer than the {bits // 8} bytes of its pixels",
            "a whole file",
            "take a fresh copy",
        )


def check_pixels(headers: Sequence[pydicom.Dataset], *, labels: bool) -> None:
    """Nothing, if all files' pixels are stored in one way, and in one that is read as meant.

    Raises:
        FormatError: they are not.
    """
    for tag in ("Rows", "Columns", "PhotometricInterpretation", "BitsStored"):
        values = sorted({str(header.get(tag)) for header in headers})
        if len(values) > 1:
            raise FormatError(
                f"slices of different {tag}: {', '.join(values[:4])}",
                "one for all",
                "the series holds several scans: part them",
            )
    header = headers[0]
    bits, high = header.get("BitsStored"), header.get("HighBit")
    if bits is not None and high is not None and int(high) != int(bits) - 1:
        raise FormatError(
            f"High Bit {high} with Bits Stored {bits}", f"High Bit {int(bits) - 1}", "save it again"
        )
    if any(header.get("RescaleSlope") == 0 for header in headers):
        raise FormatError(
            "Rescale Slope 0, which readers leave out", "another slope, or none", "save it again"
        )
    if any("ModalityLUTSequence" in header for header in headers):
        raise FormatError(
            "a Modality LUT, which readers leave out",
            "Rescale Slope and Intercept",
            "convert it to NIfTI with its own software",
        )
    if labels and int(header.get("SamplesPerPixel") or 1) != 1:
        raise FormatError("labels as colours", "one number a pixel", _AS_NUMBERS)
    if labels and header.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise FormatError("labels with a palette, which is applied", "MONOCHROME2", _AS_NUMBERS)
