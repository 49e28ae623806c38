"""What goes wrong, as a page that says so and what to do. The rest of Airflow never notices."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.status import HTTP_401_UNAUTHORIZED, HTTP_403_FORBIDDEN, HTTP_404_NOT_FOUND, HTTP_422_UNPROCESSABLE_CONTENT

from answerloop_airflow.pages.context import page
from streaming.errors import AnswerloopError, UserError

log = logging.getLogger(__name__)


def told_on_pages(app: FastAPI) -> None:
    """Every error becomes a page; in a live part, a line that goes on asking."""
    app.add_exception_handler(AnswerloopError, _ours)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


def _told(request: Request, status: int, title: str, sentence: str) -> HTMLResponse:
    template = "error_part.html" if "hx-request" in request.headers else "error.html"
    return page(request, template, status, title=title, sentence=sentence, status_code=status)


def _ours(request: Request, err: Exception) -> HTMLResponse:
    if isinstance(err, UserError):
        return _told(request, HTTP_404_NOT_FOUND, "Not here", str(err))
    return _told(request, 503, "Not now", str(err))


def _http(request: Request, err: Exception) -> HTMLResponse:
    assert isinstance(err, HTTPException)
    if err.status_code == HTTP_401_UNAUTHORIZED:
        return _told(request, err.status_code, "Please log in", "These pages are for those who are logged in to Airflow.")
    if err.status_code == HTTP_403_FORBIDDEN:
        return _told(request, err.status_code, "Not allowed", "Your role may not see plugins: ask whoever manages this Airflow.")
    if err.status_code == HTTP_404_NOT_FOUND:
        return _told(request, err.status_code, "Not here", "There is no such page. The menu leads to those that there are.")
    return _told(request, err.status_code, "Not possible", str(err.detail))


def _invalid(request: Request, err: Exception) -> HTMLResponse:
    assert isinstance(err, RequestValidationError)
    wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in err.errors())
    return _told(request, HTTP_422_UNPROCESSABLE_CONTENT, "Not understood", f"The address holds a value that cannot be used: {wrong}.")


def _unexpected(request: Request, err: Exception) -> HTMLResponse:
    log.error("a page of Answerloop failed: %s", request.url.path, exc_info=err)
    return _told(request, 500, "Something is wrong", "This page has a fault of its own. The log of Airflow's API server says which.")
