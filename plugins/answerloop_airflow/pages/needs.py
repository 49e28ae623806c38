"""What needs a person, and the command for it: from what the components say and what is stored. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from answerloop_airflow.pages.database import Row
from answerloop_airflow.pages.health import UP, Health
from streaming.reports.digits import noun
from streaming.topics import DEAD_LETTERS

# Services sample every 15 s and the job makes a checkpoint every 5 s; this much later something is wrong.
STALE_SAMPLES_S = 90
STALE_CHECKPOINT_S = 120
WAITED_TOO_LONG_S = 3600


@dataclass(frozen=True)
class Stored:
    """Of the questions without an end: how many, how many not in Kafka yet, the oldest's age. `lag`: newest samples by group and topic.
    `dead_letters_lately`: records that came to the dead letters within a day."""

    pending: int
    unenqueued: int
    oldest_s: float | None
    lag: Sequence[Row]
    dead_letters_lately: int

    @property
    def sampled_s(self) -> float | None:
        """The age of the newest samples; None before there are any."""
        return max((row["age_s"] for row in self.lag), default=None)

    @property
    def dead_letters(self) -> int:
        """Records that nothing could be made of, ever."""
        return sum(row["records"] for row in self.lag if row["topic"] == DEAD_LETTERS)


@dataclass(frozen=True)
class Need:
    """`what` is wrong, what to `do`, and a `command` for it."""

    what: str
    do: str
    command: str


def needs(health: Health, stored: Stored | None) -> list[Need]:
    """Everything that does not get better by itself, the components first."""
    found = [Need(f"{each.name} is {each.state}: {each.says}", each.act, each.command) for each in health.components if each.state != UP]
    checkpoint = health.checkpoint
    if checkpoint is not None and checkpoint.age_s > STALE_CHECKPOINT_S:
        found.append(
            Need(
                f"The newest checkpoint is {checkpoint.age_s / 60:.0f} minutes old",
                "After a failure the job would score everything since then again: its log says why no checkpoint completes.",
                "make logs S=flink-taskmanager",
            )
        )
    if stored is None:
        return found
    if stored.sampled_s is None or stored.sampled_s > STALE_SAMPLES_S:
        found.append(Need("Nobody samples Kafka's lag", "What is shown of lag is old or missing.", "make logs S=sampler"))
    if stored.oldest_s is not None and stored.oldest_s > WAITED_TOO_LONG_S:
        found.append(
            Need(
                f"A question has waited for {stored.oldest_s / 3600:.1f} hours",
                "If its record was lost, this asks it again; it changes nothing while the loop is at work.",
                "curl -X POST $ANSWERLOOP_API_URL/maintenance/requeue-stuck",
            )
        )
    if stored.dead_letters_lately:
        found.append(
            Need(
                f"{noun(stored.dead_letters_lately, 'record')} came to {DEAD_LETTERS} within a day",
                "Nothing could be made of what lies there: each record says where it was and why. Correct who produced it.",
                f"kcat -b $ANSWERLOOP_KAFKA_BOOTSTRAP -t {DEAD_LETTERS} -C -e",
            )
        )
    return found
