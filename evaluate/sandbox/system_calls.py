"""A filter of system calls for Podman, whose own lets a container make namespaces of its own.

Docker's own allows these calls only to who has CAP_SYS_ADMIN, and no container of ours has that.
"""

from pathlib import Path

import msgspec

_PROFILES = (Path("/etc/containers/seccomp.json"), Path("/usr/share/containers/seccomp.json"))
_CLOSED = {"add_key", "clone", "clone3", "fsconfig", "fsmount", "fsopen",
           "fspick", "keyctl", "mount", "mount_setattr", "move_mount", "open_tree",
           "pivot_root", "request_key", "setns", "umount", "umount2", "unshare"}  # fmt: skip
_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NO_SUCH_CALL = 38  # so that the C library takes `clone`, whose flags can be looked at


def stricter_filter() -> str | None:
    """Podman's profile of this machine without those calls; None where there is none to begin with.

    See seccomp(2) and the profile's form in the OCI runtime specification.
    """
    for path in _PROFILES:
        try:
            profile = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
            rules = msgspec.json.decode(profile["syscalls"], type=list[dict[str, object]])
        except (OSError, KeyError, msgspec.MsgspecError):
            continue
        return msgspec.json.encode({**profile, "syscalls": _closed(rules)}).decode()
    return None


def _closed(rules: list[dict[str, object]]) -> list[dict[str, object]]:
    kept: list[dict[str, object]] = []
    for rule in rules:
        names = rule.get("names")
        if rule.get("action") == "SCMP_ACT_ALLOW" and isinstance(names, list):
            kept.append({**rule, "names": [name for name in names if name not in _CLOSED]})
        else:
            kept.append(rule)
    flags = {"index": 0, "value": _NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return [
        *(rule for rule in kept if rule.get("names")),
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [flags]},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _NO_SUCH_CALL},
    ]
