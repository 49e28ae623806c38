"""Loading a dataset under Airflow: paths as people write them, progress in the log."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from answerloop_airflow.connections import loop_settings
from answerloop_airflow.sentences import told_in_a_sentence

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
LOG_EVERY_S = 5.0


def load(path: str, dataset: str | None) -> dict[str, Any]:
    """Load a CSV in the Yahoo format; a relative path is looked for in the project's folder. Idempotent.

    Rejected rows go beside the file, or, where that folder cannot be written, to `rejected` in Airflow's home. Returns dataset, rows,
    questions (new ones), rejected, rejected_file. Raises AirflowFailException, AirflowException.
    """
    from streaming.datasets.load import load_file
    from streaming.postgres.connect import connected

    file = ROOT / Path(path).expanduser()
    with told_in_a_sentence(), connected(loop_settings().database_url) as database:
        loaded = load_file(file, _name(dataset or file.stem), database, _rejected_folder(file), _progress(file))
    log.info(
        "%s: %d rows, %d new questions, %d known or repeated, %d rejected%s",
        loaded.dataset,
        loaded.rows + loaded.rejected,
        loaded.questions,
        loaded.repeated,
        loaded.rejected,
        f", each with its reason in {loaded.rejected_file}" if loaded.rejected_file else "",
    )
    return {
        "dataset": loaded.dataset,
        "rows": loaded.rows,
        "questions": loaded.questions,
        "rejected": loaded.rejected,
        "rejected_file": str(loaded.rejected_file) if loaded.rejected_file else None,
    }


def _name(dataset: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from streaming.errors import UserError
    from streaming.traffic.plan import Name

    try:
        return TypeAdapter(Name).validate_python(dataset)
    except ValidationError as err:
        raise UserError(f"{dataset!r} cannot be a dataset's name: give one of 1 to 200 printable characters.") from err


def _rejected_folder(file: Path) -> Path:
    if os.access(file.parent, os.W_OK):
        return file.parent
    folder = Path(os.environ["AIRFLOW_HOME"]) / "rejected"
    folder.mkdir(exist_ok=True)
    return folder


def _progress(file: Path) -> Callable[[int], None]:
    """Logs the bytes read so far every few seconds."""
    size = file.stat().st_size if file.is_file() else 0
    said = time.monotonic()

    def advance(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= LOG_EVERY_S:
            said = time.monotonic()
            log.info("%s: %d of %d MB (%.0f %%)", file.name, done >> 20, size >> 20, 100 * done / max(size, 1))

    return advance
