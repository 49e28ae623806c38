"""An error of the loop as Airflow's users read it: one sentence that says what to do, above any stack trace."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

log = logging.getLogger(__name__)


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Errors of ours become Airflow's: one that a person must put right fails the task at once, any other may be tried again."""
    from streaming.errors import AnswerloopError, ConfigurationError, UserError

    try:
        yield
    except (UserError, ConfigurationError) as err:
        log.error("%s", err)
        # The cause says nothing more to whoever mistyped a path.
        raise AirflowFailException(str(err)) from None
    except AnswerloopError as err:
        log.error("%s", err)
        raise AirflowException(str(err)) from err
