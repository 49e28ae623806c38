"""Names of traffic runs that Airflow starts."""

import re
from hashlib import sha256

from streaming.names import MAX_CHARACTERS


def traffic_run_id(dag_run_id: str) -> str:
    """The traffic run of a DAG run: the same name, without what is awkward in an address or a file's name, and as short as a name is.

    A name that had to be changed carries a digest of the original, so that no two DAG runs share a traffic run.
    """
    safe = re.sub(r"[^A-Za-z0-9_.~-]+", "-", dag_run_id)
    if safe == dag_run_id and len(safe) <= MAX_CHARACTERS:
        return safe
    digest = sha256(dag_run_id.encode()).hexdigest()[:8]
    return f"{safe[: MAX_CHARACTERS - len(digest) - 1]}-{digest}"
