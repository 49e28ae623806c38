"""The executor of the local stack and of the containers: Airflow's own, which waits for a task's exit before it resumes the task.

A task that waits (for a person, or in the triggerer) ends its process and goes on in another one under the same key. Where Airflow
3.3.2 reads the exit of the first after it handed out the second, it takes it for the end of the second, calls the task killed from outside
and tries it again: whoever approved something at once is asked a second time (apache/airflow issues 71580 and 72716). Its LocalExecutor
can't tell the two apart, because it does not keep what it handed out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.executors.local_executor import LocalExecutor

if TYPE_CHECKING:
    from airflow.executors.workloads import ExecutorWorkload
    from airflow.executors.workloads.types import WorkloadKey, WorkloadState


class OneAtATimeLocalExecutor(LocalExecutor):
    """Hands a workload out once the one before under the same key has reported its exit; until then it stays in the queue.

    While it is queued, the scheduler knows that the task was queued again and leaves it alone.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handed_out: set[WorkloadKey] = set()

    def _get_workloads_to_schedule(self, open_slots: int) -> list[tuple[WorkloadKey, ExecutorWorkload]]:
        return [(key, workload) for key, workload in super()._get_workloads_to_schedule(open_slots) if key not in self._handed_out]

    def _process_workloads(self, workload_list: Sequence[ExecutorWorkload]) -> None:
        self._handed_out.update(workload.key for workload in workload_list)
        super()._process_workloads(workload_list)

    def change_state(self, key: WorkloadKey, state: WorkloadState, info: Any = None, remove_running: bool = True) -> None:
        """Called with every exit that a worker reports."""
        self._handed_out.discard(key)
        super().change_state(key, state, info, remove_running)
