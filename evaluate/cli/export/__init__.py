"""The platforms of `segjudge export`."""

TITLE = "platforms"
COMMANDS = {
    "masks": ("A run's masks as NIfTI, for viewers.", "segjudge export masks my-run masks"),
    "codabench": (
        "A bundle to upload to Codabench, and the image that scores there.",
        "segjudge export codabench --protocol mine.toml --references gts for-codabench",
    ),
    "grand-challenge": (
        "An evaluation method for Grand Challenge, with its test.",
        "segjudge export grand-challenge --protocol mine.toml --references gts for-grand-challenge",
    ),
    "medperf": (
        "An evaluator for MedPerf.",
        "segjudge export medperf --protocol mine.toml --references gts for-medperf",
    ),
}
