"""The files of a report, made from what is stored of it."""

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from answerloop_airflow.pages import stored
from answerloop_airflow.pages.context import Data
from answerloop_airflow.pages.database import Database
from answerloop_airflow.pages.queries import reports
from streaming.calibration.files import FILES
from streaming.errors import UserError
from streaming.figures.scope import Kind
from streaming.reports.csv_files import csv_files

router = APIRouter()


@router.get("/files/{kind}/{subject:path}/{name}")
def file(database: Data, kind: Kind, subject: str, name: str) -> Response:
    """A CSV file or a JSON document."""
    content = _content(database, kind, subject, name)
    if content is None:
        raise UserError(f"The report of {subject!r} has no file {name!r}.")
    media_type = "application/json" if name.endswith(".json") else "text/csv; charset=utf-8"
    return Response(content, media_type=media_type, headers={"Content-Disposition": "attachment"})


def _content(database: Database, kind: Kind, subject: str, name: str) -> str | None:
    """The content of a file, None where the report has none of that name."""
    if kind is Kind.CALIBRATION:
        calibration = reports.stored(database, kind, subject)
        return FILES[name](stored.calibration(calibration, subject)) if calibration and name in FILES else None
    report = reports.report(database, kind, subject)
    return msgspec.json.encode(report).decode() if name == "figures.json" else csv_files(report).get(name)
