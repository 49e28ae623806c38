"""The nightly report of a day with a million model calls, a million requests and a million samples of Kafka.

On tables of its own, in the database of the running stack. Asserts the bounds: 60 s and 1 GB.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
from rich.console import Console
from rich.table import Table

from tests.integration.private_tables import private_tables

DAY = "2026-03-01"
FILL = Path(__file__).with_name("a_day.sql")
TABLES = ("attempts", "traffic_requests", "kafka_samples", "questions", "answers", "traffic_runs")
MOST_S = 60
MOST_MIB = 1000


def measure() -> dict[str, Any]:
    """Seconds and mebibytes of `report day`, and the rows that it covers. The process is one of its own, libraries included."""
    with private_tables() as url, TemporaryDirectory() as folder:
        rows = _fill(url)
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "streaming", "report", "day", DAY],
            env={**os.environ, "ANSWERLOOP_REPORTS_DATABASE_URL": url, "ANSWERLOOP_REPORTS_DIR": folder},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        took = time.monotonic() - began
        written = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"bench": "reports", "rows": rows, "seconds": round(took, 1), "peak_mebibytes": round(peak), "written_bytes": written}


def _fill(url: str) -> dict[str, int]:
    with psycopg2.connect(url) as database, database.cursor() as cursor:
        cursor.execute(FILL.read_text())
        counts = {}
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")  # nosec B608 # names of our own; values are parameters
            counts[table] = next(iter(cursor))[0]
    database.close()
    return counts


def main() -> None:
    """A table for people, then one line of JSON; fails where the report takes too long or too much."""
    figures = measure()
    table = Table("what", "figure", title=f"The report of a day with {figures['rows']['attempts']:,} model calls")
    for name, count in figures["rows"].items():
        table.add_row(f"rows in {name}", f"{count:,}")
    table.add_row("time", f"{figures['seconds']:.1f} s, at most {MOST_S}")
    table.add_row("peak memory", f"{figures['peak_mebibytes']:,} MiB, at most {MOST_MIB:,}")
    Console().print(table)
    print(json.dumps(figures))
    if figures["seconds"] > MOST_S or figures["peak_mebibytes"] > MOST_MIB:
        sys.exit("the report takes too long or too much memory")


if __name__ == "__main__":
    main()
