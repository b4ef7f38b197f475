"""Writing npz archives: the same arrays give the same bytes."""

import os
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_npz(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], *, pickled: Collection[str] = ()
) -> None:
    """Write a compressed npz, all or nothing, whose bytes depend on nothing but the arrays.

    `numpy.savez_compressed` stamps the current time into the archive, so that two builds of the
    same data would have different hashes.

    Args:
        path: where to write; the folder must exist.
        arrays: written in this order.
        pickled: keys of arrays that may hold objects.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for key, array in arrays.items():
                    info = zipfile.ZipInfo(f"{key}.npy", date_time=_EPOCH)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.create_system = 3  # by default the platform's
                    info.external_attr = 0o644 << 16
                    large = array.nbytes > 1 << 30
                    with archive.open(info, "w", force_zip64=large) as member:
                        np.lib.format.write_array(
                            member, np.asanyarray(array), allow_pickle=key in pickled
                        )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
