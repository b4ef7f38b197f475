"""How one case of one submission ended."""

from enum import StrEnum


class Outcome(StrEnum):
    """How one case of one submission ended."""

    OK = "ok"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    NONZERO_EXIT = "nonzero_exit"
    NO_OUTPUT = "no_output"
    BAD_OUTPUT = "bad_output"
    OUTPUT_TOO_LARGE = "output_too_large"
    IMAGE_ERROR = "image_error"
    HARNESS_ERROR = "harness_error"

    @property
    def is_failure(self) -> bool:
        """Whether the participant failed: scored by the protocol's failure policy."""
        return self not in (Outcome.OK, Outcome.HARNESS_ERROR)
