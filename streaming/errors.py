"""What can go wrong, by what follows from it.

AnswerloopError
├── ConfigurationError      the user must change something before this can run: stop
│   └── LoginRefused        PostgreSQL refuses the login: end the process, also where missing tables are waited for
├── InvalidMessage          this record will never be right: dead letter
├── UnscorablePair          this pair will never be scored: dead letter
├── Unreachable             a component is away: wait and try again
│   ├── DeliveryFailed      Kafka did not take a record within its deadline
│   └── TookTooLong         PostgreSQL ended a statement at its timeout: the same with half the rows
├── ClientFailed            this process's client of Kafka is of no more use: end the process
├── RecordTooLarge          Kafka refuses this record for its size: dead letter
├── RefusedByDatabase       PostgreSQL refuses these rows for their data: find the culprit, dead letter
└── UserError               a request that cannot be met as asked: say so, change nothing
"""


class AnswerloopError(Exception):
    """Base of every error that this project raises on purpose."""


class ConfigurationError(AnswerloopError):
    """A setting or a state of the system that only a person can put right."""


class LoginRefused(ConfigurationError):
    """PostgreSQL refuses the login. The text names the setting, the user, the database and the server."""


class InvalidMessage(AnswerloopError):
    """A record that is not a valid message of its topic. The text is the reason."""


class UnscorablePair(AnswerloopError):
    """An answer and reference that the scorer cannot score. The text is the reason."""


class Unreachable(AnswerloopError):
    """A component does not answer. The text names it and its address."""


class DeliveryFailed(Unreachable):
    """Kafka did not acknowledge a record within `message.timeout.ms`."""


class TookTooLong(Unreachable):
    """PostgreSQL ended a statement at its timeout."""


class ClientFailed(AnswerloopError):
    """A client of Kafka that no further try helps: fatal state, or not allowed. The process ends, and its supervisor starts it anew."""


class RecordTooLarge(AnswerloopError):
    """Kafka refuses a record for its size."""


class RefusedByDatabase(AnswerloopError):
    """PostgreSQL refuses rows for what they hold. The text is its reason."""


class UserError(AnswerloopError):
    """What was asked for cannot be done; the text says why and what to do instead."""
