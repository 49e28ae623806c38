"""What the question "has the run drained?" costs, asked twice a second of large tables."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from streaming.traffic.drain import PENDING_BY_STAGE
from tests.integration.private_tables import private_tables

pytestmark = pytest.mark.integration

REQUESTS = 100_000
# Of the requests, those of the questions that are pending: all of another run, as if found by this one. One in ten is asked by nobody.
FILL = """
INSERT INTO questions (question_id, answer_set, question_text, status, submission_id, run_id, created_at, submitted_at, enqueued_at)
SELECT md5(number::text)::uuid, 'a', '?', CASE WHEN number <= %(pending)s THEN 'pending' ELSE 'answered' END,
       md5(number::text)::uuid, 'another', now(), now(), now()
FROM generate_series(1, %(requests)s) AS number;
INSERT INTO traffic_requests (run_id, request_number, question_id, intended_at)
SELECT 'run', number, md5(number::text)::uuid, now() FROM generate_series(1, %(requests)s) AS number
WHERE number > %(pending)s OR number %% 10 > 0;
ANALYZE questions;
ANALYZE traffic_requests;
"""


@pytest.fixture(params=[20, 2_000], ids=["few pending", "many pending"])
def filled(request: pytest.FixtureRequest) -> Iterator[tuple[connection, int]]:
    with private_tables() as url:
        database = psycopg2.connect(url)
        try:
            with database, database.cursor() as cursor:
                cursor.execute(FILL, {"requests": REQUESTS, "pending": request.param})
            yield database, request.param
        finally:
            database.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def test_only_requests_of_pending_questions_are_read(filled: tuple[connection, int]) -> None:
    database, pending = filled
    with database, database.cursor() as cursor:
        cursor.execute(PENDING_BY_STAGE, {"run_id": "run"})
        assert cursor.fetchall() == [("at the model or being scored", pending * 9 // 10)]
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {PENDING_BY_STAGE}", {"run_id": "run"})
        ((((explained,),),),) = (cursor.fetchall(),)
    found = list(nodes(explained["Plan"]))
    of_requests = [each for each in found if each.get("Relation Name") == "traffic_requests"]
    assert {each["Node Type"] for each in of_requests} <= {"Index Scan", "Index Only Scan"}
    assert 0 < sum(each["Actual Rows"] * each["Actual Loops"] for each in of_requests) <= pending
    assert not [each["Node Type"] for each in found if each["Node Type"].startswith("Hash")]
    assert not [each for each in found if "Seq Scan" in each["Node Type"] and each["Relation Name"] != "attempts"]
