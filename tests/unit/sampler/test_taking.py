"""What is sampled, of a cluster and a Flink that are made up."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import httpx
import pytest

from streaming.clock import ManualClock
from streaming.errors import Unreachable
from streaming.flink_rest import FlinkRest
from streaming.kafka.client import Committed, TopicPartition
from streaming.kafka.offsets import OffsetWindow
from streaming.kafka.positions import Log
from streaming.sampler import flink, kafka
from streaming.sampler.service import Sampler, Targets
from streaming.topics import CONSUMED_BY, DEAD_LETTERS, FLINK_SCORE_JOB, SUCCESS, TOPICS


class Cluster:
    """Ten records in each of two partitions, of which every group has committed 4 in the first and none in the second."""

    def __init__(self, away: bool = False) -> None:
        self.away = away

    def partitions(self, topics: Collection[str]) -> Collection[TopicPartition]:
        if self.away:
            raise Unreachable("Kafka is away")
        return [TopicPartition(topic, partition) for topic in topics for partition in (0, 1)]

    def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]:
        return dict.fromkeys(self.partitions(topics), Log(0, 10))

    def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
        return {each: Committed(4 if each.partition == 0 else None, "") for each in partitions}


def test_every_partition_is_sampled_for_every_group_that_reads_it() -> None:
    taken = kafka.take(Cluster())
    read = [(topic, group) for group, topics in CONSUMED_BY.items() for topic in topics]
    assert {(each.topic, each.group) for each in taken} == {*read, (DEAD_LETTERS, kafka.NOBODY)}
    assert len(taken) == 2 * (len(read) + 1)
    assert {each.topic for each in taken} == {spec.name for spec in TOPICS}


def test_lag_counts_from_the_commit_or_from_the_beginning() -> None:
    found = {(each.partition, each.lag) for each in kafka.take(Cluster()) if each.topic == SUCCESS}
    assert found == {(0, 6), (1, 10)}


def test_a_topic_without_consumers_has_no_lag() -> None:
    assert {each.lag for each in kafka.take(Cluster()) if each.topic == DEAD_LETTERS} == {0}


def test_what_is_done_above_a_record_that_takes_long_is_no_lag() -> None:
    window = OffsetWindow(0)
    for offset in range(2000):
        window.take(offset)
    for offset in range(1, 2000):
        window.done(offset)

    class Behind(Cluster):
        def logs(self, topics: Collection[str]) -> Mapping[TopicPartition, Log]:
            return {TopicPartition(topic, 0): Log(0, 2000) for topic in topics}

        def positions(self, group: str, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Committed]:
            return dict.fromkeys(partitions, Committed(window.position, window.metadata()))

    assert {each.lag for each in kafka.take(Behind()) if each.topic == SUCCESS} == {1}


OPERATOR = "route_answers.answerloop"
# Of 64 subtasks, each of which has scored as many records as its number says.
SHOWN = {f"{each}.{OPERATOR}.records": str(each) for each in range(64)} | {
    f"{each}.{OPERATOR}.event_time_lag_ms": "1234" for each in range(64)
}


def flink_client(jobs: list[dict[str, str]]) -> FlinkRest:
    """Flink's replies, as a cluster gave them."""

    def answer(request: httpx.Request) -> httpx.Response:
        path, wanted = request.url.path, request.url.params
        if path == "/jobs/overview":
            return httpx.Response(200, json={"jobs": jobs})
        if path == "/jobs/a/metrics":
            return httpx.Response(200, json=[{"id": name, "value": "7"} for name in wanted["get"].split(",")])
        if path == "/jobs/a":
            return httpx.Response(200, json={"vertices": [{"id": "v"}, {"id": "w"}]})
        if path == "/jobs/a/vertices/v/metrics":
            names = wanted["get"].split(",") if "get" in wanted else ["0.busyTimeMsPerSecond", "0.Score.answerloop.score_ms", *SHOWN]
            assert len(str(request.url.raw_path)) < 4000, "Flink takes no longer one"
            return httpx.Response(200, json=[{"id": name, "value": SHOWN[name]} if "get" in wanted else {"id": name} for name in names])
        return httpx.Response(200, json=[])

    return FlinkRest("http://flink", httpx.Client(transport=httpx.MockTransport(answer)))


def test_the_jobs_metrics_are_found_whatever_its_operators_are_called() -> None:
    jobs = [{"jid": "b", "name": FLINK_SCORE_JOB, "state": "CANCELED"}, {"jid": "a", "name": FLINK_SCORE_JOB, "state": "RUNNING"}]
    taken = flink.take(flink_client(jobs))
    assert taken.job == {"numRestarts": 7, "lastCheckpointDuration": 7, "uptime": 7}
    assert taken.subtasks == {("v", str(each)): {"records": each, "event_time_lag_ms": 1234} for each in range(64)}


def test_without_a_running_job_there_is_nothing_to_sample() -> None:
    assert flink.take(flink_client([{"jid": "x", "name": "another", "state": "RUNNING"}])) == flink.JobSample()


def test_a_flink_that_answers_nonsense_is_unreachable() -> None:
    for broken in (httpx.Response(200, text="<html>"), httpx.Response(200, json=[])):
        http = httpx.Client(transport=httpx.MockTransport(lambda _, broken=broken: broken))
        with pytest.raises(Unreachable, match="does not answer /jobs/overview"):
            flink.take(FlinkRest("http://flink", http))


def job(*subtasks: dict[str, float]) -> flink.JobSample:
    """A running job's sample; its subtasks' metrics in order."""
    return flink.JobSample({"uptime": 1.0}, {("v", str(number)): shown for number, shown in enumerate(subtasks)})


def test_a_lag_is_measured_when_records_were_scored_since_the_sample_before() -> None:
    now = job({"records": 10.0, "event_time_lag_ms": 500.0})
    assert flink.measured(job({"records": 9.0}), now) == {"uptime": 1.0, "records": 10.0, "event_time_lag_ms": 500.0}
    for before in (flink.JobSample(), job({"records": 10.0})):
        assert flink.measured(before, now) == {"uptime": 1.0, "records": 10.0}


def test_the_lag_of_a_jobs_first_records_is_measured_though_the_job_showed_no_records_before() -> None:
    now = job({"records": 82.0, "event_time_lag_ms": 12_000.0})
    assert flink.measured(job({}), now) == {"uptime": 1.0, "records": 82.0, "event_time_lag_ms": 12_000.0}


def test_a_lag_of_zero_is_none_because_nothing_was_scored_since_the_job_began() -> None:
    assert "event_time_lag_ms" not in flink.measured(job({"records": 0.0}), job({"records": 5.0, "event_time_lag_ms": 0.0}))


def test_a_subtask_that_has_been_idle_since_a_slow_record_does_not_stand_for_the_others() -> None:
    before = job({"records": 7.0, "event_time_lag_ms": 90_000.0}, {"records": 20.0, "event_time_lag_ms": 40.0}, {"records": 3.0})
    now = job(
        {"records": 7.0, "event_time_lag_ms": 90_000.0},
        {"records": 25.0, "event_time_lag_ms": 200.0},
        {"records": 4.0, "event_time_lag_ms": 150.0},
    )
    assert flink.measured(before, now) == {"uptime": 1.0, "records": 36.0, "event_time_lag_ms": 200.0}


def test_the_largest_lag_behind_the_watermark_is_that_of_the_subtasks_that_scored() -> None:
    before = job({"records": 7.0}, {"records": 20.0}, {"records": 3.0})
    now = job(
        {"records": 7.0, "watermark_lag_ms": 90_000.0},
        {"records": 25.0, "watermark_lag_ms": 1_200.0},
        {"records": 4.0, "watermark_lag_ms": 1_900.0},
    )
    assert flink.measured(before, now) == {"uptime": 1.0, "records": 36.0, "watermark_lag_ms": 1_900.0}


def flink_processes(managers: list[str], metrics: dict[str, str]) -> FlinkRest:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/taskmanagers":
            return httpx.Response(200, json={"taskmanagers": [{"id": each} for each in managers]})
        return httpx.Response(
            200, json=[{"id": name, "value": metrics[name]} for name in request.url.params["get"].split(",") if name in metrics]
        )

    return FlinkRest("http://flink", httpx.Client(transport=httpx.MockTransport(answer)))


def test_flinks_processes_are_sampled_in_seconds_and_bytes() -> None:
    said = {flink.CPU_NS: "2500000000", **dict.fromkeys(flink.MEMORY, "100")}
    used = {"cpu_seconds": 2.5, "memory_bytes": 300.0}
    assert flink.processes(flink_processes(["a"], said)) == {flink.JOBMANAGER: used, flink.TASKMANAGER: used}
    assert flink.processes(flink_processes(["a", "b"], said)).keys() == {
        flink.JOBMANAGER,
        f"{flink.TASKMANAGER}@a",
        f"{flink.TASKMANAGER}@b",
    }


def test_a_process_that_says_only_a_part_is_not_sampled() -> None:
    assert flink.processes(flink_processes(["a"], {flink.CPU_NS: "1"})) == {}


def test_what_is_away_is_named_and_tried_again() -> None:
    broken = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
    nowhere = "postgresql://x@127.0.0.1:1/x"
    sampler = Sampler(
        nowhere, Cluster(away=True), FlinkRest("http://flink", broken), Targets(broken), ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    )
    sampler.sample()
    assert sampler.problems.keys() == {"kafka", "flink", "services", "thinning"}
    assert sampler.problems["kafka"] == "Kafka is away"
    assert "PostgreSQL" in sampler.problems["thinning"]
