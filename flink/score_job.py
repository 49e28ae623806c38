"""The score job: llm-responses-success in; validated, low-quality, questions to ask again, dead letters and fatal errors out.

The job submitter submits it with `flink run -d -py flink/score_job.py`; its settings are the ANSWERLOOP_* variables. Source and sink are
tables, because only a table's Kafka source tells partition and offset, which a dead letter needs, and only a table's sink takes topic and
key from the record.
"""

from pyflink.common import Time, Types
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.table import DataTypes, StreamTableEnvironment, Table
from pyflink.table.expressions import call, col
from pyflink.table.udf import udf

from flink import tables
from flink.operators import OUTPUT_TYPE, RouteAnswers, ScoreAnswers, key_of
from flink.routing import Rules
from streaming import settings as process_settings
from streaming import topics
from streaming.scoring.scorers import scorer
from streaming.settings import Settings

FORGET_AFTER = Time.days(1)

# Records that are scored together when there is a backlog, and how long the first of them waits for others when there is none.
# Three Python operators follow each other, so what an answer waits at most is three times that.
BUNDLE_SIZE = 64
BUNDLE_MS = 20


def main() -> None:
    """Build the job and hand it to the cluster."""
    settings = process_settings.load()
    environment = StreamExecutionEnvironment.get_execution_environment()
    environment.set_parallelism(settings.flink_parallelism)
    if settings.flink_connector_jar is not None:
        environment.add_jars(settings.flink_connector_jar.resolve().as_uri())
    t_environment = StreamTableEnvironment.create(environment)
    configure(t_environment)

    t_environment.execute_sql(tables.answers(settings))
    answers = t_environment.from_path("answers")

    routed = transform(t_environment, answers, settings)

    t_environment.execute_sql(tables.results(settings))
    t_environment.from_data_stream(routed).select(col("topic"), col("key"), col("value")).execute_insert("results")


def configure(t_environment: StreamTableEnvironment) -> None:
    """What the job needs whatever the cluster's own configuration says."""
    options = t_environment.get_config()
    options.set("pipeline.name", topics.FLINK_SCORE_JOB)
    options.set("table.exec.uid.generation", "ALWAYS")
    options.set("pipeline.object-reuse", "true")
    options.set("python.fn-execution.bundle.size", str(BUNDLE_SIZE))
    options.set("python.fn-execution.bundle.time", str(BUNDLE_MS))
    options.set("python.fn-execution.arrow.batch.size", str(BUNDLE_SIZE))


def transform(t_environment: StreamTableEnvironment, answers: Table, settings: Settings) -> DataStream:
    """Rows (partition, offset, value) to rows (topic, key, value)."""
    score = udf(ScoreAnswers(scorer(settings)), result_type=DataTypes.STRING(), func_type="pandas")
    t_environment.create_temporary_function("score_answers", score)
    judged = answers.select(col("partition"), col("offset"), col("value"), call("score_answers", col("value")).alias("judgement"))
    return (
        t_environment.to_data_stream(judged)
        .key_by(key_of, key_type=Types.STRING())
        .process(RouteAnswers(Rules(settings.score_threshold, settings.retry_budget), FORGET_AFTER), output_type=OUTPUT_TYPE)
        .uid("route-answers")
        .name("route answers")
    )


if __name__ == "__main__":
    main()
