"""The two Python operators of the job. They keep state, count and convert; what they decide is in `judging` and `outputs`."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pandas as pd
from pyflink.common import Row, Time, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import StateTtlConfig, ValueStateDescriptor
from pyflink.table.udf import FunctionContext, ScalarFunction

from flink.figures import COUNTERS, counted
from flink.judging import Judged, judge
from flink.orphans import end_with_task_manager
from flink.outputs import Source, effect
from flink.routing import Remembered, Rules
from streaming.scoring.scorer import Scorer

# What Flink says while there is no watermark yet.
NO_WATERMARK = -(2**63)

OUTPUT_TYPE = Types.ROW_NAMED(["topic", "key", "value"], [Types.STRING(), Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE())])


class ScoreAnswers(ScalarFunction):
    """A vectorised function: the values of a batch of records to their judgements, as JSON.

    Whatever is not a record's fault is raised: it fails the task, and Flink starts it again.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def is_deterministic(self) -> bool:
        """No: the planner shall neither repeat nor fold it."""
        return False

    def open(self, function_context: FunctionContext) -> None:
        end_with_task_manager()
        # Here and not above: the client that submits the job need not load torch.
        self._scorer.load()
        metrics = function_context.get_metric_group().add_group("answerloop")
        self._batches = metrics.counter("score_batches")
        self._milliseconds = metrics.counter("score_ms")

    def eval(self, values: pd.Series) -> pd.Series:
        started = datetime.now(UTC)
        judged = judge([None if value is None else bytes(value) for value in values], self._scorer, started)
        ended = datetime.now(UTC)
        self._batches.inc()
        self._milliseconds.inc(round((ended - started).total_seconds() * 1000))
        return pd.Series([msgspec.json.encode(msgspec.structs.replace(each, judged_at=ended)).decode() for each in judged])


class RouteAnswers(KeyedProcessFunction):
    """Keyed by submission: what follows from a judgement, given the submission's earlier attempts."""

    def __init__(self, rules: Rules, forget_after: Time) -> None:
        self._rules = rules
        self._forget_after = forget_after

    def open(self, runtime_context: RuntimeContext) -> None:
        descriptor = ValueStateDescriptor("submission", Types.STRING())
        descriptor.enable_time_to_live(StateTtlConfig.new_builder(self._forget_after).build())
        self._state = runtime_context.get_state(descriptor)
        metrics = runtime_context.get_metrics_group().add_group("answerloop")
        self._counters = {name: metrics.counter(name) for name in COUNTERS}
        self._lag_ms = 0
        metrics.gauge("event_time_lag_ms", lambda: self._lag_ms)
        self._watermark_lag_ms = 0
        metrics.gauge("watermark_lag_ms", lambda: self._watermark_lag_ms)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        now = datetime.now(UTC)
        partition, offset, raw, judgement = value
        stored = self._state.value()
        remembered = msgspec.json.decode(stored, type=Remembered) if stored else Remembered()
        source = Source(partition, offset, None if raw is None else bytes(raw))
        judged = msgspec.json.decode(judgement, type=Judged)
        done = effect(source, judged, remembered, self._rules, now)
        for name, growth in counted(done, remembered).items():
            # By 0 too: Flink shows a counter once it was counted in a bundle, and Prometheus sees no growth from nothing.
            self._counters[name].inc(growth)
        self._lag_ms = lag_ms(now, judged.event_time_ms)
        watermark = ctx.timer_service().current_watermark()
        if watermark > NO_WATERMARK:
            self._watermark_lag_ms = lag_ms(now, watermark)
        if done.outcome is not None and done.outcome.remembered != remembered:
            self._state.update(msgspec.json.encode(done.outcome.remembered).decode())
        for output in done.outputs:
            yield Row(output.topic, output.key, output.value)


def key_of(row: Row) -> str:
    """The submission; a record that names none has its place in Kafka instead, and no state."""
    submission = msgspec.json.decode(row[3], type=Judged).submission_id
    return submission or f"{row[0]}@{row[1]}"


def lag_ms(now: datetime, event_time_ms: int) -> int:
    """How far the clock is ahead of a message's time or of a watermark (milliseconds since 1970)."""
    return max(0, int(now.timestamp() * 1000) - event_time_ms)
