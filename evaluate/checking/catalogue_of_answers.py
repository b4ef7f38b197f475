"""Every check of what a submission answers, with its words; a part of `CATALOGUE`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check's words."""

    looks_at: str
    expected: str
    why: str
    mend: str


OF_ANSWERS: dict[str, Check] = {
    # What it leaves.
    "output-name": Check(
        looks_at="the name of the file in the outputs folder",
        expected="the name that the protocol's `output.path` says",
        why="a file of another name counts as no answer",
        mend="name it as the protocol's `[output]` says, most often as the input is named",
    ),
    "output-missing": Check(
        looks_at="whether there is an output at all",
        expected="one file for every case",
        why="a case without one scores as failed",
        mend="write to the protocol's outputs folder (/workspace/outputs; without containers the"
        " folder in the environment's SEGJUDGE_OUTPUTS), also if nothing was found: zeros are an"
        " answer",
    ),
    "output-readable": Check(
        looks_at="whether the output can be read",
        expected="a whole file of the protocol's format",
        why="a file that can't be read scores as failed",
        mend="write it whole, by the library of its format; never a link or a pickle",
    ),
    "output-key": Check(
        looks_at="the names of the arrays in the output",
        expected="the protocol's key",
        why="the mask is looked for under that name alone",
        mend="call the array as the protocol's `output.key` says, and no other",
    ),
    "output-shape": Check(
        looks_at="the shape of the mask",
        expected="the image's shape, without colours",
        why="a mask is never resized or transposed by the harness",
        mend="bring the mask back to the image's own grid before it is written",
    ),
    "output-grid": Check(
        looks_at="spacing and axes in the mask's header, where `output.grid` asks for them",
        expected="the image's own spacing and axes",
        why="a mask that says that it lies elsewhere was resampled, or its header is lost",
        mend="copy the image's header: `mask.CopyInformation(image)` in SimpleITK,"
        " `Nifti1Image(mask, image.affine)` in nibabel",
    ),
    "output-dtype": Check(
        looks_at="the type of the mask's values",
        expected="whole numbers, best uint8 (uint16 for more than 255 objects)",
        why="a mask of probabilities can't be read as labels, and large types waste the limit",
        mend="`(probability > 0.5).astype(numpy.uint8)`, times the label",
    ),
    "mask-empty": Check(
        looks_at="whether any voxel is labelled",
        expected="an object for every prompt",
        why="an empty mask scores 0",
        mend="look at the threshold, and at the range of the values that go into the model",
    ),
    "mask-fills-image": Check(
        looks_at="whether the mask covers the whole image",
        expected="objects, with background around them",
        why="a mask that is inverted or never thresholded covers everything",
        mend="background is 0; compare the mask with its complement",
    ),
    "mask-at-prompts": Check(
        looks_at="where each label lies, against its prompt",
        expected="label k where prompt k is, give or take a few pixels",
        why="a mask far from its prompt is at the wrong place: axes, spacing or scale are mixed up",
        mend="prompts are x, y(, z), arrays are (z,) y, x; scale prompts as the image is scaled",
    ),
    "labels-missing": Check(
        looks_at="whether every prompt has its label",
        expected="labels 1..N for N prompts",
        why="a label that is missing scores 0",
        mend="write label k for prompt k, also where the object is small or all objects look alike",
    ),
    "labels-surplus": Check(
        looks_at="labels that no prompt asks for",
        expected="labels 1..N for N prompts, 0 for background",
        why="255 for foreground, or labels from another numbering, score 0",
        mend="write k, not 255 and not k - 1, for prompt k",
    ),
    "labels-unknown": Check(
        looks_at="labels that the protocol does not score, where it lists its labels",
        expected="the protocol's labels, and 0 for background",
        why="a label of another numbering scores nothing, or costs what `scoring.unexpected` says",
        mend="map the model's classes to the protocol's labels before the mask is written",
    ),
    "labels-order": Check(
        looks_at="which prompt each label lies at",
        expected="label k at prompt k, in the order of the prompts",
        why="labels in another order score 0, though every outline may be right",
        mend="keep the prompts' order: do not sort them by size or position",
    ),
    "repeatable": Check(
        looks_at="the same case twice, among other cases in another order",
        expected="the same mask, bit for bit",
        why="organisers run again what is contested: a result that changes can't be proved",
        mend="fix the seeds (random, numpy, torch), and use `model.eval()`",
    ),
    "one-slice": Check(
        looks_at="an image as 2D, and the same as a volume of one slice",
        expected="nearly the same mask",
        why="a volume of one slice occurs, and code for volumes often fails on it",
        mend="do not assume neighbours: z_min may equal z_max",
    ),
    "rounds-used": Check(
        looks_at="the masks of all rounds, where a protocol has several",
        expected="an answer that changes with what is told",
        why="a submission that reads the first prompts alone answers every round alike",
        mend="read what is new in the input's file, and the last answer beside it",
    ),
    "rounds-read": Check(
        looks_at="whether the last answer agrees with what was told, at each voxel of it",
        expected="an object where it was said to be, and none where not",
        why="prompts read with their axes in another order change the wrong place",
        mend="single voxels are z, y, x, as the arrays are; corners alone are x, y, z",
    ),
    "rounds-better": Check(
        looks_at="DSC from round to round",
        expected="no worse with each round",
        why="an answer that gets worse as it is corrected mistakes what it is told",
        mend="is a voxel beside an object taken for one on it, or the last answer thrown away?",
    ),
    "odd-input": Check(
        looks_at="tiny images, prompts at the border, many prompts, thick slices, one slice",
        expected="an answer as good as on ordinary cases",
        why="a challenge's data hold such cases, and each that fails costs its score",
        mend="the log says where it stopped; clip prompts to the image, and never divide by a size",
    ),
    # How good it is.
    "mask-variant": Check(
        looks_at="whether the mask fits after an axis swap, flip, shift or renumbering",
        expected="the mask as it is fits best",
        why="a mask that fits only after that is a mistake in geometry, not in the model",
        mend="arrays are (z,) y, x and prompts x, y(, z); undo every flip and crop before writing",
    ),
    "accuracy": Check(
        looks_at="DSC against that of the prompts alone",
        expected="better than the prompts alone on most cases",
        why="a model that is worse than its own prompt is rarely meant",
        mend="look at the pictures of `--html`; the intensities here are 0 to 255",
    ),
}
