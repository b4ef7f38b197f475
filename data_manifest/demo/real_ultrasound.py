"""A real echocardiogram that pydicom ships."""

import numpy as np

from data_manifest.demo.records import Picture
from data_manifest.demo.shapes import label_map, polygon
from data_manifest.demo.shipped import OUTLINES, shipped_file

_SHA256 = "6fa3a087d3c631b43216a8abec8aac8d2d73751c5bf5885708d1150b09283f72"
_FRAME = 24  # end of systole: the closed mitral valve bounds the ventricle


def heart(_: np.random.Generator) -> Picture:
    """A four-chamber view at the end of systole."""
    import pydicom  # an optional package: only whoever builds the demo data needs it

    file = shipped_file("pydicom", "data/test_files/examples_ybr_color.dcm", _SHA256)
    frame = pydicom.dcmread(file).pixel_array[_FRAME]
    image = np.ascontiguousarray(frame[15:215, 30:280, 0], dtype=np.uint8)
    ventricle = OUTLINES["2DBox_Ultrasound_heart"]["left ventricle"]
    outline = [(x - 30, y - 15) for x, y in ventricle.outline]
    return image, label_map(polygon(image.shape, outline))
