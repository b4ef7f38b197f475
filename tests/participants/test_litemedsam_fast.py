"""The efficient LiteMedSAM answers as the baseline does; only the way there is another."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evaluate.checking.starter import ready_participants
from tests.capabilities import need
from tests.participants.cases import Run, dice_of, objects_cases


def test_every_mask_is_the_baselines_and_in_float32_but_for_single_pixels(
    network_answers: Run,
) -> None:
    baseline, fast = network_answers("litemedsam"), network_answers("litemedsam_fast")
    exact = network_answers("litemedsam_fast/exact", precision='"f32"', kept_graphs="false")
    for case in objects_cases():
        expected = baseline[case]
        assert set(np.unique(expected)) == {0, 1, 2, 3}, case
        for masks, least in ((exact[case], 0.999), (fast[case], 0.98)):
            assert masks.dtype == expected.dtype
            for label in (1, 2, 3):
                assert dice_of(expected == label, masks == label) > least, (case, label)


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The participant's module, as its image has it, and no trace of its neighbours afterwards."""
    need("litemedsam")
    folder = ready_participants(tmp_path_factory.mktemp("ready"))["litemedsam_fast"]
    names = [path.stem for path in Path(folder).glob("*.py")]
    sys.path.insert(0, str(folder))
    yield importlib.import_module("answering")
    sys.path.remove(str(folder))
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("shape", [(96, 150), (256, 256), (700, 333), (1, 900)])
def test_a_mask_is_made_larger_as_torch_does(answering: ModuleType, shape: tuple[int, int]) -> None:
    import torch

    random = np.random.default_rng(sum(shape))
    coarse = torch.from_numpy(random.normal(-0.6, 1, (1, 1, 16, 16)).astype(np.float32))
    logits = torch.nn.functional.interpolate(coarse, size=(256, 256), mode="bicubic")
    height, width = answering.resized_shape(*shape, answering.SIDE)
    expected = torch.nn.functional.interpolate(
        logits[..., :height, :width], size=shape, mode="bilinear", align_corners=False
    )
    mask = answering._mask(logits[0, 0].numpy(), shape)
    certain = np.abs(expected[0, 0].numpy()) > 1e-5
    assert 0 < mask.sum() < mask.size
    assert np.array_equal(mask[certain], (expected[0, 0] > 0).numpy()[certain])
    assert not answering._mask(np.full((256, 256), -1.0, np.float32), shape).any()
