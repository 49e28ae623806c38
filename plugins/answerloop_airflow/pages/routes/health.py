"""Health: each component, the gate, lag, the newest checkpoint, and what needs a person."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from answerloop_airflow.pages import needs
from answerloop_airflow.pages.context import Data, Where, page
from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.needs import Stored
from answerloop_airflow.pages.probes import look
from answerloop_airflow.pages.queries import health as queries
from streaming.clock import SystemClock
from streaming.errors import AnswerloopError

LOOK_EVERY_S = 10
router = APIRouter()


@router.get("/health")
def health(request: Request, where: Where, database: Data) -> HTMLResponse:
    """Shown whatever is away, PostgreSQL too."""
    return _shown(request, where, database, "health.html")


@router.get("/health/now")
def now(request: Request, where: Where, database: Data) -> HTMLResponse:
    """The part that moves."""
    return _shown(request, where, database, "health_now.html")


def _shown(request: Request, where: Where, database: Database, template: str) -> HTMLResponse:
    now = SystemClock().now()
    found = look(where, database, now.timestamp())
    stored = _stored(database)
    return page(request, template, health=found, stored=stored, needs=needs.needs(found, stored), now=now, again_s=LOOK_EVERY_S)


def _stored(database: Database) -> Stored | None:
    """None while PostgreSQL is away: its component says why."""
    try:
        return Stored(**queries.pending(database), lag=queries.lag(database), dead_letters_lately=queries.dead_letters_lately(database))
    except AnswerloopError:
        return None
