"""A task that goes on after a wait: when it is handed to a worker, and what the scheduler is told meanwhile."""

from typing import Any

import pytest
from airflow.executors.local_executor import LocalExecutor
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.utils.state import TaskInstanceState

from answerloop_airflow.executor import AnswerloopExecutor


class Task:
    """A task instance, and as a workload what the scheduler queues of it."""

    def __init__(self, task_id: str, try_number: int = 1) -> None:
        self.key = TaskInstanceKey("dag", task_id, "run", try_number, -1)
        self.ti = self
        self.id, self.priority_weight = task_id, 1


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list[TaskInstanceKey]:
    """What reaches the workers, in order."""
    keys: list[TaskInstanceKey] = []

    def put(self: LocalExecutor, workloads: list[Any]) -> None:
        for workload in workloads:
            del self.queued_tasks[workload.key]
            keys.append(workload.key)

    monkeypatch.setattr(LocalExecutor, "_process_workloads", put)
    return keys


def queue(executor: LocalExecutor, task: Task) -> None:
    executor.queued_tasks[task.key] = task  # type: ignore[assignment]
    executor.trigger_tasks(8)


def exited(executor: LocalExecutor, task: Task) -> None:
    executor.change_state(task.key, TaskInstanceState.SUCCESS)
    executor.trigger_tasks(8)


def test_a_task_that_goes_on_is_handed_out_after_its_first_part_has_exited(handed_out: list[TaskInstanceKey]) -> None:
    executor, approve = AnswerloopExecutor(parallelism=8), Task("approve")
    queue(executor, approve)
    queue(executor, approve)
    assert handed_out == [approve.key]
    assert executor.has_task(approve), "else the scheduler calls it killed from outside"  # type: ignore[arg-type]
    exited(executor, approve)
    assert handed_out == [approve.key, approve.key]
    exited(executor, approve)
    queue(executor, approve)
    assert handed_out == [approve.key] * 3


def test_a_task_that_waits_for_an_exit_holds_up_no_other(handed_out: list[TaskInstanceKey]) -> None:
    executor, approve, other, again = AnswerloopExecutor(parallelism=8), Task("approve"), Task("other"), Task("approve", 2)
    for task in (approve, approve, other, again):
        queue(executor, task)
    assert handed_out == [approve.key, other.key, again.key]


def test_exits_are_told_to_the_scheduler_as_before(handed_out: list[TaskInstanceKey]) -> None:
    executor, task = AnswerloopExecutor(parallelism=8), Task("send")
    queue(executor, task)
    executor.change_state(task.key, TaskInstanceState.FAILED)
    assert [(key, state) for key, (state, _) in executor.get_event_buffer().items()] == [(task.key, TaskInstanceState.FAILED)]


def test_a_running_tasks_log_is_read_where_it_lies_and_asked_of_no_server() -> None:
    sources, lines = AnswerloopExecutor(parallelism=1).get_task_log(Task("send"), 1)
    assert sources, "without a source Airflow asks a server of logs that nobody runs"
    assert lines == []
