"""The executor of the local stack and of the containers: Airflow's LocalExecutor, mended in two places.

**A task is resumed only after the exit of its first part was read.** A task that waits (for a person, or in the triggerer) ends its process
and goes on in another one under the same key. Where Airflow 3.3.2 reads the exit of the first after it handed out the second, it takes it
for the end of the second, calls the task killed from outside and tries it again: whoever approved something at once is asked a second time
(apache/airflow issues 71580 and 72716). Its LocalExecutor can't tell the two apart, because it does not keep what it handed out.

**The log of a running task is read where it lies.** All components share one folder of logs, and nobody serves them over the network.
Airflow asks a server for a running task's all the same, and each look leaves pages of traceback in the log of its API server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.executors.local_executor import LocalExecutor

if TYPE_CHECKING:
    from airflow.executors.workloads import ExecutorWorkload
    from airflow.executors.workloads.types import WorkloadKey, WorkloadState


class AnswerloopExecutor(LocalExecutor):
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

    def get_task_log(self, ti: Any, try_number: int) -> tuple[list[str], list[str]]:
        """Where a running task's log comes from, and no lines of it: with a source named Airflow reads its folder and asks no server."""
        return ["the folder of logs that all components share, while the task runs"], []
