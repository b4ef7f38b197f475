"""This package's exceptions: a bad argument, and a broken installation."""


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


class KernelError(RuntimeError):
    """The compiled kernel is missing or not this version's.

    Args:
        found: what is wrong with it.
    """

    where = "metrics.kernel"
    expected = "the one that installing segjudge compiles"
    mend = "run `pip install .` (in a checkout `pip install --editable .`) again"

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"{self.where}: {found}; expected {self.expected}; {self.mend}")
