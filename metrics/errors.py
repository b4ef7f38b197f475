"""The one exception of this package: an argument that no number can honestly be computed from."""

__all__ = ["MetricInputError"]


class MetricInputError(ValueError):
    """An argument is not what the function needs.

    Args:
        argument: the argument it is about.
        found: what was given.
        expected: what is needed, and where it helps, how to get it.
    """

    def __init__(self, *, argument: str, found: str, expected: str) -> None:
        self.argument = argument
        super().__init__(f"{argument}: found {found}; expected {expected}")
