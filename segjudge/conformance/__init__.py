"""What every sandbox promises, as tests: run them on an adapter of your own.

An adapter is a class that follows `evaluate.sandbox.port.Sandbox`. Register what opens it under the
entry point group `segjudge.sandboxes`, and let pytest (which you install yourself) run, in a file
of your package's tests:

    from segjudge.conformance import Bench
    from segjudge.conformance.suite import *

    @pytest.fixture
    def submission():  # a folder, archive or reference that copies its inputs to its outputs
        ...

    @pytest.fixture
    def bench(tmp_path):  # the sandbox with an image that has /bin/sh and python3
        sandbox = MySandbox()
        yield Bench(sandbox, sandbox.prepare(...), tmp_path)
        sandbox.close()
"""

from segjudge.conformance.bench import Bench

__all__ = ["Bench"]
