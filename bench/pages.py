"""Every page in Airflow's UI over 200 runs with 1,000,000 attempts: how long it takes, and what a page that moves costs."""

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from hashlib import md5
from statistics import median
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import FastAPI
from fastapi.testclient import TestClient
from rich.console import Console
from rich.table import Table

from answerloop_airflow.pages.addresses import Addresses
from answerloop_airflow.pages.app import PREFIX, pages
from bench.filled import GOING_ON, filled
from streaming import settings

REPETITIONS = 15
TARGET_MS = 300.0
TARGET_SHARE = 0.05
PAGES = {
    "runs": "/runs",
    "older runs": "/runs?before=2126-01-01T00:00:00Z",
    "run": "/run?id=run-7",
    "running run": f"/run?id={GOING_ON}",
    "compare": "/compare?left=run-7&right=run-8",
    "failures": "/failures",
    "failures of a cause": "/failures?cause=quota_exhausted&error_text=busy",
    "replay": "/replay?cause=quota_exhausted",
    "questions": "/questions",
    "search": "/questions?q=why%20question%20run-7",
    "question": f"/question?id={UUID(md5(b'run-7/5', usedforsecurity=False).hexdigest())}",
    "nightly": "/nightly",
    "trend of nightly": f"/nightly/trend?last={datetime.now(UTC):%Y-%m-%d}",
    "day": f"/nightly/day?day={datetime.now(UTC) - timedelta(days=1, minutes=5):%Y-%m-%d}",
    "health": "/health",
}
LIVE = {"runs": f"/runs/running?shown={GOING_ON}", "run": f"/run/live?id={GOING_ON}", "health": "/health/now"}


# Their own lines would be thousands.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpx2").setLevel(logging.WARNING)


def asked(client: TestClient, path: str) -> tuple[float, str]:
    """Milliseconds, and the page."""
    began = time.perf_counter()
    reply = client.get(path, headers={"HX-Request": "true"} if path in LIVE.values() else {})
    took = (time.perf_counter() - began) * 1000
    if reply.status_code != 200:
        sys.exit(f"{path}: {reply.status_code}: {reply.text}")
    return took, reply.text


def measure(client: TestClient) -> dict[str, object]:
    """Times by page: the first, and of those after it the median and the longest. A live part's time is of the share that it asks for."""
    asked(client, "/static/x/pages.css")
    times = {}
    for name, path in PAGES.items():
        first, *rest = [asked(client, path)[0] for _ in range(REPETITIONS)]
        times[name] = {"first_ms": round(first, 1), "median_ms": round(median(rest), 1), "longest_ms": round(max(rest), 1)}
    shares = {}
    for name, path in LIVE.items():
        answers = [asked(client, path) for _ in range(REPETITIONS)]
        again = re.search(r"load delay:([\d.]+)s", answers[-1][1])
        assert again is not None
        # All of the time, PostgreSQL's and the client's too: no less than what a core has to do for it.
        shares[name] = round(median(took for took, _ in answers) / 1000 / float(again[1]), 4)
    quick = all(max(each["first_ms"], each["median_ms"]) < TARGET_MS for each in times.values())
    return {
        "bench": "pages",
        "pages": times,
        "target_ms": TARGET_MS,
        "live_share_of_a_core": shares,
        "target_share": TARGET_SHARE,
        "met": quick and all(each < TARGET_SHARE for each in shares.values()),
    }


def main() -> None:
    """A table for people, then one line of JSON."""
    loaded = settings.load()
    submitter = loaded.sampler_targets.get("job_submitter", loaded.api_url)
    with filled() as url:
        redis = urlsplit(loaded.redis_url).netloc.rpartition("@")[2]
        where = Addresses(loaded.model_copy(update={"database_url": url}), loaded.flink_url, submitter, redis)
        app = FastAPI()
        app.mount(PREFIX, pages(lambda: None, lambda: where))
        with TestClient(app, base_url=f"http://pages{PREFIX}") as client:
            figures = measure(client)
    table = Table(title="pages over 200 runs and 1,000,000 attempts")
    for column in ("page", "first (ms)", "median (ms)", "longest (ms)", "target (ms)"):
        table.add_column(column, justify="left" if column == "page" else "right")
    times = figures["pages"]
    assert isinstance(times, dict)
    for name, each in times.items():
        table.add_row(name, *(str(each[which]) for which in ("first_ms", "median_ms", "longest_ms")), f"{TARGET_MS:.0f}")
    Console().print(table)
    print(f"live parts, share of a core: {figures['live_share_of_a_core']}, target {TARGET_SHARE}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
