"""Compiles the C files of `metrics/kernel` when segjudge is built or installed.

With the machine's C compiler where it has one, else with the one that comes as a package
(`ziglang`), so that no machine needs more than pip. The kernel has no floating point in it: which
compiler made it can't show in a result.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ZIG = "ziglang==0.17.1"
_FOLDER = Path("metrics", "kernel")
_OPTIONS = ("-std=c11", "-O3", "-shared", "-fvisibility=hidden")


def _compiler() -> list[str] | None:
    """The machine's own compiler: what CC says, or the usual names."""
    named = shlex.split(os.environ.get("CC", ""))
    if named and shutil.which(named[0]):
        return named
    found = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    return [found] if found else None


class KernelBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the compiled kernel beside its source (in a checkout) or into the wheel."""

    PLUGIN_NAME = "kernel"

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling: a compiler, where the machine has none."""
        return [] if _compiler() else [_ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; called before each wheel, editable ones included."""
        del version
        suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
        target = Path(self.root) / _FOLDER / f"_kernel{suffix}"
        self._compile(Path(self.root) / _FOLDER, target)
        build_data["pure_python"] = False
        # Nothing in the library knows of Python: one wheel serves every version.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(str(target.relative_to(self.root).as_posix()))

    def _compile(self, folder: Path, target: Path) -> None:
        sources = sorted(folder.glob("*.[ch]"))
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
        compiler = _compiler() or [sys.executable, "-m", "ziglang", "cc"]
        position = () if sys.platform == "win32" else ("-fPIC",)
        temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        command = [
            *(*compiler, *_OPTIONS, *position, f'-DSEGJUDGE_SOURCE="{digest}"'),
            *("-o", str(temporary)),
            *(str(path) for path in sources if path.suffix == ".c"),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, encoding="utf-8")  # noqa: S603
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            message = (
                f"segjudge's kernel could not be compiled by `{compiler[0]}`:\n{said}\n"
                "Install a C compiler (Debian: gcc; macOS: xcode-select --install), or name one in"
                " CC, and install segjudge again."
            )
            raise SystemExit(message) from error
        # A running process keeps the file that it has open.
        temporary.replace(target)
