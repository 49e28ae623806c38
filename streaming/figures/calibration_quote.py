"""What a report quotes of the calibrations that PostgreSQL keeps."""

import msgspec
from psycopg2.extensions import connection

from streaming.figures.rates import Calibration, rates_at, variants
from streaming.figures.scope import Kind
from streaming.figures.values import CalibrationQuote

_NEWEST = "SELECT report::text FROM metric_reports WHERE kind = %s AND report->>'scorer' = %s ORDER BY created_at DESC LIMIT 1"


def newest(database: connection, scorer: str) -> Calibration | None:
    """The newest calibration of a scorer (its name as recorded beside each score), whatever the dataset."""
    with database, database.cursor() as cursor:
        cursor.execute(_NEWEST, (Kind.CALIBRATION, scorer))
        row = cursor.fetchone()
    return msgspec.json.decode(row[0], type=Calibration) if row else None


def quote(database: connection, scorer: str, threshold: float) -> CalibrationQuote | None:
    """What the newest calibration of the scorer says of this threshold, whichever was in use at the time.

    None if the scorer was never calibrated, or if its scores tell matched from unrelated answers no better than chance: then no
    threshold can be recommended, and the calibration's own report says so.
    """
    calibration = newest(database, scorer)
    if calibration is None or calibration.recommended is None:
        return None
    rates = rates_at(calibration.samples, threshold)
    return CalibrationQuote(
        subject=calibration.subject,
        scorer=calibration.scorer,
        dataset=calibration.dataset,
        threshold=threshold,
        false_accept_rate=rates.false_accepts.rate,
        false_reject_rate=rates.false_rejects.rate,
        recommended=calibration.recommended,
        variants=variants(calibration.samples).rate,
    )
