"""What librdkafka reports of its connections: logged, and told apart where Kafka refuses this process's login."""

import logging
import time
from collections import deque

import confluent_kafka as ck

from streaming.errors import ConfigurationError
from streaming.kafka.errors import REFUSED

log = logging.getLogger(__name__)

REPORT_EVERY_S = 10.0
# A broker that stops while somebody logs in looks like one that refuses: only one that goes on refusing does.
REFUSALS = 3
REFUSALS_WITHIN_S = 30.0


class Reports:
    """The `error_cb` of a client. The same report again is logged at most every ten seconds, as librdkafka retries many times a second."""

    def __init__(self) -> None:
        self._logged: dict[int, float] = {}
        self._refusals: deque[float] = deque(maxlen=REFUSALS)
        self._reason = ""

    def __call__(self, error: ck.KafkaError) -> None:
        now = time.monotonic()
        if error.code() in REFUSED:
            self._refusals.append(now)
            self._reason = error.str()
        if now - self._logged.get(error.code(), -REPORT_EVERY_S) >= REPORT_EVERY_S:
            self._logged[error.code()] = now
            log.warning("Kafka: %s", error.str())

    @property
    def refused(self) -> bool:
        """Whether Kafka goes on refusing the login."""
        return len(self._refusals) == REFUSALS and self._refusals[-1] - self._refusals[0] <= REFUSALS_WITHIN_S

    def refusal(self) -> ConfigurationError:
        """What to tell of it; what comes later counts anew."""
        self._refusals.clear()
        cure = "correct ANSWERLOOP_KAFKA_SASL_USERNAME and ANSWERLOOP_KAFKA_SASL_PASSWORD (or _MECHANISM, which Kafka must offer)"
        return ConfigurationError(f"Kafka refuses the login: {cure}. It says: {self._reason}")
