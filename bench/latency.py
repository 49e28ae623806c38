"""From POST to answer visible at 2 questions a second, without the model's own time, through the running stack."""

import asyncio
import json
import time
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from streaming import settings
from streaming.datasets.csv_rows import Row, read_rows

SAMPLE = Path(__file__).parents[1] / "data" / "sample.csv"
RATE = 2.0
TARGET_P50_MS = 400.0


async def ask(client: httpx.AsyncClient, question: str, reference: str, answer_set: str) -> tuple[float, int]:
    """Milliseconds from POST to the answer's arrival less the model calls' time, and the number of attempts."""
    began = time.perf_counter()
    asked = await client.post("/questions", json={"question_text": question, "original_answer": reference, "answer_set": answer_set})
    asked.raise_for_status()
    found = await client.get(f"/questions/{asked.json()['question_id']}", params={"wait": 60})
    elapsed = (time.perf_counter() - began) * 1000
    if found.json()["status"] != "found":
        raise SystemExit(f"not answered: {found.json()}")
    timeline = (await client.get(f"/questions/{asked.json()['question_id']}/timeline")).json()
    attempts = timeline["submissions"][0]["attempts"]
    return elapsed - sum(attempt["response_time_ms"] for attempt in attempts), len(attempts)


async def measure(count: int) -> dict[str, object]:
    """The figures of `count` questions of the sample, asked in a set of their own."""
    with SAMPLE.open("rb") as stream:
        rows = [row for row in read_rows(stream) if isinstance(row, Row) and row.original_answer][:count]
    answer_set = f"bench-{uuid4()}"
    loaded = settings.load()
    async with httpx.AsyncClient(base_url=loaded.api_url, timeout=90, trust_env=False) as client:
        await client.put(f"{loaded.ollama_url}/simulator/faults", json={})
        began, tasks = time.perf_counter(), []
        for index, row in enumerate(rows):
            await asyncio.sleep(max(0.0, index / RATE - (time.perf_counter() - began)))
            tasks.append(asyncio.create_task(ask(client, row.question_text, row.original_answer or "", answer_set)))
        done = await asyncio.gather(*tasks)
    once = [elapsed for elapsed, attempts in done if attempts == 1]
    p50, p90, p99 = np.percentile(once, [50, 90, 99])
    return {
        "bench": "latency",
        "rate_per_s": RATE,
        "questions": len(done),
        "answered_at_first_attempt": len(once),
        "p50_ms": round(float(p50), 1),
        "p90_ms": round(float(p90), 1),
        "p99_ms": round(float(p99), 1),
        "target_p50_ms": TARGET_P50_MS,
        "met": bool(p50 < TARGET_P50_MS),
    }


def main() -> None:
    """A table for people, then one line of JSON."""
    figures = asyncio.run(measure(60))
    table = Table(title=f"POST to answer visible, without model time, {RATE:g} questions/s")
    for column in ("answers at the first attempt", "p50 (ms)", "p90 (ms)", "p99 (ms)", "target p50 (ms)"):
        table.add_column(column, justify="right")
    table.add_row(*(str(figures[name]) for name in ("answered_at_first_attempt", "p50_ms", "p90_ms", "p99_ms", "target_p50_ms")))
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
