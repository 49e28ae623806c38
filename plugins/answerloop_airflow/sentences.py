"""What Airflow's users read in a log: an error as one sentence that says what to do, above any stack trace; tables as text."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from rich.console import RenderableType

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


def as_text(tables: RenderableType) -> str:
    """What rich would show, as wide as a log can show it."""
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    Console(file=text, width=110).print(tables)
    return text.getvalue()
