"""The files of a report, made from what is stored of it."""

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from answerloop_airflow.pages.context import Data
from answerloop_airflow.pages.queries import reports
from streaming.errors import UserError
from streaming.reports.csv_files import csv_files
from streaming.reports.figures import Kind

router = APIRouter()


@router.get("/files/{kind}/{subject:path}/{name}")
def file(database: Data, kind: Kind, subject: str, name: str) -> Response:
    """A CSV file or figures.json."""
    found = reports.report(database, kind, subject)
    download = {"Content-Disposition": "attachment"}
    if name == "figures.json":
        return Response(msgspec.json.encode(found), media_type="application/json", headers=download)
    content = csv_files(found).get(name)
    if content is None:
        raise UserError(f"The report of {subject!r} has no file {name!r}.")
    return Response(content, media_type="text/csv; charset=utf-8", headers=download)
