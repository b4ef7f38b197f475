"""A real echocardiogram that pydicom ships."""

import numpy as np

from data_manifest.demo.records import CaseMaker, RawCase
from data_manifest.demo.shapes import label_map, polygon
from data_manifest.demo.shipped import shipped_file

_SHA256 = "6fa3a087d3c631b43216a8abec8aac8d2d73751c5bf5885708d1150b09283f72"
_FRAME = 24  # end of systole: the closed mitral valve bounds the ventricle
_LEFT_VENTRICLE = [
    (178, 67), (169, 70), (163, 78), (160, 90), (160, 105), (161, 118), (164, 128), (172, 127),
    (180, 123), (188, 127), (198, 131), (205, 125), (208, 112), (209, 98), (207, 86), (201, 76),
    (194, 70), (186, 67),
]  # fmt: skip


def _heart(identifier: str, rng: np.random.Generator) -> RawCase:
    del rng  # a real image: nothing is drawn
    import pydicom  # an optional package: only whoever builds the demo data needs it

    file = shipped_file("pydicom", "data/test_files/examples_ybr_color.dcm", _SHA256)
    frame = pydicom.dcmread(file).pixel_array[_FRAME]
    image = np.ascontiguousarray(frame[15:215, 30:280, 0], dtype=np.uint8)
    outline = [(x - 30, y - 15) for x, y in _LEFT_VENTRICLE]
    return RawCase(
        identifier=identifier,
        modality="Ultrasound",
        image=image,
        labels=label_map(polygon(image.shape, outline)),
        label_names=("left ventricle",),
        spacing_mm=None,
        origin="real",
        source=(
            f"pydicom's examples_ybr_color.dcm, frame {_FRAME}, cropped to the sector: an apical"
            " four-chamber echocardiogram; reference: hand-set polygon along the inner wall and the"
            " mitral valve, checked by eye"
        ),
        licence="MIT, as pydicom's distribution; its notes on test files name no restriction",
    )


CASES: dict[str, CaseMaker] = {"2DBox_Ultrasound_heart": _heart}
