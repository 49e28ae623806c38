"""A question whose record vanished from Kafka, on the running stack."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg2
import pytest

from streaming import settings
from streaming.identity import question_id
from tests import airflow, stack

pytestmark = pytest.mark.integration

DAG = "reconcile_pending"


def lose_a_question() -> UUID:
    """A question that is pending and counts as sent to Kafka, where nothing of it is."""
    text, answer_set, submission = "Why is the sky blue?", f"lost-{uuid4()}", str(uuid4())
    question, sent = str(question_id(answer_set, text)), datetime.now(UTC) - timedelta(hours=1)
    with psycopg2.connect(settings.load().database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO questions (question_id, answer_set, question_text, status, submission_id, created_at, submitted_at, enqueued_at)
               VALUES (%s, %s, %s, 'pending', %s, %s, %s, %s)""",
            (question, answer_set, text, submission, sent, sent, sent),
        )
        cursor.execute(
            "INSERT INTO submissions (submission_id, question_id, kind, submitted_at) VALUES (%s, %s, 'first', %s)",
            (submission, question, sent),
        )
    return UUID(question)


@pytest.mark.timeout(600)
def test_a_lost_question_is_asked_again_in_the_next_lull_and_answered() -> None:
    api = airflow.api()
    stack.set_faults()
    lost = str(lose_a_question())
    told = []

    def submissions() -> list[str]:
        return [kind for (kind,) in stack.sql("SELECT kind FROM submissions WHERE question_id = %s ORDER BY submitted_at", lost)]

    def looked_for() -> bool:
        dag_run = api.trigger(DAG, {})
        airflow.succeeded(api, DAG, dag_run)
        (task,) = (each for each in api.tasks(DAG, dag_run) if each["task_id"] == "requeue_stuck")
        told.extend(line for line in api.log(DAG, dag_run, task) if line.startswith("INFO The loop is at"))
        return "requeue" in submissions()

    stack.until(looked_for, "a lull comes", 420)
    stack.until(lambda: stack.sql("SELECT status FROM questions WHERE question_id = %s", lost) == [("answered",)], "it is answered", 120)
    assert submissions() == ["first", "requeue"]
    assert told, "what was done is said in a sentence"
