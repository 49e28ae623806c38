"""A report's folder: files that whoever reads meanwhile sees whole, in the old or the new state."""

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4


def write_files(folder: Path, contents: Mapping[str, str]) -> None:
    """Write each file by its name, in this order; each is replaced as a whole. The folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        beside = folder / f".{name}.{uuid4().hex}"
        try:
            beside.write_text(content, encoding="utf-8")
            beside.replace(folder / name)
        finally:
            beside.unlink(missing_ok=True)
