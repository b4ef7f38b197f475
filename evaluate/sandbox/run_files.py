"""Small files of ours that containers get, in a folder that is found after a killed harness."""

import hashlib
import threading
from pathlib import Path

from evaluate.sandbox.port import Image
from evaluate.sandbox.removal import remove_tree
from evaluate.sandbox.scratch import make_scratch
from evaluate.sandbox.surroundings import groups, passwd


class RunFiles:
    """The files of one sandbox."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def accounts(self, image: Image, user: tuple[int, int]) -> dict[str, str]:
        """Files for this image's containers that name its user, by where they are mounted.

        Those of the image's own that can't be covered are left out.
        """
        around, (uid, gid) = image.around, user
        made: dict[str, str] = {}
        if around.accounts is not None:
            made["/etc/passwd"] = self.kept(passwd(around, uid=uid, gid=gid))
        if around.groups is not None:
            made["/etc/group"] = self.kept(groups(around, gid=gid))
        return made

    def kept(self, text: str) -> str:
        """Path of a file with this text, for everyone to read."""
        content = text.encode()
        with self._lock:
            if self._folder is None:
                self._folder = make_scratch()
                self._folder.chmod(0o755)
            path = self._folder / hashlib.sha256(content).hexdigest()
            if not path.exists():
                path.write_bytes(content)
                path.chmod(0o444)
        return str(path)

    def close(self) -> None:
        """Remove them."""
        with self._lock:
            if self._folder is not None:
                remove_tree(self._folder)
                self._folder = None
