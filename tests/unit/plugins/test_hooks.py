"""The hooks over HTTP."""

import json
from collections.abc import Callable

import httpx
import pytest

from answerloop_airflow.hooks import AnswerloopHook, FlinkHook, JobSubmitterHook
from streaming.errors import Unreachable, UserError


def answering(status: int, body: object, seen: list[httpx.Request] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, json=body)

    return httpx.MockTransport(answer)


def test_a_question_is_asked_with_the_fields_that_are_given_and_the_token() -> None:
    seen: list[httpx.Request] = []
    reply = AnswerloopHook(transport=answering(202, {"status": "pending"}, seen)).ask("Why?", answer_set="mine", model=None)
    assert reply == {"status": "pending"}
    assert (seen[0].method, str(seen[0].url)) == ("POST", "http://127.0.0.1:1/questions")
    assert json.loads(seen[0].content) == {"question_text": "Why?", "answer_set": "mine"}
    assert seen[0].headers["Authorization"] == "Bearer token-of-the-api"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda hook: hook.question("q", wait_s=5), "GET /questions/q?wait=5"),
        (lambda hook: hook.timeline("q"), "GET /questions/q/timeline"),
        (lambda hook: hook.replay("q", "s", model="llama"), "POST /questions/q/replay"),
        (lambda hook: hook.run("evening-3"), "GET /runs/evening-3"),
        (lambda hook: hook.requeue_stuck(), "POST /maintenance/requeue-stuck"),
    ],
)
def test_each_call_of_the_api_has_its_method(call: Callable[[AnswerloopHook], object], expected: str) -> None:
    seen: list[httpx.Request] = []
    call(AnswerloopHook(transport=answering(200, {}, seen)))
    assert f"{seen[0].method} {seen[0].url.raw_path.decode()}" == expected


def test_a_refusal_is_the_users_error_and_quotes_it() -> None:
    with pytest.raises(UserError, match=r"refused with 409: .*has not failed"):
        AnswerloopHook(transport=answering(409, {"detail": "this submission has not failed"})).replay("q", "s")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_is_not_ready_is_unreachable(status: int) -> None:
    with pytest.raises(Unreachable, match=f"answers {status}"):
        AnswerloopHook(transport=answering(status, {})).run("r")


def test_a_service_that_does_not_listen_is_named_with_its_connection() -> None:
    with pytest.raises(Unreachable, match=r"http://127.0.0.1:3/job \(connection 'answerloop_job_submitter'\)"):
        JobSubmitterHook().job()


def test_jobs_are_found_by_name() -> None:
    jobs = {"jobs": [{"jid": "1", "name": "flink_score_job"}, {"jid": "2", "name": "other"}]}
    hook = FlinkHook(transport=answering(200, jobs))
    assert [job["jid"] for job in hook.jobs("flink_score_job")] == ["1"]
    assert [job["jid"] for job in hook.jobs()] == ["1", "2"]
