"""What must hold after a run, whatever was done to the stack. The values are their names in a report."""

from enum import StrEnum


class Invariant(StrEnum):
    """An invariant by its name."""

    CONSERVED = "every accepted question ends, no refused one is stored"
    ONE_END = "no submission ends twice"
    NO_STRANGERS = "nothing is about a question that nobody asked"
    STORED_STATE = "tables and messages agree on the state of a question"
    NO_DOUBLES = "no row is there twice"
    ATTEMPT_NUMBERS = "attempts are numbered without a gap"
    RETRY_LIMITS = "no cause has more retries than its limit"
    RETRY_CAUSES = "no attempt without a failed or poor one before it"
    NEVER_EARLY = "no retry before it was due"
    NOT_GIVEN_UP_EARLY = "no submission gives up while it has tries left"
    WORDS_OF_THE_MODEL = "an answer is what the model said in that attempt"
    BEST_ANSWER = "the best scored attempt is the answer"
    CACHE = "the cache says what the database says"
    MODEL_CALLS = "the model is called once an attempt, but for crashes"
    OFFSETS_FORWARD = "committed offsets never go back"
    OFFSETS_IN_LOG = "committed offsets stay within the log"
    CAUGHT_UP = "at rest nothing is left to be read"
    READABLE = "a record is a message or has a dead letter"
    DEAD_LETTERS = "a dead letter names its record and ends its question"
