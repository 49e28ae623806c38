"""Finding the checkpoint to go on from."""

from pathlib import Path


def newest(folder: Path | None) -> Path | None:
    """The newest complete checkpoint below `<folder>/<job id>/chk-<n>`, of whatever job; None where there is none.

    Flink writes `_metadata` last: a checkpoint without it is not complete.
    """
    if folder is None:
        return None
    found: list[tuple[int, int, Path]] = []
    for metadata in folder.glob("*/chk-*/_metadata"):
        try:
            written = metadata.stat()
        except FileNotFoundError:  # retired by a running job in the meantime
            continue
        number = metadata.parent.name.removeprefix("chk-")
        if written.st_size and number.isdecimal():
            found.append((written.st_mtime_ns, int(number), metadata.parent))
    return max(found, default=(0, 0, None))[2]
