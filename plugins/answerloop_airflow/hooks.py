"""Hooks: the loop's HTTP API, Flink's REST API, and the submitter that owns the score job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.sdk import BaseHook

from answerloop_airflow import connections

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10.0


class HttpHook(BaseHook):
    """Calls a JSON service behind a connection of type http; its password, if any, is sent as a bearer token.

    Every call raises Unreachable when the service does not answer or answers 5xx, and UserError, with its words, when it refuses.
    `transport` stands in for the network in tests.
    """

    def __init__(self, conn_id: str, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__()
        self.conn_id = conn_id
        self._transport = transport

    def call(self, method: str, path: str, *, timeout_s: float = TIMEOUT_S, **options: Any) -> Any:
        """The JSON body of a 2xx reply; `options` are httpx's (`json`, `params`)."""
        import httpx

        from streaming.errors import Unreachable, UserError

        connection = self.get_connection(self.conn_id)
        url = connections.http_url(connection)
        headers = {"Authorization": f"Bearer {connection.password}"} if connection.password else {}
        try:
            with httpx.Client(base_url=url, headers=headers, timeout=timeout_s, trust_env=False, transport=self._transport) as client:
                reply = client.request(method, path, **options)
        except httpx.TransportError as err:
            raise Unreachable(f"{url}{path} (connection {self.conn_id!r}) does not answer ({err!r}): is it running?") from err
        if reply.status_code >= 500 or reply.status_code == 429:
            raise Unreachable(f"{url}{path} answers {reply.status_code}: {reply.text[:500]}")
        if not reply.is_success:
            raise UserError(f"{method} {url}{path} is refused with {reply.status_code}: {reply.text[:500]}")
        return reply.json()


class AnswerloopHook(HttpHook):
    """The loop's HTTP API. Bodies are those of the API's own documentation (`/docs`)."""

    def __init__(self, conn_id: str = connections.API, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__(conn_id, transport)

    def ask(self, question_text: str, **fields: str | None) -> dict[str, Any]:
        """Ask a question; `fields`: original_answer, answer_set, run_id, model. The reply's `status`: found, pending or error."""
        given = {name: value for name, value in fields.items() if value is not None}
        return dict(self.call("POST", "/questions", json={"question_text": question_text, **given}))

    def question(self, question_id: UUID | str, wait_s: float = 0) -> dict[str, Any]:
        """Where a question stands, after at most `wait_s` (0 to 60) seconds of waiting for its end."""
        return dict(self.call("GET", f"/questions/{question_id}", timeout_s=TIMEOUT_S + wait_s, params={"wait": wait_s}))

    def timeline(self, question_id: UUID | str) -> dict[str, Any]:
        """Every submission and attempt of a question."""
        return dict(self.call("GET", f"/questions/{question_id}/timeline"))

    def replay(self, question_id: UUID | str, submission_id: UUID | str, **fields: str | None) -> dict[str, Any]:
        """Ask a failed question again; `fields`: model, replay_id. One submission is replayed once, however often this is called."""
        given = {name: value for name, value in fields.items() if value is not None}
        return dict(self.call("POST", f"/questions/{question_id}/replay", json={"submission_id": str(submission_id), **given}))

    def run(self, run_id: str) -> dict[str, Any]:
        """Counts by state and the summary of a traffic run."""
        return dict(self.call("GET", f"/runs/{run_id}"))

    def requeue_stuck(self) -> dict[str, Any]:
        """Send lost questions out again, if the loop is idle; says what was done."""
        return dict(self.call("POST", "/maintenance/requeue-stuck", timeout_s=60.0))


class FlinkHook(HttpHook):
    """A Flink cluster's REST API, to look at. Jobs are submitted by their owner, not from here."""

    def __init__(self, conn_id: str = connections.FLINK, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__(conn_id, transport)

    def overview(self) -> dict[str, Any]:
        """TaskManagers, slots and numbers of jobs."""
        return dict(self.call("GET", "/overview"))

    def jobs(self, name: str | None = None) -> list[Mapping[str, Any]]:
        """The jobs that the cluster knows, of this name only if one is given: `jid`, `name`, `state`, `start-time`, `tasks`."""
        from streaming.flink_rest import JOBS, jobs_named

        return jobs_named(name, self.call("GET", JOBS))

    def checkpoints(self, job_id: str) -> dict[str, Any]:
        """Counts, sizes and the latest checkpoints of a job."""
        return dict(self.call("GET", f"/jobs/{job_id}/checkpoints"))


class JobSubmitterHook(HttpHook):
    """The owner of the score job. `state` of its replies is "running" once every task of the job runs; `failure` says why not."""

    def __init__(self, conn_id: str = connections.JOB_SUBMITTER, transport: httpx.BaseTransport | None = None) -> None:
        super().__init__(conn_id, transport)

    def ask_for_job(self) -> dict[str, Any]:
        """Ask that the job runs. Idempotent; the reply is the state before anything is done."""
        return dict(self.call("POST", "/job"))

    def job(self) -> dict[str, Any]:
        """The job's state now: `state`, `job_id`, `failure`, `restored_from`."""
        return dict(self.call("GET", "/job"))
