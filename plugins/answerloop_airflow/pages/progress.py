"""How a running traffic run gets on: from what its requests are now to what a page shows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from streaming.topics import FLINK_SCORE_JOB, LLM_CONSUMER, RETRY_OVERLOAD, RETRY_QUOTA, STORAGE_PERSISTER

# The least time between two looks, and the share of a core that looking may take.
LOOK_EVERY_S = 2.0
SHARE_OF_A_CORE = 0.03
# Over how long the rate is measured.
WINDOW_S = 10.0


@dataclass(frozen=True)
class Progress:
    """Requests of a run. `ended_lately`: in the last WINDOW_S; `running_s`: since the first was sent."""

    planned: int
    asked: int
    answered: int
    failed: int
    refused: int
    unresolved: int
    ended_lately: int
    running_s: float

    @property
    def ended(self) -> int:
        return self.answered + self.failed + self.refused + self.unresolved

    @property
    def pending(self) -> int:
        """Asked and without an end."""
        return max(self.asked - self.ended, 0)

    @property
    def per_s(self) -> float | None:
        """Requests that end a second, measured lately; None before any time has passed."""
        window = min(self.running_s, WINDOW_S)
        return self.ended_lately / window if window > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds until all have ended if it goes on as it did lately; None while nothing ends."""
        return (self.planned - self.ended) / self.per_s if self.per_s else None

    @property
    def shares(self) -> Mapping[str, float]:
        """Parts of the plan, 0 to 1: answered, failed, pending."""
        of = max(self.planned, self.asked, 1)
        other = self.ended - self.answered
        return {"answered": self.answered / of, "failed": other / of, "pending": self.pending / of}


@dataclass(frozen=True)
class Waiting:
    """What waits in the whole loop, of every run. `lag`: records that a group has not committed; `at_the_model`: calls under way,
    None where they are not sampled; `age_s`: how old the sample is."""

    age_s: float
    lag: Mapping[str, int]
    at_the_model: int | None

    @property
    def stages(self) -> Mapping[str, int]:
        """Records by where they wait."""
        unread = self.lag.get(LLM_CONSUMER, 0)
        calls = self.at_the_model
        model = (
            {"in the queue or at the model": unread} if calls is None else {"in the queue": max(unread - calls, 0), "at the model": calls}
        )
        return {
            **model,
            "being scored": self.lag.get(FLINK_SCORE_JOB, 0),
            "waiting to be asked again": self.lag.get(RETRY_OVERLOAD, 0) + self.lag.get(RETRY_QUOTA, 0),
            "being stored": self.lag.get(STORAGE_PERSISTER, 0),
        }


def look_again_s(took_s: float) -> float:
    """Seconds until the next look, so that looking costs a small share of a core however large the run is."""
    return max(LOOK_EVERY_S, took_s / SHARE_OF_A_CORE)
