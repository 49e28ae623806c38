"""Named places where a fault run may end the process, as kill -9 does: between an effect and the offset that says it was had.

Off unless the process was told a folder; then a file there, named `service.point` and holding a number n, ends the process the n-th time
that it comes by, once: the file goes first.
"""

import os
import signal
from pathlib import Path

_armed: tuple[Path, str] | None = None


def arm(folder: Path | None, service: str) -> None:
    """Look for files of this service in the folder from now on; None: never."""
    global _armed
    _armed = None if folder is None else (folder, service)


def reach(point: str) -> None:
    """The process comes by this point."""
    if _armed is not None:
        _end_if_asked(_armed[0] / f"{_armed[1]}.{point}")


def _end_if_asked(file: Path) -> None:
    if not file.exists():
        return
    left = int(file.read_text()) - 1
    if left > 0:
        file.write_text(str(left))
        return
    file.unlink()
    os.kill(os.getpid(), signal.SIGKILL)
