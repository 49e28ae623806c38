"""What the job counts. Scores are summed in ten-thousandths, because Flink's counters are whole numbers.

average first score         first_score_sum / first_scores
average after regeneration  regenerated_score_sum / regenerated
mean improvement            improvement_sum / regenerated
regeneration rate           regenerated / finished
extra model calls           regenerations
"""

from collections.abc import Mapping

from flink.outputs import Effect
from flink.routing import Remembered
from streaming import topics
from streaming.contracts import BEST_ATTEMPT, UNSCORED, Scored, Validated

SCALE = 10_000

COUNTERS = (
    "records",
    "scored_pairs",
    "unscored",
    "duplicates",
    "dead_letters",
    "below_threshold",
    "first_scores",
    "first_score_sum",
    "regenerations",
    "finished",
    "best_attempts_accepted",
    "regenerated",
    "regenerated_score_sum",
    "improvement_sum",
)


def counted(effect: Effect, remembered: Remembered) -> Mapping[str, int]:
    """By how much each counter grows; `remembered` is what was known before."""
    grows = dict.fromkeys(COUNTERS, 0) | {"records": 1}
    sent = [output.topic for output in effect.outputs]
    grows["dead_letters"] = sent.count(topics.DEAD_LETTERS)
    grows["regenerations"] = sent.count(topics.PENDING)
    grows["below_threshold"] = sent.count(topics.LOW_QUALITY)
    if effect.outcome is None or effect.response is None:
        return grows
    if not effect.outputs:
        return grows | {"duplicates": 1}
    response, first_score = effect.response, effect.outcome.remembered.first_score
    known_before = remembered.first_score is not None or response.first_score is not None or response.best_attempt is not None
    messages = dict(effect.outcome.messages)
    scored = messages.get(topics.LOW_QUALITY) or messages.get(topics.VALIDATED)
    if isinstance(scored, Scored) and scored.bert_score is not None:
        grows["scored_pairs"] = 1
        if not known_before and first_score is not None:
            grows |= {"first_scores": 1, "first_score_sum": _scaled(first_score)}
    answer = messages.get(topics.VALIDATED)
    if isinstance(answer, Validated):
        grows["finished"] = 1
        grows["unscored"] = int(answer.accepted_as == UNSCORED)
        grows["best_attempts_accepted"] = int(answer.accepted_as == BEST_ATTEMPT)
        if known_before and answer.bert_score is not None and first_score is not None:
            final = _scaled(answer.bert_score)
            grows |= {"regenerated": 1, "regenerated_score_sum": final, "improvement_sum": final - _scaled(first_score)}
    return grows


def _scaled(score: float) -> int:
    return round(score * SCALE)
